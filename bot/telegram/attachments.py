"""What a message carries besides words: files as lazy handles, and small things (a place, a contact) as words."""

from __future__ import annotations

import msgspec
from telegram import Animation, Audio, Document, Message, Sticker, Video, VideoNote, Voice

from bot.telegram.utf16 import clean
from handlers.turn import Attachment, Kind

NAME_LENGTH = 120  # characters


class Handle(msgspec.Struct, frozen=True):
    """How to ask Telegram for a file again; works for this bot only, and for as long as Telegram keeps the file."""

    file_id: str


def attachments_of(message: Message) -> tuple[Attachment, ...]:
    """Return a message's file: at most one, since albums come as several messages."""
    found = _photo(message) or _media(message)
    return () if found is None else (found,)


def _photo(message: Message) -> Attachment | None:
    if not message.photo:
        return None
    largest = max(message.photo, key=lambda size: size.width * size.height)
    return _attachment(Kind.IMAGE, "photo.jpg", "image/jpeg", largest.file_size, largest.file_id)


def _media(message: Message) -> Attachment | None:  # noqa: PLR0911  a table
    match message:
        case Message(voice=Voice() as voice):
            return _attachment(Kind.VOICE, "voice.ogg", voice.mime_type or "audio/ogg", voice.file_size, voice.file_id)
        case Message(video_note=VideoNote() as note):
            return _attachment(Kind.VIDEO, "video-note.mp4", "video/mp4", note.file_size, note.file_id)
        case Message(audio=Audio() as audio):
            name = audio.file_name or "audio.mp3"
            return _attachment(Kind.AUDIO, name, audio.mime_type or "audio/mpeg", audio.file_size, audio.file_id)
        case Message(animation=Animation() as moving) | Message(video=Video() as moving):
            name = moving.file_name or "video.mp4"
            return _attachment(Kind.VIDEO, name, moving.mime_type or "video/mp4", moving.file_size, moving.file_id)
        case Message(document=Document() as document):
            return _document(document)
        case Message(sticker=Sticker(is_animated=False, is_video=False) as sticker):
            return _attachment(Kind.IMAGE, "sticker.webp", "image/webp", sticker.file_size, sticker.file_id)
        case _:
            return None


def _document(document: Document) -> Attachment:
    media_type = document.mime_type or "application/octet-stream"
    family = media_type.partition("/")[0]
    kind = {"image": Kind.IMAGE, "audio": Kind.AUDIO, "video": Kind.VIDEO}.get(family, Kind.DOCUMENT)
    return _attachment(kind, document.file_name or "file", media_type, document.file_size, document.file_id)


def _attachment(kind: Kind, name: str, media_type: str, size: int | None, file_id: str) -> Attachment:
    handle = msgspec.json.encode(Handle(clean(file_id))).decode()
    return Attachment(kind, safe_name(name), clean(media_type), size, handle)


def safe_name(name: str) -> str:
    """Return a file name that holds neither folders nor control characters; a long one keeps its ending."""
    last = clean(name).replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(character for character in last if character.isprintable()).strip(". ") or "file"
    if len(printable) <= NAME_LENGTH:
        return printable
    stem, dot, ending = printable.rpartition(".")
    return printable[:NAME_LENGTH] if not dot or len(ending) > 10 else f"{stem[: NAME_LENGTH - 11]}.{ending}"


def stand_in_text(message: Message) -> str:  # noqa: PLR0911  a table
    """Return words for what has none: a moving sticker's emoji, a place, a contact, a poll; "" for the rest."""
    if message.sticker is not None and (message.sticker.is_animated or message.sticker.is_video):
        return clean(message.sticker.emoji or "")
    if message.dice is not None:
        return f"{message.dice.emoji} {message.dice.value}"
    if message.venue is not None:
        return clean(f"{message.venue.title}, {message.venue.address}")
    if message.location is not None:
        return f"{message.location.latitude}, {message.location.longitude}"
    if message.contact is not None:
        names = (message.contact.first_name, message.contact.last_name, message.contact.phone_number)
        return clean(" ".join(name for name in names if name))
    if message.poll is not None:
        return clean("\n".join([message.poll.question, *(f"- {option.text}" for option in message.poll.options)]))
    return ""
