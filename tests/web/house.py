"""The page's server with an inbox that writes down what it is given and answers as a test says."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from bot.clock import Clock, SystemClock
from bot.ports import Incoming, Page, PastTurn, Said, ShownButton
from bot.web.adapter import WebAdapter
from handlers.command import Choice, Command, Option, command
from handlers.reply import Field, Form, Reply
from handlers.turn import Person, Place, Turn
from handlers.words import Words

KEY = b"a key of at least sixteen bytes"
STOP = ShownButton("Stop", "stop:1")
Answering = Callable[[Incoming], Awaitable[None]]


class RecordingInbox:
    """Dispatch's place: knows repeated events, remembers what was said, and answers by `answering`."""

    def __init__(self) -> None:
        self.events: list[Incoming] = []
        self.repeated: list[Incoming] = []
        self.past: dict[str, list[PastTurn]] = {}
        self.forms: dict[str, Form] = {}
        self.choices: list[Choice] = []
        self.completions: list[tuple[str, str, str]] = []
        self.failures = 0  # so many of the next events cannot be stored
        self.answering: Answering | None = None
        self.running: list[asyncio.Task[None]] = []

    async def accept(self, events: Sequence[Incoming]) -> None:
        for event in events:
            if self.failures:
                self.failures -= 1
                raise OSError("the disk is full")
            if any(event.event == known.event for known in self.events):
                self.repeated.append(event)
                continue
            self.events.append(event)
            if self.answering is not None:
                self.running.append(asyncio.ensure_future(self.answering(event)))

    async def form(self, action: str, place: Place, person: Person) -> Form | None:
        return self.forms.get(action)

    async def complete(self, command: str, option: str, typed: str, place: Place, person: Person) -> Sequence[Choice]:
        self.completions.append((command, option, typed))
        return [choice for choice in self.choices if typed.lower() in choice.value]

    async def moved(self, platform: str, old_chat: str, new_chat: str) -> None:
        raise AssertionError("conversations of the page do not move")

    async def gone(self, platform: str, chat: str) -> None:
        raise AssertionError("conversations of the page do not go")

    async def history(self, conversation: str, *, at_most: int) -> Sequence[PastTurn]:
        return self.past.get(conversation, [])[-at_most:]

    def ended(self, event: Incoming, *shown: tuple[str, Page], at: float = 1_800_000_000.0) -> None:
        """Put a turn into the history, as dispatch does when it is done."""
        assert isinstance(event.what, Said)
        said = event.what
        turn = PastTurn(said.text, at, tuple(shown), said.message, said.attachments)
        self.past.setdefault(event.place.conversation, []).append(turn)


async def _nothing(turn: Turn, services: object) -> Reply:
    return Reply()


def declared() -> tuple[Command, ...]:
    """Return commands as features declare them."""
    ask = command("ask", hint=Words(en="Ask the model", zh="向模型提问"), options=(_text("prompt", required=True),))
    model = command("model", hint=Words(en="Choose the model", zh="选择模型"), options=(_text("name", completes=True),))
    persona = command("persona", hint=Words(en="Choose who answers", zh="选择人设"))
    reset = command("reset", hint=Words(en="Start over", zh="重新开始"))
    language = command(
        "language",
        hint=Words(en="Choose the language", zh="选择语言"),
        options=(
            Option(
                "language",
                Words(en="Which language", zh="哪种语言"),
                choices=(Choice("en", "English"), Choice("zh", "中文")),
            ),
        ),
    )
    privacy = command("privacy", hint=Words(en="See, export, forget", zh="查看、导出、忘记"))
    stop = command("stop", hint=Words(en="Stop what is running", zh="停止正在进行的任务"), urgent=True)
    return tuple(declare(_nothing) for declare in (ask, model, persona, reset, language, privacy, stop))


def _text(name: str, *, required: bool = False, completes: bool = False) -> Option:
    async def complete(services: object, conversation: str, typed: str) -> Sequence[Choice]:
        return ()

    hint = Words(en=f"The {name}", zh=f"{name}（说明）")
    return Option(name, hint, required=required, complete=complete if completes else None)


