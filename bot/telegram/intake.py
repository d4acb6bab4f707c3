"""From updates to dispatch: reads them, joins pieces, hands them over in one call, then sees to what needs an answer.

The same for long polling and webhook: when `take` has returned, everything in the updates is stored, and they may be
confirmed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import msgspec
from telegram import Bot, Update

from bot.clock import Clock
from bot.ports import Inbox, Incoming, Pressed
from bot.telegram.admins import Admins
from bot.telegram.gather import Gatherer
from bot.telegram.receive import PLATFORM, Closed, Happened, Happening, Heard, Joined, Me, Migrated, read
from bot.telegram.recent import Recent

RETRY_S = 1.0

_log = logging.getLogger(__name__)


class Manners(Protocol):
    """What the bot does by itself towards the platform; none of these raises but on cancellation."""

    async def acknowledge(self, query: str) -> None:
        """Take the spinner off a pressed button."""

    async def greet(self, chat: str, language: str) -> None:
        """Say once in a group what works there."""

    def redirect(self, old: str, new: str) -> None:
        """Send to `new` what is addressed to the chat `old`."""


class Intake:
    """One bot's way in. `take` may be called by several at once; updates are seen to in the order of the calls."""

    def __init__(
        self, *, bot: Bot, me: Me, inbox: Inbox, gatherer: Gatherer, admins: Admins, manners: Manners, clock: Clock
    ) -> None:
        self._bot, self._me, self._inbox, self._clock = bot, me, inbox, clock
        self._gatherer, self._admins, self._manners = gatherer, admins, manners
        self._turn = asyncio.Lock()
        self._collecting = asyncio.Event()
        self._moved: Recent[str, str] = Recent(1000)
        self._later: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue(maxsize=1000)
        self.seen = 0  # updates, for health

    async def take(self, updates: Sequence[Any]) -> None:
        """Store what updates (as plain JSON) mean. Raises what the inbox raises; then nothing may be confirmed."""
        happenings = [happening for update in updates if (happening := self._read(update)) is not None]
        self.seen += len(updates)
        if not happenings:
            return
        async with self._turn:
            await self._follow_moves(happenings)
            ready = [incoming for happening in happenings for incoming in self._ready(happening)]
            await self._store(ready)
            for happening in happenings:
                await self._see_to(happening)
        if len(self._gatherer):
            self._collecting.set()

    def _read(self, update: Any) -> Happening | None:
        """Read one update; a broken one is logged without its content and ignored, so that others get through."""
        try:
            parsed = Update.de_json(update, self._bot)
            return read(parsed, self._me)
        except Exception as error:  # whatever python-telegram-bot stumbles over in what strangers can send
            number = update.get("update_id") if isinstance(update, dict) else None
            _log.warning("telegram: update %s is unreadable and ignored: %s", number, type(error).__name__)
            return None

    def _ready(self, happening: Happening) -> list[Incoming]:
        match happening:
            case Heard():
                return self._gatherer.offer(happening)
            case Happened(incoming=Incoming() as incoming):
                return [incoming]
            case _:
                return []

    async def _store(self, ready: list[Incoming]) -> None:
        """Hand over in one call. What is still being collected is secured first, and forgotten only afterwards."""
        try:
            await self._gatherer.secure()
            if ready:
                await self._inbox.accept([await self._completed(incoming) for incoming in ready])
        except BaseException:
            self._gatherer.take_back()
            raise
        await self._gatherer.settle()

    async def _completed(self, incoming: Incoming) -> Incoming:
        """Add what the update does not tell: a group's new id, and whether a person who commands is an admin."""
        place, person = incoming.place, incoming.person
        if (new := self._moved.get(place.chat)) is not None:
            place = msgspec.structs.replace(place, chat=new)
        if not place.private and not person.admin and self._commands(incoming):
            person = msgspec.structs.replace(person, admin=await self._admins.is_admin(place.chat, person.id))
        return msgspec.structs.replace(incoming, place=place, person=person)

    def _commands(self, incoming: Incoming) -> bool:
        what = incoming.what
        return isinstance(what, Pressed) or getattr(what, "text", "").startswith("/")

    async def _follow_moves(self, happenings: list[Happening]) -> None:
        for happening in happenings:
            if isinstance(happening, Migrated):
                await self.moved(happening.old, happening.new)

    async def moved(self, old: str, new: str) -> None:
        """Tell dispatch, once, that a group has a new id."""
        if self._moved.get(old) != new:
            await self._inbox.moved(PLATFORM, old, new)
            self._moved.put(old, new)
            self._manners.redirect(old, new)

    async def _see_to(self, happening: Happening) -> None:
        match happening:
            case Happened(query=str() as query):
                self._do_later(lambda: self._manners.acknowledge(query))
            case Closed(chat=chat):
                await self._inbox.gone(PLATFORM, chat)
            case Joined(chat=chat, language=language):
                self._do_later(lambda: self._manners.greet(chat, language))
            case _:
                pass

    def _do_later(self, deed: Callable[[], Awaitable[None]]) -> None:
        try:
            self._later.put_nowait(deed)
        except asyncio.QueueFull:
            _log.warning("telegram: too many presses at once, one keeps its spinner")

    async def run(self) -> None:
        """Complete what nothing more comes for, and see to answers; until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._complete())
            for _ in range(8):  # a slow answer to one press does not hold up the next
                tasks.create_task(self._see_to_later())
            if len(self._gatherer):
                self._collecting.set()

    async def _see_to_later(self) -> None:
        while True:
            deed = await self._later.get()
            await deed()

    async def _complete(self) -> None:
        while True:
            await self._collecting.wait()
            wait_s = self._gatherer.next_due_s()
            if wait_s is None:
                self._collecting.clear()
                continue
            await self._clock.sleep(wait_s)
            await self._hand_over_due()

    async def _hand_over_due(self) -> None:
        async with self._turn:
            try:
                await self._store(self._gatherer.due())
            except Exception as error:  # the database is away: the pieces are held, and tried again
                _log.error("telegram: a joined message could not be stored: %s", type(error).__name__)
            else:
                return
        await self._clock.sleep(RETRY_S)
