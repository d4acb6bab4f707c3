"""The contract between the adapters and the heart: what goes in (`Inbox`), what comes out (`Adapter`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import msgspec

from handlers.command import Choice
from handlers.reply import Form
from handlers.turn import Attachment, Person, Place, Quoted

# ---------------------------------------------------------------- what goes in


class Said(msgspec.Struct, frozen=True, tag="said"):
    """Words meant for the bot: in a private chat, by mention, by reply. The mention itself is already cut off.

    `text` may begin with a slash command that the platform did not parse (Telegram, the page): dispatch parses it.
    """

    text: str
    message: str  # the platform's id of the person's message
    attachments: tuple[Attachment, ...] = ()
    quoted: Quoted | None = None


class Invoked(msgspec.Struct, frozen=True, tag="invoked"):
    """A command whose options the platform has parsed already (Discord). Attachment options come in `attachments`."""

    command: str
    options: dict[str, str | int | bool]
    attachments: tuple[Attachment, ...] = ()
    quoted: Quoted | None = None  # the message of a context menu


class Edited(msgspec.Struct, frozen=True, tag="edited"):
    """The person changed a message they had sent to the bot."""

    text: str
    message: str
    attachments: tuple[Attachment, ...] = ()


class Pressed(msgspec.Struct, frozen=True, tag="pressed"):
    """A button was pressed: its short id, and the message on which it stands."""

    action: str
    message: str


class Submitted(msgspec.Struct, frozen=True, tag="submitted"):
    """A form was filled in: the id of the button that opened it, and the fields by name."""

    action: str
    fields: dict[str, str]
    message: str | None = None


class Incoming(msgspec.Struct, frozen=True):
    """One event. `event` is unique on its platform and the same when the platform repeats it."""

    event: str
    place: Place
    person: Person
    what: Said | Invoked | Edited | Pressed | Submitted


class Inbox(Protocol):
    """What an adapter may ask of dispatch."""

    async def accept(self, events: Sequence[Incoming]) -> None:
        """Store the events, in one transaction, and see to them. Confirm to the platform only after this returned.

        Events already known are dropped. Raises only when they could not be stored.
        """

    async def form(self, action: str, place: Place, person: Person) -> Form | None:
        """Return the form that a button opens, for platforms with windows (Discord, the page).

        None where there is none or the person may not press it: then accept a `Pressed` and the person is told.
        """

    async def complete(self, command: str, option: str, typed: str, place: Place, person: Person) -> Sequence[Choice]:
        """Return at most 25 choices for an option; never raises, answers within 2 s."""

    async def moved(self, platform: str, old_chat: str, new_chat: str) -> None:
        """A chat has got a new id (Telegram's supergroups): move memory, settings, buttons, running turns."""

    async def gone(self, platform: str, chat: str) -> None:
        """The bot may not write there any more (blocked, kicked): stop what runs there, keep the data."""

    async def history(self, conversation: str, *, at_most: int) -> Sequence[PastTurn]:
        """Return the newest turns of a conversation, oldest first: the page shows them after a reload."""


class PastTurn(msgspec.Struct, frozen=True):
    """A turn that has ended: what was asked, and the pages that answered it, with their message ids."""

    asked: str  # "" where nothing was typed (a button)
    asked_at: float  # Unix seconds
    shown: tuple[tuple[str, Page], ...]
    message: str | None = None  # the platform's id of what the person sent, so that it can be edited after a reload
    attachments: tuple[Attachment, ...] = ()


# ---------------------------------------------------------------- what comes out


class Entity(msgspec.Struct, frozen=True):
    """Formatting of a stretch of text: Telegram's MessageEntity, offsets in UTF-16 code units."""

    type: str
    offset: int
    length: int
    url: str | None = None
    language: str | None = None


FORM_PREFIX = "f:"  # of a button's id: the press is answered with a window, before anything is looked up


class ShownButton(msgspec.Struct, frozen=True):
    """A button ready to be shown. `id`: at most 40 ASCII characters; `FORM_PREFIX` at its start opens a form."""

    label: str
    id: str
    style: str = "plain"  # plain, primary, danger


class Upload(msgspec.Struct, frozen=True):
    """A file to be sent, on disk."""

    name: str
    media_type: str
    path: str
    size: int  # bytes


class Page(msgspec.Struct, frozen=True):
    """One message as it will stand on the platform; equal pages look equal, so an edit between them is not sent.

    `text` is what the platform shows (Telegram: plain text with `entities`; Discord: its Markdown; the page: HTML).
    `plain` is the same without any formatting, for the one repetition after a refused format.
    """

    text: str
    plain: str
    size: int  # in the platform's unit of its limit
    entities: tuple[Entity, ...] = ()
    buttons: tuple[tuple[ShownButton, ...], ...] = ()
    upload: Upload | None = None
    only_for_person: bool = False


class Pace(msgspec.Struct, frozen=True):
    """How fast a platform may be written to."""

    limit: int  # size of a page at most
    private_per_s: float  # messages and edits a second in one private chat
    group_per_minute: float  # the same in one group
    overall_per_s: float
    edit_every_s: float  # between two looks of a growing reply, in a private chat
    group_edit_every_s: float
    draft_every_s: float


class Urgency(StrEnum):
    """What goes first when the platform's limits make things wait."""

    FINAL = "final"
    NEW = "new"
    GROWING = "growing"
    TYPING = "typing"


class DeliveryError(Exception):
    """The platform did not take what was sent."""


class Parked(DeliveryError):
    """Too fast (429): nothing to this chat (or, `everywhere`, to the platform) for `seconds`."""

    def __init__(self, seconds: float, *, everywhere: bool = False) -> None:
        super().__init__(f"parked for {seconds} s")
        self.seconds, self.everywhere = seconds, everywhere


class Gone(DeliveryError):
    """The chat is closed to the bot: blocked, kicked, deleted."""


class MessageGone(DeliveryError):
    """The message to be edited or deleted is no longer there, or may not be edited any more."""


class Unclear(DeliveryError):
    """No answer: it may have arrived. Never repeated without saying so."""


class NoDrafts(DeliveryError):
    """This chat does not show drafts: edit a message instead."""


class Refused(DeliveryError):
    """The platform refuses it for a reason of ours; the text is for the log."""


class TokenRejected(Exception):
    """A platform does not accept the bot's token: `setting` is the variable's name."""

    def __init__(self, setting: str) -> None:
        super().__init__(f"{setting} is not accepted by the platform")
        self.setting = setting


class Adapter(Protocol):
    """A platform's driver. Every method that talks to the platform raises `DeliveryError`s only, and is bounded
    in time. None of them waits for rate limits or repeats on 429: the pacer does. They may be called again after
    a restart of the process with places and message ids of the last one."""

    platform: str
    pace: Pace
    windows: bool  # shows forms as windows (Discord's modals); otherwise dispatch asks field by field

    async def run(self, inbox: Inbox, ready: Callable[[], None]) -> None:
        """Receive events until cancelled; call `ready` once when connected. Raises when it cannot go on."""

    def health(self) -> Mapping[str, str | float | bool]:
        """Tell how it is, for /healthz; no secrets."""

    def render(self, markdown: str, *, growing: bool) -> Page:
        """Turn one stretch of Markdown into a page; `size` may exceed `pace.limit`, then the caller cuts it.

        Pure and never failing for any input. `growing`: an open code fence is closed for the look.
        """

    async def post(self, place: Place, page: Page, *, nonce: str) -> str:
        """Send a new message and return its id. The same `nonce` twice must not show two where the platform helps."""

    async def edit(self, place: Place, message: str, page: Page) -> None:
        """Make a message look like `page`. That it already does is success."""

    async def draft(self, place: Place, draft: int, page: Page) -> None:
        """Show a growing answer that is not yet a message. Raises `NoDrafts` where the platform has none."""

    async def delete(self, place: Place, message: str) -> None:
        """Take a message away; that it is gone already is success."""

    async def typing(self, place: Place) -> None:
        """Show that an answer is being made, for some seconds."""

    async def tell(self, place: Place, person: Person, text: str) -> bool:
        """Say something to one person only, unseen by others, and return True; False where there is no such way."""

    async def download(self, attachment: Attachment, into: Path, *, at_most: int) -> int:
        """Fetch an attachment into a file and return its size. Raises `TooLarge` or `CannotFetch`."""
