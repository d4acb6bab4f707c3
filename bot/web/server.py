"""The HTTP server: pages, assets, health, metrics, and routes of others; it runs before the chat does.

Routes are declared in one table with how much of the guard stands before them. The chat's own handlers are in
`chat.py`; whoever brings a further page adds its routes to the table through `Extra`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import structlog
from aiohttp import web

from bot.web.assets import Assets
from bot.web.guard import HEADERS, Access, Guard
from bot.web.receive import BODY_AT_MOST, Rejected
from bot.web.words import SAYS, shown_in
from handlers.words import LANGUAGES, Words, spoken

log = structlog.get_logger(__name__)

LANGUAGE_COOKIE = "polobot_language"  # set by the page itself
SHUTDOWN_S = 3.0
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Extra:
    """Routes that others bring: open ones look after themselves (webhooks), the others stand behind the guard."""

    routes: Sequence[web.AbstractRouteDef]
    access: Access = Access.OPEN


class Server:
    """One aiohttp server. `address` is known once it has started."""

    def __init__(self, guard: Guard, extras: Sequence[Extra], *, host: str, port: int) -> None:
        self._guard, self._host, self._port = guard, host, port
        self._access: dict[web.AbstractRoute, Access] = {}
        self._runner: web.AppRunner | None = None
        self.address = ""
        self._app = web.Application(middlewares=[self._mend, self._admit], client_max_size=BODY_AT_MOST)
        self._app.on_response_prepare.append(_protect)
        for extra in extras:
            for route in self._app.router.add_routes(extra.routes):
                self._access[route] = extra.access

    async def start(self) -> None:
        """Listen. Raises `OSError` where the address is taken or is not ours."""
        runner = web.AppRunner(self._app, access_log=None, handle_signals=False, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except BaseException:
            await runner.cleanup()
            raise
        self._runner = runner
        host, port = runner.addresses[0][:2]
        self.address = f"http://{f'[{host}]' if ':' in host else host}:{port}"

    async def stop(self) -> None:
        """Stop listening and end the requests in work."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    @web.middleware
    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request pass, or say why not."""
        access = self._access.get(request.match_info.route, Access.GUARDED)
        refusal = self._guard.refusal(request, access)
        if refusal is None:
            return await handler(request)
        status, reason = refusal
        if reason == "password":
            if request.method == "GET" and request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate":
                raise web.HTTPSeeOther("/login")
            raise Rejected(status, SAYS["log_in"])
        raise Rejected(status, SAYS["wrong_host" if reason == "host" else "wrong_origin"])

    @web.middleware
    async def _mend(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer failures with one sentence: the last line of defence of this adapter."""
        try:
            return await handler(request)
        except web.HTTPException:
            raise
        except Rejected as rejected:
            return _sorry(request, rejected.status, rejected.words)
        except ConnectionError:
            raise  # the browser went away: aiohttp closes quietly
        except Exception:
            log.exception("web request failed", route=_route(request), method=request.method)
            return _sorry(request, 500, SAYS["failed"])


def _sorry(request: web.Request, status: int, words: Words) -> web.Response:
    sentence = words.in_language(language_of(request))
    body = msgspec.json.encode({"error": sentence})
    return web.Response(
        status=status, body=body, content_type="application/json", headers={"Cache-Control": "no-store"}
    )


async def _protect(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


def _route(request: web.Request) -> str:
    """Return the route's pattern: the path itself holds ids."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else "unknown"


def language_of(request: web.Request, default: str = "en") -> str:
    """Return the page's language: chosen on the page, else the first that the browser asks for and we speak."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    for tag in request.headers.get("Accept-Language", "").split(","):
        language = spoken(tag.partition(";")[0].strip(), "")
        if language:
            return language
    return default


@dataclass(slots=True)
class Pages:
    """The pages around the chat: login, logout, health and metrics."""

    guard: Guard
    assets: Assets
    health: Callable[[], Mapping[str, object]]
    metrics: Callable[[], tuple[bytes, str]]
    title: str
    language: str

    def routes(self) -> tuple[Extra, ...]:
        """Return the routes with their access."""
        return (
            Extra([web.get("/healthz", self.tell_health)]),
            Extra(
                [
                    web.get("/static/{version}/{name}", self.assets.serve),
                    web.get("/login", self.show_login),
                    web.post("/login", self.log_in),
                ],
                Access.PUBLIC,
            ),
            Extra([web.get("/metrics", self.tell_metrics), web.post("/logout", self.log_out)], Access.GUARDED),
        )

    async def tell_health(self, request: web.Request) -> web.Response:
        """Answer 200, or 503 where the process says `ok: false`."""
        report = self.health()
        status = 503 if report.get("ok") is False else 200
        body = msgspec.json.encode(report)
        headers = {"Cache-Control": "no-store"}
        return web.Response(status=status, body=body, content_type="application/json", headers=headers)

    async def tell_metrics(self, request: web.Request) -> web.Response:
        """Answer in the format that the metrics library names."""
        body, content_type = self.metrics()
        return web.Response(body=body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})

    async def show_login(self, request: web.Request) -> web.Response:
        """Show the login page; who is in already goes on to the chat."""
        if self.guard.logged_in(request):
            raise web.HTTPSeeOther("/")
        return self._login_page(request, None)

    async def log_in(self, request: web.Request) -> web.Response:
        """Check a password; a right one gives a session."""
        wait = self.guard.wait_s(request)
        if wait:
            minutes = SAYS["tries"].with_values(minutes=max(1, round(wait / 60)))
            return self._login_page(request, minutes, 429, {"Retry-After": str(int(wait) + 1)})
        said = (await request.post()).get("password", "")
        if not isinstance(said, str) or not self.guard.right(request, said):
            return self._login_page(request, SAYS["wrong_password"], 403)
        answer = web.HTTPSeeOther("/")
        self.guard.log_in(request, answer)
        raise answer

    async def log_out(self, request: web.Request) -> web.Response:
        """End the session of this browser."""
        answer = web.HTTPSeeOther("/login")
        self.guard.log_out(request, answer)
        raise answer

    def _login_page(
        self, request: web.Request, problem: Words | None, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> web.Response:
        language = language_of(request, self.language)
        said = problem.in_language(language) if problem else ""
        html = self.assets.page(
            "login.html", words=shown_in(language), language=language, title=self.title, problem=said
        )
        return page_response(html, status=status, headers=headers)


def page_response(html: str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an HTML page that no cache keeps."""
    kept = {"Cache-Control": "no-store", **(headers or {})}
    return web.Response(status=status, text=html, content_type="text/html", headers=kept)
