"""Who is an admin of a group: asked for once in some minutes, bounded in time, and no on failure."""

from __future__ import annotations

import asyncio
import logging

from telegram import Bot
from telegram.error import TelegramError

from bot.clock import Clock
from bot.telegram.recent import Recent

FRESH_S = 300.0
FRESH_AFTER_FAILURE_S = 60.0
ANSWER_S = 2.0
CHATS = 1000

_log = logging.getLogger(__name__)


class Admins:
    """A short cache of getChatAdministrators."""

    def __init__(self, bot: Bot, clock: Clock) -> None:
        self._bot, self._clock = bot, clock
        self._known: Recent[str, tuple[float, frozenset[str]]] = Recent(CHATS)

    async def is_admin(self, chat: str, person: str) -> bool:
        """Tell whether `telegram:<id>` is an admin of a group; False where Telegram does not say within 2 s."""
        known = self._known.get(chat)
        if known is None or known[0] <= self._clock.monotonic():
            known = await self._ask(chat)
            self._known.put(chat, known)
        return person in known[1]

    async def _ask(self, chat: str) -> tuple[float, frozenset[str]]:
        try:
            async with asyncio.timeout(ANSWER_S):
                members = await self._bot.get_chat_administrators(int(chat))
        except (TelegramError, TimeoutError) as error:
            _log.warning("telegram: the admins of a group are unknown: %s", type(error).__name__)
            return self._clock.monotonic() + FRESH_AFTER_FAILURE_S, frozenset()
        admins = frozenset(f"telegram:{member.user.id}" for member in members)
        return self._clock.monotonic() + FRESH_S, admins
