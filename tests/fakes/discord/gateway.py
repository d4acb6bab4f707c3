"""The fake's gateway: hello, identify, heartbeat, resume with replay, invalid sessions, close codes, intents."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from tests.fakes.discord import shapes

if TYPE_CHECKING:
    from tests.fakes.discord.fake import FakeDiscord

GUILDS, GUILD_MESSAGES, DIRECT_MESSAGES, MESSAGE_CONTENT = 1 << 0, 1 << 9, 1 << 12, 1 << 15
HEARTBEAT_MS = 41_250
KEPT_EVENTS = 1000

Look = Callable[[int], dict[str, Any] | None]
"""Intents -> the event's data as that session sees it, None if it does not."""


@dataclass(eq=False)
class Session:
    """One identified bot; it survives its connection."""

    id: str
    intents: int
    events: list[dict[str, Any]] = field(default_factory=list)
    sequence: int = 0
    socket: web.WebSocketResponse | None = None
    sending: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def send(self, event: str, data: dict[str, Any]) -> None:
        """Number an event, keep it for a resume, and send it if the bot is there."""
        async with self.sending:
            self.sequence += 1
            payload = {"op": 0, "t": event, "s": self.sequence, "d": data}
            self.events = [*self.events[-KEPT_EVENTS:], payload]
            if self.socket is not None and not self.socket.closed:
                await self.socket.send_str(json.dumps(payload))

    async def resume(self, socket: web.WebSocketResponse, after: int) -> None:
        """Send again what came after a sequence number, then RESUMED."""
        async with self.sending:
            self.socket = socket
            for payload in self.events:
                if payload["s"] > after:
                    await socket.send_str(json.dumps(payload))
        await self.send("RESUMED", {"_trace": []})


class Gateway:
    """All sessions. `identified`, `resumed`: how often; `connections`: how many are open now."""

    def __init__(self, fake: FakeDiscord) -> None:
        self._fake = fake
        self._sockets: set[web.WebSocketResponse] = set()
        self.sessions: dict[str, Session] = {}
        self.identified = 0
        self.resumed = 0
        self.accepting = True
        self.heartbeats = 0

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Speak with one connection until it ends."""
        socket = web.WebSocketResponse(heartbeat=None, max_msg_size=4096)
        await socket.prepare(request)
        if not self.accepting:
            await socket.close(code=4000)
            return socket
        self._sockets.add(socket)
        try:
            await _send(socket, 10, {"heartbeat_interval": HEARTBEAT_MS, "_trace": []})
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await self._heard(socket, json.loads(message.data))
        finally:
            self._sockets.discard(socket)
            for session in self.sessions.values():
                if session.socket is socket:
                    session.socket = None
        return socket

    async def _heard(self, socket: web.WebSocketResponse, payload: dict[str, Any]) -> None:
        match payload["op"]:
            case 1:
                self.heartbeats += 1
                await _send(socket, 11, None)
            case 2:
                await self._identify(socket, payload["d"])
            case 6:
                await self._resume(socket, payload["d"])
            case 3 | 4 | 8:
                pass
            case _:
                await socket.close(code=4001)

    async def _identify(self, socket: web.WebSocketResponse, data: dict[str, Any]) -> None:
        if data["token"] != self._fake.token:
            await socket.close(code=4004, message=b"Authentication failed.")
            return
        if data["intents"] & MESSAGE_CONTENT and not self._fake.message_content:
            await socket.close(code=4014, message=b"Disallowed intent(s).")
            return
        session = Session(secrets.token_hex(8), data["intents"], socket=socket)
        self.sessions[session.id] = session
        self.identified += 1
        guilds = [guild for guild in self._fake.guilds if guild.bot_in]
        ready = {
            "v": 10,
            "user": shapes.user(self._fake.bot) | {"verified": True, "mfa_enabled": True, "email": None},
            "user_settings": {},
            "guilds": [{"id": guild.id, "unavailable": True} for guild in guilds],
            "private_channels": [],
            "relationships": [],
            "presences": [],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": self._fake.gateway_url + "/resume",
            "application": {"id": self._fake.application_id, "flags": self._fake.application_flags},
            "geo_ordered_rtc_regions": [],
            "guild_join_requests": [],
            "auth": {},
            "_trace": [],
        }
        await session.send("READY", ready)
        for guild in guilds:
            await session.send("GUILD_CREATE", shapes.guild(guild, self._fake.bot))
        await self._fake.changed()

    async def _resume(self, socket: web.WebSocketResponse, data: dict[str, Any]) -> None:
        session = self.sessions.get(data["session_id"])
        if data["token"] != self._fake.token:
            await socket.close(code=4004)
        elif session is None:
            await _send(socket, 9, False)
        else:
            self.resumed += 1
            await session.resume(socket, data["seq"])
            await self._fake.changed()

    async def tell(self, event: str, look: Look) -> None:
        """Send an event to every session that sees it."""
        for session in list(self.sessions.values()):
            data = look(session.intents)
            if data is not None:
                await session.send(event, data)

    @property
    def connected(self) -> bool:
        """Tell whether a bot is identified and there."""
        return any(session.socket is not None for session in self.sessions.values())

    async def drop(self, code: int = 4000) -> None:
        """Close every connection; sessions stay and can be resumed."""
        for socket in list(self._sockets):
            await socket.close(code=code)

    async def ask_to_reconnect(self) -> None:
        """Send op 7, as Discord does when a gateway is replaced."""
        for socket in list(self._sockets):
            await _send(socket, 7, None)

    async def invalidate(self) -> None:
        """Forget the sessions and say so: op 9."""
        self.sessions.clear()
        for socket in list(self._sockets):
            await _send(socket, 9, False)

    async def replay(self, event: str) -> None:
        """Send the newest event of a kind again, as after an imperfect resume."""
        for session in self.sessions.values():
            [*_, newest] = [payload for payload in session.events if payload["t"] == event]
            await session.send(event, newest["d"])


async def _send(socket: web.WebSocketResponse, op: int, data: object) -> None:
    await socket.send_str(json.dumps({"op": op, "d": data, "s": None, "t": None}))
