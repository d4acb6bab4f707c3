"""What is shown: Markdown as models write it, files, buttons and forms. Each adapter renders it natively.

A reply is plain data: it is stored before it is delivered, so that a crash in between loses nothing.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from handlers.words import Words
from storage.records import Exchange

# Values that an action carries: what JSON knows, nothing else, since they live in the database.
Arguments = dict[str, str | int | float | bool | None]


class Text(msgspec.Struct, frozen=True, tag="text"):
    """Markdown as models write it; of any length, adapters split it."""

    markdown: str


class File(msgspec.Struct, frozen=True, tag="file"):
    """A file of the store, by the hex SHA-256 of its bytes; shown as the platform's document."""

    name: str
    media_type: str
    digest: str
    size: int  # bytes


Part = Text | File


class Presser(StrEnum):
    """Who may press a button."""

    ANYONE = "anyone"
    REQUESTER = "requester"
    ADMINS = "admins"


class Field(msgspec.Struct, frozen=True):
    """One question of a form."""

    name: str
    label: Words
    placeholder: Words | None = None
    value: str = ""  # what stands there already
    long: bool = False  # several lines
    required: bool = True
    at_most: int = 4000  # characters; Discord's text input takes no more


class Form(msgspec.Struct, frozen=True):
    """A window with questions: a Discord modal, a question on Telegram, a dialog on the page. 1 to 5 fields."""

    title: Words
    fields: tuple[Field, ...]


class Action(msgspec.Struct, frozen=True):
    """What happens when a button is pressed: the name of a handler (`command.action`) and its arguments.

    Stored under a short id when the reply is shown; works as long as the message exists. `once` actions act on
    the first press only.
    """

    name: str
    arguments: Arguments = {}
    who: Presser = Presser.REQUESTER
    once: bool = False
    form: Form | None = None


class Style(StrEnum):
    """How a button looks where the platform can show it."""

    PLAIN = "plain"
    PRIMARY = "primary"
    DANGER = "danger"


class Button(msgspec.Struct, frozen=True):
    """A label and its stored action."""

    label: Words | str
    action: Action
    style: Style = Style.PLAIN


class Reply(msgspec.Struct, frozen=True):
    """What a handler says: parts in order, rows of buttons below the last one.

    `exchange` is what the conversation shall remember of it (None: nothing), written in the same transaction as
    the reply. `only_for_person` asks for a message that others in a group do not see, where the platform can.
    """

    parts: tuple[Part, ...] = ()
    buttons: tuple[tuple[Button, ...], ...] = ()
    exchange: Exchange | None = None
    only_for_person: bool = False
    # Edit the message whose button was pressed instead of adding one (pages of a list, a chosen setting).
    in_place: bool = False
