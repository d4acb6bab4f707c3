"""discord.py's client: pointed at a base address and a gateway of its own, without touching the library's globals."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import discord
import yarl
from discord.http import HTTPClient, Route

from bot.discord.listen import Listener

READY_TIMEOUT_S = 0.5  # discord.py waits so long for a further server before it calls itself ready
REMEMBERED_MESSAGES = 1000  # to see what an edit changed, and what was replied to
DRAIN_S = 5.0
CLOSE_S = 5.0
_RATE_LIMIT_WAIT_S = 30.0  # discord.py's least; its own calls are the login and a few reads

_log = logging.getLogger(__name__)


class PointedHTTP(HTTPClient):
    """discord.py's HTTP client with a base address, and a gateway, of this instance."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, base_url: str, gateway_url: str | None, proxy: str | None):
        super().__init__(loop, proxy=proxy, max_ratelimit_timeout=_RATE_LIMIT_WAIT_S)
        self._base_url, self._gateway_url = base_url.rstrip("/"), gateway_url

    async def request(self, route: Route, **how: Any) -> Any:
        """Send a library call to our base address."""
        route.url = self._base_url + route.url.removeprefix(Route.BASE)
        return await super().request(route, **how)

    async def ws_connect(self, url: str, *, compress: int = 0) -> Any:
        """Open the gateway; a gateway of the settings takes every connection, resumed ones too."""
        if self._gateway_url is not None:
            url = str(yarl.URL(self._gateway_url).with_query(yarl.URL(url).query))
        return await super().ws_connect(url, compress=compress)


class Client(discord.Client):
    """One login. Events go to the listener; whatever still runs at the end is awaited by `ended`."""

    def __init__(
        self,
        listener: Listener,
        *,
        base_url: str,
        gateway_url: str | None,
        proxy: str | None,
        message_content: bool,
        set_up: Callable[[str], Awaitable[object]],
        connected: Callable[[bool], None],
    ) -> None:
        intents = discord.Intents.none()
        intents.guilds = intents.guild_messages = intents.dm_messages = True
        intents.message_content = message_content
        # Voice channels are not joined; without this the library warns of missing libraries at every start.
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        super().__init__(
            intents=intents,
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=REMEMBERED_MESSAGES,
            guild_ready_timeout=READY_TIMEOUT_S,
            chunk_guilds_at_startup=False,
        )
        self.http = PointedHTTP(self.loop, base_url=base_url, gateway_url=gateway_url, proxy=proxy)
        self._connection.http = self.http
        self._listener, self._set_up, self._connected = listener, set_up, connected
        self._running: set[asyncio.Task[Any]] = set()

    async def ended(self) -> None:
        """Close the connection, then see the events that are being accepted to their end; both within seconds."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.close()
        except TimeoutError:
            _log.warning("Discord's gateway did not say goodbye within %s s", CLOSE_S)
        if self._running:
            _, left = await asyncio.wait(self._running, timeout=DRAIN_S)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def setup_hook(self) -> None:
        """Bring the menu up to date: once a login, not at every reconnection."""
        await self._set_up(str(self.application_id))

    async def _owned(self, work: Coroutine[Any, Any, None]) -> None:
        """Run in discord.py's task for this event, which we remember because the library does not."""
        task = asyncio.current_task()
        if task is not None:
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        await work

    @property
    def _me(self) -> int:
        return self.user.id if self.user is not None else 0

    async def on_connect(self) -> None:
        """The gateway has greeted us; runs again for every new session. Servers follow before their messages."""
        self._connected(True)

    async def on_resumed(self) -> None:
        """The session goes on; what was missed has been replayed."""
        self._connected(True)

    async def on_disconnect(self) -> None:
        """The library connects again by itself."""
        self._connected(False)

    async def on_message(self, message: discord.Message) -> None:
        """Somebody wrote something."""
        await self._owned(self._listener.message(message, self._me))

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """Somebody changed a message, or Discord did."""
        await self._owned(self._listener.edit(payload.message, self._me, payload.cached_message))

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """A command, a button, a form, or an option being typed."""
        await self._owned(self._listener.interaction(interaction, self._me))

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """The bot was thrown out of a server, or the server is gone."""
        chats = [channel.id for channel in guild.channels if isinstance(channel, discord.abc.Messageable)]
        await self._owned(self._listener.closed([*chats, *(thread.id for thread in guild.threads)]))

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """A channel is gone."""
        await self._owned(self._listener.closed([channel.id]))

    async def on_raw_thread_delete(self, payload: discord.RawThreadDeleteEvent) -> None:
        """A thread is gone."""
        await self._owned(self._listener.closed([payload.thread_id]))

    async def on_error(self, event_method: str, /, *_: Any, **__: Any) -> None:
        """Log what an event's handling raised; the next event is not concerned."""
        _log.exception("an event of Discord could not be handled: %s", event_method)
