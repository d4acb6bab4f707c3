"""HTTP for python-telegram-bot on aiohttp: pooled sessions of ours, one proxy, bounded times, no token in any error."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

import aiohttp
import msgspec
from telegram import Bot
from telegram.error import BadRequest, NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest, RequestData
from yarl import URL

from bot.telegram.utf16 import clean_all
from handlers.turn import CannotFetch, TooLarge

OFFICIAL_ROOT = "https://api.telegram.org"
CONNECT_S = 10.0
ANSWER_S = 25.0  # a whole ordinary call
UPLOAD_S = 300.0  # a call that carries a file
DOWNLOAD_S = 300.0
BETWEEN_CHUNKS_S = 30.0
QUIET_S = 5.0  # after a 429 that names no time
CHUNK = 256 * 1024  # bytes
SENDING_CONNECTIONS = 64
JSON_BODY = {"Content-Type": "application/json"}

# python-telegram-bot logs addresses (with the token), parameters and answers (what people write) at DEBUG.
logging.getLogger("telegram").setLevel(logging.INFO)


class NotSent(NetworkError):
    """No connection came about: nothing reached the server, so repeating is safe."""


class TooFast(TelegramError):
    """429: nothing of this kind for `seconds`. (python-telegram-bot's `RetryAfter` warns whenever it is read.)"""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Too Many Requests: retry after {seconds:.0f}")
        self.seconds = seconds


class Secrets:
    """What must not appear in a text that leaves the adapter."""

    def __init__(self, *secrets: str) -> None:
        self._secrets = tuple(secret for secret in secrets if secret)

    def hide(self, text: str) -> str:
        """Return `text` with every secret replaced."""
        for secret in self._secrets:
            text = text.replace(secret, "<secret>")
        return text


class JsonBody:
    """What `do_request` needs of python-telegram-bot's RequestData, for parameters that are plain JSON already.

    Building its objects for a message, and parsing the message in the answer, costs as much as the call itself.
    """

    __slots__ = ("parameters",)
    contains_files = False

    def __init__(self, parameters: dict[str, object]) -> None:
        self.parameters = parameters


class AiohttpRequest(BaseRequest):
    """python-telegram-bot's door to the network, with one aiohttp session behind it.

    Raises `NotSent` where nothing was sent, `TimedOut` and `NetworkError` where that is unknown. The original
    exceptions are dropped, not chained: they may carry the address, and the address carries the token.
    """

    def __init__(self, secrets: Secrets, *, proxy: str | None, connections: int, answer_s: float = ANSWER_S) -> None:
        self._secrets, self._proxy, self._connections, self._answer_s = secrets, proxy, connections, answer_s
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        """Seconds that a call may take where the caller names no time."""
        return self._answer_s

    async def initialize(self) -> None:
        """Open the session; once open, it stays."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, limit_per_host=0),
                cookie_jar=aiohttp.DummyCookieJar(),
            )

    async def shutdown(self) -> None:
        """Close the session and its connections; calls under way fail."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def renew(self) -> None:
        """Throw all connections away and begin anew."""
        await self.shutdown()
        await self.initialize()

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Decode an answer; broken UTF-8 and surrogates become U+FFFD. Raises TelegramError for other than JSON."""
        try:
            decoded = msgspec.json.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError):
            try:
                decoded = clean_all(json.loads(payload.decode("utf-8", "replace")))
            except ValueError:
                raise TelegramError("Invalid server response") from None
        if not isinstance(decoded, dict):
            raise TelegramError("Invalid server response")
        return decoded

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: object = None,
        write_timeout: object = None,
        connect_timeout: object = None,
        pool_timeout: object = None,
    ) -> tuple[int, bytes]:
        """Make one HTTP request; of the times only `read_timeout` is heeded, for the whole of it."""
        upload = request_data is not None and request_data.contains_files
        whole_s = read_timeout if isinstance(read_timeout, (int, float)) else UPLOAD_S if upload else self._answer_s
        body, headers = _body(request_data)
        status, payload = await self._attempt(method, url, body, headers, whole_s)
        if status == 413:
            raise BadRequest("Request Entity Too Large")
        if 200 <= status < 300 and b'"result"' not in payload:  # a page of some proxy, where the Bot API should be
            raise NetworkError("the answer is not the Bot API's")
        if status == 429:
            raise TooFast(self._retry_after(payload))
        return status, payload

    def _retry_after(self, payload: bytes) -> float:
        """Return for how many seconds to be quiet; some where a server in between does not say."""
        try:
            return float(self.parse_json_payload(payload)["parameters"]["retry_after"])
        except (TelegramError, KeyError, TypeError, ValueError):
            return QUIET_S

    async def _attempt(
        self, method: str, url: str, body: object, headers: dict[str, str] | None, whole_s: float
    ) -> tuple[int, bytes]:
        if self._session is None:
            raise NotSent("the connection is closed")
        failure: NetworkError
        try:
            async with self._session.request(
                method,
                URL(url, encoded=True),
                data=body,
                headers=headers,
                proxy=self._proxy,
                timeout=aiohttp.ClientTimeout(total=whole_s, connect=CONNECT_S),
                allow_redirects=False,
            ) as response:
                return response.status, await response.read()
        except Exception as error:
            failure = self._failure(error)
        raise failure  # outside of the handler, so that the original is not its context

    def _failure(self, error: Exception) -> NetworkError:
        said = self._secrets.hide(f"{type(error).__name__}: {error}")
        match error:
            case (
                aiohttp.ClientConnectorError()
                | aiohttp.ClientConnectorCertificateError()
                | aiohttp.ConnectionTimeoutError()
                | aiohttp.ClientHttpProxyError()
                | aiohttp.InvalidURL()
            ):
                return NotSent(said)
            case TimeoutError():
                return TimedOut(said)
            case _:
                return NetworkError(said)

    async def fetch(self, url: str, into: Path, name: str, *, at_most: int) -> int:
        """Stream a file to disk and return its size in bytes; nothing is left of a broken one.

        Raises `TooLarge` beyond `at_most` bytes, `CannotFetch` for every other failure.
        """
        if self._session is None:
            raise CannotFetch("the connection is closed")
        failure: Exception
        times = aiohttp.ClientTimeout(total=DOWNLOAD_S, connect=CONNECT_S, sock_read=BETWEEN_CHUNKS_S)
        try:
            async with self._session.get(
                URL(url, encoded=True), proxy=self._proxy, timeout=times, allow_redirects=False
            ) as response:
                if response.status == 200:
                    return await _save(response.content, into, name, at_most)
                failure = CannotFetch(f"status {response.status}")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            failure = CannotFetch(self._secrets.hide(f"{type(error).__name__}: {error}"))
        raise failure


def _body(request_data: RequestData | None) -> tuple[object, dict[str, str] | None]:
    """Return a request's body: JSON, or a form where files go along (streamed from their open handles)."""
    if request_data is None:
        return None, None
    if not request_data.contains_files:
        parameters = request_data.parameters
        try:
            return msgspec.json.encode(parameters), JSON_BODY
        except UnicodeEncodeError:
            return msgspec.json.encode(clean_all(parameters)), JSON_BODY
    form = aiohttp.FormData(quote_fields=False)  # a file's name shall arrive as it is, not percent-encoded
    for name, value in request_data.json_parameters.items():
        form.add_field(name, str(clean_all(value)))
    for name, (filename, content, media_type) in request_data.multipart_data.items():
        form.add_field(name, content, filename=filename, content_type=media_type)
    return form, None


async def _save(content: aiohttp.StreamReader, into: Path, name: str, at_most: int) -> int:
    size = 0
    file = await asyncio.to_thread(into.open, "wb")
    try:
        async for chunk in content.iter_chunked(CHUNK):
            size += len(chunk)
            if size > at_most:
                raise TooLarge(name, at_most)
            await asyncio.to_thread(file.write, chunk)
    except BaseException:
        file.close()
        await asyncio.to_thread(into.unlink, missing_ok=True)
        raise
    await asyncio.to_thread(file.close)
    return size


class Line:
    """Both ways to one bot on one Bot API server: a session for updates, one for everything else."""

    def __init__(self, token: str, root: str, proxy: str | None) -> None:
        self.root = root.rstrip("/")
        self.official = self.root == OFFICIAL_ROOT
        self.secrets = Secrets(token, urlsplit(proxy).password or "" if proxy else "")
        self.updates = AiohttpRequest(self.secrets, proxy=proxy, connections=2)
        self.calls = AiohttpRequest(self.secrets, proxy=proxy, connections=SENDING_CONNECTIONS)
        self._token = token
        self.bot = Bot(
            token,
            base_url=f"{self.root}/bot",
            base_file_url=f"{self.root}/file/bot",
            request=self.calls,
            get_updates_request=self.updates,
        )

    async def open(self) -> None:
        """Open both sessions. (`Bot.initialize` is left out: its error for a wrong token quotes the token.)"""
        await self.updates.initialize()
        await self.calls.initialize()

    async def close(self) -> None:
        """Close both sessions."""
        await self.updates.shutdown()
        await self.calls.shutdown()

    async def renew(self) -> None:
        """Begin anew with fresh connections both ways."""
        await self.updates.renew()
        await self.calls.renew()

    async def call(self, method: str, parameters: Mapping[str, object]) -> Any:
        """Call a method with plain parameters (None: left out) and return its result as plain JSON.

        Raises python-telegram-bot's errors.
        """
        given = {name: value for name, value in parameters.items() if value is not None}
        return await self.calls.post(f"{self.bot.base_url}/{method}", cast("RequestData", JsonBody(given)))

    async def get_updates(
        self, *, offset: int | None, timeout_s: int, allowed: list[str] | None, limit: int = 100
    ) -> Any:
        """Ask for updates and return them as plain JSON, so that one broken update does not spoil the others.

        Confirms everything before `offset`. `allowed` None leaves what Telegram remembers as it is.
        """
        query: dict[str, object] = {"timeout": timeout_s, "limit": limit}
        if offset is not None:
            query["offset"] = offset
        if allowed is not None:
            query["allowed_updates"] = json.dumps(allowed)
        url = f"{self.root}/bot{self._token}/getUpdates?{urlencode(query)}"
        return await self.updates.post(url, read_timeout=timeout_s + ANSWER_S)

    def file_url(self, file_path: str) -> str:
        """Return the address of a file; it carries the token, so it goes nowhere but into `fetch`."""
        return f"{self.root}/file/bot{self._token}/{URL.build(path='/' + file_path.lstrip('/')).raw_path.lstrip('/')}"
