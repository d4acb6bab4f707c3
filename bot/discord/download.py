"""Files that people sent: fetched from Discord's CDN while their link lives, else by a fresh link from the message."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import msgspec

from bot.clock import Clock
from bot.discord.receive import Handle
from bot.discord.rest import Rest
from bot.ports import DeliveryError
from handlers.turn import Attachment, CannotFetch, TooLarge

TIMEOUT_S = 120.0
CHUNK_BYTES = 1 << 18
_EXPIRES_SOON_S = 30.0


class Downloads:
    """Fetches attachments, without the bot's token: links carry their own signature."""

    def __init__(self, rest: Rest, clock: Clock) -> None:
        self._rest, self._clock = rest, clock

    async def download(self, attachment: Attachment, into: Path, *, at_most: int) -> int:
        """Fetch a file and return its size in bytes. Raises `TooLarge` or `CannotFetch`."""
        if attachment.size is not None and attachment.size > at_most:
            raise TooLarge(attachment.name, at_most)
        try:
            handle = msgspec.json.decode(attachment.handle, type=Handle)
        except msgspec.DecodeError as error:
            raise CannotFetch(f"{attachment.name}: not a handle of Discord's") from error
        if not self._expired(handle.url):
            size = await self._fetch(attachment.name, handle.url, into, at_most)
            if size is not None:
                return size
        size = await self._fetch(attachment.name, await self._fresh(attachment.name, handle), into, at_most)
        if size is None:
            raise CannotFetch(f"{attachment.name}: Discord gives it no more")
        return size

    def _expired(self, url: str) -> bool:
        """Tell whether a link is over: `ex` is its end in hexadecimal Unix seconds (Discord docs: reference)."""
        [ends, *_] = parse_qs(urlsplit(url).query).get("ex", [""])
        try:
            return int(ends, 16) < self._clock.now() + _EXPIRES_SOON_S
        except ValueError:
            return False

    async def _fresh(self, name: str, handle: Handle) -> str:
        """Read the message again, which carries new links."""
        if not handle.message:
            raise CannotFetch(f"{name}: its link has expired and no message carries it")
        names = {"channel": handle.channel, "message": handle.message}
        try:
            message = await self._rest.ask("GET", "/channels/{channel}/messages/{message}", names)
        except DeliveryError as error:
            raise CannotFetch(f"{name}: its message cannot be read: {type(error).__name__}") from error
        for one in _carried(message):
            if str(one.get("id")) == handle.attachment:
                return str(one["url"])
        raise CannotFetch(f"{name}: its message carries it no more")

    async def _fetch(self, name: str, url: str, into: Path, at_most: int) -> int | None:
        """Fetch a link; None where it is refused. Raises `TooLarge`, or `CannotFetch` when the connection fails."""
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                self._rest.session.get(url, proxy=self._rest.proxy) as response,
            ):
                if response.status >= 400:
                    return None
                return await _save(response, name, into, at_most)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise CannotFetch(f"{name}: {type(error).__name__}") from error


async def _save(response: aiohttp.ClientResponse, name: str, into: Path, at_most: int) -> int:
    """Write what comes into a file, off the loop; a half one is taken away."""
    if (response.content_length or 0) > at_most:
        raise TooLarge(name, at_most)
    size, whole = 0, False
    file = await asyncio.to_thread(into.open, "wb")
    try:
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            size += len(chunk)
            if size > at_most:
                raise TooLarge(name, at_most)
            await asyncio.to_thread(file.write, chunk)
        whole = True
    finally:
        await asyncio.to_thread(file.close)
        if not whole:
            await asyncio.to_thread(into.unlink, missing_ok=True)
    return size


def _carried(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """List the attachments of a message, and of one that was forwarded with it."""
    yield from message.get("attachments", ())
    for snapshot in message.get("message_snapshots", ()):
        yield from snapshot.get("message", {}).get("attachments", ())
