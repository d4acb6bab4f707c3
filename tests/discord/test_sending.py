"""Ordinary messages: what stands there, who is pinged, and what each failure means."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.discord.adapter import DiscordAdapter
from bot.ports import DeliveryError, Gone, MessageGone, NoDrafts, Page, Parked, Refused, ShownButton, Unclear, Upload
from handlers.turn import Place
from tests.clock import FakeClock
from tests.discord.conftest import Starter, page
from tests.fakes.discord import Channel, FakeDiscord

POST = "POST /channels/{id}/messages"
PATCH = "PATCH /channels/{id}/messages/{id}"


@pytest.fixture
async def channel(discord: FakeDiscord, bot: DiscordAdapter) -> Channel:
    """A channel of a server with the bot."""
    guild = discord.guild("Team")
    channel = guild.channel("general")
    await guild.invites_bot()
    return channel


@pytest.fixture
def place(channel: Channel) -> Place:
    """The channel's address."""
    return Place("discord", channel.id, private=False)


def upload(folder: Path, name: str, content: bytes, media_type: str = "image/png") -> Page:
    """Return a page with a file."""
    path = folder / name
    path.write_bytes(content)
    return Page(text="look", plain="look", size=4, upload=Upload(name, media_type, str(path), len(content)))


# ---------------------------------------------------------------- what stands there


async def test_a_page_stands_as_a_message_with_its_buttons(channel: Channel, bot: DiscordAdapter, place: Place) -> None:
    buttons = [ShownButton("Stop", "a", style="danger"), ShownButton("Go on", "b", style="primary")]

    message = await bot.post(place, page("hello", buttons, [ShownButton("Plain", "c")]), nonce="1")

    [seen] = channel.messages
    assert (seen.id, seen.text, seen.buttons) == (message, "hello", (("Stop", "Go on"), ("Plain",)))
    styles = [one["style"] for row in seen.note.components for one in row["components"]]
    assert styles == [4, 1, 2]


async def test_a_reply_names_the_question_and_pings_nobody(
    discord: FakeDiscord, channel: Channel, bot: DiscordAdapter, place: Place
) -> None:
    ann = discord.person("Ann")
    question = await channel.says(ann, "@bot ping everyone")
    asked = Place("discord", channel.id, private=False, message=question.id)

    message = await bot.post(asked, page(f"@everyone @here <@{ann.id}> <@&{channel.room.guild.role}>"), nonce="1")  # type: ignore[union-attr]
    await bot.edit(asked, message, page(f"@everyone <@{ann.id}>"))

    seen = channel.messages[-1]
    assert seen.reply_to == question.id
    assert seen.pinged == ()


async def test_a_reply_to_a_deleted_question_still_arrives(
    discord: FakeDiscord, channel: Channel, bot: DiscordAdapter
) -> None:
    question = await channel.says(discord.person("Ann"), "@bot hi")
    await channel.deletes(question)

    await bot.post(Place("discord", channel.id, private=False, message=question.id), page("hello"), nonce="1")

    assert [(seen.text, seen.reply_to) for seen in channel.messages] == [("hello", None)]


async def test_where_the_bot_may_not_read_history_it_answers_without_a_reference(
    discord: FakeDiscord, channel: Channel, bot: DiscordAdapter
) -> None:
    question = await channel.says(discord.person("Ann"), "@bot hi")
    channel.room.bot_reads_history = False

    await bot.post(Place("discord", channel.id, private=False, message=question.id), page("hello"), nonce="1")

    assert channel.messages[-1].text == "hello"


async def test_the_same_nonce_shows_one_message(channel: Channel, bot: DiscordAdapter, place: Place) -> None:
    nonce = "turn-17-page-0-of-a-rather-long-name"

    first = await bot.post(place, page("once"), nonce=nonce)
    second = await bot.post(place, page("once"), nonce=nonce)
    third = await bot.post(place, page("once"), nonce=nonce + "!")

    assert first == second != third
    assert len(channel.messages) == 2


async def test_an_edit_leaves_nothing_of_the_old_look(
    channel: Channel, bot: DiscordAdapter, place: Place, tmp_path: Path
) -> None:
    with_all = upload(tmp_path, "cat.png", b"PNG")
    message = await bot.post(place, with_all, nonce="1")

    await bot.edit(place, message, page("only text", [ShownButton("More", "m")]))
    await bot.edit(place, message, page("only text"))

    [seen] = channel.messages
    assert (seen.text, seen.files, seen.buttons) == ("only text", (), ())


