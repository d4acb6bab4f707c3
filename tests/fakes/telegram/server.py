"""The Bot API server of the fake: HTTP, updates by long polling and webhook, faults on order, and what was called."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, TypeVar

import aiohttp
import msgspec
from aiohttp import web

from bot.clock import Clock
from tests.clock import FakeClock, until
from tests.fakes.telegram.faults import Faults
from tests.fakes.telegram.methods import Methods
from tests.fakes.telegram.records import Call, Hook, StoredFile, Update
from tests.fakes.telegram.rules import Floods, Refusal
from tests.fakes.telegram.schema import NO_FIELD, Uploaded, bot_api
from tests.fakes.telegram.world import Chat, Json, Member

TOKEN = "4242:AAFakeTokenOfAFakeBot-0123456789abcdef"
TOO_MANY_POLLERS = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
HOOKED = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
ALWAYS_ASKED = {"chat_member", "message_reaction", "message_reaction_count"}  # only where allowed_updates names them
HOOK_AGAIN_S = 1.0
HOOK_ANSWER_S = 30.0

T = TypeVar("T")


class FakeTelegram(Faults):
    """One bot's Telegram. `checks` off: no schema (benchmarks); `limits` off: no floods; `keep` off: no calls kept.

    `violations` are what the bot did against the tables, and what this fake did; leaving the context fails if any.
    """

    def __init__(
        self, clock: Clock, *, token: str = TOKEN, checks: bool = True, limits: bool = True, keep: bool = True
    ) -> None:
        super().__init__()
        self.clock, self.token, self.schema = clock, token, bot_api()
        self.bot = Member(int(token.partition(":")[0]), "Polo", None, is_bot=True, username="polo_test_bot")
        self.privacy = True  # the bot's setting at BotFather, for new groups and getMe
        self.local_server = False  # True: no 20 MB limit
        self.updates_per_answer = 100
        self.chats: dict[int, Chat] = {}
        self.files: dict[str, StoredFile] = {}
        self.queries: dict[str, float] = {}  # pressed and not yet answered
        self.waiting: deque[Update] = deque()
        self.violations: list[str] = []
        self.calls: list[Call] = []
        self.asked: deque[Json] = deque(maxlen=1000)  # parameters of getUpdates, when they come
        self.on_call: Callable[[Call], None] | None = None
        self.hook = Hook()
        self.methods = Methods(self)
        self._checks, self._keep = checks, keep
        self.history = None if keep else 200  # messages that a chat keeps
        self._floods = Floods(clock) if limits else None
        self._numbers = itertools.count(1)
        self._update_ids = itertools.count(500_000_001)
        self._allowed: set[str] | None = None
        self._arrived = asyncio.Event()
        self._poll: asyncio.Future[str] | None = None
        self._taken: dict[str, int] = defaultdict(int)
        self._by_method: dict[str, list[Call]] = defaultdict(list)
        self._pusher: asyncio.Task[None] | None = None
        self._runner: web.AppRunner | None = None
        self.url = ""

    # ------------------------------------------------------------ people and chats

    def person(self, name: str, *, language: str | None = "en", username: str | None = None) -> Member:
        """Return a new person."""
        return Member(1000 + self.serial(), name, language, username=username)

    def private(self, person: Member) -> Chat:
        """Return the person's private chat with the bot, the same each time."""
        if person.id not in self.chats:
            self.chats[person.id] = Chat(self, person.id, "private", person.name, [person])
        return self.chats[person.id]

    def group(
        self,
        title: str,
        *,
        members: Sequence[Member],
        forum: bool = False,
        basic: bool = False,
        privacy: bool | None = None,
    ) -> Chat:
        """Return a new group that the bot is in: a supergroup, or a `basic` one that can migrate."""
        number = self.serial()
        chat_id = -number if basic else -1_001_000_000_000 - number
        chat = Chat(self, chat_id, "group" if basic else "supergroup", title, members, forum=forum)
        chat.privacy = self.privacy if privacy is None else privacy
        self.chats[chat_id] = chat
        return chat

    def store(self, content: bytes, path: str, size: int | None = None) -> Json:
        """Keep a file and return the fields that every kind of file has. `size` pretends another one."""
        number = self.serial()
        folder, _, name = path.rpartition("/")
        file = StoredFile(
            f"F{number}", f"{folder}/file_{number}_{name}", content, len(content) if size is None else size
        )
        self.files[file.id] = file
        return file.raw()

    def serial(self) -> int:
        """Return a number that was not returned before."""
        return next(self._numbers)

    # ------------------------------------------------------------ what the bot did

    def sent(self, method: str) -> list[Json]:
        """Return the parameters of every call of a method that was taken."""
        return [call.parameters for call in self._by_method[method]]

    async def next(self, method: str, *, passing: bool = False) -> Json:
        """Wait for the next call of a method that was taken, and return its parameters; each is returned once.

        `passing`: time passes on a `FakeClock` meanwhile, for a bot that paces itself.
        """

        def look() -> Json | None:
            calls, number = self._by_method[method], self._taken[method]
            return calls[number].parameters if number < len(calls) else None

        found = await self.until(look, passing=passing)
        self._taken[method] += 1
        return found

    async def until(self, look: Callable[[], T | None], *, passing: bool = False) -> T:
        """Wait, for 5 real seconds at most, until `look` returns something; `passing` as in `next`."""
        return await until(look, self.clock if passing and isinstance(self.clock, FakeClock) else None)

    # ------------------------------------------------------------ the platform itself

    async def polls_as_rival(self) -> None:
        """Poll as a second process with the same token would, for ever."""
        async with aiohttp.ClientSession() as session:
            while True:
                async with session.get(f"{self.url}/bot{self.token}/getUpdates?timeout=30") as answer:
                    await answer.read()

    def count(self, chat: int, *, draft: bool) -> None:
        """Count a message, edit or draft. Raises the `Refusal` 429."""
        if self._floods is not None:
            self._floods.check(chat, draft=draft)

    # ------------------------------------------------------------ updates

    def deliver(self, chat: Chat, kind: str, content: Json) -> None:
        """Tell the bot, if Telegram would: privacy mode, allowed updates, membership."""
        out = bool(chat.closed) and kind != "my_chat_member"
        if not out and (kind not in {"message", "edited_message"} or chat.bot_sees(content)):
            self.push(kind, content)

    def push(self, kind: str, content: Any, *, check: bool = True) -> int:
        """Put any update into the queue and return its id; `check` off for what Telegram would never send."""
        number = next(self._update_ids)
        update = {"update_id": number, kind: content}
        if self._checks and check:
            self.violations += [f"update: {wrong}" for wrong in self.schema.value("Update", update)]
        if kind in ALWAYS_ASKED if self._allowed is None else kind not in self._allowed:
            return number
        self.waiting.append(Update(number, kind, _encoded(update)))
        self._arrived.set()
        return number

    def push_raw(self, encoded: bytes) -> int:
        """Put an update into the queue as bytes, `%d` standing for its id."""
        number = next(self._update_ids)
        self.waiting.append(Update(number, "", encoded.replace(b"%d", str(number).encode())))
        self._arrived.set()
        return number

    def set_hook(self, url: str, secret: str, allowed: list[str] | None) -> None:
        """Set or (url "") delete the webhook."""
        self.hook = Hook(url, secret)
        if url and self._poll is not None and not self._poll.done():
            self._poll.set_result("Conflict: terminated by setWebhook request")
        self._allow(allowed)
        self._arrived.set()

    def _allow(self, allowed: list[str] | None) -> None:
        if allowed is not None:
            self._allowed = set(allowed) or None

    # ------------------------------------------------------------ the server

    async def __aenter__(self) -> FakeTelegram:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        await self.stop()
        if kind is None:
            assert self.violations == []

    async def start(self, port: int = 0, more: Sequence[web.AbstractRouteDef] = ()) -> None:
        """Listen on 127.0.0.1."""
        app = web.Application(client_max_size=64 << 20)
        app.router.add_get(f"/file/bot{self.token}/{{path:.+}}", self._file)
        app.router.add_route("*", "/bot{token}/{method}", self._call)
        app.add_routes(more)
        self._runner = web.AppRunner(app, shutdown_timeout=0.01, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.url = site.name if port else f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._pusher = asyncio.create_task(self._push_to_hook())

    async def stop(self) -> None:
        """Close every connection and listen no more."""
        if self._pusher is not None:
            self._pusher.cancel()
            await asyncio.gather(self._pusher, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()
        self._pusher = self._runner = None

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        if self._silent is None or method in self._silent:
            await self._speaking.wait()
            if request.transport is None or request.transport.is_closing():
                return web.Response()  # who asked has gone: the call was never heard
        parameters: Json = {}
        try:
            self._authorise(request.match_info["token"], method)
            parameters = await self._parameters(request, method)
            body: Json | bytes = await self._answer(method, parameters)
            status = 200
        except Refusal as refusal:
            status, body = refusal.status, refusal.body()
        dropped = self._dropping[method] > 0
        self._note(
            Call(method, parameters, 0 if dropped else status, body, self.clock.monotonic()), taken=status == 200
        )
        if dropped:
            self._dropping[method] -= 1
            assert request.transport is not None
            request.transport.abort()
        encoded = body if isinstance(body, bytes) else _encoded(body)
        return web.Response(body=encoded, status=status, content_type="application/json")

    def _authorise(self, token: str, method: str) -> None:
        if token != self.token:
            raise Refusal(401, "Unauthorized") if ":" in token else Refusal(404, "Not Found")
        if method in self._unknown or not self.schema.knows(method):
            raise Refusal(404, "Not Found")

    async def _parameters(self, request: web.Request, method: str) -> Json:
        given: Json = dict(request.query)
        if request.content_type == "application/json":
            given |= msgspec.json.decode(await request.read() or b"{}")
        elif request.can_read_body:
            form = await request.post()
            files = {
                name: await asyncio.to_thread(_uploaded, part)
                for name, part in form.items()
                if not isinstance(part, str)
            }
            given |= {name: part for name, part in form.items() if isinstance(part, str)} | files
        try:
            parameters = self.schema.decoded(method, given)
        except ValueError:
            raise Refusal(400, "Bad Request: can't parse parameters") from None
        if self._checks:
            wrong = self.schema.request(method, parameters)
            self.violations += wrong
            if any(not one.endswith(NO_FIELD) for one in wrong):  # unknown fields alone are passed over by Telegram
                raise Refusal(400, f"Bad Request: can't parse parameters: {wrong[0]}")
        return parameters

    async def _answer(self, method: str, parameters: Json) -> Json | bytes:
        self._raise_what_is_ordered(method)
        if method == "getUpdates":
            return await self._get_updates(parameters)
        result = self.methods.do(method, parameters)
        if self._checks:
            self.violations += [f"answer: {wrong}" for wrong in self.schema.answer(method, result)]
        return {"ok": True, "result": result}

    def _note(self, call: Call, *, taken: bool) -> None:
        if self._keep:
            self.calls.append(call)
            if taken:
                self._by_method[call.method].append(call)
        if self.on_call is not None:
            self.on_call(call)

    async def _file(self, request: web.Request) -> web.Response:
        for file in self.files.values():
            if file.path == request.match_info["path"]:
                return web.Response(body=file.content, content_type="application/octet-stream")
        return web.json_response({"ok": False, "error_code": 404, "description": "Not Found"}, status=404)

    # ------------------------------------------------------------ long polling and webhook

    async def _get_updates(self, given: Json) -> bytes:
        if self.hook.url:
            raise Refusal(409, HOOKED)
        self._allow(given.get("allowed_updates"))
        self.asked.append(given)
        while self.waiting and self.waiting[0].id < given.get("offset", 0):
            self.waiting.popleft()
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(TOO_MANY_POLLERS)
        self._poll = mine = asyncio.get_running_loop().create_future()
        if not self.waiting and given.get("timeout"):
            await self._await_update(mine, given["timeout"])
        if mine.done():
            raise Refusal(409, mine.result())
        mine.cancel()
        most = min(given.get("limit", 100), self.updates_per_answer)
        ready = [update.encoded for update in itertools.islice(self.waiting, most)]
        return b'{"ok":true,"result":[' + b",".join(ready) + b"]}"

    async def _await_update(self, mine: asyncio.Future[str], timeout_s: float) -> None:
        self._arrived.clear()
        arrived = asyncio.ensure_future(self._arrived.wait())
        alarm = asyncio.ensure_future(self.clock.sleep(timeout_s))
        try:
            waiters: set[asyncio.Future[Any]] = {mine, arrived, alarm}
            await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
        finally:
            arrived.cancel()
            alarm.cancel()

    async def _push_to_hook(self) -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                if not (self.hook.url and self.waiting):
                    self._arrived.clear()
                    await self._arrived.wait()
                    continue
                if await self._pushed(session, self.waiting[0]):
                    self.waiting.popleft()
                else:
                    await self.clock.sleep(HOOK_AGAIN_S)

    async def _pushed(self, session: aiohttp.ClientSession, update: Update) -> bool:
        headers = {"Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": self.hook.secret}
        timeout = aiohttp.ClientTimeout(total=HOOK_ANSWER_S)
        try:
            async with session.post(self.hook.url, data=update.encoded, headers=headers, timeout=timeout) as answer:
                self.hook.error = (
                    "" if answer.ok else f"Wrong response from the webhook: {answer.status} {answer.reason}"
                )
                return answer.ok
        except (aiohttp.ClientError, TimeoutError):
            self.hook.error = "Connection refused"
            return False


def _encoded(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:  # lone surrogates travel as escapes
        return json.dumps(value).encode()


def _uploaded(part: Any) -> Uploaded:
    return Uploaded(part.filename, part.content_type, part.file.read())
