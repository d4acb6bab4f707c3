"""The fake Discord on its own, to drive a bot by hand: `python -m tests.fakes.discord --port 9002`.

Start the bot with the printed settings. Then, with JSON in and out:

    POST /fake/say      {"text": "@bot hi", "where": "general" | "dm", "who": "Ann"}
    POST /fake/slash    {"name": "ask", "options": {"question": "why?"}, "where": ..., "who": ...}
    POST /fake/press    {"label": "Stop", ...}
    POST /fake/submit   {"fields": {"name": "..."}, ...}
    POST /fake/complete {"name": "model", "option": "name", "typed": "g", ...}
    POST /fake/wait     {"seconds": 900}           let time pass
    POST /fake/gateway  {"do": "drop" | "reconnect" | "invalidate"}
    GET  /fake/messages?where=general&who=Ann      what that person sees now
    GET  /fake/calls                               REST calls so far, and violations of the specification
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bot.clock import SystemClock
from tests.fakes.discord import Channel, FakeDiscord, Seen, User


class ShiftedClock(SystemClock):
    """The machine's clock, moved forward by hand."""

    def __init__(self) -> None:
        self.shift = 0.0

    def now(self) -> float:
        """Return shifted Unix seconds."""
        return super().now() + self.shift

    def monotonic(self) -> float:
        """Return shifted seconds."""
        return super().monotonic() + self.shift


class Control:
    """The control interface of one fake."""

    def __init__(self, fake: FakeDiscord, clock: ShiftedClock) -> None:
        self._fake, self._clock = fake, clock
        guild = fake.guild("Team")
        self._people: dict[str, User] = {
            "Ann": fake.person("Ann", locale="en-US"),
            "小明": fake.person("小明", locale="zh-CN"),
        }
        self._channels = {"general": guild.channel("general")}
        self._channels["thread"] = guild.thread("thread", self._channels["general"])
        self._channels["elsewhere"] = fake.guild("Elsewhere", bot=False).channel("elsewhere")

    def _who(self, asked: dict[str, Any]) -> User:
        return self._people[asked.get("who", "Ann")]

    def _where(self, asked: dict[str, Any]) -> Channel:
        where = asked.get("where", "general")
        return self._fake.dm(self._who(asked)) if where == "dm" else self._channels[where]

    async def say(self, asked: dict[str, Any]) -> object:
        """Write a message."""
        return {"id": (await self._where(asked).says(self._who(asked), asked["text"])).id}

    async def slash(self, asked: dict[str, Any]) -> object:
        """Use a slash command."""
        options = asked.get("options", {})
        return {"id": (await self._where(asked).slash(self._who(asked), asked["name"], **options)).id}

    async def press(self, asked: dict[str, Any]) -> object:
        """Press a button."""
        return {"id": (await self._where(asked).presses(self._who(asked), asked["label"])).id}

    async def submit(self, asked: dict[str, Any]) -> object:
        """Fill in the open window."""
        return {"id": (await self._where(asked).submits(self._who(asked), asked["fields"])).id}

    async def complete(self, asked: dict[str, Any]) -> object:
        """Type into an option."""
        channel = self._where(asked)
        return await channel.completes(self._who(asked), asked["name"], asked["option"], asked["typed"])

    async def wait(self, asked: dict[str, Any]) -> object:
        """Let time pass."""
        self._clock.shift += float(asked["seconds"])
        return {"now": self._clock.now()}

    async def gateway(self, asked: dict[str, Any]) -> object:
        """Disturb the connection."""
        gateway = self._fake.gateway
        await {"drop": gateway.drop, "reconnect": gateway.ask_to_reconnect, "invalidate": gateway.invalidate}[
            asked["do"]
        ]()
        return {"sessions": len(gateway.sessions)}

    async def messages(self, asked: dict[str, Any]) -> object:
        """Tell what a person sees."""
        return [_plain(seen) for seen in self._where(asked).seen_by(self._who(asked))]

    async def calls(self, asked: dict[str, Any]) -> object:
        """Tell what the bot has called."""
        made = [f"{call.method} {call.path} {call.status}" for call in self._fake.calls]
        return {"calls": made, "violations": self._fake.violations}


def _plain(seen: Seen) -> dict[str, Any]:
    names = ("id", "author", "text", "buttons", "files", "thinking", "private", "edits", "reply_to")
    return {name: getattr(seen, name) for name in names}


def _handler(act: Callable[[dict[str, Any]], Awaitable[object]]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        try:
            asked = dict(request.query) if request.method == "GET" else await request.json()
            said = await act(asked)
        except (AssertionError, KeyError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.Response(text=json.dumps(said, ensure_ascii=False) + "\n", content_type="application/json")

    return handle


async def serve(port: int, *, validate: bool = True, until: asyncio.Event | None = None) -> None:
    """Run until `until` is set, or for ever."""
    clock = ShiftedClock()
    fake = FakeDiscord(clock, validate=validate)
    control = Control(fake, clock)
    posts = (control.say, control.slash, control.press, control.submit, control.complete, control.wait, control.gateway)
    routes = [web.post(f"/fake/{act.__name__}", _handler(act)) for act in posts]
    routes += [web.get(f"/fake/{act.__name__}", _handler(act)) for act in (control.messages, control.calls)]
    await fake.start(port, routes)
    sys.stdout.write(f"DISCORD_TOKEN={fake.token}\nDISCORD_API_BASE_URL={fake.base_url}\n")
    sys.stdout.flush()
    try:
        await (until or asyncio.Event()).wait()
    finally:
        await fake.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A fake Discord to drive a bot by hand.")
    parser.add_argument("--port", type=int, default=9002)
    parser.add_argument("--no-validation", action="store_true", help="skip the specification, for benchmarks")
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.port, validate=not arguments.no_validation))