async def test_an_edit_that_keeps_the_file_does_not_send_it_again(
    discord: FakeDiscord, channel: Channel, bot: DiscordAdapter, place: Place, tmp_path: Path
) -> None:
    looking = upload(tmp_path, "cat.png", b"PNG")
    message = await bot.post(place, looking, nonce="1")

    await bot.edit(place, message, Page(text="seen", plain="seen", size=4, upload=looking.upload))

    [seen] = channel.messages
    assert (seen.text, seen.files) == ("seen", ("cat.png",))
    assert [len(call.files) for call in discord.made(PATCH)] == [0]


async def test_after_a_restart_an_edit_replaces_the_file(
    discord: FakeDiscord, channel: Channel, bot: DiscordAdapter, place: Place, tmp_path: Path, start: Starter
) -> None:
    message = await bot.post(place, upload(tmp_path, "one.png", b"1"), nonce="1")

    async with start() as restarted:
        await restarted.edit(place, message, upload(tmp_path, "two.png", b"22"))

    [seen] = channel.messages
    assert seen.files == ("two.png",)
    assert seen.note.files[0].content == b"22"


async def test_more_than_five_buttons_in_a_row_are_laid_out_in_rows_of_five(
    channel: Channel, bot: DiscordAdapter, place: Place
) -> None:
    nine = [ShownButton(str(n), f"b{n}") for n in range(9)]

    await bot.post(
        place, page("choose", nine, *([one] for one in [ShownButton("x", f"x{n}") for n in range(5)])), nonce="1"
    )

    rows = channel.messages[-1].buttons
    assert rows == (("0", "1", "2", "3", "4"), ("5", "6", "7", "8", "x"), ("x", "x", "x", "x"))


async def test_a_page_of_buttons_alone_and_labels_without_end_are_taken(
    channel: Channel, bot: DiscordAdapter, place: Place
) -> None:
    await bot.post(place, page("", [ShownButton("😀" * 100, "a"), ShownButton("", "b")]), nonce="1")

    [row] = channel.messages[-1].buttons
    assert row[0].endswith("…")
    assert len(row[0].encode("utf-16-le")) // 2 <= 80
    assert row[1] == "…"


async def test_deleting_twice_is_success(channel: Channel, bot: DiscordAdapter, place: Place) -> None:
    message = await bot.post(place, page("oops"), nonce="1")

    await bot.delete(place, message)
    await bot.delete(place, message)

    assert channel.messages == []


async def test_typing_is_shown_and_drafts_are_not(channel: Channel, bot: DiscordAdapter, place: Place) -> None:
    await bot.typing(place)

    assert channel.room.typing == 1
    with pytest.raises(NoDrafts):
        await bot.draft(place, 1, page("growing"))


# ---------------------------------------------------------------- what failures mean


async def test_a_burst_is_parked_before_discord_has_to_refuse_it(
    discord: FakeDiscord, channel: Channel, bot: DiscordAdapter, place: Place, clock: FakeClock
) -> None:
    for number in range(5):
        await bot.post(place, page(str(number)), nonce=str(number))
    await clock.advance(1)

    with pytest.raises(Parked) as parked:
        await bot.post(place, page("5"), nonce="5")
    await clock.advance(parked.value.seconds)
    await bot.post(place, page("5"), nonce="5")

    assert parked.value.seconds == pytest.approx(4.0, abs=0.1)
    assert not parked.value.everywhere
    assert discord.limiter.exceeded == 0
    assert len(channel.messages) == 6


@pytest.mark.parametrize("everywhere", [False, True])
async def test_a_429_parks_for_the_time_it_names_and_is_not_repeated(
    discord: FakeDiscord, bot: DiscordAdapter, place: Place, everywhere: bool
) -> None:
    discord.limiter.fail_next = (41.5, everywhere)

    with pytest.raises(Parked) as parked:
        await bot.post(place, page("hi"), nonce="1")

    assert (parked.value.seconds, parked.value.everywhere) == (41.5, everywhere)
    assert len(discord.made(POST)) == 1


async def test_a_429_that_names_no_time_parks_for_a_minute(
    discord: FakeDiscord, bot: DiscordAdapter, place: Place
) -> None:
    discord.fail_next(POST, status=429)

    with pytest.raises(Parked) as parked:
        await bot.post(place, page("hi"), nonce="1")

    assert parked.value.seconds == 60


