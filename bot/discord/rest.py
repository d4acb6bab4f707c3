"""One call of Discord's REST API: asked once, bounded in time, its failure told as a `DeliveryError`.

Rate limits are known here and not waited for: a call into an exhausted bucket is answered with `Parked` at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from bot.clock import Clock
from bot.ports import DeliveryError, Gone, MessageGone, Parked, Refused, Unclear, Upload

USER_AGENT = "DiscordBot (polobot, 1)"
CALL_TIMEOUT_S = 20.0
UPLOAD_TIMEOUT_S = 120.0
CONNECT_TIMEOUT_S = 8.0
UNREACHABLE_PAUSE_S = 3.0  # nothing was sent: safe to come again soon
BANNED_PAUSE_S = 60.0  # a 429 that is not from the API itself (Cloudflare) names no time

# Codes: Discord docs, opcodes-and-status-codes.
DEAD_TOKEN = frozenset({10015, 10062, 50027})
CLOSED_CHAT = frozenset({10003, 10004, 10013, 50001, 50007, 50013, 50083, 50278})
LOST_MESSAGE = frozenset({10008, 30046, 50005, 50021})

_KNOWN_BUCKETS = 2048


class TokenDead(DeliveryError):
    """The interaction's token is over or was never acknowledged in time. Never leaves this package."""


class RefusedWith(Refused):
    """Discord's refusal with its JSON error code (0 where it gave none)."""

    def __init__(self, status: int, code: int, said: str) -> None:
        super().__init__(f"HTTP {status}, code {code}: {said}")
        self.status, self.code = status, code


class Rest:
    """Discord's REST API by the bot's token. Opened on first use; `close` ends it."""

    def __init__(self, *, token: str, base_url: str, proxy: str | None, clock: Clock) -> None:
        self._token, self._base, self._proxy, self._clock = token.strip(), base_url.rstrip("/"), proxy, clock
        self._session: aiohttp.ClientSession | None = None
        self._buckets = _Buckets(clock)

    @property
    def session(self) -> aiohttp.ClientSession:
        """The pooled session, also for files on Discord's CDN; no default headers, so the token stays here."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(sock_connect=CONNECT_TIMEOUT_S)
            )
        return self._session

    @property
    def proxy(self) -> str | None:
        """The proxy for every connection to Discord."""
        return self._proxy

    async def close(self) -> None:
        """Close the pooled connections."""
        if self._session is not None:
            await self._session.close()

    async def ask(
        self,
        method: str,
        path: str,
        names: Mapping[str, str] | None = None,
        *,
        body: object = None,
        upload: Upload | None = None,
        query: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Any:
        """Ask once and return the decoded answer (None for 204).

        `path` is a template filled from `names`, which also name the rate limit's bucket. Raises `Parked` (nothing
        was taken: the limit, or no connection), `Gone`, `MessageGone`, `TokenDead`, `Refused`, `Unclear`.
        """
        names = names or {}
        bucket = self._buckets.take(method, path, names)
        bound = timeout_s or (UPLOAD_TIMEOUT_S if upload else CALL_TIMEOUT_S)
        try:
            async with asyncio.timeout(bound):
                status, headers, raw = await self._exchange(method, path.format_map(names), body, upload, query)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Parked(UNREACHABLE_PAUSE_S, everywhere=True) from error
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise Unclear(f"{method} {path}: {type(error).__name__}") from error
        self._buckets.learn(bucket, headers)
        return _answer(status, headers, raw)

    async def _exchange(
        self, method: str, path: str, body: object, upload: Upload | None, query: Mapping[str, str] | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        headers = {"User-Agent": USER_AGENT, "Authorization": f"Bot {self._token}"}
        data: bytes | aiohttp.FormData | None = None
        file = None
        if upload is not None:
            try:
                file = await asyncio.to_thread(Path(upload.path).open, "rb")
            except OSError as error:
                raise Refused(f"the file {upload.name!r} cannot be read: {type(error).__name__}") from error
            data = aiohttp.FormData(quote_fields=False)
            data.add_field("payload_json", msgspec.json.encode(body).decode(), content_type="application/json")
            data.add_field("files[0]", file, filename=upload.name, content_type=upload.media_type)
        elif body is not None:
            data, headers["Content-Type"] = msgspec.json.encode(body), "application/json"
        try:
            async with self.session.request(
                method, self._base + path, data=data, headers=headers, params=query, proxy=self._proxy
            ) as response:
                return response.status, response.headers, await response.read()
        finally:
            if file is not None:
                file.close()


def _answer(status: int, headers: Mapping[str, str], raw: bytes) -> Any:
    """Return what a success says; raise what a failure means."""
    try:
        said = msgspec.json.decode(raw) if raw else None
    except msgspec.DecodeError:
        said = None
    if 200 <= status < 300:
        return said
    detail = said if isinstance(said, dict) else {}
    if status == 429:
        raise _parked(headers, detail)
    if status >= 500:
        raise Unclear(f"HTTP {status}")
    raise failure(status, detail)


def _parked(headers: Mapping[str, str], detail: dict[str, Any]) -> Parked:
    """Read how long to wait: the body's `retry_after` is the finer one, a ban by Cloudflare has neither."""
    try:
        seconds = float(detail.get("retry_after", headers.get("Retry-After", BANNED_PAUSE_S)))
    except (TypeError, ValueError):
        seconds = BANNED_PAUSE_S
    return Parked(max(seconds, 0.05), everywhere=bool(detail.get("global", not detail)))


