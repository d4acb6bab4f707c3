"""The plain data that goes in and out of the database. Times are Unix seconds, UTC. Money is Decimal, in USD."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

IGNORED = "ignored"  # the outcome of a turn of which nothing came, by decision


class TurnState(StrEnum):
    """Where a turn stands. It only moves down this list."""

    ACCEPTED = "accepted"  # stored; nothing billed has been asked
    ASKED = "asked"  # something billed has been asked; nothing final is known
    ANSWERED = "answered"  # the reply is stored, its delivery is not confirmed
    DONE = "done"  # the person has one outcome: an answer or a clear error
    MERGED = "merged"  # its words went into a later turn


class NewTurn(msgspec.Struct, frozen=True):
    """An event to be accepted. `incoming` is the encoded event, opaque to storage."""

    event: str  # unique: the platform's event id
    conversation: str  # key, `platform:chat[:thread]`
    person: str  # `platform:id`
    incoming: bytes
    message: str | None = None  # the platform's id of the message that asks
    via: str = ""  # a secret that answering takes (Discord's interaction token); deleted when the turn ends


class StoredTurn(msgspec.Struct, frozen=True):
    """A turn as it stands. `shown` are the platform's message ids that show its reply so far, in order."""

    id: int
    event: str
    conversation: str
    person: str
    incoming: bytes
    message: str | None
    state: TurnState
    outcome: str  # "" until done; then "answered", "stopped", "refused", "failed:<code>", ...
    shown: tuple[str, ...]
    reply: bytes | None  # encoded, opaque to storage; before ANSWERED what of it could be seen
    accepted_at: float
    via: str = ""  # see `NewTurn`; "" once the turn has its outcome


class Role(StrEnum):
    """Who spoke."""

    USER = "user"
    ASSISTANT = "assistant"


class StoredFile(msgspec.Struct, frozen=True):
    """A file that belongs to a message; its bytes lie in the file store under `digest` (hex SHA-256)."""

    digest: str
    name: str
    media_type: str
    size: int  # bytes


class NewMessage(msgspec.Struct, frozen=True):
    """A message to be remembered. `tokens` is a local estimate. `platform_ids`: the chat messages that show it."""

    role: Role
    text: str
    tokens: int
    files: tuple[StoredFile, ...] = ()
    person: str | None = None
    model: str | None = None
    platform_ids: tuple[str, ...] = ()


class Message(msgspec.Struct, frozen=True):
    """A remembered message."""

    id: int
    parent: int | None
    role: Role
    text: str
    tokens: int
    files: tuple[StoredFile, ...]
    person: str | None
    model: str | None
    said_at: float


class Spent(msgspec.Struct, frozen=True):
    """What one call of the relay used. `cost` None: the relay names no price."""

    model: str
    prompt_tokens: int
    completion_tokens: int
    cost: Decimal | None = None
    estimated: bool = False
    relay_request: str = ""  # the relay's request id


class Exchange(msgspec.Struct, frozen=True):
    """What a conversation shall remember of a turn: messages hung below `parent`, the last becoming the head."""

    conversation: str
    parent: int | None
    messages: tuple[NewMessage, ...]
    spent: tuple[Spent, ...] = ()


class Recall(msgspec.Struct, frozen=True):
    """What a model shall know: an older summary, then messages oldest first, `head` being the last one's id."""

    head: int | None
    summary: str | None
    messages: tuple[Message, ...]
    # Messages above those returned that no summary covers yet: they did not fit the budget.
    left_out: bool = False


class NewAction(msgspec.Struct, frozen=True):
    """A button's action, to be stored before the button is shown. `action` is encoded, opaque to storage."""

    id: str  # unique, chosen by the caller
    conversation: str
    person: str  # the requester of the turn that shows it
    turn: int | None
    action: bytes


class StoredAction(msgspec.Struct, frozen=True):
    """A button's action as it stands; `used_at` None: never claimed."""

    id: str
    conversation: str
    person: str  # the requester of the turn that showed it
    turn: int | None
    action: bytes
    used_at: float | None
    created_at: float


class Question(msgspec.Struct, frozen=True):
    """A form being asked field by field where the platform has no windows; one a person and conversation."""

    conversation: str
    person: str
    action: str  # the action whose form it is
    answers: dict[str, str]  # by field name, so far
    message: str | None  # the platform's id of the message that asks
    asked_at: float


class Totals(msgspec.Struct, frozen=True):
    """Sums over usage rows. `cost` adds up the known ones; `unpriced` counts calls without a price."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost: Decimal
    unpriced: int
