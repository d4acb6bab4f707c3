"""The adapters of this process, made from the settings: those whose token is set, and always the page."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import web

from bot.clock import Clock
from bot.metrics import Metrics
from bot.notes import StoredNotes
from bot.ports import Adapter
from bot.settings import Settings
from bot.web.adapter import WebAdapter
from bot.web.server import Extra
from handlers.registry import COMMANDS

if TYPE_CHECKING:
    from bot.discord.adapter import DiscordAdapter
    from bot.telegram.adapter import TelegramAdapter


@dataclass(frozen=True, slots=True)
class Adapters:
    """All adapters, the page among them; it listens once its own context is entered."""

    all: tuple[Adapter, ...]
    web: WebAdapter


@dataclass(frozen=True, slots=True)
class Platforms:
    """What making the adapters takes."""

    settings: Settings
    clock: Clock
    notes: StoredNotes
    metrics: Metrics

    @asynccontextmanager
    async def made(self, health: Callable[[], Mapping[str, object]], *, standin: bool) -> AsyncIterator[Adapters]:
        """Make the adapters and close their connections at the end. `health` is what /healthz tells."""
        chats: list[Adapter] = []
        hooks: list[Extra] = []
        telegram = self._telegram()
        if telegram is not None:
            chats.append(telegram)
            if self.settings.telegram_webhook_url:
                path = urlsplit(self.settings.telegram_webhook_url).path or "/"
                hooks.append(Extra([web.post(path, telegram.webhook)]))
        discord = self._discord()
        if discord is not None:
            chats.append(discord)
        page = self._page(await self._page_key(), health, hooks, standin)
        try:
            yield Adapters((*chats, page), page)
        finally:
            if discord is not None:
                await discord.close()

    def _telegram(self) -> TelegramAdapter | None:
        settings = self.settings
        if settings.telegram_token is None:
            return None
        # A platform's library takes 15 MB and a tenth of a second: only where it is used.
        from bot.telegram.adapter import TelegramAdapter  # noqa: PLC0415

        return TelegramAdapter(
            token=settings.telegram_token.get_secret_value(),
            commands=COMMANDS,
            clock=self.clock,
            notes=self.notes,
            api_base_url=settings.telegram_api_base_url,
            proxy=settings.proxy,
            webhook_url=settings.telegram_webhook_url,
            webhook_secret=settings.webhook_secret() if settings.telegram_webhook_url else None,
            default_language=settings.language,
            plain_fallback=lambda: self.metrics.fell_back_to_plain("telegram"),
        )

    def _discord(self) -> DiscordAdapter | None:
        settings = self.settings
        if settings.discord_token is None:
            return None
        from bot.discord.adapter import DiscordAdapter  # noqa: PLC0415 - see `_telegram`

        return DiscordAdapter(
            token=settings.discord_token.get_secret_value(),
            commands=COMMANDS,
            clock=self.clock,
            notes=self.notes,
            api_base_url=settings.discord_api_base_url,
            gateway_url=settings.discord_gateway_url,
            proxy=settings.proxy,
            acked=self.metrics.discord_acknowledged,
        )

    def _page(
        self, key: bytes, health: Callable[[], Mapping[str, object]], hooks: list[Extra], standin: bool
    ) -> WebAdapter:
        settings = self.settings
        return WebAdapter(
            host=settings.web_host,
            port=settings.web_port,
            password=settings.web_password.get_secret_value() if settings.web_password else None,
            key=key,
            commands=COMMANDS,
            clock=self.clock,
            health=health,
            metrics=self.metrics.expose,
            spool=settings.data_dir / "spool",
            language=settings.language,
            standin=standin,
            file_bytes=settings.attachment_mb << 20,
            extras=hooks,
        )

    async def _page_key(self) -> bytes:
        """Return the key that signs the page's cookies: made once, kept, so that a browser stays the same person."""
        kept = await self.notes.get("web:key")
        if kept is None:
            kept = secrets.token_hex(32)
            await self.notes.put("web:key", kept)
        return bytes.fromhex(kept)
