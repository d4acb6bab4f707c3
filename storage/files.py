"""Files by the SHA-256 of their bytes: `ab/cdef...` below one folder, each content once."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from sqlalchemy import bindparam, literal_column, select

from storage.door import Door, Script
from storage.records import StoredFile
from storage.schema import MESSAGE_FILES
from storage.statement import Statement

F = MESSAGE_FILES.c

REFERENCED = Statement(select(F.digest).distinct())
REFERENCE = Statement(
    select(F.digest).where(F.digest == bindparam("digest_", type_=F.digest.type)).limit(literal_column("1"))
)
FILES_HAD = Statement(select(F.digest).where(F.message == bindparam("message", type_=F.message.type)))

DIGEST = re.compile(r"[0-9a-f]{64}")
SUFFIX = re.compile(r"(\.[A-Za-z0-9]{1,16})?")
COPIED_AT_ONCE = 1 << 20  # bytes
SCRATCH = "scratch"


class FileStore:
    """The verbs of the files. Disk work runs off the event loop."""

    def __init__(self, folder: Path, door: Door, now: Callable[[], float]) -> None:
        """`folder` must exist and be writable."""
        self._folder = folder.resolve()
        self._scratch = self._folder / SCRATCH
        self._door = door
        self._now = now

    async def put(self, source: Path | bytes, *, name: str, media_type: str) -> StoredFile:
        """Store bytes or a file and return its record; equal content is stored once.

        A path got from `scratch` is moved, any other file copied. The content appears at once or not at all.
        Raises OSError where the disk does not take it.
        """
        digest, size = await asyncio.to_thread(self._put, source)
        return StoredFile(digest, name, media_type, size)

    def path(self, digest: str) -> Path:
        """Return where a content lies or would lie. Raises ValueError unless `digest` is a hex SHA-256."""
        if not DIGEST.fullmatch(digest):
            raise ValueError("not a SHA-256 in lower-case hex")
        return self._folder / digest[:2] / digest[2:]

    async def read(self, digest: str) -> bytes:
        """Return a content whole. Raises FileNotFoundError where it was swept or forgotten."""
        return await asyncio.to_thread(self.path(digest).read_bytes)

    def scratch(self, suffix: str = "") -> Path:
        """Return a fresh path on the store's file system, for a download. `suffix`: "" or like `.ogg`."""
        if not SUFFIX.fullmatch(suffix):
            raise ValueError("a suffix is a dot and at most 16 letters or digits")
        return self._scratch / f"{uuid.uuid4().hex}{suffix}"

    async def sweep(self, *, at_most_bytes: int, older_than: float) -> int:
        """Delete files that no message has and that were last put before `older_than` (Unix seconds), then the
        oldest of all until the rest is at most `at_most_bytes`; return how many. Old scratch files go too.
        """
        found = await asyncio.to_thread(lambda: sorted(self._contents(), key=lambda content: content.put_at))
        kept = {row[0] for row in await self._door.read(REFERENCED())}
        return await asyncio.to_thread(self._sweep, found, kept, at_most_bytes, older_than)

    async def drop(self, digests: Iterable[str]) -> None:
        """Delete those contents that no message has any more."""

        def script() -> Script[list[str]]:
            unused = []
            for digest in digests:
                if not (yield REFERENCE(digest_=digest)):
                    unused.append(digest)  # noqa: PERF401 - a comprehension cannot yield
            return unused

        paths = [self.path(digest) for digest in await self._door.look(script)]
        await asyncio.to_thread(_unlink_all, paths)

    def _put(self, source: Path | bytes) -> tuple[str, int]:
        if isinstance(source, bytes):
            whole, digest, size = self.scratch(), hashlib.sha256(source).hexdigest(), len(source)
            whole.write_bytes(source)
        elif source.resolve().parent == self._scratch:
            whole = source
            with source.open("rb") as reader:
                digest, size = _copy(reader, None)
        else:
            whole = self.scratch()
            with source.open("rb") as reader, whole.open("xb") as writer:
                digest, size = _copy(reader, writer)
        self._settle(whole, self.path(digest))
        return digest, size

    def _settle(self, whole: Path, place: Path) -> None:
        """Move a complete file to its place; a content that is there already is only made young again."""
        now = self._now()
        os.utime(whole, (now, now))
        place.parent.mkdir(mode=0o700, exist_ok=True)
        whole.replace(place)

    def _contents(self) -> Iterator[Content]:
        for path in self._folder.glob("*/*"):
            try:
                known = path.stat()
            except FileNotFoundError:
                continue  # dropped while we look
            yield Content(path, known.st_size, known.st_mtime)

    def _sweep(self, found: list[Content], kept: set[str], at_most_bytes: int, older_than: float) -> int:
        left = [content for content in found if content.digest in kept or content.put_at >= older_than]
        gone = [content for content in found if content.digest not in kept and content.put_at < older_than]
        total = sum(content.size for content in left)
        for content in left:
            if total <= at_most_bytes:
                break
            if content.path.parent != self._scratch:
                gone.append(content)
                total -= content.size
        return sum(_unlink(content) for content in gone)


class Content(NamedTuple):
    """A file of the store as the disk knows it."""

    path: Path
    size: int  # bytes
    put_at: float  # Unix seconds

    @property
    def digest(self) -> str:
        """The digest that its place stands for."""
        return self.path.parent.name + self.path.name


def prepare(folder: Path) -> None:
    """Make the store's folders, readable for their owner only. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / SCRATCH).mkdir(mode=0o700, exist_ok=True)


def _copy(reader: BinaryIO, writer: BinaryIO | None) -> tuple[str, int]:
    """Hash a file, copying it where there is a writer; return the hex digest and the size."""
    digest, size = hashlib.sha256(), 0
    while chunk := reader.read(COPIED_AT_ONCE):
        digest.update(chunk)
        size += len(chunk)
        if writer is not None:
            writer.write(chunk)
    return digest.hexdigest(), size


def _unlink_all(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _unlink(content: Content) -> bool:
    """Delete a file unless it was put again meanwhile; tell whether it went."""
    try:
        if content.path.stat().st_mtime != content.put_at:
            return False
        content.path.unlink()
    except FileNotFoundError:
        return False
    return True
