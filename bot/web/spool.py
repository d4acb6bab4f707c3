"""What browsers send: files on disk under opaque handles, bounded in size, swept after some days.

A handle is `<browser>-<random>`: it works after a restart, and only for the browser that sent the file.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
import unicodedata
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from handlers.turn import Attachment, CannotFetch, Kind, TooLarge

HANDLE = re.compile(r"[0-9a-f]{20}-[0-9a-f]{32}")
MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,60}")
NAME_AT_MOST = 120  # characters
KEEP_S = 3 * 24 * 3600.0  # a turn that waits, and its repetition after a crash, find the file
CHUNK_S = 60.0  # between two chunks of an upload


class SpoolFull(Exception):
    """There is no room for another upload right now."""


class Spool:
    """A folder of files that people have sent. Blocking work runs in threads."""

    def __init__(self, folder: Path, *, file_at_most: int, total_at_most: int) -> None:
        self.folder, self.file_at_most, self._total_at_most = folder, file_at_most, total_at_most
        self._total = 0

    async def open(self, now: float) -> None:
        """Make the folder and throw away what is old (`now` in Unix seconds)."""
        await asyncio.to_thread(self.folder.mkdir, parents=True, exist_ok=True)
        await self.sweep(now)

    async def sweep(self, now: float) -> None:
        """Delete what is older than `KEEP_S`, and count what stays."""
        self._total = await asyncio.to_thread(self._sweep, now - KEEP_S)

    def _sweep(self, before: float) -> int:
        kept = 0
        for path in self.folder.iterdir():
            with suppress(FileNotFoundError):  # an upload that has just ended or failed
                status = path.stat()
                if status.st_mtime < before:
                    path.unlink()
                else:
                    kept += status.st_size
        return kept

    async def receive(self, browser: str, name: str, media_type: str, chunks: AsyncIterator[bytes]) -> Attachment:
        """Write an upload to disk and return its handle. Raises `TooLarge`, `SpoolFull`, `TimeoutError`, `OSError`."""
        handle = f"{browser}-{secrets.token_hex(16)}"
        part = self.folder / f"{handle}.part"
        size = 0
        try:
            file = await asyncio.to_thread(part.open, "wb")
            try:
                while (chunk := await _next(chunks)) is not None:
                    size += len(chunk)
                    self._admit(name, size, len(chunk))
                    await asyncio.to_thread(file.write, chunk)
            finally:
                await asyncio.to_thread(file.close)
            await asyncio.to_thread(part.replace, self.folder / handle)
        except BaseException:
            self._total -= size
            part.unlink(missing_ok=True)
            raise
        return Attachment(kind_of(media_type), clean_name(name), clean_type(media_type), size, handle)

    def _admit(self, name: str, size: int, more: int) -> None:
        self._total += more
        if size > self.file_at_most:
            raise TooLarge(clean_name(name), self.file_at_most)
        if self._total > self._total_at_most:
            raise SpoolFull

    def path(self, handle: str, browser: str | None = None) -> Path | None:
        """Return where a file lies, None where it is not there or is another browser's."""
        if not HANDLE.fullmatch(handle) or (browser is not None and not handle.startswith(f"{browser}-")):
            return None
        path = self.folder / handle
        return path if path.is_file() else None

    async def copy(self, attachment: Attachment, into: Path, *, at_most: int) -> int:
        """Put a file at `into`, without copying its bytes where the disk allows, and return its size.

        The original stays until it is swept: after a crash the turn is taken up again and asks once more.
        Raises `TooLarge` or `CannotFetch`.
        """
        path = self.path(attachment.handle)
        if path is None:
            raise CannotFetch(attachment.name)
        try:
            size = (await asyncio.to_thread(path.stat)).st_size
            if size > at_most:
                raise TooLarge(attachment.name, at_most)
            await asyncio.to_thread(_link_or_copy, path, into)
        except OSError as error:
            raise CannotFetch(attachment.name) from error
        return size


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    async with asyncio.timeout(CHUNK_S):
        return await anext(chunks, None)


def _link_or_copy(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)


def clean_name(name: str) -> str:
    """Make a name that is only a name: no folders, no control or direction-changing characters, not hidden."""
    name = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode())
    name = name.replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(letter for letter in name if unicodedata.category(letter) not in {"Cc", "Cf", "Cs", "Zl", "Zp"})
    name = name.strip(" .")
    if len(name) > NAME_AT_MOST:
        stem, dot, ending = name.rpartition(".")
        ending = dot + ending if stem and len(ending) <= 10 else ""
        name = name[: NAME_AT_MOST - len(ending)] + ending
    return name or "file"


def clean_type(media_type: str) -> str:
    """Return the media type without parameters, the general one where it is none."""
    bare = media_type.partition(";")[0].strip().lower()
    return bare if MEDIA_TYPE.fullmatch(bare) else "application/octet-stream"


def kind_of(media_type: str) -> Kind:
    """Tell what an attachment is by its media type."""
    match clean_type(media_type).partition("/")[0]:
        case "image":
            return Kind.IMAGE
        case "audio":
            return Kind.AUDIO
        case "video":
            return Kind.VIDEO
        case _:
            return Kind.DOCUMENT
