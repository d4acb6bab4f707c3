"""Remembered messages as a model's messages: words, pictures and texts out of the file store, within bounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from handlers.attachments import Content, content_of, decoded
from handlers.image_header import read_image_header
from handlers.tokens import PER_MESSAGE, UNKNOWN_PICTURE, cut_to_tokens, picture_tokens, text_tokens
from polo.conversation import ImagePart, Message, Part, Role, TextPart
from storage import records

if TYPE_CHECKING:
    from storage.files import FileStore

PICTURES_AT_MOST = 10  # in one request: as many as an album holds
PICTURE_BYTES_AT_MOST = 40 << 20  # in one request; relays take bodies of 128 MB, base64 adds a third
_READ_PER_TOKEN = 8  # bytes of a text file that are looked at for each token it may have

Said = records.Message | records.NewMessage


class Transcript:
    """Reads the files of messages and puts words and files in a model's order."""

    def __init__(self, files: FileStore) -> None:
        self._files = files

    async def of(self, said: Sequence[Said], *, newest_tokens: int, older_tokens: int) -> tuple[Message, ...]:
        """Return the messages, oldest first, neighbours of one role joined (vendors refuse two in a row).

        Texts out of files take at most `newest_tokens` in the last message and `older_tokens` in each earlier one.
        Pictures are kept from the newest backwards, within the bounds above; others are named in words.
        """
        pictures, picture_bytes = PICTURES_AT_MOST, PICTURE_BYTES_AT_MOST
        backwards: list[Message] = []
        for message in reversed(said):
            allowance = older_tokens if backwards else newest_tokens
            parts: list[Part] = []
            for file in message.files:
                if file.media_type.startswith("image/") and (pictures <= 0 or file.size > picture_bytes):
                    parts.append(TextPart(f"[An earlier picture, not shown again: {_plain(file.name)}]\n"))
                    continue
                part, taken = await self._part(file, allowance)
                allowance -= taken
                if isinstance(part, ImagePart):
                    pictures, picture_bytes = pictures - 1, picture_bytes - file.size
                parts.append(part)
            if message.text or not parts:
                parts.append(TextPart(message.text))
            backwards.append(Message(Role(message.role.value), tuple(parts)))
        return joined(backwards[::-1])

    async def tokens(self, file: records.StoredFile, *, text_at_most: int) -> int:
        """Estimate what a file costs; a text one counts as `text_at_most` at most. Raises FileNotFoundError."""
        data = await self._files.read(file.digest)
        if content_of(file.name, file.media_type) is Content.PICTURE:
            return _picture(data)
        text = decoded(data, looked_at=text_at_most * _READ_PER_TOKEN) or ""
        return min(text_at_most, text_tokens(text))

    async def _part(self, file: records.StoredFile, allowance: int) -> tuple[Part, int]:
        """Return a file as a part, and the tokens of text it takes."""
        name = _plain(file.name)
        try:
            data = await self._files.read(file.digest)
        except FileNotFoundError:
            return TextPart(f"[A file that is no longer kept: {name}]\n"), 0
        if content_of(file.name, file.media_type) is Content.PICTURE:
            return ImagePart(data, file.media_type), 0
        looked_at = max(0, allowance) * _READ_PER_TOKEN
        whole = decoded(data, looked_at=looked_at) or ""
        text = cut_to_tokens(whole, max(0, allowance))
        ending = "\n[The rest of the file is left out.]" if len(text) < len(whole) or len(data) > looked_at else ""
        return TextPart(f'<file name="{name}">\n{text}{ending}\n</file>\n\n'), text_tokens(text)


def joined(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Join neighbours of one role, their words a blank line apart."""
    result: list[Message] = []
    for message in messages:
        if result and result[-1].role is message.role:
            result[-1] = Message(message.role, _fused(result[-1].parts, message.parts))
        else:
            result.append(message)
    return tuple(result)


def request_tokens(messages: Sequence[Message]) -> int:
    """Estimate the tokens of a whole request."""
    total = 0
    for message in messages:
        total += PER_MESSAGE
        for part in message.parts:
            if isinstance(part, TextPart):
                total += text_tokens(part.text)
            elif isinstance(part, ImagePart):
                total += _picture(part.data)
    return total


def _picture(data: bytes) -> int:
    header = read_image_header(data)
    return picture_tokens(header.width, header.height) if header else UNKNOWN_PICTURE


def _fused(first: tuple[Part, ...], second: tuple[Part, ...]) -> tuple[Part, ...]:
    last, head = first[-1], second[0]
    if isinstance(last, TextPart) and isinstance(head, TextPart):
        return (*first[:-1], TextPart(f"{last.text}\n\n{head.text}"), *second[1:])
    return first + second


def _plain(name: str) -> str:
    """Return a file's name without what could end its mark."""
    return "".join(sign for sign in name if sign.isprintable() and sign not in '<>"')[:100]
