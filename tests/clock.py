"""A clock that a test moves: nothing sleeps for real."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class FakeClock:
    """Time stands still until the test lets it pass; sleepers wake in the order of their deadlines."""

    def __init__(self, at: float = 1_800_000_000.0) -> None:
        self._start = at
        self._passed = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> float:
        """Return Unix seconds."""
        return self._start + self._passed

    def monotonic(self) -> float:
        """Return seconds since the clock was made."""
        return self._passed

    async def sleep(self, seconds: float) -> None:
        """Wait until the test has moved the clock by `seconds`."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waiting = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._passed + seconds, next(self._order), waiting))
        await waiting

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass, waking each sleeper at its own time."""
        await _settle()  # whoever is about to sleep lies down first
        until = self._passed + seconds
        while self._sleepers and self._sleepers[0][0] <= until:
            deadline, _, waiting = heapq.heappop(self._sleepers)
            self._passed = max(self._passed, deadline)
            if not waiting.done():
                waiting.set_result(None)
                await _settle()
        self._passed = until
        await _settle()


async def _settle() -> None:
    """Let what has been woken run until it waits again."""
    for _ in range(8):
        await asyncio.sleep(0)


async def until(look: Callable[[], T | None], clock: FakeClock | None = None, *, within_s: float = 5.0) -> T:
    """Wait until `look` returns something; meanwhile `clock` runs, 0.1 s every few real milliseconds.

    Raises AssertionError after `within_s` real seconds: a bound for a failing test, not a sleep of a passing one.
    """
    give_up = time.monotonic() + within_s
    while (seen := look()) is None:
        if time.monotonic() > give_up:
            raise AssertionError(f"not seen within {within_s} s")
        await asyncio.sleep(0.002)
        if clock is not None:
            await clock.advance(0.1)
    return seen
