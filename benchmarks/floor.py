"""The floor: the least a streaming bot can do. A long poll, one upstream call, one edit a second, a final edit.

No memory, no commands, no limits, no storage, no formatting: what it costs is what aiohttp and the platform cost.
Run as `python -m benchmarks.floor TELEGRAM_ROOT TOKEN RELAY_ROOT`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import aiohttp
import uvloop

EDIT_EVERY_S = 1.0


class Floor:
    """One bare bot."""

    def __init__(self, session: aiohttp.ClientSession, telegram: str, relay: str) -> None:
        self._session, self._telegram, self._relay = session, telegram, relay

    async def run(self) -> None:
        """Poll for ever, a task a message."""
        offset, tasks = 0, set[asyncio.Task[None]]()
        while True:
            updates = await self._call("getUpdates", offset=offset, timeout=10)
            for update in updates:
                offset = update["update_id"] + 1
                if "message" in update:
                    task = asyncio.create_task(self._answer(update["message"]))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)

    async def _answer(self, message: dict[str, Any]) -> None:
        chat = message["chat"]["id"]
        body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": message["text"]}]}
        text, shown, number, looked_at = "", "", 0, 0.0
        async with self._session.post(f"{self._relay}/v1/chat/completions", json=body) as answer:
            async for line in answer.content:
                if not line.startswith(b"data: {"):
                    continue
                choices = json.loads(line[6:])["choices"]
                text += choices[0]["delta"].get("content") or "" if choices else ""
                now = time.monotonic()
                if text and now - looked_at >= EDIT_EVERY_S:
                    looked_at, shown = now, text
                    number = await self._show(chat, number, text)
        if text != shown:
            await self._show(chat, number, text)

    async def _show(self, chat: int, number: int, text: str) -> int:
        if not number:
            return int((await self._call("sendMessage", chat_id=chat, text=text))["message_id"])
        await self._call("editMessageText", chat_id=chat, message_id=number, text=text)
        return number

    async def _call(self, method: str, **parameters: Any) -> Any:
        async with self._session.post(f"{self._telegram}/{method}", json=parameters) as answer:
            return (await answer.json())["result"]


async def main(telegram: str, token: str, relay: str) -> None:
    """Run until killed."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await Floor(session, f"{telegram}/bot{token}", relay).run()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:4]))
