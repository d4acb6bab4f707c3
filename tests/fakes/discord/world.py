"""What exists on the fake Discord: people, servers, channels, messages, interactions. Plain state, no protocol."""

from __future__ import annotations

import asyncio
import datetime
import itertools
from dataclasses import dataclass, field
from typing import Any

from bot.clock import Clock

EPOCH_MS = 1420070400000
TEXT, DM, GROUP_DM, THREAD = 0, 1, 3, 11  # channel types
EPHEMERAL, LOADING, VOICE = 1 << 6, 1 << 7, 1 << 13  # message flags
ADMINISTRATOR, MANAGE_GUILD = 1 << 3, 1 << 5
MEMBER_PERMISSIONS = (1 << 10) | (1 << 11) | (1 << 15) | (1 << 16) | (1 << 31)


class Snowflakes:
    """Ids in Discord's form, growing, of the injected clock's time."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._count = clock, itertools.count(1)

    def new(self) -> str:
        """Return a new id."""
        milliseconds = int(self._clock.now() * 1000) - EPOCH_MS
        return str((milliseconds << 22) | (next(self._count) & 0x3FFFFF))

    def time(self) -> str:
        """Return now as Discord writes it."""
        return datetime.datetime.fromtimestamp(self._clock.now(), datetime.UTC).isoformat(timespec="microseconds")


@dataclass(eq=False)
class User:
    """An account."""

    id: str
    name: str
    locale: str = "en-US"
    bot: bool = False
    takes_dms: bool = True
    modal: dict[str, Any] | None = None  # the window that stands open before this person
    modal_of: Interaction | None = None


@dataclass(eq=False)
class Guild:
    """A server. `bot_in`: the bot is a member of it."""

    id: str
    name: str
    owner: User
    role: str  # id of the role that the bot's invitation made
    bot_in: bool = True
    admins: set[str] = field(default_factory=set)  # user ids
    channels: list[Room] = field(default_factory=list)
    members: dict[str, User] = field(default_factory=dict)


@dataclass(eq=False)
class Room:
    """A channel, thread, direct message or group."""

    id: str
    name: str
    type: int
    guild: Guild | None = None
    parent: Room | None = None
    recipients: tuple[User, ...] = ()
    bot_reads: bool = True
    bot_writes: bool = True
    bot_reads_history: bool = True
    deleted: bool = False
    notes: dict[str, Note] = field(default_factory=dict)  # by id, in order
    typing: int = 0  # how often the bot showed that it types

    @property
    def with_bot(self) -> bool:
        """Tell whether the bot's own token works here."""
        if self.guild is not None:
            return self.guild.bot_in
        return any(user.bot for user in self.recipients)


@dataclass(eq=False)
class File:
    """An attachment."""

    id: str
    name: str
    content: bytes
    content_type: str
    room: Room
    seconds: float | None = None  # of a voice message
    expires_at: float = 0.0


@dataclass(eq=False)
class Note:
    """A message as it stands."""

    id: str
    room: Room
    author: User
    text: str
    at: str
    edited_at: str | None = None
    edits: int = 0
    flags: int = 0
    components: list[dict[str, Any]] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    reply_to: str | None = None
    told_of_original: bool = True  # events about a reply usually carry the message replied to
    forwarded: Note | None = None
    only_for: User | None = None
    interaction: Interaction | None = None
    webhook: str | None = None
    mentions: list[User] = field(default_factory=list)
    mentions_everyone: bool = False
    mentioned_roles: list[str] = field(default_factory=list)
    pinged: list[str] = field(default_factory=list)  # what the bot's message pinged: "everyone", roles, users
    nonce: str | None = None


@dataclass(eq=False)
class Interaction:
    """Something a person did that the bot has to answer within three seconds."""

    id: str
    token: str
    type: int
    user: User
    room: Room
    made_at: float
    user_installed: bool
    message: Note | None = None
    answer: int | None = None  # type of the first answer
    answered_after: float | None = None  # seconds on the clock
    ephemeral: bool = False
    original: Note | None = None
    choices: list[dict[str, Any]] = field(default_factory=list)
    follow_ups: int = 0
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def thinking(self) -> bool:
        """Tell whether "... is thinking" stands there."""
        return self.original is not None and bool(self.original.flags & LOADING)
