"""The one door to aiohttp: a pooled session, timeouts that cover the body, failures as our own errors.

It repeats nothing: only the caller knows what is free to repeat.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from types import SimpleNamespace
from typing import Any

import aiohttp
import msgspec
from yarl import URL

from polo.address import BadAddress
from polo.errors import PoloError, RelayBroke, RelaySilent, RelayUnreachable, excerpt
from polo.refusals import request_id_in
from polo.settings import RelaySettings

_ANSWER_LIMIT = 64 << 20  # bytes of one whole answer, decompressed
_REFUSAL_LIMIT = 64 << 10  # bytes of an error's body that are read
_DRAIN_S = 1.0  # how long the end of a stream is waited for, to keep its connection
_SLOWEST_UPLINK = 128 << 10  # bytes a second: pictures may take a while to go out
_USER_AGENT = "polobot (aiohttp)"


class Call(msgspec.Struct, frozen=True):
    """One HTTP request. `first_byte_s`: how long its answer may take to begin."""

    method: str
    url: str
    first_byte_s: float
    body: bytes | None = None
    accept: str = "application/json"

    @property
    def patience_s(self) -> float:
        """Return how long to wait after the request's headers: the body has to go out first."""
        return self.first_byte_s + len(self.body or b"") / _SLOWEST_UPLINK


class Transport:
    """A session to one relay. Opened once with `Transport.open`, closed with it."""

    def __init__(self, session: aiohttp.ClientSession, settings: RelaySettings) -> None:
        self._session = session
        self._settings = settings
        self._open: set[Incoming] = set()
        self.secrets = tuple(key for key in settings.api_keys if key)

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: RelaySettings) -> AsyncIterator[Transport]:
        """Open the pool; connections are made when they are needed. Raises `BadAddress` for a proxy of no use."""
        if settings.proxy is not None and URL(settings.proxy).scheme not in ("http", "https"):
            raise BadAddress("The proxy's address must begin with http:// or https://.")
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=settings.pool, ttl_dns_cache=60),
            timeout=aiohttp.ClientTimeout(total=None),  # ours are kept below, one for each phase
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": _USER_AGENT},
            trace_configs=[_phase_tracing()],
            trust_env=False,
        ) as session:
            transport = cls(session, settings)
            try:
                yield transport
            finally:
                # aiohttp would leave those who read from them waiting for ever.
                for incoming in tuple(transport._open):
                    incoming.close()

    @asynccontextmanager
    async def send(self, call: Call, key: str) -> AsyncIterator[Incoming]:
        """Send `call` and yield the answer's beginning, of any status; its connection is closed at the end.

        (It goes back to the pool instead when the body has been read to its end.) Raises `RelayUnreachable`,
        `RelaySilent` and `RelayBroke`.
        """
        phase = _Phase(self._settings, call)
        with _as_our_errors(phase, self.secrets):
            async with asyncio.timeout(None) as phase.limit:
                phase.begin(self._settings.whole_s)
                response = await self._session.request(
                    call.method,
                    URL(call.url, encoded=True),
                    data=call.body,
                    headers=_headers(call, key),
                    proxy=self._settings.proxy,
                    allow_redirects=False,
                    trace_request_ctx=phase,
                )
        incoming = Incoming(response, phase, self._settings, self.secrets)
        self._open.add(incoming)
        try:
            yield incoming
        finally:
            self._open.discard(incoming)
            incoming.close()


