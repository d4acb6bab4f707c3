"""The Discord adapter: what the rest of the bot sees of Discord."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path

import discord
import msgspec

from bot.clock import Clock
from bot.discord.client import Client
from bot.discord.download import Downloads
from bot.discord.listen import Listener
from bot.discord.menu import Notes, sync
from bot.discord.render import render
from bot.discord.rest import RefusedWith, Rest
from bot.discord.send import Sender
from bot.ports import DeliveryError, Inbox, NoDrafts, Pace, Page, TokenRejected
from handlers.command import Command
from handlers.turn import Attachment, Person, Place

__all__ = ["API_BASE_URL", "Content", "DiscordAdapter", "Examined", "NoGateway", "Notes"]

API_BASE_URL = "https://discord.com/api/v10"

# Messages and edits of one channel share a bucket whose size only headers tell; "5 in 5 s" is the figure known
# (discord-api-docs issue 20). 50 calls a second for a bot in all: Discord docs, rate-limits.
PACE = Pace(
    limit=2000,  # characters; counted here in UTF-16 units, which is never less
    private_per_s=1.0,
    group_per_minute=60.0,
    overall_per_s=45.0,
    edit_every_s=1.0,
    group_edit_every_s=1.0,
    draft_every_s=1.0,
)
_CONTENT_FULL, _CONTENT_LIMITED = 1 << 18, 1 << 19  # application flags: Discord docs, application
_BAD_TOKEN = 4004  # gateway close code

_log = logging.getLogger(__name__)


class Content(StrEnum):
    """Whether the bot may read what people say without addressing it."""

    ON = "on"
    OFF = "off by setting"
    NOT_ENABLED = "not enabled in the Developer Portal"


class NoGateway(Exception):
    """A base address that is not Discord's own does not say where its gateway is, or is not reachable now.

    Discord's own gateway is not tried instead: the token may not be meant for it.
    """

    def __init__(self) -> None:
        super().__init__(
            "DISCORD_API_BASE_URL names no gateway: set DISCORD_GATEWAY_URL, or see whether it is reachable"
        )


class Examined(msgspec.Struct, frozen=True):
    """What `polobot check` tells of Discord."""

    token_ok: bool
    name: str = ""
    message_content: bool = False  # the intent is enabled in the Developer Portal
    servers: int = 0
    # Interactions go to this address instead of the gateway: commands and buttons will not arrive.
    interactions_sent_to: str = ""


class DiscordAdapter:
    """Implements `bot.ports.Adapter` for Discord.

    `gateway_url` None: Discord's own, or, at another base address, the one that its GET /gateway names; where it is
    set, every gateway connection goes there. `notes` remembers which menu Discord has. `acked` is told how many
    seconds each interaction's first answer took. Use as `async with`, or call `close` at the end: pages can be
    posted before `run` and after it.
    """

    platform = "discord"
    pace = PACE
    windows = True

    def __init__(
        self,
        *,
        token: str,
        commands: tuple[Command, ...],
        clock: Clock,
        notes: Notes,
        api_base_url: str = API_BASE_URL,
        gateway_url: str | None = None,
        proxy: str | None = None,
        message_content: bool = True,
        acked: Callable[[float], None] | None = None,
    ) -> None:
        self._token, self._commands, self._clock, self._notes = token.strip(), commands, clock, notes
        self._base_url, self._gateway_url, self._proxy = api_base_url.rstrip("/"), gateway_url, proxy
        self._content = Content.ON if message_content else Content.OFF
        self._told_acked = acked
        self._rest = Rest(token=self._token, base_url=self._base_url, proxy=proxy, clock=clock)
        self._sender = Sender(self._rest, clock)
        self._downloads = Downloads(self._rest, clock)
        self._client: Client | None = None
        self._connected = False
        self._last_ack_s = 0.0
        self._slowest_ack_s = 0.0

    def __repr__(self) -> str:
        """Leave the token out."""
        return f"DiscordAdapter({self._base_url})"

    async def __aenter__(self) -> DiscordAdapter:
        """Return itself; connections open on first use."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close what pages are sent by; `run` closes the gateway itself."""
        await self._rest.close()

    # ------------------------------------------------------------ what comes in

    async def run(self, inbox: Inbox, ready: Callable[[], None]) -> None:
        """Receive events until cancelled; call `ready` once when connected.

        A lost connection is resumed by discord.py. Raises `TokenRejected`, `NoGateway`, or what ended the connection
        for good.
        Without the message content intent in the portal it goes on without it: mentions, replies that ping, direct
        messages and commands still work.
        """
        listener = Listener(inbox, self._rest, self._sender, self._clock, self._commands, acked=self._acked)
        told = False

        def connected(yes: bool) -> None:
            nonlocal told
            self._connected = yes
            if yes and not told:
                told = True
                ready()

        gateway_url = self._gateway_url or await self._named_gateway()
        try:
            await self._stay(listener, gateway_url, connected)
        except discord.PrivilegedIntentsRequired:
            self._content = Content.NOT_ENABLED
            _log.warning(
                "The Message Content Intent is not enabled (Developer Portal > Bot > Privileged Gateway Intents): "
                "going on without it. Mentions, direct messages and slash commands work; replies without a ping do not."
            )
            await self._stay(listener, gateway_url, connected)

    async def _stay(self, listener: Listener, gateway_url: str | None, connected: Callable[[bool], None]) -> None:
        """Log in and stay connected."""
        self._client = client = Client(
            listener,
            base_url=self._base_url,
            gateway_url=gateway_url,
            proxy=self._proxy,
            message_content=self._content is Content.ON,
            set_up=lambda app: sync(self._rest, self._notes, app, self._commands),
            connected=connected,
        )
        try:
            await client.start(self._token)
        except discord.LoginFailure:
            raise TokenRejected("DISCORD_TOKEN") from None
        except discord.ConnectionClosed as closed:
            if closed.code == _BAD_TOKEN:
                raise TokenRejected("DISCORD_TOKEN") from None
            raise
        finally:
            self._connected = False
            await client.ended()

    async def _named_gateway(self) -> str | None:
        """Ask a base address that is not Discord's own for its gateway."""
        if self._base_url == API_BASE_URL:
            return None
        try:
            return str((await self._rest.ask("GET", "/gateway"))["url"])
        except DeliveryError as error:
            raise NoGateway from error

    def _acked(self, seconds: float) -> None:
        self._last_ack_s = seconds
        self._slowest_ack_s = max(self._slowest_ack_s, seconds)
        if self._told_acked is not None:
            self._told_acked(seconds)

    def health(self) -> Mapping[str, str | float | bool]:
        """Tell how it is. `latency_s` is -1 before the first heartbeat was answered."""
        client = self._client
        latency = client.latency if client is not None else math.nan
        return {
            "connected": self._connected,
            "message_content": str(self._content),
            "servers": float(len(client.guilds)) if client is not None else 0.0,
            "latency_s": round(latency, 3) if math.isfinite(latency) else -1.0,
            "last_ack_s": round(self._last_ack_s, 3),
            "slowest_ack_s": round(self._slowest_ack_s, 3),
        }

    async def examine(self) -> Examined:
        """Look at the token, the intent and the servers without connecting. Raises `DeliveryError` if unreachable."""
        try:
            me = await self._rest.ask("GET", "/users/@me")
            application = await self._rest.ask("GET", "/applications/@me")
        except RefusedWith as refusal:
            if refusal.status == 401:
                return Examined(token_ok=False)
            raise
        return Examined(
            token_ok=True,
            name=str(me["username"]),
            message_content=bool(int(application["flags"]) & (_CONTENT_FULL | _CONTENT_LIMITED)),
            servers=int(application.get("approximate_guild_count") or 0),
            interactions_sent_to=str(application.get("interactions_endpoint_url") or ""),
        )

    # ------------------------------------------------------------ what goes out

    def render(self, markdown: str, *, growing: bool) -> Page:
        """Turn one stretch of Markdown into a page; see `bot.discord.render`."""
        return render(markdown, growing=growing)

    async def post(self, place: Place, page: Page, *, nonce: str) -> str:
        """Send a new message and return its id (the form of ids: `bot.discord.address`)."""
        return await self._sender.post(place, page, nonce)

    async def edit(self, place: Place, message: str, page: Page) -> None:
        """Make a message look like `page`."""
        await self._sender.edit(place, message, page)

    async def draft(self, place: Place, draft: int, page: Page) -> None:
        """Discord has no drafts."""
        raise NoDrafts

    async def delete(self, place: Place, message: str) -> None:
        """Take a message away."""
        await self._sender.delete(place, message)

    async def typing(self, place: Place) -> None:
        """Show "is typing" for ten seconds."""
        await self._sender.typing(place)

    async def tell(self, place: Place, person: Person, text: str) -> bool:
        """Say something to the one who acted, unseen by others, while their interaction can be answered."""
        return await self._sender.tell(place, text)

    async def download(self, attachment: Attachment, into: Path, *, at_most: int) -> int:
        """Fetch an attachment and return its size in bytes."""
        return await self._downloads.download(attachment, into, at_most=at_most)
