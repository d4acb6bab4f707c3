"""A fake Telegram, a clock that stands still, and an adapter that runs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.telegram import TelegramAdapter
from tests.clock import FakeClock
from tests.fakes.telegram import Chat, FakeTelegram, Member
from tests.telegram.stage import MemoryNotes, Recorder, adapter_for, running


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def telegram(clock: FakeClock) -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram(clock) as server:
        yield server


@pytest.fixture
def notes() -> MemoryNotes:
    return MemoryNotes()


@pytest.fixture
def inbox() -> Recorder:
    return Recorder()


@pytest.fixture
def ann(telegram: FakeTelegram) -> Member:
    return telegram.person("Ann", language="zh-hans")


@pytest.fixture
def bob(telegram: FakeTelegram) -> Member:
    return telegram.person("Bob", language="en")


@pytest.fixture
def chat(telegram: FakeTelegram, ann: Member) -> Chat:
    return telegram.private(ann)


@pytest.fixture
def group(telegram: FakeTelegram, ann: Member, bob: Member) -> Chat:
    """A supergroup without privacy mode: the bot sees everything."""
    return telegram.group("Team", members=[ann, bob], privacy=False)


@pytest.fixture
async def bot(
    telegram: FakeTelegram, clock: FakeClock, notes: MemoryNotes, inbox: Recorder
) -> AsyncIterator[TelegramAdapter]:
    """The adapter, running and polling."""
    adapter = adapter_for(telegram, clock, notes)
    async with running(adapter, inbox):
        yield adapter
