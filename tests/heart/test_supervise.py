"""One adapter that falls is started again and takes no other down; a wrong token at the start is a wrong setting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from bot.metrics import Metrics
from bot.ports import Inbox, TokenRejected
from bot.supervise import LONGEST_PAUSE_S, Supervisor
from tests.clock import FakeClock
from tests.heart.screen import Screen


class Platform(Screen):
    """An adapter whose runs end as the test says."""

    def __init__(self, name: str, *ends: Exception) -> None:
        super().__init__()
        self.platform = name
        self.runs = 0
        self._ends = list(ends)

    async def run(self, inbox: Inbox, ready: Callable[[], None]) -> None:
        self.runs += 1
        if self._ends:
            raise self._ends.pop(0)
        ready()
        await asyncio.Event().wait()


class Nobody:
    """Stands where dispatch would; nothing comes in here."""


def supervisor(clock: FakeClock, *platforms: Platform) -> tuple[Supervisor, list[str]]:
    up: list[str] = []
    inbox: Inbox = Nobody()  # type: ignore[assignment]
    return Supervisor(platforms, inbox, clock, Metrics(CollectorRegistry()), ready=up.append), up


async def test_a_fallen_adapter_is_started_again_and_the_others_never_notice() -> None:
    clock = FakeClock()
    shaky, steady = Platform("discord", ConnectionError("gone"), ConnectionError("gone")), Platform("telegram")
    house, up = supervisor(clock, shaky, steady)
    running = asyncio.create_task(house.run())
    await clock.advance(0.5)
    assert up == ["telegram"]
    assert house.health()["discord"]["up"] is False
    assert house.health()["discord"]["state"] == "failed: ConnectionError"
    await clock.advance(5)
    assert up == ["telegram", "discord"]
    assert (shaky.runs, steady.runs) == (3, 1)
    assert house.health()["discord"] == {"up": True, "failures": 2, "state": "up"}
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_pauses_grow_and_have_an_end() -> None:
    clock = FakeClock()
    hopeless = Platform("discord", *(ConnectionError("gone") for _ in range(1000)))
    house, _ = supervisor(clock, hopeless, Platform("telegram"))
    running = asyncio.create_task(house.run())
    await clock.advance(600)
    first = hopeless.runs
    assert first < 12
    await clock.advance(10 * LONGEST_PAUSE_S)
    assert 9 <= hopeless.runs - first <= 11
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_rejected_token_ends_the_start_where_it_is_the_only_platform() -> None:
    house, _ = supervisor(FakeClock(), Platform("telegram", TokenRejected("TELEGRAM_TOKEN")), Platform("web"))
    with pytest.raises(ExceptionGroup) as ended:
        await house.run()
    assert ended.group_contains(TokenRejected, match="TELEGRAM_TOKEN")


async def test_a_rejected_token_beside_a_working_platform_is_told_and_tried_again() -> None:
    clock = FakeClock()
    rejected = Platform("discord", TokenRejected("DISCORD_TOKEN"))
    house, up = supervisor(clock, rejected, Platform("telegram"))
    running = asyncio.create_task(house.run())
    await clock.advance(0.5)
    assert house.health()["discord"]["state"] == "DISCORD_TOKEN is not accepted"
    await clock.advance(2)
    assert up == ["telegram", "discord"]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
