"""Who may come in: loopback without a password, everyone else with one; and no other page in their name.

Three levels: `OPEN` routes see no check (health, a platform's webhook with a secret of its own), `PUBLIC` ones are
the login page and its assets, all others are the chat. On a loopback host without a password the `Host` header must
be a loopback name, so that a stranger's domain that resolves to 127.0.0.1 reads nothing (DNS rebinding). Whatever
changes something must come from our own page (CSRF).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import re
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

from aiohttp import web

from bot.clock import Clock

SESSION_S = 30 * 24 * 3600.0
BROWSER_S = 400 * 24 * 3600  # the longest that browsers keep a cookie
TRIES = 6  # wrong passwords from one address within TRY_WINDOW_S
TRY_WINDOW_S = 300.0
ADDRESSES_AT_MOST = 4096  # remembered for their wrong passwords
BROWSER_COOKIE = "polobot_browser"
SESSION_COOKIE = "polobot_session"
BROWSER_ID = re.compile(r"[0-9a-f]{20}")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


class Access(Enum):
    """How much of the guard stands before a route."""

    OPEN = "open"
    PUBLIC = "public"
    GUARDED = "guarded"


Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class _Tries:
    since: float
    count: int = 0


class Guard:
    """The doorkeeper: cookies, passwords, origins."""

    def __init__(self, *, host: str, password: str | None, key: bytes, clock: Clock) -> None:
        """Raise `ValueError` where the host can be reached from outside and there is no password."""
        if not password and not is_loopback(host):
            raise ValueError(f"a page on {host} needs a password")
        if len(key) < 16:
            raise ValueError("the page's key must have at least 16 bytes")
        self._password = password or None
        self._key, self._clock = key, clock
        self._tries: OrderedDict[str, _Tries] = OrderedDict()

    @property
    def asks_password(self) -> bool:
        """Tell whether people have to log in."""
        return self._password is not None

    # ------------------------------------------------------------ who is it

    def browser(self, request: web.Request) -> str | None:
        """Return the id of the browser whose cookie we have signed, None where there is none."""
        name, _, signature = request.cookies.get(BROWSER_COOKIE, "").partition(".")
        if BROWSER_ID.fullmatch(name) and hmac.compare_digest(signature.encode(), self._sign("browser", name).encode()):
            return name
        return None

    def introduce(self, request: web.Request, response: web.StreamResponse) -> str:
        """Return the browser's id, a new one where it has none, and renew its cookie."""
        name = self.browser(request) or secrets.token_hex(10)
        value = f"{name}.{self._sign('browser', name)}"
        self._set_cookie(request, response, BROWSER_COOKIE, value, BROWSER_S)
        return name

    def logged_in(self, request: web.Request) -> bool:
        """Tell whether the request may see the chat, as far as passwords go."""
        if self._password is None:
            return True
        until, _, signature = request.cookies.get(SESSION_COOKIE, "").partition(".")
        if not until.isdecimal() or len(until) > 15 or int(until) < self._clock.now():
            return False
        return hmac.compare_digest(signature.encode(), self._sign("session", until).encode())

    def log_in(self, request: web.Request, response: web.StreamResponse) -> None:
        """Give a session to a browser whose password was right."""
        until = str(int(self._clock.now() + SESSION_S))
        value = f"{until}.{self._sign('session', until)}"
        self._set_cookie(request, response, SESSION_COOKIE, value, int(SESSION_S))

    def log_out(self, request: web.Request, response: web.StreamResponse) -> None:
        """Take the session away from the browser."""
        self._set_cookie(request, response, SESSION_COOKIE, "", 0)

    def right(self, request: web.Request, password: str) -> bool:
        """Compare in constant time; a wrong one counts against the address."""
        digests = [hashlib.sha256(said.encode()).digest() for said in (password, self._password or "")]
        if self._password is not None and hmac.compare_digest(*digests):
            self._tries.pop(_network(request), None)
            return True
        tries = self._tries_of(request)
        tries.count += 1
        return False

    def wait_s(self, request: web.Request) -> float:
        """Return the seconds for which this address may not try a password, 0 where it may."""
        tries = self._tries_of(request)
        return max(tries.since + TRY_WINDOW_S - self._clock.monotonic(), 1.0) if tries.count >= TRIES else 0.0

    def knows_password(self, request: web.Request) -> bool:
        """Tell whether the request brings the password itself (HTTP Basic): what a metrics scraper can do."""
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic" or self._password is None or self.wait_s(request):
            return False
        try:
            password = base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return False
        return self.right(request, password)

    # ------------------------------------------------------------ may it pass

    def refusal(self, request: web.Request, access: Access) -> tuple[int, str] | None:
        """Return status and reason where a request may not pass, None where it may."""
        if access is Access.OPEN:
            return None
        if self._password is None and not is_loopback(_hostname(request.host)):
            return 421, "host"
        if not self._same_origin(request):
            return 403, "origin"
        if access is Access.GUARDED and not self.logged_in(request) and not self._scrapes(request):
            return 401, "password"
        return None

    def _scrapes(self, request: web.Request) -> bool:
        return request.method == "GET" and request.path == "/metrics" and self.knows_password(request)

    def _same_origin(self, request: web.Request) -> bool:
        """Believe the browser's own word about where a request comes from; it cannot be forged by a page."""
        site = request.headers.get("Sec-Fetch-Site")
        if request.method in SAFE_METHODS:
            opens_page = request.headers.get("Sec-Fetch-Mode") == "navigate"
            return opens_page or site in {None, "same-origin", "none"}
        if site is not None:
            return site == "same-origin"
        origin = request.headers.get("Origin")
        return origin is not None and urlsplit(origin).netloc.lower() == request.host.lower()

    # ------------------------------------------------------------ by hand

    def _sign(self, purpose: str, value: str) -> str:
        # A changed password ends all sessions; a browser stays who it was.
        bound = self._password if purpose == "session" else None
        message = "\0".join((purpose, value, bound or ""))
        return hmac.new(self._key, message.encode(), hashlib.sha256).hexdigest()

    def _tries_of(self, request: web.Request) -> _Tries:
        network, now = _network(request), self._clock.monotonic()
        tries = self._tries.get(network)
        if tries is None or now - tries.since >= TRY_WINDOW_S:
            tries = self._tries[network] = _Tries(now)
        self._tries.move_to_end(network)
        while len(self._tries) > ADDRESSES_AT_MOST:
            self._tries.popitem(last=False)
        return tries

    @staticmethod
    def _set_cookie(request: web.Request, response: web.StreamResponse, name: str, value: str, seconds: int) -> None:
        # Behind a TLS proxy only this header tells; who lies here harms nobody but himself.
        secure = request.secure or request.headers.get("X-Forwarded-Proto", "") == "https"
        response.set_cookie(name, value, max_age=seconds, httponly=True, samesite="Lax", path="/", secure=secure)


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address means this very machine."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _hostname(host: str) -> str:
    """Cut the port off a Host header."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _network(request: web.Request) -> str:
    """Return what counts as one address: an IPv6 customer has at least a /64."""
    remote = request.remote or ""
    try:
        address = ipaddress.ip_address(remote)
    except ValueError:
        return remote
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else remote
