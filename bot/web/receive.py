"""From what the browser posts to what dispatch accepts. Everything here was written by a stranger until checked."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from bot.ports import Edited, Incoming, Invoked, Pressed, Said, Submitted
from bot.web.rooms import Entry, Room
from bot.web.spool import Spool, clean_name, clean_type, kind_of
from bot.web.words import SAYS
from handlers.turn import Attachment, Person, Place, Quoted
from handlers.words import Words, spoken

T = TypeVar("T", bound=msgspec.Struct)

PLATFORM = "web"
EVENT = re.compile(r"[A-Za-z0-9_-]{16,64}")  # made by the browser: 128 random bits
CHAT = re.compile(r"[0-9a-f]{20}-[a-z0-9]{1,40}")
ID = re.compile(r"[A-Za-z0-9:._~+/=-]{1,128}")
TEXT_AT_MOST = 1_000_000  # characters; what a model can read is far less, and its sentence is better than ours
FILES_AT_MOST = 10
FIELDS_AT_MOST = 16
FIELD_AT_MOST = 20_000  # characters
BODY_AT_MOST = 8 << 20  # bytes of JSON


class Rejected(Exception):
    """What was posted is refused with a sentence for the person."""

    def __init__(self, status: int, words: Words) -> None:
        super().__init__(words.en)
        self.status, self.words = status, words


# ---------------------------------------------------------------- what the browser may post


class SentFile(msgspec.Struct, frozen=True):
    """A file that was uploaded before; the name and type are the browser's word."""

    handle: str
    name: str
    type: str = ""
    size: int | None = None


class Say(msgspec.Struct, frozen=True, tag="say"):
    """Words, files, and the id of the message that is replied to."""

    text: str
    files: tuple[SentFile, ...] = ()
    quote: str | None = None


class Edit(msgspec.Struct, frozen=True, tag="edit"):
    """New words for an earlier question."""

    message: str
    text: str
    files: tuple[SentFile, ...] = ()


class Press(msgspec.Struct, frozen=True, tag="press"):
    """A button."""

    action: str
    message: str


class Submit(msgspec.Struct, frozen=True, tag="submit"):
    """A form."""

    action: str
    fields: dict[str, str]
    message: str | None = None


class Invoke(msgspec.Struct, frozen=True, tag="invoke"):
    """A command without options, from a control of the page (Stop)."""

    command: str


class Post(msgspec.Struct, frozen=True):
    """One event, with an id of the browser's that stays the same when it is posted again."""

    event: str
    chat: str
    what: Say | Edit | Press | Submit | Invoke
    language: str = ""


class FormWanted(msgspec.Struct, frozen=True):
    """The window that a button opens."""

    chat: str
    action: str
    language: str = ""


class CompletionWanted(msgspec.Struct, frozen=True):
    """Choices for an option, for what has been typed of it."""

    chat: str
    command: str
    option: str
    typed: str
    language: str = ""


async def read(request: web.Request, wanted: type[T]) -> T:
    """Read a JSON body into a checked struct. Raises `Rejected`."""
    if request.content_type != "application/json":
        raise Rejected(415, SAYS["not_understood"])
    try:
        return msgspec.convert(_clean(json.loads(await request.read())), wanted)
    except web.HTTPRequestEntityTooLarge as error:
        raise Rejected(413, SAYS["too_long"]) from error
    except (ValueError, RecursionError) as error:  # msgspec.ValidationError is one, bad UTF-8 too
        raise Rejected(400, SAYS["not_understood"]) from error


def _clean(value: Any) -> Any:
    """Mend text everywhere: lone surrogates, and control characters that no database or platform takes."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {clean(key): _clean(item) for key, item in value.items()}
    return value


def clean(text: str) -> str:
    """Return text that is whole Unicode, with line breaks as `\\n` and no other control characters but tabs."""
    if not text.isascii():
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isprintable():
        return text
    return "".join(mark for mark in text if mark in "\n\t" or unicodedata.category(mark) != "Cc")


# ---------------------------------------------------------------- who and where


def person(browser: str, language: str) -> Person:
    """Return who sits at this browser. The chat is his own, so he is its admin; owners are named by OWNERS."""
    return Person(f"{PLATFORM}:{browser}", f"{PLATFORM}-{browser[:6]}", spoken(language), admin=True)


def own_chat(browser: str, chat: str) -> str:
    """Return the conversation's id where it belongs to this browser. Raises `Rejected`."""
    if not CHAT.fullmatch(chat) or not chat.startswith(f"{browser}-"):
        raise Rejected(403, SAYS["not_yours"])
    return chat


