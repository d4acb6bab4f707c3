"""The command menu: in both languages, for each kind of chat, written only when it changed."""

from __future__ import annotations

from bot.telegram import TelegramAdapter
from bot.telegram.menu import menus
from tests.clock import FakeClock, until
from tests.fakes.telegram import FakeTelegram
from tests.telegram.stage import COMMANDS, MemoryNotes, Recorder, adapter_for, running


def names(telegram: FakeTelegram, key: str) -> list[str]:
    return [entry["command"] for entry in telegram.methods.menus[key]]


async def published(notes: MemoryNotes) -> None:
    await until(lambda: any(name.endswith(":menu") for name in notes.kept) or None)


async def test_each_kind_of_chat_gets_its_menu_in_each_language(
    telegram: FakeTelegram, bot: TelegramAdapter, notes: MemoryNotes
) -> None:
    await published(notes)

    assert names(telegram, "all_private_chats/") == ["ask", "help", "model", "start"]
    assert names(telegram, "all_group_chats/") == ["ask", "help"]
    assert names(telegram, "all_chat_administrators/") == ["ask", "help", "model"]
    assert telegram.methods.menus["all_group_chats/"][0]["description"] == "Ask something"
    assert telegram.methods.menus["all_group_chats/zh"][0]["description"] == "提问"


async def test_an_unchanged_menu_is_not_written_again(
    telegram: FakeTelegram, clock: FakeClock, notes: MemoryNotes, inbox: Recorder
) -> None:
    for _ in range(2):
        async with running(adapter_for(telegram, clock, notes), inbox):
            await published(notes)
    assert len(telegram.sent("setMyCommands")) == 6

    async with running(adapter_for(telegram, clock, notes, default_language="zh"), inbox):
        await until(lambda: len(telegram.sent("setMyCommands")) == 12 or None)
    assert telegram.methods.menus["all_group_chats/"][0]["description"] == "提问"
    assert telegram.methods.menus["all_group_chats/en"][0]["description"] == "Ask something"


async def test_a_menu_that_could_not_be_written_hinders_nothing_and_is_tried_again(
    telegram: FakeTelegram, clock: FakeClock, notes: MemoryNotes, inbox: Recorder
) -> None:
    telegram.will_answer("setMyCommands", 500)
    async with running(adapter_for(telegram, clock, notes), inbox) as run:
        await until(lambda: [call for call in telegram.calls if call.method == "setMyCommands"] or None)
        await telegram.until(lambda: telegram.asked or None)
        assert not run.done()
    assert notes.kept == {}

    async with running(adapter_for(telegram, clock, notes), inbox):
        await published(notes)


def test_names_and_hints_that_telegram_would_refuse_are_left_out_or_cut() -> None:
    [odd, *_] = COMMANDS
    wrong = type(odd)("Not-A-Name", odd.hint, odd.run)
    long = type(odd)("long", type(odd.hint)(en="x" * 300, zh="长" * 300), odd.run)

    [menu, *_] = menus((wrong, long), "en")
    assert [(entry.name, len(entry.hint)) for entry in menu.entries] == [("long", 256)]