async def test_a_busy_channel_does_not_park_another(
    discord: FakeDiscord, channel: Channel, bot: DiscordAdapter, place: Place
) -> None:
    for number in range(5):
        await bot.post(place, page(str(number)), nonce=str(number))
    ann = discord.person("Ann")

    await bot.post(Place("discord", discord.dm(ann).id), page("quiet here"), nonce="9")

    assert discord.dm(ann).messages[-1].text == "quiet here"


async def test_a_channel_that_is_closed_to_the_bot_is_gone(channel: Channel, bot: DiscordAdapter, place: Place) -> None:
    channel.room.bot_writes = False
    with pytest.raises(Gone):
        await bot.post(place, page("hi"), nonce="1")

    channel.room.bot_reads = False
    with pytest.raises(Gone):
        await bot.typing(place)

    channel.room.deleted = True
    with pytest.raises(Gone):
        await bot.post(place, page("hi"), nonce="1")


async def test_a_person_who_takes_no_messages_is_gone(discord: FakeDiscord, bot: DiscordAdapter) -> None:
    ann = discord.person("Ann")
    ann.takes_dms = False

    with pytest.raises(Gone):
        await bot.post(Place("discord", discord.dm(ann).id), page("hi"), nonce="1")


async def test_editing_what_was_deleted_or_is_not_the_bots_is_a_message_gone(
    discord: FakeDiscord, channel: Channel, bot: DiscordAdapter, place: Place
) -> None:
    with pytest.raises(MessageGone):
        await bot.edit(place, "123456789012345678", page("hi"))

    others = await channel.says(discord.person("Ann"), "mine")
    with pytest.raises(MessageGone):
        await bot.edit(place, others.id, page("hi"))


async def test_what_discord_finds_invalid_is_refused_with_the_field_and_without_the_words(
    discord: FakeDiscord, bot: DiscordAdapter, place: Place
) -> None:
    with pytest.raises(Refused, match=r"50035.*content: BASE_TYPE_MAX_LENGTH") as refused:
        await bot.post(place, page("secret " * 300), nonce="1")

    assert "secret" not in str(refused.value)


async def test_a_file_that_is_too_large_or_has_vanished_is_refused(
    bot: DiscordAdapter, place: Place, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match="40005"):
        await bot.post(place, upload(tmp_path, "big.bin", bytes(11 << 20)), nonce="1")

    vanished = upload(tmp_path, "gone.png", b"1")
    (tmp_path / "gone.png").unlink()
    with pytest.raises(Refused, match=r"gone\.png"):
        await bot.post(place, vanished, nonce="2")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_server_error_leaves_it_unclear_and_is_not_repeated(
    discord: FakeDiscord, bot: DiscordAdapter, place: Place, status: int
) -> None:
    discord.fail_next(POST, status=status)

    with pytest.raises(Unclear):
        await bot.post(place, page("hi"), nonce="1")

    assert len(discord.made(POST)) == 1


async def test_a_lost_answer_leaves_it_unclear_and_the_nonce_makes_the_repetition_harmless(
    discord: FakeDiscord, channel: Channel, bot: DiscordAdapter, place: Place
) -> None:
    discord.fail_next(POST, "lost")

    with pytest.raises(Unclear):
        await bot.post(place, page("hi"), nonce="1")
    await bot.post(place, page("hi"), nonce="1")

    assert len(channel.messages) == 1


async def test_a_silent_server_is_given_up_within_the_bound(
    discord: FakeDiscord, bot: DiscordAdapter, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.discord.rest.CALL_TIMEOUT_S", 0.05)
    discord.fail_next(POST, "hang")

    async with asyncio.timeout(5):
        with pytest.raises(Unclear):
            await bot.post(place, page("hi"), nonce="1")


async def test_an_unreachable_discord_parks_everything_since_nothing_was_sent(
    bot: DiscordAdapter, place: Place, discord: FakeDiscord
) -> None:
    await discord.stop()

    with pytest.raises(DeliveryError) as failure:
        for _ in range(2):  # the first may find a pooled connection that has just been closed
            try:
                await bot.post(place, page("hi"), nonce="1")
            except Unclear:
                continue
    assert isinstance(failure.value, Parked)
    assert failure.value.everywhere
