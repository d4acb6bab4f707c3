"""Time, handed in: so that a test can make an hour pass without waiting for it."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What the process knows of time. Seconds everywhere."""

    def now(self) -> float:
        """Return the time of day: Unix seconds."""

    def monotonic(self) -> float:
        """Return seconds that never go back, for pacing and deadlines."""

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Return Unix seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds since some start."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep on the event loop."""
        await asyncio.sleep(seconds)
