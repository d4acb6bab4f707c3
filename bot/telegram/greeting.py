"""What the bot says when it is added to a group: which ways of speaking to it work there."""

from __future__ import annotations

import logging

from telegram.error import TelegramError

from bot.telegram.notes import Notes
from bot.telegram.receive import Me
from bot.telegram.transport import Line
from handlers.words import Words, spoken

SEES_ALL = Words(
    en="Hello! Here you can mention @{bot}, reply to my messages, or use commands: /ask always works, "
    "/help tells more.",
    zh="大家好！在这里可以提及 @{bot}、回复我的消息，或使用命令：/ask 随时可用，/help 查看更多。",
)
SEES_COMMANDS = Words(
    en="Hello! Telegram shows me only commands and replies to my messages here (group privacy mode is on): "
    "ask with /ask, or reply to me. For mentions of @{bot} to reach me as well, make me an admin, or switch privacy "
    "mode off at @BotFather and add me again.",
    zh="大家好！本群开启了隐私模式，Telegram 只让我看到命令和对我消息的回复：请用 /ask 提问，或直接回复我。"
    "若想通过提及 @{bot} 提问，请将我设为管理员，或在 @BotFather 关闭隐私模式后重新添加我。",
)

_log = logging.getLogger(__name__)


async def greet(line: Line, notes: Notes, me: Me, chat: str, language: str) -> None:
    """Greet a group, once for each privacy mode in which the bot has been there; failures are logged only."""
    note = f"telegram:{me.id}:greeted:{chat}"
    mode = "all" if me.reads_all else "privacy"
    if await notes.get(note) == mode:
        return
    await notes.put(note, mode)
    words = (SEES_ALL if me.reads_all else SEES_COMMANDS).with_values(bot=me.username)
    try:
        await line.bot.send_message(int(chat), words.in_language(spoken(language)))
    except TelegramError as error:
        _log.info("telegram: a group was not greeted: %s", type(error).__name__)