class House:
    """A served page, its inbox, and an HTTP client that is a browser to it."""

    def __init__(self, adapter: WebAdapter, inbox: RecordingInbox, session: aiohttp.ClientSession) -> None:
        self.adapter, self.inbox, self.session = adapter, inbox, session
        self.boot: dict[str, Any] = {}

    @property
    def address(self) -> str:
        return self.adapter.address

    @property
    def browser(self) -> str:
        return str(self.boot["browser"])

    @property
    def chat(self) -> str:
        return f"{self.browser}-main"

    @property
    def place(self) -> Place:
        return Place("web", self.chat)

    async def enter(self) -> None:
        """Open the page: gets the browser's cookie."""
        async with self.session.get(f"{self.address}/") as answer:
            found = re.search(r'<script type="application/json" id="boot">(.*?)</script>', await answer.text())
            assert found
            self.boot = json.loads(found[1])

    async def post(self, path: str, body: object, **headers: str) -> tuple[int, dict[str, Any]]:
        """POST JSON as the page's own script does."""
        sent = {"Origin": self.address, "Content-Type": "application/json", **headers}
        data = io.BytesIO(json.dumps(body, ensure_ascii=False).encode())
        async with self.session.post(f"{self.address}{path}", data=data, headers=sent) as answer:
            return answer.status, await answer.json()

    async def say(self, text: str, event: str = "e" * 32, **more: object) -> tuple[int, dict[str, Any]]:
        """Post words."""
        what = {"type": "say", "text": text, **more}
        return await self.post("/api/post", {"event": event, "chat": self.chat, "what": what})

    async def upload(self, name: str, content: bytes, media_type: str) -> tuple[int, dict[str, Any]]:
        """Upload a file."""
        headers = {"Origin": self.address, "Content-Type": media_type}
        url = f"{self.address}/api/upload"
        async with self.session.post(url, params={"name": name}, data=io.BytesIO(content), headers=headers) as answer:
            return answer.status, await answer.json()

    @asynccontextmanager
    async def stream(self, seen: str = "", **query: str) -> AsyncIterator[Stream]:
        """Follow the conversation."""
        headers = {"Last-Event-ID": seen} if seen else {}
        params = {"chat": self.chat, **query}
        async with self.session.get(f"{self.address}/api/stream", params=params, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            yield Stream(answer)


class Stream:
    """Server-Sent Events, one by one."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self.seen = ""

    async def next(self, name: str | None = None) -> tuple[str, dict[str, Any]]:
        """Return the next event (of this name); fails after 5 s."""
        async with asyncio.timeout(5):
            while True:
                found = await self._event()
                if name in (None, found[0]):
                    return found

    async def _event(self) -> tuple[str, dict[str, Any]]:
        event, data = "", ""
        while True:
            line = (await self._answer.content.readline()).decode()
            if not line:
                raise ConnectionError("the stream has ended")
            key, _, value = line.rstrip("\n").partition(": ")
            if key == "event":
                event = value
            elif key == "data":
                data = value
            elif key == "id":
                self.seen = value
            elif line == "\n" and event:
                return event, json.loads(data)

    async def comment(self) -> str:
        """Return the next comment line."""
        async with asyncio.timeout(5):
            while True:
                line = (await self._answer.content.readline()).decode()
                if line.startswith(":"):
                    return line


def page(text: str, *buttons: ShownButton) -> Page:
    """Return a page with one row of buttons."""
    return Page(f"<p>{text}</p>", text, len(text), buttons=(buttons,) if buttons else ())


def form() -> Form:
    """Return a form with a short, a long and an optional field."""
    return Form(
        Words(en="Your own persona", zh="自定义人设"),
        (
            Field("name", Words(en="Name", zh="名称"), at_most=40),
            Field("prompt", Words(en="Instructions", zh="指令"), value="Be brief.", long=True),
            Field("note", Words(en="Note", zh="备注"), required=False),
        ),
    )


@asynccontextmanager
async def opened(
    folder: Path,
    *,
    inbox: RecordingInbox | None = None,
    clock: Clock | None = None,
    ready: bool = True,
    port: int = 0,
    **settings: Any,
) -> AsyncIterator[House]:
    """Serve the page; with `ready`, the chat too."""
    inbox = inbox or RecordingInbox()
    given: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "password": None,
        "key": KEY,
        "commands": declared(),
        "clock": clock or SystemClock(),
        "health": _health,
        "metrics": lambda: (b"turns_total 1\n", "text/plain; version=0.0.4; charset=utf-8"),
        "spool": folder / "spool",
    }
    adapter = WebAdapter(**(given | settings))
    async with adapter, aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        house = House(adapter, inbox, session)
        if not ready:
            yield house
            return
        started = asyncio.Event()
        chat = asyncio.create_task(adapter.run(inbox, started.set))
        await asyncio.wait_for(started.wait(), 5)
        try:
            if given["password"] is None and "password" not in settings:
                await house.enter()
            yield house
        finally:
            for task in (chat, *inbox.running):
                task.cancel()
            await asyncio.gather(chat, *inbox.running, return_exceptions=True)


def _health() -> Mapping[str, object]:
    return {"ok": True, "adapters": {"web": "ready"}}
