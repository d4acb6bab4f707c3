"""The fake alone, for driving a bot by hand or for a benchmark.

    python -m tests.fakes.telegram --port 9001
    TELEGRAM_API_BASE_URL=http://127.0.0.1:9001 TELEGRAM_TOKEN=<the token it prints> polobot
    curl -d '{"person": "Ann", "text": "hi"}' http://127.0.0.1:9001/fake/say
    curl -d '{"person": "Ann", "label": "Stop"}' http://127.0.0.1:9001/fake/press
    curl 'http://127.0.0.1:9001/fake/chat?person=Ann'

`"chat": "Team"` names a group, which is made when first named.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import Any

from aiohttp import web

from bot.clock import SystemClock
from tests.fakes.telegram.records import Call
from tests.fakes.telegram.server import TOKEN, FakeTelegram
from tests.fakes.telegram.world import Chat, Member

QUIET = {"getUpdates", "sendChatAction"}


class Desk:
    """The control API: people and chats by name."""

    def __init__(self, telegram: FakeTelegram) -> None:
        self._telegram = telegram
        self._people: dict[str, Member] = {}
        self._groups: dict[str, Chat] = {}

    def routes(self) -> list[web.RouteDef]:
        """Return the routes below /fake."""
        return [
            web.post("/fake/say", self._say),
            web.post("/fake/photo", self._photo),
            web.post("/fake/press", self._press),
            web.get("/fake/chat", self._look),
        ]

    def _find(self, order: Any) -> tuple[Chat, Member]:
        name = order.get("person", "Ann")
        if name not in self._people:
            self._people[name] = self._telegram.person(name, language=order.get("language", "en"))
        person, title = self._people[name], order.get("chat")
        if title is None:
            return self._telegram.private(person), person
        if title not in self._groups:
            self._groups[title] = self._telegram.group(title, members=[person])
        group = self._groups[title]
        group.members.setdefault(person.id, person)
        return group, person

    async def _say(self, request: web.Request) -> web.Response:
        order = await request.json()
        chat, person = self._find(order)
        said = await chat.says(order["text"], person=person, reply_to=order.get("reply_to"), topic=order.get("topic"))
        return web.json_response({"message": said.id})

    async def _photo(self, request: web.Request) -> web.Response:
        """The body is the picture; the rest stands in the query."""
        chat, person = self._find(request.query)
        sent = await chat.sends_photo(await request.read(), caption=request.query.get("caption", ""), person=person)
        return web.json_response({"message": sent.id})

    async def _press(self, request: web.Request) -> web.Response:
        order = await request.json()
        chat, person = self._find(order)
        try:
            return web.json_response({"query": await chat.presses(order["label"], person=person)})
        except AssertionError as error:
            return web.json_response({"error": str(error)}, status=404)

    async def _look(self, request: web.Request) -> web.Response:
        chat, _ = self._find(request.query)
        seen = [
            {"id": one.id, "by_bot": one.by_bot, "text": one.text, "buttons": one.buttons, "document": one.document}
            for one in chat.messages
        ]
        return web.json_response({"draft": chat.draft, "messages": seen})


def show(call: Call) -> None:
    """Print a call of the bot in one line."""
    if call.method not in QUIET:
        shown = {name: value for name, value in call.parameters.items() if name != "entities"}
        sys.stdout.write(f"{call.status} {call.method} {json.dumps(shown, ensure_ascii=False, default=str)[:1000]}\n")
        sys.stdout.flush()


async def serve(options: argparse.Namespace) -> None:
    """Run until interrupted, saying what the bot does against the Bot API's tables at once."""
    telegram = FakeTelegram(
        SystemClock(), token=options.token, checks=options.checks, limits=options.limits, keep=False
    )
    telegram.on_call = None if options.quiet else show
    await telegram.start(options.port, Desk(telegram).routes())
    sys.stdout.write(f"TELEGRAM_API_BASE_URL={telegram.url}\nTELEGRAM_TOKEN={options.token}\n")
    sys.stdout.flush()
    reported = 0
    try:
        while True:
            await asyncio.sleep(1)
            for violation in telegram.violations[reported:]:
                sys.stdout.write(f"VIOLATION {violation}\n")
            reported = len(telegram.violations)
    finally:
        await telegram.stop()


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=9001)
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--no-checks", dest="checks", action="store_false", help="no schema: faster")
    parser.add_argument("--no-limits", dest="limits", action="store_false", help="no 429")
    parser.add_argument("--quiet", action="store_true", help="do not print what the bot sends")
    try:
        asyncio.run(serve(parser.parse_args()))
    except KeyboardInterrupt:
        sys.stdout.write("stopped\n")


if __name__ == "__main__":
    main()
