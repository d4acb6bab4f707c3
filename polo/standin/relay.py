"""The stand-in relay itself: its routes, what it was asked, and what it was told to say next."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web

from polo.errors import redact
from polo.standin import account, chat
from polo.standin.refusals import BODY, ID, error, failed
from polo.standin.script import Call, Fail, Gate, Hang, Next, Raw, Received, Say

_REQUEST_LIMIT = 128 << 20  # bytes, as of new-api
MODELS = (
    "gpt-4.1-mini",
    "gpt-4.1",
    "gpt-4o",
    "gpt-4o-mini",
    "o4-mini",
    "claude-sonnet-4-20250514",
    "claude-3-5-haiku-20241022",
    "gemini-2.5-flash",
    "gemini-2.5-pro",
    "deepseek-chat",
    "deepseek-reasoner",
)

Sleep = Callable[[float], Awaitable[None]]


class StandIn:
    """A relay made of rules. `natural`: answers that no script gives come at the pace of a model.

    `models` are those on offer; others are refused as a relay does. `granted` and `used` are the key's account.
    `received` keeps the last `keep` requests.
    """

    def __init__(
        self,
        *,
        natural: bool = True,
        sleep: Sleep = asyncio.sleep,
        models: Sequence[str] = MODELS,
        keep: int = 1000,
    ) -> None:
        self.natural = natural
        self.sleep = sleep
        self.models = list(models)
        self.granted = 25.5
        self.used = 0.0
        self.received: list[Received] = []
        self._keep = keep
        self.open_answers = 0  # being written now
        self.dropped = 0  # answers whose caller hung up
        self._script: deque[Next] = deque()
        self._lookups: deque[Fail] = deque()
        self._gate: Gate | None = None
        self._numbers = itertools.count(1)

    # ------------------------------------------------------------ what it shall do next

    def will_say(
        self,
        *texts: str,
        thinking: str = "",
        pieces: int | None = None,
        delay_s: float = 0,
        between_s: float = 0,
        finish: str | None = "stop",
        usage: tuple[int, int] | None = None,
    ) -> None:
        """Script the next answers, one text a call. `usage`: prompt and completion tokens."""
        for text in texts:
            self._script.append(
                Say(
                    text,
                    thinking,
                    pieces=pieces,
                    delay_s=delay_s,
                    between_s=between_s,
                    finish=finish,
                    usage=usage,
                )
            )

    def will_call(self, name: str, arguments: str = "{}", *, text: str = "") -> None:
        """Script an answer that asks for a tool; `arguments` is JSON text."""
        self._script.append(Say(text, calls=(Call(name, arguments),), finish="tool_calls"))

    def will_fail(self, status: int, body: Any = b"", headers: dict[str, str] | None = None) -> None:
        """Script a refusal; bytes and text are sent as they are, anything else as JSON."""
        self._script.append(Fail(status, body, headers or {}))

    def will_break(self, after: int = 1, how: str = "reset", *, text: str = "Mars has two moons.") -> None:
        """Script an answer that breaks after so many pieces. `how`: see `faults.HOW`."""
        self._script.append(Say(text, fault=how, after=after))

    def will_send(
        self,
        *writes: bytes,
        content_type: str = "text/event-stream",
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Script an answer's very bytes, a write each."""
        self._script.append(Raw(writes, content_type, status, headers or {}))

    def will_fail_next_lookup(self, status: int, body: Any = b"", headers: dict[str, str] | None = None) -> None:
        """Script a refusal of a call that costs nothing: models, balance, prices, status."""
        self._lookups.append(Fail(status, body, headers or {}))

    def will_hang(self) -> None:
        """Script a call that gets no answer until its caller gives up."""
        self._script.append(Hang())

    def hold(self) -> Gate:
        """Return a gate that every further answer waits at, piece by piece, until it is opened."""
        self._gate = Gate()
        return self._gate

    def next_of_script(self) -> Next | None:
        """Take what was scripted for this call, if anything."""
        return self._script.popleft() if self._script else None

    @property
    def gate(self) -> Gate | None:
        """Return the gate that answers wait at."""
        return self._gate

    # ------------------------------------------------------------ what it was asked

    @property
    def chats(self) -> list[Any]:
        """Return the bodies of the chat requests, in order."""
        return [seen.body for seen in self.received if seen.path.endswith("/chat/completions")]

    def next_id(self) -> str:
        """Return the next request's id."""
        return f"standin{next(self._numbers):08d}"

    # ------------------------------------------------------------ as a server

    def app(self) -> web.Application:
        """Return the application, to be served by anyone."""
        app = web.Application(client_max_size=_REQUEST_LIMIT, middlewares=[self._at_the_door])
        app.router.add_post("/v1/chat/completions", self._chat)
        account.add_routes(app, self)
        app.router.add_route("*", "/{path:.*}", account.unknown_path)
        return app

    @asynccontextmanager
    async def serving(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
        """Serve on `host`; yield the base URL. Port 0: a free one."""
        runner = web.AppRunner(self.app(), handler_cancellation=True, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            bound = runner.addresses[0][1]
            yield f"http://{host if ':' not in host else f'[{host}]'}:{bound}"
        finally:
            await runner.cleanup()

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        return await chat.answer(self, request)

    @web.middleware
    async def _at_the_door(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Write down what came, and look at the key."""
        request[ID] = self.next_id()
        data = await request.read()
        self.received.append(_received(request, data))
        del self.received[: -self._keep]
        if request.path.startswith("/v1") and (refusal := _key_refusal(request)) is not None:
            return refusal
        if self._lookups and request.method == "GET":
            return failed(request, self._lookups.popleft())
        return await handler(request)


def _received(request: web.Request, data: bytes) -> Received:
    try:
        body = msgspec.json.decode(data) if data else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = None
    request[BODY] = body
    headers = {name.lower(): redact(value) for name, value in request.headers.items()}
    peer = request.transport.get_extra_info("peername") if request.transport else None
    ending = request.headers.get("Authorization", "")[-2:]
    return Received(request.method, request.path, body, headers, ending, tuple(peer[:2]) if peer else ("", 0))


def _key_refusal(request: web.Request) -> web.Response | None:
    """Refuse as new-api does: no key, or one that does not begin with sk-."""
    given = request.headers.get("Authorization", "")
    if not given.startswith("Bearer "):
        return error(request, 401, "未提供令牌")
    return None if given.startswith("Bearer sk-") else error(request, 401, "无效的令牌")
