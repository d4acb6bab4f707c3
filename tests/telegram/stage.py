"""What the tests put around the adapter: an inbox that records, notes in memory, and a way to let it run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from bot.ports import Incoming, Page, PastTurn, Said, ShownButton
from bot.telegram import TelegramAdapter
from handlers.command import Choice, Command, Where, Who, command
from handlers.reply import Form, Reply
from handlers.services import Services
from handlers.turn import Person, Place, Turn
from handlers.words import Words
from tests.clock import FakeClock
from tests.fakes.telegram import FakeTelegram


class Recorder:
    """An inbox that keeps what it is given; `fails` times it cannot store."""

    def __init__(self) -> None:
        self.batches: list[list[Incoming]] = []
        self.moves: list[tuple[str, str, str]] = []
        self.closed: list[tuple[str, str]] = []
        self.fails = 0
        self.gate: asyncio.Event | None = None  # acceptance waits for it

    @property
    def events(self) -> list[Incoming]:
        """Everything accepted, in order."""
        return [event for batch in self.batches for event in batch]

    @property
    def texts(self) -> list[str]:
        """The words of everything said."""
        return [event.what.text for event in self.events if isinstance(event.what, Said)]

    async def accept(self, events: Sequence[Incoming]) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.fails:
            self.fails -= 1
            raise OSError("the disk is full")
        self.batches.append(list(events))

    async def form(self, action: str, place: Place, person: Person) -> Form | None:
        return None

    async def complete(self, command: str, option: str, typed: str, place: Place, person: Person) -> Sequence[Choice]:
        return ()

    async def moved(self, platform: str, old_chat: str, new_chat: str) -> None:
        self.moves.append((platform, old_chat, new_chat))

    async def gone(self, platform: str, chat: str) -> None:
        self.closed.append((platform, chat))

    async def history(self, conversation: str, *, at_most: int) -> Sequence[PastTurn]:
        return ()


class MemoryNotes:
    """Notes that survive the adapter, as a database would."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.puts = 0

    async def get(self, name: str) -> str | None:
        return self.kept.get(name)

    async def put(self, name: str, value: str) -> None:
        self.puts += 1
        self.kept[name] = value


def _declared(name: str, en: str, zh: str, *, who: Who = Who.EVERYONE, where: Where = Where.ANYWHERE) -> Command:
    @command(name, hint=Words(en=en, zh=zh), who=who, where=where)
    async def run(turn: Turn, services: Services) -> Reply:
        return Reply()

    return run


COMMANDS = (
    _declared("ask", "Ask something", "提问"),
    _declared("help", "What I can do", "帮助"),
    _declared("model", "Choose a model", "选择模型", who=Who.ADMINS),
    _declared("start", "Begin", "开始", where=Where.PRIVATE),
    _declared("spend", "All costs", "全部费用", who=Who.OWNERS),
)


def adapter_for(telegram: FakeTelegram, clock: FakeClock, notes: MemoryNotes, **settings: Any) -> TelegramAdapter:
    """Return an adapter for the fake's bot."""
    given: dict[str, Any] = {"token": telegram.token, "api_base_url": telegram.url} | settings
    return TelegramAdapter(commands=COMMANDS, clock=clock, notes=notes, **given)


@asynccontextmanager
async def running(adapter: TelegramAdapter, inbox: Recorder) -> AsyncIterator[asyncio.Task[None]]:
    """Let the adapter run until the block ends; the block begins when it is ready."""
    ready = asyncio.Event()
    task = asyncio.create_task(adapter.run(inbox, ready.set))
    waiting = asyncio.create_task(ready.wait())
    try:
        async with asyncio.timeout(5):
            await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        yield task
    finally:
        waiting.cancel()
        task.cancel()
        await asyncio.gather(task, waiting, return_exceptions=True)


async def hurry(clock: FakeClock, look: Callable[[], bool]) -> None:
    """Let time pass, a second every few real milliseconds, until `look` says so; for 10 real seconds at most."""
    async with asyncio.timeout(10):
        while not look():
            await clock.advance(1.0)
            await asyncio.sleep(0.003)


def page(text: str, *labels: str, **more: Any) -> Page:
    """Return a page of plain words, its buttons in one row."""
    buttons = (tuple(ShownButton(label, f"id-{label}") for label in labels),) if labels else ()
    return Page(text, text, len(text), buttons=buttons, **more)
