"""In groups the bot answers to commands, its name and replies, and to nothing else."""

from __future__ import annotations

import pytest

from bot.ports import Edited, Pressed
from bot.telegram import TelegramAdapter
from handlers.turn import Person, Place
from tests.clock import FakeClock, until
from tests.fakes.telegram import Chat, FakeTelegram, Member
from tests.telegram.stage import MemoryNotes, Recorder, adapter_for, page, running


async def heard(group: Chat, inbox: Recorder) -> list[str]:
    """Return what has been accepted, once a last command has come through."""
    await group.says("/help")
    await until(lambda: "/help" in inbox.texts or None)
    return [text for text in inbox.texts if text != "/help"]


async def test_only_what_is_meant_for_the_bot_is_heard(group: Chat, bot: TelegramAdapter, inbox: Recorder) -> None:
    await group.says("nobody asked the bot")
    await group.says("/ask something")
    await group.says("/ask@polo_test_bot something else")
    await group.says("/ask@other_bot not for us")
    await group.says("/unknown_of_another_bot")
    await group.says("/unknown@polo_test_bot")
    await group.says("mail me at ann@polo_test_bot.example")
    await group.sends_photo()
    await group.sends_photo(caption="/ask what is this")

    assert await heard(group, inbox) == ["/ask something", "/ask something else", "/unknown", "/ask what is this"]


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("@polo_test_bot how are you?", "how are you?"),
        ("@POLO_test_bot, how are you?", "how are you?"),
        ("@polo_test_bot：你好", "你好"),
        ("hey @polo_test_bot how are you?", "hey how are you?"),
        ("how are you, @polo_test_bot?", "how are you,?"),
        ("😀 @polo_test_bot 👩‍👩‍👧 here", "😀 👩‍👩‍👧 here"),
        ("one\n@polo_test_bot\ntwo", "one\n\ntwo"),
        ("@polo_test_bot /ask why", "/ask why"),
        ("@polo_test_bot", ""),
        ("@ann and @polo_test_bot talk", "@ann and talk"),
    ],
)
async def test_a_mention_is_cut_out_of_the_text(
    group: Chat, bot: TelegramAdapter, inbox: Recorder, typed: str, read: str
) -> None:
    await group.says(typed)

    await until(lambda: inbox.events or None)
    assert inbox.texts == [read]


async def test_a_mention_by_link_counts_as_one_by_name(
    telegram: FakeTelegram, group: Chat, bot: TelegramAdapter, inbox: Recorder
) -> None:
    entity = {"type": "text_mention", "offset": 0, "length": 4, "user": telegram.bot.raw()}
    await group.says("Polo what time is it?", entities=[entity])

    await until(lambda: inbox.events or None)
    assert inbox.texts == ["what time is it?"]


async def test_a_reply_to_the_bot_is_heard_and_one_to_a_person_is_not(
    group: Chat, bot: TelegramAdapter, inbox: Recorder, bob: Member
) -> None:
    answer = await bot.post(Place("telegram", str(group.id), private=False), page("42"), nonce="1")
    human = await group.says("hm")
    await group.replies("I agree", human, person=bob)
    await group.replies("why 42?", int(answer), person=bob)

    assert await heard(group, inbox) == ["why 42?"]
    [event] = inbox.events[:1]
    assert event.place.thread is None  # a plain group's message_thread_id of a reply is no topic
    assert event.person.name == "Bob"


async def test_a_forum_topic_is_the_thread_and_general_has_none(
    telegram: FakeTelegram, bot: TelegramAdapter, inbox: Recorder, ann: Member
) -> None:
    forum = telegram.group("Forum", members=[ann], forum=True, privacy=False)
    topic = await forum.makes_topic("Cats")
    await forum.says("/ask in the topic", topic=topic)
    await forum.says("/ask in general")

    await until(lambda: len(inbox.events) == 2 or None)
    assert [event.place.thread for event in inbox.events] == [str(topic), None]
    assert [event.place.conversation for event in inbox.events] == [
        f"telegram:{forum.id}:{topic}",
        f"telegram:{forum.id}",
    ]


async def test_a_topic_that_the_bot_opened_does_not_make_all_of_it_a_reply(
    telegram: FakeTelegram, bot: TelegramAdapter, inbox: Recorder, ann: Member
) -> None:
    forum = telegram.group("Forum", members=[ann], forum=True, privacy=False)
    topic = await forum.makes_topic("Polo's", person=telegram.bot)
    await forum.says("people talk among themselves", topic=topic)

    assert await heard(forum, inbox) == []


async def test_a_press_in_a_topic_carries_the_topic(
    telegram: FakeTelegram, bot: TelegramAdapter, inbox: Recorder, ann: Member
) -> None:
    forum = telegram.group("Forum", members=[ann], forum=True)
    topic = await forum.makes_topic("Cats")
    message = await bot.post(Place("telegram", str(forum.id), str(topic), False), page("Go?", "Yes"), nonce="1")
    await forum.presses("Yes")

    await until(lambda: inbox.events or None)
    [event] = inbox.events
    assert (event.place.thread, event.what) == (str(topic), Pressed("id-Yes", message))


