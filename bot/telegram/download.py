"""Fetching what a person sent: asked for anew each time, since Telegram's addresses live for an hour only."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import msgspec
from telegram.error import TelegramError

from bot.telegram.attachments import Handle
from bot.telegram.outcome import says
from bot.telegram.transport import Line
from handlers.turn import Attachment, CannotFetch, TooLarge

CLOUD_LIMIT = 20 << 20  # bytes: Bot API, getFile; a Bot API server of one's own has none


async def download(line: Line, attachment: Attachment, into: Path, *, at_most: int, limit: int | None) -> int:
    """Fetch an attachment into a file and return its size in bytes; `limit` is the server's own, None without.

    Raises `TooLarge` (before any byte is asked for, where the size is known) or `CannotFetch`.
    """
    most = at_most if limit is None else min(at_most, limit)
    if attachment.size is not None and attachment.size > most:
        raise TooLarge(attachment.name, most)
    path, size = await _located(line, attachment, limit)
    if size is not None and size > most:
        raise TooLarge(attachment.name, most)
    if not line.official and path.startswith("/") and await asyncio.to_thread(Path(path).is_file):
        return await asyncio.to_thread(_copied, Path(path), into, attachment.name, most)
    return await line.calls.fetch(line.file_url(path), into, attachment.name, at_most=most)


async def _located(line: Line, attachment: Attachment, limit: int | None) -> tuple[str, int | None]:
    try:
        handle = msgspec.json.decode(attachment.handle, type=Handle)
    except msgspec.DecodeError:
        raise CannotFetch("the handle is unreadable") from None
    failure: Exception
    try:
        found = await line.bot.get_file(handle.file_id)
    except TelegramError as error:
        if says(error, "file is too big"):
            failure = TooLarge(attachment.name, limit or CLOUD_LIMIT)
        else:
            failure = CannotFetch(line.secrets.hide(error.message))
    else:
        if found.file_path:
            return _bare(line, found.file_path), found.file_size
        failure = CannotFetch("Telegram names no path")
    raise failure


def _bare(line: Line, file_path: str) -> str:
    """Return the path as Telegram gave it: python-telegram-bot has put the address, with the token, before it."""
    return file_path.removeprefix(line.file_url("")).lstrip("/") if "://" in file_path else file_path


def _copied(source: Path, into: Path, name: str, at_most: int) -> int:
    """A Bot API server in --local mode names a file of its own disk instead of an address."""
    size = source.stat().st_size
    if size > at_most:
        raise TooLarge(name, at_most)
    try:
        shutil.copyfile(source, into)
    except OSError as error:
        raise CannotFetch(type(error).__name__) from None
    return size
