"""One request of one person at one place, as a handler sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import msgspec

from handlers.words import Words
from storage.records import StoredFile

if TYPE_CHECKING:
    from handlers.reply import Reply


class Place(msgspec.Struct, frozen=True):
    """An address to which one can reply at any later time; plain data, stored with every turn.

    `via` belongs to the adapter (Discord keeps an interaction's token there) and is never shown or logged.
    """

    platform: str  # "telegram", "discord", "web"
    chat: str
    thread: str | None = None  # forum topic; a Discord thread is a chat of its own with `parent` set
    private: bool = True  # a direct message: everything said is meant for the bot
    message: str | None = None  # the message to which the reply belongs, in the platform's own id
    parent: str | None = None  # the chat whose settings apply where this one has none
    server: str | None = None  # the Discord server it belongs to
    via: str = ""

    @property
    def conversation(self) -> str:
        """The key of the conversation here: one channel, thread, topic or private chat."""
        return f"{self.platform}:{self.chat}" + (f":{self.thread}" if self.thread else "")

    @property
    def scopes(self) -> tuple[str, ...]:
        """Where settings are looked up, nearest first: topic or thread, then its chat."""
        chat = f"{self.platform}:{self.parent or self.chat}"
        return (self.conversation, chat) if chat != self.conversation else (chat,)


class Person(msgspec.Struct, frozen=True):
    """Who asks. `id` is `platform:id`; `admin` is about this place only."""

    id: str
    name: str
    language: str = ""  # IETF tag from the platform, "" where it tells none
    admin: bool = False
    owner: bool = False  # one of OWNERS: set by dispatch, never by an adapter


class Kind(StrEnum):
    """What an attachment is, by what the platform and its media type say."""

    IMAGE = "image"
    AUDIO = "audio"
    VOICE = "voice"
    VIDEO = "video"
    DOCUMENT = "document"


class Attachment(msgspec.Struct, frozen=True):
    """A lazy handle on something a person sent. `handle` is the adapter's own and works after a restart."""

    kind: Kind
    name: str
    media_type: str
    size: int | None  # bytes, None where the platform does not say
    handle: str


class Quoted(msgspec.Struct, frozen=True):
    """The message to which the person replied."""

    message: str  # the platform's id
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    by_bot: bool = False  # this bot's own message


class Stage(Protocol):
    """Where a turn's reply grows while the handler works. Nothing here waits for the platform."""

    def grow(self, text: str) -> None:
        """Add Markdown to the end of the reply; the platform sees it when its pace allows."""

    def note(self, words: Words | None) -> None:
        """Show a line of progress below what has been said; None takes it away."""

    def if_stopped(self, reply: Callable[[str], Reply]) -> None:
        """Say what becomes of the turn when the person stops it: given the text so far, the reply to end with."""

    async def asking(self) -> None:
        """Write down that something billed is about to be asked; call it right before, await it."""

    async def fetch(self, attachment: Attachment, *, at_most: int) -> StoredFile:
        """Put an attachment of at most `at_most` bytes into the file store. Raises `TooLarge` or `CannotFetch`."""


class TooLarge(Exception):
    """A file is larger than the platform or we allow; `limit` in bytes."""

    def __init__(self, name: str, limit: int) -> None:
        super().__init__(f"{name} is larger than {limit} bytes")
        self.name, self.limit = name, limit


class CannotFetch(Exception):
    """The platform no longer gives the file."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One request. What was typed lies in `text`, a command's options in `options`, a button's in `arguments`.

    `settings` are the values in force here: the topic's, the chat's, the person's, nearest first. `message` is the
    platform's id of what the person sent. `replaces` is the earlier turn whose reply this one takes the place of:
    the question was edited, or Regenerate was pressed.
    """

    id: int
    place: Place
    person: Person
    language: str  # one of LANGUAGES
    stage: Stage
    message: str | None = None
    replaces: int | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    quoted: Quoted | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    arguments: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)

    def option(self, name: str, default: str = "") -> str:
        """Return a text option, or `default` where it was left out."""
        value = self.options.get(name)
        return default if value is None else str(value)
