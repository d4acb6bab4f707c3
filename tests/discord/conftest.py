"""A bot that is connected to a fake Discord, and an inbox that remembers what came in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import pytest

from bot.discord.adapter import DiscordAdapter
from bot.ports import Incoming, Page, PastTurn, ShownButton
from handlers.command import Choice, Command, Option, OptionKind, Where, command
from handlers.reply import Field, Form, Reply
from handlers.services import Services
from handlers.turn import Person, Place, Turn
from handlers.words import Words
from tests.clock import FakeClock
from tests.fakes.discord import FakeDiscord


async def _nothing(turn: Turn, services: Services) -> Reply:
    return Reply()


async def _never(services: Services, conversation: str, typed: str) -> Sequence[Choice]:
    raise AssertionError("the inbox completes, not the adapter")


ASK = command(
    "ask",
    hint=Words(en="Ask something", zh="提问"),
    options=(
        Option("picture", Words(en="A picture", zh="图片"), OptionKind.ATTACHMENT),
        Option("times", Words(en="How often", zh="几次"), OptionKind.INTEGER, minimum=1, maximum=4),
        Option("question", Words(en="What to ask", zh="想问什么"), required=True),
        Option("aloud", Words(en="Speak", zh="朗读"), OptionKind.BOOLEAN),
    ),
    on_message=Words(en="Ask about this", zh="问问这条"),
)(_nothing)
MODEL = command(
    "model",
    hint=Words(en="Choose a model", zh="选择模型"),
    options=(
        Option("name", Words(en="Its name", zh="名称"), complete=_never),
        Option("tone", Words(en="Tone", zh="语气"), choices=(Choice("dry", Words(en="Dry", zh="干")),)),
        Option("city", Words(en="City", zh="城市"), choices=tuple(Choice(f"c{n}", f"City {n}") for n in range(40))),
    ),
)(_nothing)
PRIVATE = command("privacy", hint=Words(en="Your data", zh="你的数据"), where=Where.PRIVATE)(_nothing)
COMMANDS: tuple[Command, ...] = (ASK, MODEL, PRIVATE)

FORM = Form(
    Words(en="Your own persona", zh="自定义角色"),
    (
        Field("name", Words(en="Name", zh="名字")),
        Field("words", Words(en="W" * 60, zh="说明"), value="Be kind.", long=True, required=False, at_most=900),
    ),
)


class RecordingInbox:
    """An inbox that stores in a list; faults by setting its attributes."""

    def __init__(self) -> None:
        self.accepted: list[Incoming] = []
        self.closed: list[str] = []
        self.asked_to_complete: list[tuple[str, str, str]] = []
        self.form_shown: Form | None = None
        self.choices: Sequence[Choice] = ()
        self.refuses = False
        self.gate: asyncio.Event | None = None  # what takes too long
        self._changed = asyncio.Condition()
        self._taken = 0

    async def accept(self, events: Sequence[Incoming]) -> None:
        """Remember events, those known already excepted, as dispatch does."""
        if self.refuses:
            raise RuntimeError("the disk is full")
        known = {one.event for one in self.accepted}
        async with self._changed:
            self.accepted += [one for one in events if one.event not in known]
            self._changed.notify_all()

    async def next(self) -> Incoming:
        """Return the next accepted event, waiting a bounded time for it."""
        async with asyncio.timeout(5), self._changed:
            await self._changed.wait_for(lambda: len(self.accepted) > self._taken)
        self._taken += 1
        return self.accepted[self._taken - 1]

    async def form(self, action: str, place: Place, person: Person) -> Form | None:
        """Return the form of the test."""
        if self.gate is not None:
            await self.gate.wait()
        return self.form_shown

    async def complete(self, command: str, option: str, typed: str, place: Place, person: Person) -> Sequence[Choice]:
        """Return the choices of the test."""
        self.asked_to_complete.append((command, option, typed))
        if self.gate is not None:
            await self.gate.wait()
        return self.choices

    async def moved(self, platform: str, old_chat: str, new_chat: str) -> None:
        """Discord's chats keep their ids."""
        raise AssertionError("no chat of Discord moves")

    async def gone(self, platform: str, chat: str) -> None:
        """Remember a chat that is closed."""
        async with self._changed:
            self.closed.append(chat)
            self._changed.notify_all()

    async def until_closed(self, chat: str) -> None:
        """Wait until a chat was said to be closed."""
        async with asyncio.timeout(5), self._changed:
            await self._changed.wait_for(lambda: chat in self.closed)

    async def history(self, conversation: str, *, at_most: int) -> Sequence[PastTurn]:
        """Only the page asks for it."""
        raise AssertionError("Discord keeps its own history")


class MemoryNotes:
    """Notes that last as long as the test."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def get(self, name: str) -> str | None:
        """Return a note."""
        return self.kept.get(name)

    async def put(self, name: str, value: str) -> None:
        """Keep a note."""
        self.kept[name] = value


class Starter(Protocol):
    """Starts a bot with settings of the test's; leaving the block stops it."""

    def __call__(self, **settings: Any) -> AbstractAsyncContextManager[DiscordAdapter]: ...


@pytest.fixture
def clock() -> FakeClock:
    """Time that stands still."""
    return FakeClock()


@pytest.fixture
async def discord(clock: FakeClock) -> AsyncIterator[FakeDiscord]:
    """A fake Discord; the test fails if its specification was violated."""
    async with FakeDiscord(clock) as fake:
        yield fake


@pytest.fixture
def inbox() -> RecordingInbox:
    """What came in."""
    return RecordingInbox()


@pytest.fixture
def notes() -> MemoryNotes:
    """The bot's small memory."""
    return MemoryNotes()


@pytest.fixture
def made(discord: FakeDiscord, clock: FakeClock, notes: MemoryNotes) -> Callable[..., DiscordAdapter]:
    """Return a way to make an adapter that is not connected."""

    def make(**settings: Any) -> DiscordAdapter:
        known: dict[str, Any] = {
            "token": discord.token,
            "commands": COMMANDS,
            "clock": clock,
            "notes": notes,
            "api_base_url": discord.base_url,
        }
        return DiscordAdapter(**(known | settings))

    return make


@pytest.fixture
def start(made: Callable[..., DiscordAdapter], inbox: RecordingInbox) -> Starter:
    """Return a way to connect a bot."""

    @asynccontextmanager
    async def started(**settings: Any) -> AsyncIterator[DiscordAdapter]:
        ready = asyncio.Event()
        async with made(**settings) as adapter:
            running = asyncio.create_task(adapter.run(inbox, ready.set))
            waiting = asyncio.create_task(ready.wait())
            try:
                async with asyncio.timeout(10):
                    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
                if running.done():
                    await running
                yield adapter
            finally:
                for task in (running, waiting):
                    task.cancel()
                await asyncio.gather(running, waiting, return_exceptions=True)

    return started


@pytest.fixture
async def bot(start: Starter) -> AsyncIterator[DiscordAdapter]:
    """A connected bot. Servers that the test makes later need `await server.invites_bot()`."""
    async with start() as adapter:
        yield adapter


def page(text: str, *rows: Sequence[ShownButton], only_for_person: bool = False) -> Page:
    """Return a page of plain text."""
    return Page(
        text=text,
        plain=text,
        size=len(text),
        buttons=tuple(tuple(row) for row in rows),
        only_for_person=only_for_person,
    )
