"""Long polling loses nothing, notices its own death, and lives with rivals and outages."""

from __future__ import annotations

import asyncio
import itertools
import logging

import pytest

from bot.telegram import PollingStalled, TelegramAdapter, TokenRejected, Unreachable
from tests.clock import FakeClock, until
from tests.fakes.telegram import Chat, FakeTelegram
from tests.telegram.stage import MemoryNotes, Recorder, adapter_for, hurry, running


async def test_an_update_is_confirmed_only_after_it_was_accepted(
    telegram: FakeTelegram, chat: Chat, bot: TelegramAdapter, inbox: Recorder
) -> None:
    inbox.gate = asyncio.Event()
    await chat.says("keep me")
    await telegram.next("getUpdates")
    assert [update.id for update in telegram.waiting] == [500000001]

    inbox.gate.set()
    await until(lambda: not telegram.waiting or None)
    assert inbox.texts == ["keep me"]


async def test_what_could_not_be_stored_is_asked_for_again(
    telegram: FakeTelegram, clock: FakeClock, chat: Chat, bot: TelegramAdapter, inbox: Recorder
) -> None:
    inbox.fails = 2
    await chat.says("keep me")
    await until(lambda: inbox.events or None, clock)

    assert inbox.texts == ["keep me"]
    await until(lambda: not telegram.waiting or None)


async def test_health_tells_while_nothing_can_be_stored(
    clock: FakeClock, chat: Chat, bot: TelegramAdapter, inbox: Recorder
) -> None:
    inbox.fails = 1
    await chat.says("keep me")
    await until(lambda: inbox.fails == 0 or None)
    await until(lambda: bot.health()["storing"] is False or None)

    await until(lambda: bot.health()["storing"] is True or None, clock)


async def test_after_a_restart_what_was_not_confirmed_comes_again_with_the_same_event(
    telegram: FakeTelegram, clock: FakeClock, notes: MemoryNotes, chat: Chat, inbox: Recorder
) -> None:
    async with running(adapter_for(telegram, clock, notes), inbox):
        await telegram.until(lambda: telegram.asked or None)
        telegram.goes_silent("getUpdates")
        await chat.says("once")
        await until(lambda: inbox.events or None)
    telegram.speaks_again()
    async with running(adapter_for(telegram, clock, notes), inbox):
        await until(lambda: len(inbox.events) == 2 or None)

    assert len({event.event for event in inbox.events}) == 1


async def test_the_kinds_of_updates_are_named_on_each_question(telegram: FakeTelegram, bot: TelegramAdapter) -> None:
    await telegram.until(lambda: telegram.asked or None)

    assert telegram.asked[0]["allowed_updates"] == [
        *("message", "edited_message", "callback_query", "my_chat_member", "stopped_message_generation")
    ]


async def test_silent_death_is_cured_by_a_new_session(
    telegram: FakeTelegram, clock: FakeClock, chat: Chat, bot: TelegramAdapter, inbox: Recorder
) -> None:
    await telegram.until(lambda: telegram.asked or None)
    telegram.goes_silent("getUpdates")
    await hurry(clock, lambda: bot.health()["sessions_renewed"] == 1)
    assert 120 <= clock.monotonic() < 180

    telegram.speaks_again()
    await chat.says("anyone there?")
    await until(lambda: inbox.events or None, clock)
    assert bot.health()["connected"] is True


async def test_silence_that_a_new_session_does_not_cure_ends_the_run(
    telegram: FakeTelegram, clock: FakeClock, notes: MemoryNotes, inbox: Recorder
) -> None:
    telegram.goes_silent("getUpdates")
    async with running(adapter_for(telegram, clock, notes), inbox) as run:
        await hurry(clock, run.done)

    assert isinstance(run.exception(), PollingStalled)
    assert 240 <= clock.monotonic() < 260


async def test_an_outage_is_waited_out_with_growing_pauses(
    telegram: FakeTelegram, clock: FakeClock, chat: Chat, bot: TelegramAdapter, inbox: Recorder
) -> None:
    telegram.will_answer("getUpdates", 502, "Bad Gateway", times=4)
    await chat.says("patience")
    await until(lambda: inbox.events or None, clock)

    failed = [call.at for call in telegram.calls if call.method == "getUpdates" and call.status == 502]
    assert [round(later - earlier) for earlier, later in itertools.pairwise(failed)] == [1, 2, 4]


