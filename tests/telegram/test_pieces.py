"""Albums and long pastes come in pieces and become one message, without a piece being lost."""

from __future__ import annotations

import pytest

from bot.ports import Said
from bot.telegram import TelegramAdapter
from tests.clock import FakeClock, until
from tests.fakes.telegram import Chat, FakeTelegram, Member
from tests.telegram.stage import MemoryNotes, Recorder, adapter_for, running


async def settled(telegram: FakeTelegram, updates: int) -> None:
    """Wait until the bot has confirmed so many updates: it asks for what comes after them."""
    last = 500_000_000 + updates
    await telegram.until(lambda: any(call.get("offset") == last + 1 for call in telegram.asked) or None)


def one(inbox: Recorder) -> Said:
    [event] = inbox.events
    assert isinstance(event.what, Said)
    return event.what


@pytest.mark.parametrize("caption_on", [0, 1, 2])
async def test_an_album_is_one_message_with_the_caption_of_whichever_part(
    telegram: FakeTelegram, clock: FakeClock, chat: Chat, bot: TelegramAdapter, inbox: Recorder, caption_on: int
) -> None:
    parts = await chat.sends_album(b"one", b"two", b"three", caption="compare", caption_on=caption_on)
    await settled(telegram, 3)
    assert inbox.events == []
    await clock.advance(1.0)

    await until(lambda: inbox.events or None)
    album = one(inbox)
    assert album.text == "compare"
    assert len(album.attachments) == 3
    assert album.message == str(parts[caption_on].id)
    assert inbox.events[0].place.message == album.message


async def test_an_album_is_whole_when_its_parts_come_in_several_answers(
    telegram: FakeTelegram, clock: FakeClock, chat: Chat, bot: TelegramAdapter, inbox: Recorder
) -> None:
    telegram.updates_per_answer = 1
    await chat.sends_album(b"one", b"two", b"three", caption="compare")
    await settled(telegram, 3)
    await clock.advance(1.0)

    await until(lambda: inbox.events or None)
    assert len(one(inbox).attachments) == 3


async def test_ten_parts_are_not_waited_on(chat: Chat, bot: TelegramAdapter, inbox: Recorder) -> None:
    await chat.sends_album(*(bytes([number]) for number in range(10)))

    await until(lambda: inbox.events or None)
    assert len(one(inbox).attachments) == 10


async def test_an_album_that_drips_is_cut_off_after_five_seconds(
    telegram: FakeTelegram, clock: FakeClock, chat: Chat, bot: TelegramAdapter, inbox: Recorder
) -> None:
    part = telegram.store(b"x", "photos/x.jpg") | {"width": 1, "height": 1}
    for number in range(8):
        await chat.sends(photo=[part], media_group_id="77")
        await settled(telegram, number + 1)
        await clock.advance(0.9)

    await until(lambda: inbox.events or None)
    assert len(inbox.events[0].what.attachments) == 6  # type: ignore[union-attr]


async def test_albums_of_two_people_are_not_mixed_up(
    telegram: FakeTelegram, clock: FakeClock, chat: Chat, bot: TelegramAdapter, inbox: Recorder, bob: Member
) -> None:
    part = telegram.store(b"x", "photos/x.jpg") | {"width": 1, "height": 1}
    for _ in range(2):
        await chat.sends(photo=[part], media_group_id="1")
        await telegram.private(bob).sends(photo=[part], media_group_id="2")
    await settled(telegram, 4)
    await clock.advance(1.0)

    await until(lambda: len(inbox.events) == 2 or None)
    assert [len(event.what.attachments) for event in inbox.events] == [2, 2]  # type: ignore[union-attr]


async def test_in_a_group_an_album_is_heard_only_if_a_part_is_meant_for_the_bot(
    telegram: FakeTelegram, clock: FakeClock, group: Chat, bot: TelegramAdapter, inbox: Recorder
) -> None:
    await group.sends_album(b"1", b"2", caption="our holiday")
    await settled(telegram, 2)
    await clock.advance(1.0)
    await group.sends_album(b"3", b"4", caption="/ask where is this?", caption_on=1)
    await settled(telegram, 4)
    await clock.advance(1.0)

    await until(lambda: inbox.events or None)
    assert (one(inbox).text, len(one(inbox).attachments)) == ("/ask where is this?", 2)


