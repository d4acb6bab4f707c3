"""The load: a Telegram with its flood limits, a relay that writes tokens at a pace, people who write, and a stopwatch.

A question says what shall be answered: `turn 17 tokens 40 every 25` (milliseconds). The answer is `t17: w0 w1 ...`,
so that every text the bot shows tells how far the person can read.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from bot.clock import SystemClock
from tests.fakes.telegram import Call, FakeTelegram

QUESTION = re.compile(r"turn (\d+) tokens (\d+) every (\d+)")
ANSWER = re.compile(r"t(\d+):")
WORD = re.compile(r"w(\d+)")
SHOWS = {"sendMessage", "editMessageText", "sendMessageDraft"}
GIVE_UP_S = 120.0


@dataclass(slots=True)
class Turn:
    """One question and when what happened. Times are monotonic seconds; words are counted from 0."""

    tokens: int
    said_at: float
    asked_at: float = 0.0  # the relay got the request
    token_at: list[float] = field(default_factory=list)
    seen: list[tuple[float, int]] = field(default_factory=list)  # (when, the last word that can be read)
    shows: int = 0
    whole: asyncio.Event = field(default_factory=asyncio.Event)
    whole_at: float = 0.0

    @property
    def lags(self) -> list[float]:
        """Seconds from each word's writing until it could be read."""
        lags, looks = [], iter(self.seen)
        when, upto = next(looks, (self.whole_at, self.tokens))
        for number, written in enumerate(self.token_at):
            while upto < number:
                when, upto = next(looks, (self.whole_at, self.tokens))
            lags.append(max(when - written, 0.0))
        return lags


class City:
    """The servers, and the turns under the stopwatch."""

    def __init__(self, *, limits: bool) -> None:
        self.telegram = FakeTelegram(SystemClock(), checks=False, limits=limits, keep=False)
        self.telegram.on_call = self._seen
        self.turns: dict[int, Turn] = {}
        self.refused = 0
        self.relay_url = ""
        self._chats: dict[int, object] = {}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[City]:
        """Listen on loopback until the block ends."""
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._relay)
        app.router.add_get("/v1/models", self._models)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.relay_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            async with self.telegram:
                yield self
        finally:
            await runner.cleanup()

    async def ask(self, number: int, person: int, *, tokens: int, every_ms: int) -> Turn:
        """Let a person ask, and return the turn when its whole answer can be read."""
        turn = self.turns[number] = Turn(tokens, time.monotonic())
        now = int(time.time())
        user = {"id": person, "is_bot": False, "first_name": f"P{person}", "language_code": "en"}
        chat = {"id": person, "type": "private", "first_name": user["first_name"]}
        member = self._chats.get(person)
        if member is None:
            member = self._chats[person] = self._meet(person)
        text = f"turn {number} tokens {tokens} every {every_ms}"
        message = {"message_id": number + 1, "date": now, "chat": chat, "from": user, "text": text}
        self.telegram.push("message", message, check=False)
        async with asyncio.timeout(GIVE_UP_S):
            await turn.whole.wait()
        return turn

    def _meet(self, person: int) -> object:
        member = self.telegram.person(f"P{person}")
        object.__setattr__(member, "id", person)
        return self.telegram.private(member)

    # ------------------------------------------------------------ the relay

    async def _models(self, _: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "gpt-4.1-mini", "object": "model"}]})

    async def _relay(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        content = body["messages"][-1]["content"]
        found = QUESTION.search(content if isinstance(content, str) else json.dumps(content))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        number, tokens, every_ms = map(int, found.groups()) if found else (-1, 1, 0)
        turn = self.turns.get(number, Turn(tokens, 0.0))
        turn.asked_at = time.monotonic()
        await response.prepare(request)
        started = time.monotonic()
        for word in range(tokens):
            text = f"t{number}: w0" if word == 0 else f" w{word}"
            await response.write(_event({"content": text}))
            turn.token_at.append(time.monotonic())
            if every_ms:
                await asyncio.sleep(max(started + (word + 1) * every_ms / 1000 - time.monotonic(), 0))
        await response.write(_event({}, finish="stop"))
        usage = {"prompt_tokens": 10, "completion_tokens": tokens, "total_tokens": tokens + 10}
        last = {"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [], "usage": usage}
        await response.write(f"data: {json.dumps(last)}\n\ndata: [DONE]\n\n".encode())
        return response

    # ------------------------------------------------------------ the stopwatch

    def _seen(self, call: Call) -> None:
        self.refused += call.status == 429
        if call.method not in SHOWS or call.status != 200:
            return
        text = str(call.parameters.get("text", ""))
        whose = ANSWER.search(text)
        turn = self.turns.get(int(whose[1])) if whose else None
        if turn is None:
            return
        words = WORD.findall(text)
        upto, now = int(words[-1]) if words else 0, time.monotonic()
        turn.shows += 1
        turn.seen.append((now, upto))
        if upto == turn.tokens - 1 and call.method != "sendMessageDraft":
            turn.whole_at = now
            turn.whole.set()


def _event(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n".encode()