def place(chat: str, request: str | None = None) -> Place:
    """Return the address of a conversation; `request` is the event to which the reply will belong."""
    return Place(PLATFORM, chat, message=request)


# ---------------------------------------------------------------- the event


def incoming(browser: str, post: Post, room: Room | None, spool: Spool) -> Incoming:
    """Return the event that a post means. Raises `Rejected` with a sentence."""
    if not EVENT.fullmatch(post.event):
        raise Rejected(400, SAYS["not_understood"])
    chat = own_chat(browser, post.chat)
    what = _what(browser, post, room, spool)
    return Incoming(f"{browser}:{post.event}", place(chat, post.event), person(browser, post.language), what)


def _what(browser: str, post: Post, room: Room | None, spool: Spool) -> Said | Edited | Pressed | Submitted | Invoked:
    match post.what:
        case Say(text, files, quote):
            sent = tuple(_attachment(browser, file, spool, must_exist=True) for file in _few(files))
            return Said(_text(text, sent), post.event, sent, _quoted(quote, room))
        case Edit(message, text, files):
            # After some days the upload is swept, while the conversation still has the file.
            sent = tuple(_attachment(browser, file, spool, must_exist=False) for file in _few(files))
            return Edited(_text(text, sent), _id(message), sent)
        case Press(action, message):
            return Pressed(_id(action), _id(message))
        case Submit(action, fields, message):
            return Submitted(_id(action), _fields(fields), None if message is None else _id(message))
        case Invoke(command):
            return Invoked(_id(command), {})


def _text(text: str, files: tuple[Attachment, ...]) -> str:
    text = text.strip()
    if not text and not files:
        raise Rejected(400, SAYS["empty"])
    if len(text) > TEXT_AT_MOST:
        raise Rejected(413, SAYS["too_long"])
    return text


def _few(files: tuple[SentFile, ...]) -> tuple[SentFile, ...]:
    if len(files) > FILES_AT_MOST:
        raise Rejected(400, SAYS["too_many_files"].with_values(count=FILES_AT_MOST))
    return files


def _attachment(browser: str, file: SentFile, spool: Spool, *, must_exist: bool) -> Attachment:
    path = spool.path(file.handle, browser)
    if path is None and (must_exist or not file.handle.startswith(f"{browser}-")):
        raise Rejected(410, SAYS["file_gone"].with_values(name=clean_name(file.name)))
    size = file.size if path is None else path.stat().st_size
    return Attachment(kind_of(file.type), clean_name(file.name), clean_type(file.type), size, file.handle)


def _quoted(message: str | None, room: Room | None) -> Quoted | None:
    if message is None:
        return None
    message = _id(message)
    entry = room.entries.get(message) if room else None
    if entry is None or entry.page is not None:
        return Quoted(message, entry.page.plain if entry and entry.page else "", by_bot=True)
    return Quoted(message, entry.asked_text, entry.attachments)


def _fields(fields: dict[str, str]) -> dict[str, str]:
    if len(fields) > FIELDS_AT_MOST or any(len(said) > FIELD_AT_MOST for said in fields.values()):
        raise Rejected(413, SAYS["too_long"])
    return fields


def _id(value: str) -> str:
    if not ID.fullmatch(value):
        raise Rejected(400, SAYS["not_understood"])
    return value


def entry_of(event: Incoming, at: float) -> Entry | None:
    """Return what the page shows of an event from now on, None where it shows nothing."""
    match event.what:
        case Said(text, message, attachments) | Edited(text, message, attachments):
            return Entry(message, at, None, text, attachments, request=message)
        case _:
            return None