async def test_a_long_paste_is_one_message(chat: Chat, bot: TelegramAdapter, inbox: Recorder) -> None:
    text = "0123456789" * 1000

    await chat.says(text)

    await until(lambda: inbox.events or None)
    assert one(inbox).text == text


async def test_a_single_long_message_is_heard_after_a_second(
    telegram: FakeTelegram, clock: FakeClock, chat: Chat, bot: TelegramAdapter, inbox: Recorder
) -> None:
    await chat.says("x" * 4050)
    await settled(telegram, 1)
    assert inbox.events == []
    await clock.advance(1.0)

    await until(lambda: inbox.events or None)
    assert len(one(inbox).text) == 4050


async def test_pieces_cut_at_a_line_get_their_line_back(chat: Chat, bot: TelegramAdapter, inbox: Recorder) -> None:
    await chat.says("a" * 4000)
    await chat.says("the rest")

    await until(lambda: inbox.events or None)
    assert one(inbox).text == "a" * 4000 + "\nthe rest"


async def test_a_command_after_a_long_text_does_not_become_part_of_it(
    chat: Chat, bot: TelegramAdapter, inbox: Recorder
) -> None:
    await chat.says("a" * 4000)
    await chat.says("/stop")

    await until(lambda: len(inbox.events) == 2 or None)
    assert inbox.texts == ["a" * 4000, "/stop"]


async def test_what_is_said_after_an_album_comes_after_it(
    telegram: FakeTelegram, chat: Chat, bot: TelegramAdapter, inbox: Recorder
) -> None:
    await chat.sends_album(b"1", b"2")
    await chat.says("which is better?")

    await until(lambda: len(inbox.events) == 2 or None)
    assert inbox.texts == ["", "which is better?"]


async def test_a_kill_while_an_album_is_collected_loses_no_part(
    telegram: FakeTelegram, clock: FakeClock, chat: Chat, notes: MemoryNotes, inbox: Recorder
) -> None:
    telegram.updates_per_answer = 1
    async with running(adapter_for(telegram, clock, notes), inbox):
        await chat.sends_album(b"1", b"2", caption="both")
        await settled(telegram, 2)
    assert inbox.events == []

    async with running(adapter_for(telegram, clock, notes), inbox):
        await until(lambda: inbox.events or None, clock)
    assert len(one(inbox).attachments) == 2
    assert "photo" not in str(notes.kept)  # what is done is not kept


async def test_a_piece_that_comes_once_more_after_a_kill_is_known(
    telegram: FakeTelegram, clock: FakeClock, chat: Chat, notes: MemoryNotes, inbox: Recorder
) -> None:
    async with running(adapter_for(telegram, clock, notes), inbox):
        await telegram.until(lambda: telegram.asked or None)
        telegram.goes_silent("getUpdates")  # from the next question on: nothing more is confirmed
        await chat.says("a" * 4000)
        await chat.says("end")
        await until(lambda: inbox.events or None)
    telegram.speaks_again()

    async with running(adapter_for(telegram, clock, notes), inbox):
        await chat.says("next")
        await until(lambda: "next" in inbox.texts or None, clock)
    assert inbox.texts == ["a" * 4000 + "\nend", "next"]


async def test_an_album_waits_for_a_database_that_is_away(
    telegram: FakeTelegram, clock: FakeClock, chat: Chat, bot: TelegramAdapter, inbox: Recorder
) -> None:
    await chat.sends_album(b"1", b"2", caption="both")
    await settled(telegram, 2)
    inbox.fails = 2
    await until(lambda: inbox.events or None, clock)

    assert len(one(inbox).attachments) == 2
    assert inbox.fails == 0