class Incoming:
    """An answer that is coming in: status and headers at once, the body as it arrives.

    One timer watches over it, looking at when something was last heard: cheaper than a timeout for each read.
    """

    def __init__(
        self, response: aiohttp.ClientResponse, phase: _Phase, settings: RelaySettings, secrets: tuple[str, ...]
    ) -> None:
        self._response = response
        self._phase = phase
        self._settings = settings
        self.secrets = secrets
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self._patience_s = phase.call.first_byte_s
        self._silent = ""  # which limit was exceeded
        self._timer = self._loop.call_at(self._next_look(self._loop.time()), self._look)

    @property
    def status(self) -> int:
        """Return the HTTP status."""
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        """Return the headers; names in any case."""
        return self._response.headers

    @property
    def content_type(self) -> str:
        """Return the media type, lower case, without parameters; "" where none was named."""
        return self._response.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def request_id(self) -> str:
        """Return the relay's name of the call; "" where it gave none."""
        return request_id_in(self._response.headers)

    async def read(self) -> bytes:
        """Return the next bytes, decompressed, as soon as there are any; b"" at the end.

        Raises `RelaySilent` after too long a silence and `RelayBroke` when the connection breaks.
        """
        try:
            data = await self._response.content.readany()
        except (aiohttp.ClientError, OSError) as error:
            self.close()
            raise self._broken(error) from error
        self._heard = self._loop.time()
        self._patience_s = self._settings.between_chunks_s
        return data

    async def whole(self, at_most: int = _ANSWER_LIMIT) -> bytes:
        """Return the rest of the body. Raises `RelayBroke` above `at_most` bytes."""
        pieces, size = [], 0
        while data := await self.read():
            pieces.append(data)
            size += len(data)
            if size > at_most:
                self.close()
                raise RelayBroke(f"an answer of more than {at_most} bytes", status=self.status)
        return b"".join(pieces)

    async def beginning(self) -> bytes:
        """Return the first 64 KiB of the body: all that matters of a refusal. What breaks it off is no error."""
        pieces, size = [], 0
        try:
            while size < _REFUSAL_LIMIT and (data := await self.read()):
                pieces.append(data)
                size += len(data)
        except PoloError:
            self.close()  # the status has said no already; its words are only for the log
        return b"".join(pieces)[:_REFUSAL_LIMIT]

    async def drain(self) -> None:
        """Wait a moment for the end of a body that says no more, so that its connection can be used again."""
        try:
            async with asyncio.timeout(_DRAIN_S):
                await self._response.content.readany()
        except (TimeoutError, aiohttp.ClientError, OSError):
            self.close()

    def close(self) -> None:
        """Hang up at once, unless the body was read to its end."""
        self._timer.cancel()
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()

    def _look(self) -> None:
        """Hang up if nothing was heard for too long, or the whole takes too long; else look again in time."""
        now = self._loop.time()
        quiet, whole = self._heard + self._patience_s, self._phase.ends_at
        if now >= whole:
            self._silent = f"not done within {self._settings.whole_s:g} s"
        elif now >= quiet:
            self._silent = f"nothing heard for {self._patience_s:g} s"
        if self._silent:
            self._response.close()
            return
        self._timer = self._loop.call_at(self._next_look(self._loop.time()), self._look)

    def _next_look(self, now: float) -> float:
        """Return when a limit may first be exceeded: patience may shrink to that between chunks meanwhile."""
        return min(self._heard + self._patience_s, self._phase.ends_at, now + self._settings.between_chunks_s)

    def _broken(self, error: Exception) -> PoloError:
        if self._silent:
            return RelaySilent(self._silent, status=self.status, request_id=self.request_id)
        said = excerpt(f"the answer broke off: {type(error).__name__}: {error}", self.secrets)
        return RelayBroke(said, status=self.status, request_id=self.request_id)


class _Phase:
    """How far a request has come, and the one deadline that moves with it."""

    def __init__(self, settings: RelaySettings, call: Call) -> None:
        self.call = call
        self.limit: asyncio.Timeout
        self.sent = False
        self.name = "connecting"
        self.ends_at = 0.0
        self._connect_s = settings.connect_s

    def begin(self, whole_s: float) -> None:
        self.ends_at = asyncio.get_running_loop().time() + whole_s
        self.enter("connecting", self._connect_s)

    def enter(self, name: str, seconds: float | None) -> None:
        """Go to the next phase; it may take `seconds`, None: as long as the whole may."""
        self.name = name
        deadline = asyncio.get_running_loop().time() + seconds if seconds is not None else self.ends_at
        self.limit.reschedule(min(deadline, self.ends_at))

    def connect(self) -> None:
        self.enter("connecting", self._connect_s)

    def wait(self) -> None:
        """A wait for a free connection is not the relay's fault: only the whole limits it."""
        self.enter("waiting for a free connection", None)

    def send(self) -> None:
        self.sent = True
        self.enter("waiting for an answer", self.call.patience_s)


def _phase_tracing() -> aiohttp.TraceConfig:
    """Let aiohttp tell each request's `_Phase` how far it has come."""
    tracing = aiohttp.TraceConfig()

    async def queued(_: aiohttp.ClientSession, context: SimpleNamespace, __: Any) -> None:
        context.trace_request_ctx.wait()

    async def dequeued(_: aiohttp.ClientSession, context: SimpleNamespace, __: Any) -> None:
        context.trace_request_ctx.connect()

    async def sending(_: aiohttp.ClientSession, context: SimpleNamespace, __: Any) -> None:
        context.trace_request_ctx.send()

    tracing.on_connection_queued_start.append(queued)
    tracing.on_connection_queued_end.append(dequeued)
    tracing.on_request_headers_sent.append(sending)
    return tracing


@contextmanager
def _as_our_errors(phase: _Phase, secrets: tuple[str, ...]) -> Iterator[None]:
    """Let what goes wrong before an answer leave as ours: unreachable if nothing was sent, else silent or broken."""
    try:
        yield
    except TimeoutError as error:
        said = f"gave up while {phase.name}"
        raise (RelaySilent(said) if phase.sent else RelayUnreachable(said)) from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        said = excerpt(f"{type(error).__name__}: {error}", secrets)
        # A connector's error comes before a byte went out, also where a pooled connection had to be replaced.
        unsent = not phase.sent or isinstance(error, aiohttp.ClientConnectorError)
        raise (RelayUnreachable(said) if unsent else RelayBroke(said)) from error


def _headers(call: Call, key: str) -> dict[str, str]:
    headers = {"Accept": call.accept}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    if call.body is not None:
        headers["Content-Type"] = "application/json"
    return headers
