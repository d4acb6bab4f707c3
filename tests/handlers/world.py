"""A small world for features: a real database, the real client, the stand-in relay, and a stage that looks on.

`World.runs` does with a turn what dispatch does: accept it, run the handler, store the reply with what is to be
remembered, and mark it done with the chat messages that show it.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from handlers.arguments import parse
from handlers.command import Handler
from handlers.conversation import Conversations
from handlers.models import Models
from handlers.registry import CHAT, COMMANDS, action_named, command_named
from handlers.reply import Button, Reply, Text
from handlers.services import ChatConfig, Services
from handlers.turn import Attachment, CannotFetch, Kind, Person, Place, Quoted, TooLarge, Turn
from handlers.words import Words
from polo import Polo, RelaySettings
from polo.standin import StandIn
from storage.database import Database, open_database
from storage.records import NewTurn, StoredFile
from tests.clock import FakeClock

ADA = Person("telegram:1", "Ada", "en")
BEN = Person("telegram:2", "Ben", "zh-hans")
HOME = Place("telegram", "1")
GROUP = Place("telegram", "-100", private=False)


class StageDouble:
    """A stage that remembers what a handler did on it; `sent` are the bytes of attachments by handle."""

    def __init__(self, storage: Database, sent: dict[str, bytes]) -> None:
        self._storage, self._sent = storage, sent
        self.text = ""
        self.did: list[str] = []
        self.notes: list[Words | None] = []
        self.ending: Callable[[str], Reply] | None = None

    def grow(self, text: str) -> None:
        """Take more text."""
        self.text += text

    def note(self, words: Words | None) -> None:
        """Take a line of progress."""
        self.notes.append(words)

    def if_stopped(self, reply: Callable[[str], Reply]) -> None:
        """Take what a stopped turn ends with."""
        self.ending = reply

    async def asking(self) -> None:
        """Note that something billed comes now."""
        self.did.append("asking")

    async def fetch(self, attachment: Attachment, *, at_most: int) -> StoredFile:
        """Put the attachment's bytes into the store, as dispatch does."""
        self.did.append(f"fetch {attachment.name}")
        if attachment.handle not in self._sent:
            raise CannotFetch(attachment.name)
        content = self._sent[attachment.handle]
        if len(content) > at_most:
            raise TooLarge(attachment.name, at_most)
        return await self._storage.files.put(content, name=attachment.name, media_type=attachment.media_type)


class ControlDouble:
    """Notes what was to be stopped; `running` is how many turns it says were."""

    def __init__(self) -> None:
        self.running = 0
        self.stopped: list[tuple[str, str | None]] = []

    async def stop(self, conversation: str, *, person: str | None = None) -> int:
        """Note it."""
        self.stopped.append((conversation, person))
        return self.running


class BackgroundDouble:
    """Runs background work when the test says so; failures are kept."""

    def __init__(self) -> None:
        self.waiting: list[Coroutine[object, object, None]] = []
        self.failures: list[Exception] = []

    def start(self, work: Coroutine[object, object, None], *, name: str) -> None:
        """Take work."""
        self.waiting.append(work)

    async def settle(self) -> int:
        """Run all that waits, one after another; return how much that was."""
        done = 0
        while self.waiting:
            done += 1
            try:
                await self.waiting.pop(0)
            except Exception as failure:
                self.failures.append(failure)
        return done

    def close(self) -> None:
        """Drop what was never run."""
        for work in self.waiting:
            work.close()


@dataclass
class Seen:
    """What came of a turn: the reply, and the stage on which it grew."""

    id: int
    reply: Reply
    stage: StageDouble
    shown: str  # the platform's id of the message that shows the reply
    message: str | None  # the platform's id of what the person sent
    person: Person
    place: Place
    language: str

    @property
    def text(self) -> str:
        """The reply's Markdown."""
        return "\n".join(part.markdown for part in self.reply.parts if isinstance(part, Text))

    @property
    def labels(self) -> list[list[str]]:
        """The buttons' labels, row by row."""
        return [[self._label(button) for button in row] for row in self.reply.buttons]

    def button(self, label: str) -> Button:
        """Return the button whose label holds `label`."""
        found = [button for row in self.reply.buttons for button in row if label in self._label(button)]
        assert found, f"no button {label!r} among {self.labels}"
        return found[0]

    def _label(self, button: Button) -> str:
        return button.label.in_language(self.language) if isinstance(button.label, Words) else button.label


