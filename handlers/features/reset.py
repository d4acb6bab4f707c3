"""/reset: a fresh start. What is running is stopped first, so that no late answer brings the old one back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.command import command
from handlers.reply import Reply, Text
from handlers.words import Words

if TYPE_CHECKING:
    from handlers.services import Services
    from handlers.turn import Turn

FRESH = Words(
    en="A fresh start: I go on without what was said before. Reply to an older answer to go back to it.",
    zh="重新开始：之前说过的内容不再带入。回复某条旧回答即可回到那里。",
)


@command(
    "reset", hint=Words(en="Start afresh, without what was said before", zh="重新开始，不带之前的内容"), urgent=True
)
async def reset(turn: Turn, services: Services) -> Reply:
    """Stop all work here, then let the next words begin a new conversation."""
    await services.control.stop(turn.place.conversation)
    await services.storage.memory.reset(turn.place.conversation)
    return Reply((Text(FRESH.in_language(turn.language)),))