def failure(status: int, detail: Mapping[str, Any]) -> DeliveryError:
    """Say what a refusal means for what was to be delivered."""
    code = detail.get("code")
    code = code if isinstance(code, int) else 0
    said = f"{detail.get('message', '')} {_complaints(detail.get('errors'))}".strip()[:400]
    if code in DEAD_TOKEN:
        return TokenDead(f"code {code}")
    if code in LOST_MESSAGE:
        return MessageGone(f"code {code}: {said}")
    if code in CLOSED_CHAT:
        return Gone(f"code {code}: {said}")
    return RefusedWith(status, code, said)


def _complaints(errors: object, path: str = "") -> str:
    """Flatten Discord's nested `errors` object into `path: CODE` pairs; messages may quote what was sent."""
    if not isinstance(errors, dict):
        return ""
    own = errors.get("_errors")
    if isinstance(own, list):
        return "; ".join(f"{path}: {one.get('code')}" for one in own if isinstance(one, dict))
    return "; ".join(filter(None, (_complaints(inner, f"{path}.{key}".lstrip(".")) for key, inner in errors.items())))


class _Buckets:
    """What the rate limit headers have said: how many calls are left in each bucket, and until when."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._names: dict[str, str] = {}  # route -> Discord's name of its bucket
        self._left: dict[tuple[str, str], tuple[int, float]] = {}  # (bucket, major) -> calls left, until (monotonic)

    def take(self, method: str, path: str, names: Mapping[str, str]) -> tuple[str, str]:
        """Use up one call of the route's bucket. Raises `Parked` when none is left."""
        route = f"{method} {path}"
        # Discord keeps separate buckets for each channel, and for each interaction's token.
        major = names.get("channel") or names.get("token") or ""
        key = (self._names.get(route, route), major)
        left, until = self._left.get(key, (1, 0.0))
        now = self._clock.monotonic()
        if until > now:
            if left <= 0:
                raise Parked(until - now)
            self._left[key] = (left - 1, until)
        return route, major

    def learn(self, bucket: tuple[str, str], headers: Mapping[str, str]) -> None:
        """Remember what an answer says of its bucket."""
        route, major = bucket
        try:
            left, after = int(headers["X-RateLimit-Remaining"]), float(headers["X-RateLimit-Reset-After"])
        except (KeyError, ValueError):
            return
        name = self._names[route] = headers.get("X-RateLimit-Bucket", route)
        now = self._clock.monotonic()
        known, until = self._left.get((name, major), (left, 0.0))
        # Answers may overtake each other: within one window only the smaller number is true.
        self._left[name, major] = (min(known, left) if until > now else left, now + after)
        if len(self._left) > _KNOWN_BUCKETS:
            self._left = {key: state for key, state in self._left.items() if state[1] > now}
