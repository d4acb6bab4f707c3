"""What the open conversations show right now: a bounded cache, told to the browsers as states and not as a queue.

A browser's connection keeps only which messages it has not seen in their newest look. One that is slow or gone costs
nothing more than those names, and gets the newest look, not every look in between, when it reads again.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.clock import Clock
from bot.ports import Page
from handlers.turn import Attachment

ROOMS_AT_MOST = 1024  # conversations in memory; those that no browser looks at go first
BYTES_AT_MOST = 64 << 20  # of text in all of them
MESSAGES_AT_MOST = 400  # in one conversation
GONE_AT_MOST = 256  # deleted messages remembered in one conversation
NOTICES_AT_MOST = 8  # sentences for one person that wait for a slow browser
LISTENERS_AT_MOST = 24  # open pages on one conversation
TYPING_S = 6.0  # dispatch renews it every 4.5 s
STOP_PREFIX = "stop:"  # the button of a turn that is still running: see bot/live.py


@dataclass(slots=True)
class Entry:
    """One message as it stands. The person's has `asked_text`, the bot's has `page`."""

    id: str
    at: float  # Unix seconds of its birth
    page: Page | None = None
    asked_text: str = ""
    attachments: tuple[Attachment, ...] = ()
    request: str | None = None  # the id of the event that it belongs to
    revision: int = 0
    changed_at: float = 0.0  # monotonic seconds
    in_history: bool = False

    @property
    def growing(self) -> bool:
        """Tell whether the turn that writes it is still running."""
        rows = self.page.buttons if self.page else ()
        return any(button.id.startswith(STOP_PREFIX) for row in rows for button in row)

    @property
    def size(self) -> int:
        """Roughly the characters it holds."""
        return len(self.asked_text) + (len(self.page.text) + len(self.page.plain) if self.page else 0) + 200


class Listener:
    """One open page. `seen` is the HTML it was given last, for the messages that grow."""

    __slots__ = ("beat", "closed", "notices", "seen", "typing", "unseen", "wake")

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self.unseen: set[str] = set()
        self.seen: dict[str, str] = {}
        self.notices: deque[str] = deque(maxlen=NOTICES_AT_MOST)
        self.typing = False
        self.beat = False
        self.closed = False

    def close(self) -> None:
        """End the connection at its next breath."""
        self.closed = True
        self.wake.set()


@dataclass(slots=True)
class Room:
    """One conversation in memory. `epoch` changes when it was forgotten in between, so old positions mean nothing."""

    chat: str
    epoch: str = field(default_factory=lambda: secrets.token_hex(6))
    revision: int = 0
    floor: int = 0  # positions below it cannot be resumed
    entries: OrderedDict[str, Entry] = field(default_factory=OrderedDict)
    gone: OrderedDict[str, int] = field(default_factory=OrderedDict)
    listeners: list[Listener] = field(default_factory=list)
    typing_until: float = 0.0
    size: int = 0

    def put(self, entry: Entry, *, monotonic: float) -> None:
        """Show a message, or the new look of one that is shown; every open page hears of it."""
        before = self.entries.get(entry.id)
        if before is not None:
            self.size -= before.size
            entry.at, entry.in_history = before.at, before.in_history
            entry.request = entry.request or before.request
        self.revision += 1
        entry.revision, entry.changed_at = self.revision, monotonic
        self.entries[entry.id] = entry
        self.gone.pop(entry.id, None)  # posted again under the same nonce
        self.size += entry.size
        self._tell(entry.id)
        while len(self.entries) > MESSAGES_AT_MOST:
            _, oldest = self.entries.popitem(last=False)
            self.size -= oldest.size
            self.floor = max(self.floor, oldest.revision)

    def remove(self, message: str) -> None:
        """Take a message away."""
        self.drop([message])
        self.revision += 1
        self.gone[message] = self.revision
        while len(self.gone) > GONE_AT_MOST:
            _, revision = self.gone.popitem(last=False)
            self.floor = max(self.floor, revision)
        self._tell(message)

    def drop(self, messages: Iterable[str]) -> None:
        """Forget messages without a word to anyone: the history knows better."""
        for message in messages:
            entry = self.entries.pop(message, None)
            if entry is not None:
                self.size -= entry.size

    def can_resume(self, position: str) -> bool:
        """Tell whether a browser that has seen up to `position` (`epoch.revision`) can be brought up to date."""
        epoch, _, revision = position.partition(".")
        return epoch == self.epoch and revision.isdecimal() and self.floor <= int(revision[:18]) <= self.revision

    def missed(self, position: str) -> set[str]:
        """Return the messages that changed after `position`."""
        after = int(position.partition(".")[2][:18])
        changed = {entry.id for entry in self.entries.values() if entry.revision > after}
        return changed | {message for message, revision in self.gone.items() if revision > after}

    def open(self) -> Listener:
        """Add a page; the oldest gives way when there are too many."""
        if len(self.listeners) >= LISTENERS_AT_MOST:
            self.listeners.pop(0).close()
        listener = Listener()
        self.listeners.append(listener)
        return listener

    def close(self, listener: Listener) -> None:
        """Forget a page."""
        if listener in self.listeners:
            self.listeners.remove(listener)

    def _tell(self, message: str) -> None:
        for listener in self.listeners:
            listener.unseen.add(message)
            listener.wake.set()


class Rooms:
    """All conversations in memory, least recently used first to go. Those with an open page stay."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rooms: OrderedDict[str, Room] = OrderedDict()
        self._size = 0

    def room(self, chat: str) -> Room:
        """Return the conversation, an empty one where nothing is in memory."""
        room = self._rooms.get(chat)
        if room is None:
            room = self._rooms[chat] = Room(chat)
            self._evict(keep=chat)
        self._rooms.move_to_end(chat)
        return room

    def known(self, chat: str) -> Room | None:
        """Return the conversation only where it is in memory."""
        return self._rooms.get(chat)

    def put(self, chat: str, entry: Entry) -> None:
        """Show a message in a conversation."""
        room = self.room(chat)
        before = room.size
        room.put(entry, monotonic=self._clock.monotonic())
        self._size += room.size - before
        self._evict(keep=chat)

    def remove(self, chat: str, message: str) -> None:
        """Take a message away."""
        room = self.room(chat)
        before = room.size
        room.remove(message)
        self._size += room.size - before

    def drop(self, room: Room, messages: Iterable[str]) -> None:
        """Forget messages of which the history knows better."""
        before = room.size
        room.drop(messages)
        self._size += room.size - before

    def typing(self, chat: str) -> None:
        """Show that an answer is being made, for some seconds."""
        room = self.room(chat)
        room.typing_until = self._clock.monotonic() + TYPING_S
        for listener in room.listeners:
            listener.typing = True
            listener.wake.set()

    def beat(self) -> None:
        """Let every connection say that it lives, so that proxies keep it and dead ones are noticed."""
        for room in self._rooms.values():
            for listener in room.listeners:
                listener.beat = True
                listener.wake.set()

    def close(self) -> None:
        """End every connection."""
        for room in self._rooms.values():
            for listener in room.listeners:
                listener.close()

    def counts(self) -> tuple[int, int]:
        """Return how many conversations are in memory and how many pages are open."""
        return len(self._rooms), sum(len(room.listeners) for room in self._rooms.values())

    def _evict(self, *, keep: str) -> None:
        if len(self._rooms) <= ROOMS_AT_MOST and self._size <= BYTES_AT_MOST:
            return
        for room in [room for room in self._rooms.values() if not room.listeners and room.chat != keep]:
            del self._rooms[room.chat]
            self._size -= room.size
            if len(self._rooms) <= ROOMS_AT_MOST and self._size <= BYTES_AT_MOST:
                return
