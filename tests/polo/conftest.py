"""A stand-in relay on a free port, and a client that talks to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Protocol

import pytest

from polo import Polo, RelaySettings
from polo.standin import StandIn
from tests.clock import FakeClock


@pytest.fixture
def relay() -> StandIn:
    """Return a stand-in without natural pauses."""
    return StandIn(natural=False)


@pytest.fixture
async def base_url(relay: StandIn) -> AsyncIterator[str]:
    async with relay.serving() as url:
        yield url


@dataclass
class Naps:
    """Sleeps that take no time but move the clock: what a repetition would have waited for."""

    clock: FakeClock
    taken: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        await self.clock.advance(seconds)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def naps(clock: FakeClock) -> Naps:
    return Naps(clock)


class Opener(Protocol):
    """Opens a client for `base_url`; settings by name, keys by position."""

    async def __call__(self, *keys: str, **settings: float | str) -> Polo: ...


@pytest.fixture
async def opened(base_url: str, naps: Naps, clock: FakeClock) -> AsyncIterator[Opener]:
    async with AsyncExitStack() as stack:

        async def open_one(*keys: str, **settings: float | str) -> Polo:
            wanted = RelaySettings(**{"base_url": base_url, "api_keys": keys or ("sk-first",), **settings})  # type: ignore[arg-type]
            return await stack.enter_async_context(Polo.open(wanted, sleep=naps, monotonic=clock.monotonic))

        yield open_one


@pytest.fixture
async def polo(opened: Opener) -> Polo:
    return await opened()


@pytest.fixture
async def no_task_left() -> AsyncIterator[None]:
    """Assert that a test leaves no task of its own behind."""
    before = asyncio.all_tasks()
    yield
    left = [task for task in asyncio.all_tasks() - before if task is not asyncio.current_task()]
    assert not left
