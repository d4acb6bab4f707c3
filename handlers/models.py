"""The models that the relay offers: its list, kept for ten minutes, and names found by their beginnings.

A list that cannot be had breaks nothing: the last one known is used, or none.
"""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import structlog

from polo.errors import PoloError

if TYPE_CHECKING:
    from polo import Model, Polo

log = structlog.get_logger(__name__)

KEPT_S = 600.0
FAILED_S = 30.0  # so long a list that failed is not asked for again
NAME_AT_MOST = 100  # characters; Discord's choices hold no more
# What new-api calls the routes that hold a conversation, and those of models that make something else.
_CHAT = frozenset({"openai", "openai-response", "anthropic", "gemini"})
_NO_CHAT = frozenset({"image-generation", "embeddings", "jina-rerank", "openai-video"})
# Where a relay does not say: names of families that hold no conversation whatever the relay.
_NEVER_CHATS = re.compile(
    r"^(mj_|swap_face|suno|whisper|tts-|dall-e|text-embedding|bge-|jina-|omni-moderation|text-moderation|babbage|davinci)",
    re.IGNORECASE,
)


class Models:
    """The relay's list of chat models; one for the process."""

    def __init__(self, polo: Polo, now: Callable[[], float]) -> None:
        self._polo, self._now = polo, now
        self._names: tuple[str, ...] = ()
        self._good_until = float("-inf")
        self._asking = asyncio.Lock()

    async def names(self, *, within_s: float = 10.0) -> tuple[str, ...]:
        """Return the names of the models that chat, sorted; () where no list could ever be had.

        Asks the relay at most once in ten minutes (30 s after a failure) and waits `within_s` at most.
        """
        if self._now() < self._good_until:
            return self._names
        try:
            async with asyncio.timeout(within_s):
                await self._refresh()
        except TimeoutError:
            log.warning("the list of models took too long", within_s=within_s)
        return self._names

    async def complete(self, typed: str, *, at_most: int = 25) -> Sequence[str]:
        """Return names for what was typed so far: those that begin with it, then those that hold it."""
        names = await self.names(within_s=0.8)
        wanted = typed.strip().lower()
        holding = [name for name in names if wanted in name.lower() and len(name) <= NAME_AT_MOST]
        return sorted(holding, key=lambda name: not name.lower().startswith(wanted))[:at_most]

    async def find(self, typed: str) -> str | None:
        """Return the offered name that is `typed`, whatever its letters' case; None where none is."""
        wanted = typed.strip().lower()
        names = await self.names()
        if typed.strip() in names:
            return typed.strip()
        return next((name for name in names if name.lower() == wanted), None)

    async def near(self, typed: str, *, at_most: int = 3) -> list[str]:
        """Return offered names that look like `typed`, the nearest first."""
        by_lower = {name.lower(): name for name in await self.names()}
        close = difflib.get_close_matches(typed.strip().lower()[:NAME_AT_MOST], by_lower, at_most, 0.5)
        holding = [name for name in await self.complete(typed) if typed.strip()]
        return list(dict.fromkeys([*(by_lower[name] for name in close), *holding]))[:at_most]

    async def _refresh(self) -> None:
        async with self._asking:
            if self._now() < self._good_until:
                return
            try:
                models = await self._polo.models()
            except PoloError as problem:
                self._good_until = self._now() + FAILED_S
                log.warning("no list of models", error=str(problem))
                return
            self._names = tuple(sorted({model.id for model in models if model.id and _chats(model)}, key=str.lower))
            self._good_until = self._now() + KEPT_S


def _chats(model: Model) -> bool:
    """Tell whether a model holds conversations, as far as the relay says; older relays say nothing."""
    routes = set(model.endpoints)
    if not routes:
        return _NEVER_CHATS.match(model.id) is None
    return bool(routes & _CHAT) and not routes & _NO_CHAT
