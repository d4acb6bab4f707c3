"""A fake Discord over real sockets: REST, gateway and CDN on one port of 127.0.0.1, with people who use it."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web

from bot.clock import Clock
from tests.fakes.discord import referee, rest, shapes
from tests.fakes.discord.gateway import DIRECT_MESSAGES, GUILD_MESSAGES, GUILDS, MESSAGE_CONTENT, Gateway
from tests.fakes.discord.limits import RateLimiter, TooFast
from tests.fakes.discord.people import Channel, Server
from tests.fakes.discord.problems import Problem, invalid
from tests.fakes.discord.world import DM, GROUP_DM, File, Guild, Interaction, Note, Room, Snowflakes, User

T = TypeVar("T")

LINKS_LIVE_S = 24 * 3600.0
API = "/api/v10"
TOKEN = "fake-discord-token.for.tests"


@dataclass(eq=False)
class Call:
    """One REST call as it arrived, and its answer. `files`: name, bytes, type."""

    method: str
    path: str
    body: Any
    files: list[tuple[str, bytes, str]]
    query: dict[str, str]
    status: int = 0
    answer: Any = None
    taken: bool = False  # by `next`

    def __getitem__(self, name: str) -> Any:
        """Return a field of the JSON body."""
        return self.body[name]

    def matches(self, pattern: str) -> bool:
        """Tell whether it is a call like `POST /channels/{id}/messages`."""
        method, path = pattern.split(" ", 1)
        expression = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path))
        return method == self.method and re.fullmatch(expression, self.path) is not None


@dataclass(eq=False)
class Fault:
    """What goes wrong at the next call like `pattern`.

    `how`: "status" answers with `status` and does nothing; "lost" does it and then drops the connection; "hang"
    answers nothing until the fake is closed.
    """

    pattern: str
    how: str
    status: int = 500


@dataclass(eq=False)
class FakeDiscord:
    """Use as `async with FakeDiscord(clock) as discord`; leaving it fails if the specification was violated.

    `validate` False skips the specification, for benchmarks; `limited` False skips rate limits.
    `message_content`: the intent is enabled in the portal.
    """

    clock: Clock
    token: str = TOKEN
    message_content: bool = True
    validate: bool = True
    limited: bool = True
    calls: list[Call] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    guilds: list[Guild] = field(default_factory=list)
    people: dict[str, User] = field(default_factory=dict)
    rooms: dict[str, Room] = field(default_factory=dict)
    interactions: dict[str, Interaction] = field(default_factory=dict)
    commands: list[dict[str, Any]] = field(default_factory=list)
    syncs: int = 0
    files_break_after: int | None = None  # bytes of a file after which its connection breaks
    faults: list[Fault] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the bot and its operator."""
        self.ids = Snowflakes(self.clock)
        self.bot = User(self.ids.new(), "Polo", bot=True)
        self.application_id = self.bot.id
        self.operator = self.person("Operator")
        self.limiter = RateLimiter(self.clock)
        self.gateway = Gateway(self)
        self._rest = rest.Rest(self)
        self._files: dict[str, File] = {}
        self._changed = asyncio.Condition()
        self._closing = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self.url = ""

    # ------------------------------------------------------------ life

    async def __aenter__(self) -> FakeDiscord:
        """Listen on a free port of 127.0.0.1."""
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Stop, and tell of violations unless the test has failed already."""
        await self.stop()
        if kind is None and self.violations:
            raise AssertionError("Discord's specification was violated:\n" + "\n".join(self.violations))

    async def start(self, port: int = 0, more: Sequence[web.RouteDef] = ()) -> None:
        """Listen; `more` routes of the caller's share the port."""
        application = web.Application(client_max_size=64 << 20)
        application.router.add_routes(more)
        application.router.add_get("/gateway", self.gateway.serve)
        application.router.add_get("/gateway/resume", self.gateway.serve)
        application.router.add_get("/attachments/{room}/{file}/{name}", self._cdn)
        application.router.add_route("*", API + "/{path:.*}", self._serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Close every connection."""
        self._closing.set()
        await self.gateway.drop(1001)
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def base_url(self) -> str:
        """The value for DISCORD_API_BASE_URL."""
        return self.url + API

    @property
    def gateway_url(self) -> str:
        """The value for DISCORD_GATEWAY_URL."""
        return self.url.replace("http", "ws", 1) + "/gateway"

    @property
    def application_flags(self) -> int:
        """The application's flags: whether message content is enabled."""
        return (1 << 18) * self.message_content

    # ------------------------------------------------------------ who and where

    def person(self, name: str, *, locale: str = "en-US", bot: bool = False) -> User:
        """Make an account."""
        one = User(self.ids.new(), name, locale, bot)
        self.people[one.id] = one
        return one

    def guild(self, name: str, *, bot: bool = True, owner: User | None = None) -> Server:
        """Make a server; `bot` False: the bot is no member. A connected bot learns of it by `server.invites_bot()`."""
        one = Guild(self.ids.new(), name, owner or self.operator, role=self.ids.new(), bot_in=bot)
        self.guilds.append(one)
        return Server(self, one)

    def dm(self, person: User) -> Channel:
        """Return a person's direct message with the bot."""
        for room in self.rooms.values():
            if room.type == DM and set(room.recipients) == {person, self.bot}:
                return Channel(self, room)
        return self._room(DM, (person, self.bot))

    def group(self, *people: User) -> Channel:
        """Make a group message of people, without the bot."""
        return self._room(GROUP_DM, people)

    def between(self, ann: User, bob: User) -> Channel:
        """Make the direct message of two people, without the bot."""
        return self._room(DM, (ann, bob))

    def _room(self, kind: int, recipients: tuple[User, ...]) -> Channel:
        room = Room(self.ids.new(), "", kind, recipients=recipients)
        self.rooms[room.id] = room
        return Channel(self, room)

    def new_file(self, room: Room, name: str, content: bytes, kind: str, seconds: float | None = None) -> File:
        """Put a file on the CDN."""
        file = File(self.ids.new(), name, content, kind, room, seconds, self.clock.now() + LINKS_LIVE_S)
        self._files[file.id] = file
        return file

    def renew_links(self, note: Note) -> None:
        """Give a message's files new links, as reading it does."""
        for file in note.files:
            file.expires_at = self.clock.now() + LINKS_LIVE_S

    async def show(self, note: Note, *, changed: bool = False) -> None:
        """Put a message into its room and tell the gateway."""
        note.room.notes[note.id] = note
        if note.only_for is None and note.room.with_bot and note.room.bot_reads:
            event = "MESSAGE_UPDATE" if changed else "MESSAGE_CREATE"
            await self.gateway.tell(event, lambda intents: self._look(note, intents))

    def _look(self, note: Note, intents: int) -> dict[str, Any] | None:
        if not intents & (DIRECT_MESSAGES if note.room.guild is None else GUILD_MESSAGES):
            return None
        mine = note.author is self.bot or self.bot in note.mentions or note.room.guild is None
        event = shapes.message_event(note, self.url, readable=mine or bool(intents & MESSAGE_CONTENT))
        if self.validate:
            checked = event
            if note.forwarded is not None:  # the specification knows no forwards yet: it wants type 0
                checked = event | {"message_reference": event["message_reference"] | {"type": 0}}
            self.violations += [f"fake MESSAGE: {one}" for one in referee.complaints_about("MessageResponse", checked)]
        return event

    async def tell_guilds(self, event: str, data: dict[str, Any]) -> None:
        """Send an event of the guilds intent."""
        await self.gateway.tell(event, lambda intents: data if intents & GUILDS else None)

    def new_interaction(self, kind: int, user: User, room: Room, message: Note | None = None) -> Interaction:
        """Make an interaction, its clock running."""
        token = "interaction-" + secrets.token_urlsafe(24)
        installed = not room.with_bot
        one = Interaction(self.ids.new(), token, kind, user, room, self.clock.now(), installed, message)
        self.interactions[token] = one
        return one

    async def send_interaction(self, one: Interaction, data: dict[str, Any]) -> None:
        """Tell the gateway of an interaction."""
        event = shapes.interaction(one, self.application_id, data, self.url)
        await self.gateway.tell("INTERACTION_CREATE", lambda intents: event)

    # ------------------------------------------------------------ what a test looks at

    async def next(self, pattern: str, *, within_s: float = 5.0) -> Call:
        """Return the next answered call like `PATCH /channels/{id}/messages/{id}` that was not returned before."""
        return await self.until(lambda: self._untaken(pattern), within_s=within_s, what=pattern)

    def _untaken(self, pattern: str) -> Call | None:
        for call in self.calls:
            if call.status and not call.taken and call.matches(pattern):
                call.taken = True
                return call
        return None

    def made(self, pattern: str) -> list[Call]:
        """Return all calls like `pattern`."""
        return [call for call in self.calls if call.matches(pattern)]

    async def until(self, look: Callable[[], T | None], *, within_s: float = 5.0, what: str = "") -> T:
        """Wait until `look` returns something true, looking after every call; bounded in real time."""
        try:
            async with asyncio.timeout(within_s), self._changed:
                while not (seen := look()):
                    await self._changed.wait()
                return seen
        except TimeoutError:
            made = [f"{call.method} {call.path} {call.status}" for call in self.calls]
            raise AssertionError(f"not seen within {within_s} s: {what}; calls: {made}") from None

    def forgive(self) -> list[str]:
        """Return the violations and forget them: for tests that provoke them."""
        violations, self.violations = self.violations, []
        return violations

    def fail_next(self, pattern: str, how: str = "status", status: int = 500) -> None:
        """Let the next call like `pattern` go wrong; see `Fault`."""
        self.faults.append(Fault(pattern, how, status))

    async def changed(self) -> None:
        """Wake those who wait for something to be seen."""
        async with self._changed:
            self._changed.notify_all()

    # ------------------------------------------------------------ HTTP

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        call = await _read(request)
        self.calls.append(call)
        fault = next((one for one in self.faults if call.matches(one.pattern)), None)
        if fault is not None:
            self.faults.remove(fault)
        if fault is not None and fault.how == "hang":
            await self._closing.wait()
        headers: dict[str, str] = {}
        if fault is not None and fault.how == "status":
            call.status, call.answer = fault.status, {"message": f"{fault.status}: fault", "code": 0}
        else:
            headers = await self._do(request, call)
        await self.changed()
        if fault is not None and fault.how == "lost" and request.transport is not None:
            request.transport.abort()
        return _respond(call, headers)

    async def _do(self, request: web.Request, call: Call) -> dict[str, str]:
        """Check, do, and check the answer; return the headers."""
        headers: dict[str, str] = {}
        try:
            found = rest.find(call.method, call.path)
            if found is None:
                self.violations.append(f"{call.method} {call.path}: this fake knows no such call")
                raise Problem(404, 0, words="404: Not Found")
            route, handler, names = found
            self._authorise(request, call)
            if self.limited and not call.path.startswith("/interactions"):
                bucket = f"{route.replace(' ', '_')} {names.get('channel') or names.get('token') or ''}"
                headers = self.limiter.take(bucket, exempt=call.path.startswith("/webhooks"))
            self._judge_request(call)
            call.status, call.answer = await handler(self._rest, call, names)
        except Problem as problem:
            call.status, call.answer = problem.status, problem.body
        except TooFast as too_fast:
            call.status, call.answer, headers = 429, too_fast.body, too_fast.headers
        self._judge_answer(call)
        return headers

    def _authorise(self, request: web.Request, call: Call) -> None:
        by_own_token = call.path.startswith(("/webhooks/", "/interactions/")) or call.path == "/gateway"
        if request.headers.get("Authorization") != f"Bot {self.token}" and not by_own_token:
            raise Problem(401, 0)

    def _judge_request(self, call: Call) -> None:
        if not self.validate:
            return
        template = referee.template_of(call.method, call.path)
        if template is None:
            self.violations.append(f"{call.method} {call.path} is not in the specification")
            return
        complaints = referee.complaints_about_request(call.method, template, call.body, multipart=bool(call.files))
        if complaints:
            self.violations += [f"{call.method} {template}: {one}" for one in complaints]
            path = complaints[0].split(":", 1)[0] or "body"
            raise invalid(path, "SPECIFICATION", complaints[0])

    def _judge_answer(self, call: Call) -> None:
        template = referee.template_of(call.method, call.path) if self.validate else None
        if template is not None:
            complaints = referee.complaints_about_answer(call.method, template, call.status, call.answer)
            self.violations += [f"fake's answer to {call.method} {template}: {one}" for one in complaints]

    async def _cdn(self, request: web.Request) -> web.StreamResponse:
        if "Authorization" in request.headers:
            self.violations.append("the bot's token was sent to the CDN")
        file = self._files.get(request.match_info["file"])
        ends = int(request.query.get("ex", "0"), 16)
        if file is None or ends < self.clock.now():
            return web.Response(status=404, text="This content is no longer available.")
        if self.files_break_after is not None:
            return await self._broken(request, file.content[: self.files_break_after], len(file.content))
        return web.Response(body=file.content, content_type=file.content_type)

    async def _broken(self, request: web.Request, part: bytes, whole: int) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(whole)})
        await response.prepare(request)
        await response.write(part)
        if request.transport is not None:
            request.transport.abort()
        return response


async def _read(request: web.Request) -> Call:
    """Read a call: JSON, or multipart with JSON in `payload_json`."""
    body: Any = None
    files: list[tuple[str, bytes, str]] = []
    if request.content_type == "multipart/form-data":
        async for part in await request.multipart():
            content = bytes(await part.read())  # type: ignore[union-attr]
            if part.name == "payload_json":  # type: ignore[union-attr]
                body = json.loads(content)
            else:
                files.append((part.filename or "", content, part.headers.get("Content-Type", "")))  # type: ignore[union-attr]
    elif request.can_read_body:
        body = await request.json()
    return Call(request.method, request.path.removeprefix(API), body, files, dict(request.query))


def _respond(call: Call, headers: dict[str, str]) -> web.Response:
    """Answer with the bare media type: discord.py reads JSON from nothing else."""
    response = web.Response(status=call.status, headers=headers)
    if call.answer is not None:
        response.body = json.dumps(call.answer).encode()
        response.headers["Content-Type"] = "application/json"
    return response