async def test_with_privacy_mode_commands_and_replies_still_reach_the_bot(
    telegram: FakeTelegram, bot: TelegramAdapter, inbox: Recorder, ann: Member
) -> None:
    group = telegram.group("Private people", members=[ann], privacy=True)
    answer = await bot.post(Place("telegram", str(group.id), private=False), page("hello"), nonce="1")
    await group.says("@polo_test_bot can you hear me?")
    await group.says("/ask then like this")
    await group.replies("or like this", int(answer))

    assert await heard(group, inbox) == ["/ask then like this", "or like this"]


@pytest.mark.parametrize(
    ("sees_all", "language", "words"),
    [
        (True, "en", "you can mention @polo_test_bot"),
        (True, "zh-hans", "提及 @polo_test_bot"),
        (False, "en", "group privacy mode is on"),
        (False, "zh-hans", "隐私模式"),
    ],
)
async def test_an_added_bot_greets_once_and_says_what_works(
    telegram: FakeTelegram,
    clock: FakeClock,
    notes: MemoryNotes,
    inbox: Recorder,
    sees_all: bool,
    language: str,
    words: str,
) -> None:
    telegram.privacy = not sees_all
    adder = telegram.person("Eve", language=language)
    group = telegram.group("New", members=[adder])
    async with running(adapter_for(telegram, clock, notes), inbox) as _:
        await group.adds_bot()
        assert words in (await telegram.next("sendMessage"))["text"]
        await group.adds_bot()
        await heard(group, inbox)

    assert len(group.answers) == 1


async def test_privacy_mode_is_shown_in_health(
    telegram: FakeTelegram, clock: FakeClock, notes: MemoryNotes, inbox: Recorder
) -> None:
    telegram.privacy = False
    adapter = adapter_for(telegram, clock, notes)
    async with running(adapter, inbox):
        assert adapter.health()["reads_all_group_messages"] is True


async def test_who_commands_is_known_to_be_an_admin_and_asked_for_once(
    telegram: FakeTelegram, group: Chat, bot: TelegramAdapter, inbox: Recorder, ann: Member, bob: Member
) -> None:
    group.admins.add(ann.id)
    await group.says("@polo_test_bot just talk", person=ann)
    await until(lambda: inbox.events or None)
    assert telegram.sent("getChatAdministrators") == []

    await group.says("/model", person=ann)
    await group.says("/model", person=bob)
    await until(lambda: len(inbox.events) == 3 or None)
    assert [event.person.admin for event in inbox.events] == [False, True, False]
    assert len(telegram.sent("getChatAdministrators")) == 1


async def test_admins_are_asked_for_again_after_some_minutes(
    telegram: FakeTelegram, clock: FakeClock, group: Chat, bot: TelegramAdapter, inbox: Recorder, ann: Member
) -> None:
    await group.says("/model", person=ann)
    await until(lambda: inbox.events or None)
    group.admins.add(ann.id)
    await clock.advance(301)
    await group.says("/model", person=ann)

    await until(lambda: len(inbox.events) == 2 or None)
    assert [event.person.admin for event in inbox.events] == [False, True]


async def test_unknown_admins_are_no_admins_and_the_command_gets_through(
    telegram: FakeTelegram, group: Chat, bot: TelegramAdapter, inbox: Recorder, ann: Member
) -> None:
    group.admins.add(ann.id)
    telegram.will_answer("getChatAdministrators", 500)
    await group.says("/model", person=ann)

    await until(lambda: inbox.events or None)
    assert [event.person.admin for event in inbox.events] == [False]


async def test_an_anonymous_admin_is_the_group_itself(group: Chat, bot: TelegramAdapter, inbox: Recorder) -> None:
    await group.speaks_anonymously("/model")

    await until(lambda: inbox.events or None)
    assert inbox.events[0].person == Person(f"telegram:{group.id}", "Team", admin=True)


async def test_an_edit_is_told_only_where_it_is_meant_for_the_bot(
    group: Chat, bot: TelegramAdapter, inbox: Recorder
) -> None:
    chatter = await group.says("lunch?")
    await group.edits(chatter, "dinner?")
    question = await group.says("/ask wy")
    await group.edits(question, "/ask why")
    await group.says("/help")

    await until(lambda: len(inbox.events) == 3 or None)
    assert inbox.events[1].what == Edited("/ask why", str(question.id))


async def test_a_group_that_becomes_a_supergroup_moves_with_what_is_said_meanwhile(
    telegram: FakeTelegram, bot: TelegramAdapter, inbox: Recorder, ann: Member
) -> None:
    old = telegram.group("Small", members=[ann], basic=True, privacy=False)
    await old.says("/ask before")
    new = await old.migrates()
    await new.says("/ask after")

    await until(lambda: len(inbox.events) == 2 or None)
    assert inbox.moves == [("telegram", str(old.id), str(new.id))]
    assert inbox.events[-1].place.chat == str(new.id)


async def test_a_group_that_moved_is_told_of_once_and_what_is_said_there_by_old_id_follows(
    telegram: FakeTelegram, bot: TelegramAdapter, inbox: Recorder, ann: Member
) -> None:
    old = telegram.group("Small", members=[ann], basic=True, privacy=False)
    new = await old.migrates()
    await old.says("/ask late and by the old id")

    await until(lambda: inbox.events or None)
    assert inbox.events[0].place.chat == str(new.id)
    assert len(inbox.moves) == 1