@dataclass
class World:
    """All that features are handed, and the hands that drive them."""

    storage: Database
    relay: StandIn
    services: Services
    control: ControlDouble
    background: BackgroundDouble
    clock: FakeClock
    sent: dict[str, bytes] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    async def says(
        self,
        text: str,
        *,
        by: Person = ADA,
        at: Place = HOME,
        files: tuple[Attachment, ...] = (),
        quoted: Quoted | None = None,
        message: str | None = None,
        replaces: int | None = None,
        options: dict[str, str | int | bool] | None = None,
    ) -> Seen:
        """Let a person say something: plain words or a command."""
        run, words = CHAT.run, text
        if text.startswith("/"):
            name, _, rest = text[1:].partition(" ")
            command = command_named(name)
            assert command is not None
            run, words = command.run, ""
            if options is None:
                options = parse(command, rest, attached=bool(files or quoted))
        message = message or f"m{next(self._numbers)}"
        return await self.runs(
            run,
            by=by,
            at=at,
            text=words,
            attachments=files,
            quoted=quoted,
            message=message,
            replaces=replaces,
            options=options or {},
        )

    async def presses(self, seen: Seen, label: str, *, by: Person | None = None, **fields: str) -> Seen:
        """Let a person press a button of a reply, and fill in its form."""
        action = seen.button(label).action
        handler = action_named(action.name)
        assert handler is not None
        assert bool(fields) == (action.form is not None)
        # What is stored is what comes back: an action must survive its way through the database.
        arguments = msgspec.json.decode(msgspec.json.encode(action)).get("arguments", {})
        replaces = arguments["turn"] if handler.replaces else None
        return await self.runs(
            handler.run, by=by or seen.person, at=seen.place, arguments=arguments, fields=fields, replaces=replaces
        )

    async def begins(
        self, *, by: Person = ADA, at: Place = HOME, message: str | None = None, **more: Any
    ) -> tuple[Turn, StageDouble]:
        """Accept a turn and return it, ready to run, with its stage."""
        [turn] = await self.storage.turns.accept(
            [NewTurn(f"e{next(self._numbers)}", at.conversation, by.id, b"{}", message)]
        )
        assert turn is not None
        settings = await self.storage.settings.lookup((*at.scopes, f"person:{by.id}"))
        language = "zh" if by.language.startswith("zh") else "en"
        chosen = settings.get("language")
        stage = StageDouble(self.storage, self.sent)
        ready = Turn(
            id=turn,
            place=at,
            person=by,
            language=chosen if isinstance(chosen, str) else language,
            stage=stage,
            message=message,
            settings=settings,
            **more,
        )
        return ready, stage

    async def runs(self, run: Handler, *, by: Person = ADA, at: Place = HOME, **more: Any) -> Seen:
        """Run a handler for a turn, and conclude the turn."""
        turn, stage = await self.begins(by=by, at=at, **more)
        reply = await run(turn, self.services)
        return await self.concludes(turn, stage, reply)

    async def concludes(self, turn: Turn, stage: StageDouble, reply: Reply) -> Seen:
        """Store a reply and mark its turn as done."""
        encoded = msgspec.json.encode(reply)
        assert msgspec.json.decode(encoded, type=Reply) == reply
        await self.storage.turns.answered(turn.id, encoded, exchange=reply.exchange)
        shown = f"b{turn.id}"
        await self.storage.turns.done(turn.id, "answered", (shown,))
        return Seen(turn.id, reply, stage, shown, turn.message, turn.person, turn.place, turn.language)

    def file(self, name: str, media_type: str, content: bytes, kind: Kind = Kind.DOCUMENT) -> Attachment:
        """Return an attachment whose bytes the stage can fetch."""
        handle = f"h{next(self._numbers)}"
        self.sent[handle] = content
        return Attachment(kind, name, media_type, len(content), handle)

    def asked(self, call: int = -1) -> list[tuple[str, str]]:
        """Return what the relay was sent in a call, system prompt aside: (role, words) with pictures as `<image>`."""
        return [(each["role"], words_of(each["content"])) for each in self.relay.chats[call]["messages"][1:]]

    def system(self, call: int = -1) -> str:
        """Return the system prompt of a call."""
        first = self.relay.chats[call]["messages"][0]
        assert first["role"] == "system"
        return words_of(first["content"])


def words_of(content: Any) -> str:
    """Return a wire message's content as text."""
    if isinstance(content, str):
        return content
    return "".join(part["text"] if part["type"] == "text" else "<image>" for part in content)


@asynccontextmanager
async def a_world(files: Path, *, models: tuple[str, ...] | None = None, **chat: Any) -> AsyncIterator[World]:
    """Open a world; `chat` are settings of `ChatConfig`."""
    clock = FakeClock()

    relay = StandIn(natural=False)
    if models is not None:
        relay.models = list(models)
    control, background = ControlDouble(), BackgroundDouble()
    async with (
        relay.serving() as address,
        open_database("sqlite:///:memory:", now=clock.now, files=files) as storage,
        Polo.open(RelaySettings(address, ("sk-test",)), sleep=clock.advance, monotonic=clock.monotonic) as polo,
    ):
        config = ChatConfig(**{"model": "gpt-4.1-mini", **chat})
        services = Services(
            polo=polo,
            storage=storage,
            models=Models(polo, clock.now),
            conversations=Conversations(polo=polo, storage=storage, chat=config, background=background, now=clock.now),
            chat=config,
            commands=COMMANDS,
            control=control,
            background=background,
            now=clock.now,
        )
        try:
            yield World(storage, relay, services, control, background, clock)
        finally:
            background.close()
