"""What a person hears when something went wrong: one sentence, who can help, a code. The log has the rest."""

from __future__ import annotations

import secrets

from handlers.errors import ForPerson
from handlers.turn import CannotFetch, TooLarge
from handlers.words import Words
from polo.errors import (
    AccessDenied,
    KeyRejected,
    ModelMissing,
    OutOfCredit,
    PoloError,
    PromptRefused,
    RelayBroke,
    RelayBusy,
    RelaySilent,
    RelayUnreachable,
    TooLong,
    WrongAddress,
)

APOLOGIES: dict[type[BaseException], Words] = {
    PromptRefused: Words(
        en="The model refuses these words. Try saying it differently.", zh="模型拒绝了这些内容，请换个说法试试。"
    ),
    TooLong: Words(
        en="That is more than this model can read at once. Shorten it, or start afresh with /reset.",
        zh="内容超出了模型一次能读的长度。请缩短，或用 /reset 重新开始。",
    ),
    OutOfCredit: Words(
        en="The bot's account at the relay is empty; only its owner can top it up.",
        zh="机器人在中转站的余额不足，只有管理员能充值。",
    ),
    KeyRejected: Words(
        en="The relay does not accept the bot's key; only its owner can mend that.",
        zh="中转站不接受机器人的密钥，只有管理员能处理。",
    ),
    AccessDenied: Words(
        en="The relay does not let the bot use this; only its owner can mend that.",
        zh="中转站不允许机器人使用此功能，只有管理员能处理。",
    ),
    ModelMissing: Words(
        en="The relay does not offer this model at the moment. Choose another with /model.",
        zh="中转站目前不提供该模型，请用 /model 换一个。",
    ),
    WrongAddress: Words(
        en="The bot's relay address is wrong; only its owner can mend that.",
        zh="机器人的中转站地址有误，只有管理员能处理。",
    ),
    RelayBusy: Words(
        en="The relay is too busy right now. Try again in a minute.", zh="中转站现在太忙，请一分钟后再试。"
    ),
    RelayUnreachable: Words(
        en="The relay cannot be reached right now; nothing was charged. Try again in a minute.",
        zh="暂时连不上中转站，没有计费。请稍后再试。",
    ),
    RelaySilent: Words(
        en="The relay went quiet. It may still be working on it, and may charge for it.",
        zh="中转站没有回应。它可能仍在处理，也可能已计费。",
    ),
    RelayBroke: Words(
        en="The relay had a fault of its own. Try again; what was begun may have been charged.",
        zh="中转站自身出错。请重试；已开始的部分可能已计费。",
    ),
    PoloError: Words(en="The relay gave an answer I do not understand.", zh="中转站的回答无法理解。"),
    CannotFetch: Words(
        en="I could not fetch that file any more. Please send it again.", zh="文件已无法获取，请重新发送。"
    ),
    Exception: Words(en="That went wrong on our side.", zh="我们这边出错了。"),
}
TOO_LARGE = Words(
    en="{name} is too large: I take files of up to {limit} MB here. Send a smaller one, or a part of it.",
    zh="{name} 太大了：这里最多接收 {limit} MB 的文件。请发小一点的，或只发一部分。",
)


def new_code() -> str:
    """Return a code under which the log has the detail: short enough to be read out."""
    return secrets.token_hex(3).upper()


def apology_for(error: Exception, language: str, code: str) -> str:
    """Say what happened and who can help, in the person's language. Never the error's own text."""
    if isinstance(error, ForPerson):
        return error.words.in_language(language)
    if isinstance(error, TooLarge):
        return TOO_LARGE.with_values(name=error.name, limit=error.limit >> 20).in_language(language)
    words = next(APOLOGIES[kind] for kind in type(error).__mro__ if kind in APOLOGIES)
    return f"{words.in_language(language)} ({code})"


def needs_log(error: Exception) -> bool:
    """Tell whether the log has to keep the detail: not for what only the person can change."""
    return not isinstance(error, ForPerson | TooLarge)