async def test_an_answer_that_is_not_telegrams_is_an_outage_and_no_end(
    telegram: FakeTelegram, clock: FakeClock, chat: Chat, bot: TelegramAdapter, inbox: Recorder
) -> None:
    for body in ({"ok": True, "result": {"not": "a list"}}, {"ok": False}, ["a", "page"]):
        telegram.will_answer("getUpdates", 200, body)
    await chat.says("still here?")
    await until(lambda: inbox.events or None, clock)
    await chat.says("and now?")

    await until(lambda: len(inbox.events) == 2 or None, clock)


async def test_a_rival_is_named_in_the_log_and_does_not_end_the_run(
    telegram: FakeTelegram,
    clock: FakeClock,
    chat: Chat,
    bot: TelegramAdapter,
    inbox: Recorder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await telegram.until(lambda: telegram.asked or None)
    with caplog.at_level(logging.ERROR):
        rival = asyncio.create_task(telegram.polls_as_rival())
        await until(lambda: bot.health()["conflict"] is True or None)
    assert "another process polls with the same TELEGRAM_TOKEN" in caplog.text
    rival.cancel()

    await chat.says("mine again")
    await until(lambda: inbox.events or None, clock)
    await until(lambda: bot.health()["conflict"] is False or None)


async def test_a_webhook_set_elsewhere_is_deleted_and_what_waited_is_kept(
    telegram: FakeTelegram, clock: FakeClock, notes: MemoryNotes, chat: Chat, inbox: Recorder,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    telegram.set_hook("http://127.0.0.1:9/old", "", None)
    await chat.says("waiting")
    async with running(adapter_for(telegram, clock, notes), inbox):
        await until(lambda: inbox.events or None)

    assert inbox.texts == ["waiting"]
    assert telegram.hook.url == ""
    assert "a webhook was set for this bot" in caplog.text


async def test_a_webhook_set_while_we_poll_is_deleted_again(
    telegram: FakeTelegram, clock: FakeClock, chat: Chat, bot: TelegramAdapter, inbox: Recorder
) -> None:
    await telegram.until(lambda: telegram.asked or None)
    telegram.set_hook("http://127.0.0.1:9/other", "", None)
    await chat.says("hello")
    await until(lambda: inbox.events or None, clock)

    assert telegram.hook.url == ""


async def test_a_wrong_token_ends_the_run_at_once_with_a_clear_error(
    telegram: FakeTelegram, clock: FakeClock, notes: MemoryNotes, inbox: Recorder
) -> None:
    adapter = adapter_for(telegram, clock, notes, token="4242:wrong")
    with pytest.raises(TokenRejected, match="TELEGRAM_TOKEN"):
        await adapter.run(inbox, lambda: None)

    assert [call.method for call in telegram.calls] == ["getMe"]


async def test_a_token_that_is_revoked_later_ends_the_run(
    telegram: FakeTelegram, clock: FakeClock, notes: MemoryNotes, inbox: Recorder, chat: Chat
) -> None:
    async with running(adapter_for(telegram, clock, notes), inbox) as run:
        await telegram.until(lambda: telegram.asked or None)
        telegram.will_answer("getUpdates", 401, "Unauthorized")
        await chat.says("wake up")
        await until(lambda: run.done() or None)

    assert isinstance(run.exception(), TokenRejected)


async def test_no_network_at_the_start_is_retried_and_then_said(
    telegram: FakeTelegram, clock: FakeClock, notes: MemoryNotes, inbox: Recorder
) -> None:
    adapter = adapter_for(telegram, clock, notes)
    await telegram.stop()
    run = asyncio.create_task(adapter.run(inbox, lambda: None))
    await until(lambda: run.done() or None, clock)

    assert isinstance(run.exception(), Unreachable)
    assert clock.monotonic() >= 31


async def test_flood_control_of_polling_is_obeyed(
    telegram: FakeTelegram, clock: FakeClock, chat: Chat, bot: TelegramAdapter, inbox: Recorder
) -> None:
    await telegram.until(lambda: telegram.asked or None)
    body = {"ok": False, "error_code": 429, "description": "Too Many Requests: retry after 9"}
    telegram.will_answer("getUpdates", 429, body | {"parameters": {"retry_after": 9}})
    await chat.says("hello")
    await until(lambda: inbox.events or None)  # the open question brings it
    begun = clock.monotonic()
    await chat.says("again")
    await until(lambda: len(inbox.events) == 2 or None, clock)

    assert clock.monotonic() - begun >= 9
