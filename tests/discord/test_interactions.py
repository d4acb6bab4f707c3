"""Commands, buttons, windows and completions: acknowledged first, then accepted; answered by token, then without."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from bot.discord.adapter import DiscordAdapter
from bot.ports import Gone, Invoked, MessageGone, Pressed, ShownButton, Submitted
from handlers.command import Choice
from handlers.turn import Kind
from handlers.words import Words
from tests.clock import FakeClock
from tests.discord.conftest import FORM, RecordingInbox, Starter, page
from tests.fakes.discord import Channel, FakeDiscord, User

STOP = ShownButton("Stop", "a1")
OWN = ShownButton("Own words", "f:7", style="primary")
CALLBACK = "POST /interactions/{id}/{token}/callback"


@pytest.fixture
async def channel(discord: FakeDiscord, bot: DiscordAdapter) -> Channel:
    """A channel of a server with the bot."""
    guild = discord.guild("Team")
    channel = guild.channel("general")
    await guild.invites_bot()
    return channel


@pytest.fixture
def ann(discord: FakeDiscord) -> User:
    """A person with a Chinese Discord."""
    return discord.person("Ann", locale="zh-CN")


# ---------------------------------------------------------------- coming in


async def test_a_slash_command_shows_thinking_and_comes_with_typed_options(
    channel: Channel, ann: User, inbox: RecordingInbox
) -> None:
    interaction = await channel.slash(
        ann, "ask", question="why?", times=2, aloud=True, picture=("cat.png", b"PNG", "image/png")
    )

    event = await inbox.next()
    assert event.event == f"discord:{interaction.id}"
    assert isinstance(event.what, Invoked)
    assert event.what.command == "ask"
    assert event.what.options == {"question": "why?", "times": 2, "aloud": True}
    [picture] = event.what.attachments
    assert (picture.kind, picture.name, picture.size) == (Kind.IMAGE, "cat.png", 3)
    assert event.person.language == "zh-CN"
    assert [seen.thinking for seen in channel.messages] == [True]


async def test_a_message_command_brings_the_message_it_was_chosen_on(
    discord: FakeDiscord, channel: Channel, ann: User, inbox: RecordingInbox
) -> None:
    note = await channel.says(discord.person("Bob"), "E=mc²", files=[("note.txt", b"x", "text/plain; charset=utf-8")])

    await channel.context_menu(ann, "Ask about this", note)

    event = await inbox.next()
    assert isinstance(event.what, Invoked)
    assert event.what.command == "ask"
    assert event.what.quoted is not None
    assert (event.what.quoted.message, event.what.quoted.text) == (note.id, "E=mc²")
    [attachment] = event.what.quoted.attachments
    assert (attachment.kind, attachment.media_type) == (Kind.DOCUMENT, "text/plain")


async def test_the_acknowledgement_does_not_wait_for_the_inbox(
    discord: FakeDiscord, start: Starter, inbox: RecordingInbox, ann: User
) -> None:
    seconds: list[float] = []
    inbox.refuses = True
    async with start(acked=seconds.append):
        interaction = await discord.dm(ann).slash(ann, "ask", question="why?")
        await discord.next(CALLBACK)
        await discord.next("PATCH /webhooks/{id}/{token}/messages/@original")

    assert interaction.answer == 5
    assert seconds == [0.0]
    assert "什么也没做" in discord.dm(ann).messages[-1].text


async def test_an_interaction_that_came_too_late_is_not_accepted(
    discord: FakeDiscord, channel: Channel, ann: User, inbox: RecordingInbox, clock: FakeClock
) -> None:
    one = discord.new_interaction(2, ann, channel.room)
    await clock.advance(3.5)
    await discord.send_interaction(one, {"id": "1", "name": "ask", "type": 1, "options": []})
    late = await discord.next(CALLBACK)
    await channel.slash(ann, "ask", question="in time")

    event = await inbox.next()
    assert (late.status, late.answer["code"]) == (404, 10062)
    assert isinstance(event.what, Invoked)
    assert event.what.options == {"question": "in time"}


async def test_an_interaction_that_another_process_answered_is_left_to_it(
    discord: FakeDiscord, channel: Channel, ann: User, inbox: RecordingInbox
) -> None:
    one = discord.new_interaction(2, ann, channel.room)
    one.answer = 5
    await discord.send_interaction(one, {"id": "1", "name": "ask", "type": 1, "options": []})
    twice = await discord.next(CALLBACK)
    await channel.says(ann, "@bot hello")

    assert (await inbox.next()).event != f"discord:{one.id}"
    assert twice.answer["code"] == 40060


async def test_an_acknowledgement_of_unknown_fate_still_counts(
    discord: FakeDiscord, channel: Channel, ann: User, inbox: RecordingInbox, bot: DiscordAdapter
) -> None:
    discord.fail_next(CALLBACK, "lost")

    await channel.slash(ann, "ask", question="why?")

    event = await inbox.next()
    await bot.post(event.place, page("because"), nonce="1")
    assert [(seen.text, seen.thinking) for seen in channel.messages] == [("because", False)]


async def test_a_press_is_acknowledged_and_names_button_and_message(
    channel: Channel, ann: User, inbox: RecordingInbox, bot: DiscordAdapter
) -> None:
    await channel.says(ann, "@bot hi")
    message = await bot.post((await inbox.next()).place, page("hello", [STOP]), nonce="1")

    interaction = await channel.presses(ann, "Stop")

    event = await inbox.next()
    assert event.what == Pressed("a1", message)
    assert interaction.answer == 6


async def test_a_form_button_opens_a_window_whose_fields_come_back(
    channel: Channel, ann: User, inbox: RecordingInbox, bot: DiscordAdapter
) -> None:
    inbox.form_shown = FORM
    await channel.says(ann, "@bot hi")
    message = await bot.post((await inbox.next()).place, page("hello", [OWN]), nonce="1")

    opened = await channel.presses(ann, "Own words")
    async with asyncio.timeout(5):
        await opened.answered.wait()
    window = ann.modal
    submitted = await channel.submits(ann, {"name": "猫"})

    event = await inbox.next()
    assert opened.answer == 9
    assert window is not None
    assert window["title"] == "自定义角色"
    assert [row["label"] for row in window["components"]] == ["名字", "说明"]
    assert event.what == Submitted("f:7", {"name": "猫", "words": "Be kind."}, message)
    assert submitted.answer == 6


async def test_a_form_button_without_a_form_counts_as_a_press(
    channel: Channel, ann: User, inbox: RecordingInbox, bot: DiscordAdapter
) -> None:
    await channel.says(ann, "@bot hi")
    await bot.post((await inbox.next()).place, page("hello", [OWN]), nonce="1")

    interaction = await channel.presses(ann, "Own words")

    event = await inbox.next()
    assert isinstance(event.what, Pressed)
    assert interaction.answer == 6


async def test_a_form_that_takes_too_long_counts_as_a_press_within_the_three_seconds(
    channel: Channel, ann: User, inbox: RecordingInbox, bot: DiscordAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.discord.listen.HELPER_TIMEOUT_S", 0.05)
    inbox.gate = asyncio.Event()
    await channel.says(ann, "@bot hi")
    await bot.post((await inbox.next()).place, page("hello", [OWN]), nonce="1")

    interaction = await channel.presses(ann, "Own words")

    assert isinstance((await inbox.next()).what, Pressed)
    assert interaction.answer == 6


async def test_a_form_that_fails_counts_as_a_press(
    channel: Channel, ann: User, inbox: RecordingInbox, bot: DiscordAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(inbox, "form", fails)
    await channel.says(ann, "@bot hi")
    await bot.post((await inbox.next()).place, page("hello", [OWN]), nonce="1")

    await channel.presses(ann, "Own words")

    assert isinstance((await inbox.next()).what, Pressed)


async def test_typing_into_an_option_is_completed_by_the_inbox_in_the_persons_language(
    channel: Channel, ann: User, inbox: RecordingInbox
) -> None:
    inbox.choices = [Choice("gpt", "GPT"), Choice("fast", Words(en="Fast", zh="快")), Choice("x" * 101, "too long")]

    offered = await channel.completes(ann, "model", "name", "g")

    assert offered == ["GPT", "快"]
    assert inbox.asked_to_complete == [("model", "name", "g")]


async def test_a_completion_that_takes_too_long_offers_nothing(
    channel: Channel, ann: User, inbox: RecordingInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.discord.listen.HELPER_TIMEOUT_S", 0.05)
    inbox.gate = asyncio.Event()

    assert await channel.completes(ann, "model", "name", "g") == []


async def test_more_fixed_choices_than_a_menu_holds_are_completed(channel: Channel, ann: User) -> None:
    assert await channel.completes(ann, "model", "city", "city 3") == ["City 3", *(f"City {n}" for n in range(30, 40))]


async def test_an_unknown_command_of_an_old_menu_is_acknowledged_and_passed_on(
    discord: FakeDiscord, channel: Channel, ann: User, inbox: RecordingInbox
) -> None:
    one = discord.new_interaction(2, ann, channel.room)
    await discord.send_interaction(one, {"id": "1", "name": "gone", "type": 1, "options": []})

    assert (await inbox.next()).what == Invoked("gone", {})


async def test_an_interaction_in_a_channel_of_an_unknown_kind_is_ignored(
    discord: FakeDiscord, channel: Channel, ann: User, inbox: RecordingInbox
) -> None:
    odd = discord.guild("Elsewhere", bot=False).channel("hologram")
    odd.room.type = 99
    await discord.send_interaction(discord.new_interaction(2, ann, odd.room), {"id": "1", "name": "ask", "type": 1})
    await channel.says(ann, "@bot still there?")

    assert (await inbox.next()).place.chat == channel.id
    assert discord.made(CALLBACK) == []


@pytest.mark.parametrize("status", [403, 429])
async def test_an_acknowledgement_that_is_not_taken_leaves_the_person_to_discords_own_words(
    discord: FakeDiscord, channel: Channel, ann: User, inbox: RecordingInbox, status: int
) -> None:
    discord.fail_next(CALLBACK, status=status)
    await channel.slash(ann, "ask", question="lost")
    await discord.next(CALLBACK)
    await channel.slash(ann, "ask", question="heard")

    event = await inbox.next()
    assert isinstance(event.what, Invoked)
    assert event.what.options == {"question": "heard"}


async def test_many_interactions_at_once_are_all_acknowledged(
    discord: FakeDiscord, channel: Channel, inbox: RecordingInbox
) -> None:
    people = [discord.person(f"Person {number}") for number in range(40)]

    made = [await channel.slash(one, "ask", question="why?") for one in people]
    for _ in made:
        await inbox.next()

    assert {one.answer for one in made} == {5}
    assert len({event.person.id for event in inbox.accepted}) == 40


# ---------------------------------------------------------------- answering


async def test_the_first_page_fills_the_thinking_message_and_further_ones_follow(
    channel: Channel, ann: User, inbox: RecordingInbox, bot: DiscordAdapter
) -> None:
    await channel.slash(ann, "ask", question="why?")
    place = (await inbox.next()).place

    first = await bot.post(place, page("be"), nonce="1")
    await bot.edit(place, first, page("because"))
    second = await bot.post(place, page("and so on", [STOP]), nonce="2")

    assert [(seen.id, seen.text, seen.thinking) for seen in channel.messages] == [
        (first, "because", False),
        (second, "and so on", False),
    ]
    assert channel.messages[-1].buttons == (("Stop",),)


async def test_a_page_for_one_person_is_seen_by_nobody_else_and_leaves_no_thinking(
    discord: FakeDiscord, channel: Channel, ann: User, inbox: RecordingInbox, bot: DiscordAdapter
) -> None:
    await channel.slash(ann, "ask", question="why?")
    place = (await inbox.next()).place

    message = await bot.post(place, page("secret", only_for_person=True), nonce="1")
    await bot.edit(place, message, page("secret, edited", only_for_person=True))

    assert channel.messages == []
    assert channel.seen_by(discord.person("Bob")) == []
    [seen] = channel.seen_by(ann)
    assert (seen.text, seen.private) == ("secret, edited", True)


async def test_telling_is_private_and_a_later_page_still_arrives(
    channel: Channel, ann: User, inbox: RecordingInbox, bot: DiscordAdapter
) -> None:
    await channel.slash(ann, "ask", question="why?")
    event = await inbox.next()

    assert await bot.tell(event.place, event.person, "wait a little")
    await bot.post(event.place, page("because"), nonce="1")

    assert [seen.text for seen in channel.messages] == ["because"]
    assert [(seen.text, seen.private) for seen in channel.seen_by(ann)] == [("wait a little", True), ("because", False)]


async def test_there_is_no_telling_without_an_interaction_or_after_its_time(
    channel: Channel, ann: User, inbox: RecordingInbox, bot: DiscordAdapter, clock: FakeClock
) -> None:
    await channel.says(ann, "@bot hi")
    said = await inbox.next()
    await channel.slash(ann, "ask", question="why?")
    asked = await inbox.next()
    await clock.advance(15 * 60)

    assert not await bot.tell(said.place, said.person, "psst")
    assert not await bot.tell(asked.place, asked.person, "psst")


async def test_before_minute_14_answers_become_ordinary_messages_of_the_channel(
    discord: FakeDiscord, channel: Channel, ann: User, inbox: RecordingInbox, bot: DiscordAdapter, clock: FakeClock
) -> None:
    await channel.slash(ann, "ask", question="a song")
    place = (await inbox.next()).place
    first = await bot.post(place, page("working"), nonce="1")
    await clock.advance(13 * 60)
    await bot.edit(place, first, page("minute 13"))
    by_hook = len(discord.made("PATCH /webhooks/{id}/{token}/messages/{m}"))
    await clock.advance(56)

    await bot.edit(place, first, page("minute 14"))
    last = await bot.post(place, page("the song"), nonce="2")
    await bot.edit(place, last, page("the song, final"))

    assert [(seen.id, seen.text) for seen in channel.messages] == [(first, "minute 14"), (last, "the song, final")]
    assert len(discord.made("PATCH /webhooks/{id}/{token}/messages/{m}")) == by_hook
    assert len(discord.made("POST /channels/{id}/messages")) == 1


async def test_a_token_that_dies_early_is_noticed_and_replaced(
    discord: FakeDiscord, channel: Channel, ann: User, inbox: RecordingInbox, bot: DiscordAdapter
) -> None:
    one = await channel.slash(ann, "ask", question="why?")
    place = (await inbox.next()).place
    one.made_at -= 16 * 60

    message = await bot.post(place, page("because"), nonce="1")
    await bot.edit(place, message, page("because!"))

    assert channel.messages[-1].text == "because!"
    assert len(discord.made("PATCH /webhooks/{id}/{token}/messages/@original")) == 1


async def test_a_token_that_dies_between_two_edits_is_replaced_by_the_bots(
    channel: Channel, ann: User, inbox: RecordingInbox, bot: DiscordAdapter
) -> None:
    one = await channel.slash(ann, "ask", question="why?")
    place = (await inbox.next()).place
    message = await bot.post(place, page("be"), nonce="1")
    one.made_at -= 16 * 60

    await bot.edit(place, message, page("because"))
    await bot.delete(place, message)

    assert channel.messages == []


async def test_a_waiting_message_that_somebody_took_away_is_followed_up(
    channel: Channel, ann: User, inbox: RecordingInbox, bot: DiscordAdapter, made: Callable[..., DiscordAdapter]
) -> None:
    for adapter in (bot, made()):
        await channel.slash(ann, "ask", question="why?")
        place = (await inbox.next()).place
        channel.room.notes.clear()

        async with adapter:
            await adapter.post(place, page("because"), nonce="1")

        assert [(seen.text, seen.thinking) for seen in channel.messages] == [("because", False)]


async def test_typing_is_shown_beside_answers_but_not_beside_thinking(
    discord: FakeDiscord, channel: Channel, ann: User, inbox: RecordingInbox, bot: DiscordAdapter
) -> None:
    await channel.slash(ann, "ask", question="why?")
    place = (await inbox.next()).place

    await bot.typing(place)
    while_thinking = channel.room.typing
    await bot.post(place, page("because"), nonce="1")
    await bot.typing(place)

    assert (while_thinking, channel.room.typing) == (0, 1)


async def test_after_a_restart_the_thinking_message_is_filled_while_the_token_lives(
    channel: Channel,
    ann: User,
    inbox: RecordingInbox,
    bot: DiscordAdapter,
    made: Callable[..., DiscordAdapter],
) -> None:
    await channel.slash(ann, "ask", question="why?")
    place = (await inbox.next()).place

    async with made() as restarted:
        first = await restarted.post(place, page("because"), nonce="1")
        second = await restarted.post(place, page("more"), nonce="2")

    assert [(seen.id, seen.thinking) for seen in channel.messages] == [(first, False), (second, False)]


async def test_after_a_restart_a_page_that_was_shown_already_is_not_shown_twice(
    channel: Channel,
    ann: User,
    inbox: RecordingInbox,
    bot: DiscordAdapter,
    made: Callable[..., DiscordAdapter],
) -> None:
    await channel.slash(ann, "ask", question="why?")
    place = (await inbox.next()).place
    shown = await bot.post(place, page("because"), nonce="1")

    async with made() as restarted:
        again = await restarted.post(place, page("because"), nonce="1")
        other = await restarted.post(place, page("more"), nonce="2")
        await restarted.edit(place, other, page("more!"))

    assert again == shown
    assert [seen.text for seen in channel.messages] == ["because", "more!"]


async def test_after_a_restart_with_a_dead_token_the_half_message_is_edited_by_the_bot(
    channel: Channel,
    ann: User,
    inbox: RecordingInbox,
    bot: DiscordAdapter,
    made: Callable[..., DiscordAdapter],
    clock: FakeClock,
) -> None:
    await channel.slash(ann, "ask", question="why?")
    place = (await inbox.next()).place
    shown = await bot.post(place, page("beca"), nonce="1")
    await clock.advance(3600)

    async with made() as restarted:
        await restarted.edit(place, shown, page("beca (interrupted)"))
        await restarted.post(place, page("because"), nonce="2")

    assert [seen.text for seen in channel.messages] == ["beca (interrupted)", "because"]


async def test_a_channel_that_is_closed_to_the_bot_gets_its_answer_as_a_direct_message(
    discord: FakeDiscord,
    channel: Channel,
    ann: User,
    inbox: RecordingInbox,
    bot: DiscordAdapter,
    made: Callable[..., DiscordAdapter],
    clock: FakeClock,
) -> None:
    await channel.slash(ann, "ask", question="a song")
    place = (await inbox.next()).place
    await clock.advance(15 * 60)
    channel.room.bot_reads = False

    message = await bot.post(place, page("the song"), nonce="1")
    async with made() as restarted:
        await restarted.edit(place, message, page("the song, final"))

    dm = discord.dm(ann)
    assert [seen.text for seen in dm.messages] == ["the song, final"]
    assert message == f"{dm.id}/{dm.messages[0].id}"


async def test_a_person_who_takes_no_direct_messages_either_is_out_of_reach(
    channel: Channel, ann: User, inbox: RecordingInbox, bot: DiscordAdapter, clock: FakeClock
) -> None:
    ann.takes_dms = False
    await channel.slash(ann, "ask", question="a song")
    place = (await inbox.next()).place
    await clock.advance(15 * 60)
    channel.room.bot_writes = False

    with pytest.raises(Gone):
        await bot.post(place, page("the song"), nonce="1")


async def test_a_carried_along_app_answers_where_the_bot_is_no_member(
    discord: FakeDiscord, ann: User, inbox: RecordingInbox, bot: DiscordAdapter
) -> None:
    channel = discord.guild("Elsewhere", bot=False).channel("general")
    await channel.slash(ann, "ask", question="why?")
    event = await inbox.next()

    first = await bot.post(event.place, page("be"), nonce="0")
    await bot.edit(event.place, first, page("because"))
    for number in range(1, 8):
        await bot.post(event.place, page(f"page {number}"), nonce=str(number))

    assert not event.person.admin
    assert [seen.text for seen in channel.messages] == ["because", *(f"page {number}" for number in range(1, 6))]
    assert [seen.text for seen in discord.dm(ann).messages] == ["page 6", "page 7"]


async def test_the_last_follow_up_is_refused_after_a_restart_and_the_page_goes_as_a_direct_message(
    discord: FakeDiscord,
    ann: User,
    inbox: RecordingInbox,
    bot: DiscordAdapter,
    made: Callable[..., DiscordAdapter],
    clock: FakeClock,
) -> None:
    channel = discord.guild("Elsewhere", bot=False).channel("general")
    await channel.slash(ann, "ask", question="why?")
    place = (await inbox.next()).place
    for number in range(6):
        await bot.post(place, page(f"page {number}"), nonce=str(number))
    await clock.advance(6)

    async with made() as restarted:
        await restarted.post(place, page("page 6"), nonce="6")

    assert [seen.text for seen in discord.dm(ann).messages] == ["page 6"]


@pytest.mark.parametrize("where", ["group", "between"])
async def test_among_other_people_a_carried_along_app_is_not_in_private(
    discord: FakeDiscord, ann: User, inbox: RecordingInbox, bot: DiscordAdapter, where: str
) -> None:
    bob = discord.person("Bob")
    channel = discord.group(ann, bob) if where == "group" else discord.between(ann, bob)

    await channel.slash(ann, "ask", question="why?")

    event = await inbox.next()
    assert not event.place.private
    await bot.post(event.place, page("because"), nonce="1")
    assert [seen.text for seen in channel.messages] == ["because"]


async def test_where_the_bot_is_no_member_a_message_is_out_of_reach_after_the_tokens_time(
    discord: FakeDiscord, ann: User, inbox: RecordingInbox, bot: DiscordAdapter, clock: FakeClock
) -> None:
    channel = discord.guild("Elsewhere", bot=False).channel("general")
    await channel.slash(ann, "ask", question="why?")
    place = (await inbox.next()).place
    message = await bot.post(place, page("be"), nonce="1")
    await clock.advance(15 * 60)

    with pytest.raises(MessageGone):
        await bot.edit(place, message, page("because"))


async def test_a_pressed_buttons_message_is_changed_in_place_and_by_a_new_page(
    channel: Channel, ann: User, inbox: RecordingInbox, bot: DiscordAdapter
) -> None:
    await channel.says(ann, "@bot hi")
    message = await bot.post((await inbox.next()).place, page("page 1", [ShownButton("Next", "n")]), nonce="1")
    await channel.presses(ann, "Next")
    place = (await inbox.next()).place

    await bot.edit(place, message, page("page 2"))
    await bot.post(place, page("beside it"), nonce="2")

    assert [(seen.text, seen.buttons) for seen in channel.answers] == [("page 2", ()), ("beside it", ())]


async def test_a_button_works_a_year_later_in_another_process(
    discord: FakeDiscord,
    ann: User,
    inbox: RecordingInbox,
    made: Callable[..., DiscordAdapter],
    start: Starter,
    clock: FakeClock,
) -> None:
    guild = discord.guild("Team")
    channel = guild.channel("general")
    async with start() as first:
        await channel.says(ann, "@bot hi")
        message = await first.post((await inbox.next()).place, page("hello", [STOP]), nonce="1")
    await clock.advance(365 * 24 * 3600)

    async with start() as second:
        await channel.presses(ann, "Stop")
        event = await inbox.next()
        await second.edit(event.place, message, page("stopped"))

    assert event.what == Pressed("a1", message)
    assert channel.answers[-1].text == "stopped"


async def test_a_private_message_is_changed_by_its_own_button(
    channel: Channel, ann: User, inbox: RecordingInbox, bot: DiscordAdapter
) -> None:
    await channel.slash(ann, "ask", question="why?")
    place = (await inbox.next()).place
    message = await bot.post(place, page("secret", [STOP], only_for_person=True), nonce="1")

    await channel.presses(ann, "Stop")
    await bot.edit((await inbox.next()).place, message, page("stopped"))

    [seen] = channel.seen_by(ann)
    assert (seen.text, seen.private) == ("stopped", True)
