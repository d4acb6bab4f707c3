"""/start: the first words, in a private chat and in a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.command import command
from handlers.reply import Reply, Text
from handlers.words import Words

if TYPE_CHECKING:
    from handlers.services import Services
    from handlers.turn import Turn

PRIVATE = Words(
    en="Hello! Write to me as you would to a person: I answer, and I remember this conversation. You can send pictures "
    "and text files too, and edit your last question to have it answered again.\n\n"
    "/help shows what else I do, /reset starts afresh, /privacy shows and deletes what I keep.",
    zh="您好！像跟人聊天一样给我写信就行：我会回答，并记住这段对话。您也可以发送图片和文本文件；编辑上一个问题，我会重新回答。\n\n"
    "/help 查看更多功能，/reset 重新开始，/privacy 查看和删除我保存的内容。",
)
GROUP = Words(
    en="Hello! In this group I answer when you mention me, reply to me, or write /ask and a question. I remember what "
    "is said to me here.\n\n/help shows what else I do.",
    zh="大家好！在这个群里，提及我、回复我，或发送 /ask 加问题，我就会回答，并记住在这里对我说的话。\n\n"
    "/help 查看更多功能。",
)


@command("start", hint=Words(en="Say hello", zh="打个招呼"))
async def start(turn: Turn, services: Services) -> Reply:
    """Greet, and say how to go on."""
    return Reply((Text((PRIVATE if turn.place.private else GROUP).in_language(turn.language)),))
