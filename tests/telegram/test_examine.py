"""`polobot check` is told what works at Telegram and what does not."""

from __future__ import annotations

import asyncio

from tests.clock import FakeClock, until
from tests.fakes.telegram import Chat, FakeTelegram
from tests.telegram.stage import MemoryNotes, adapter_for


async def test_a_healthy_bot_is_described(telegram: FakeTelegram, clock: FakeClock, notes: MemoryNotes) -> None:
    looking = asyncio.create_task(adapter_for(telegram, clock, notes).examine())
    found = await until(lambda: looking.result() if looking.done() else None, clock)

    assert (found.reachable, found.token_ok, found.problem) == (True, True, "")
    assert (found.name, found.can_join_groups) == ("@polo_test_bot", True)
    assert found.reads_all_group_messages is False
    assert found.second_poller is False


async def test_a_second_poller_is_found(telegram: FakeTelegram, clock: FakeClock, notes: MemoryNotes) -> None:
    rival = asyncio.create_task(telegram.polls_as_rival())
    await telegram.until(lambda: telegram.asked or None)
    found = await adapter_for(telegram, clock, notes).examine()
    rival.cancel()

    assert found.second_poller is True


async def test_looking_confirms_nothing(
    telegram: FakeTelegram, clock: FakeClock, notes: MemoryNotes, chat: Chat
) -> None:
    await chat.says("waiting")
    found = await adapter_for(telegram, clock, notes).examine()

    assert (found.pending_updates, found.second_poller, len(telegram.waiting)) == (1, None, 1)


async def test_a_webhook_set_elsewhere_is_shown(telegram: FakeTelegram, clock: FakeClock, notes: MemoryNotes) -> None:
    telegram.set_hook("http://127.0.0.1:9/old", "", None)
    telegram.hook.error = "Connection refused"
    found = await adapter_for(telegram, clock, notes).examine()

    assert (found.webhook_url, found.webhook_error) == ("http://127.0.0.1:9/old", "Connection refused")


async def test_a_wrong_token_and_a_dead_server_are_told_apart(
    telegram: FakeTelegram, clock: FakeClock, notes: MemoryNotes
) -> None:
    wrong = await adapter_for(telegram, clock, notes, token="4242:wrong").examine()
    await telegram.stop()
    dead = await adapter_for(telegram, clock, notes).examine()

    assert (wrong.reachable, wrong.token_ok) == (True, False)
    assert (dead.reachable, dead.token_ok) == (False, False)
    assert telegram.token not in dead.problem
