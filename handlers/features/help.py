"""/help: every command that this person can use here, from the declarations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.arguments import usage
from handlers.command import Command, Where, Who, command
from handlers.reply import Reply, Text
from handlers.words import Words

if TYPE_CHECKING:
    from handlers.services import Services
    from handlers.turn import Turn

PRIVATE = Words(
    en="Just write to me: I answer and remember. Send a picture or a text file along and I look at it. Reply to an "
    "older message to go on from there; edit your last question to have it answered again.",
    zh="直接给我写信即可，我会回答并记住。附上图片或文本文件，我会查看。回复较早的消息可从那里继续；编辑上一个问题可让我重新回答。",
)
GROUP = Words(
    en="In a group I hear what is meant for me: mention me, reply to one of my messages, or use /ask, which always "
    "works. To have me look at a picture, reply to it and mention me.",
    zh="在群里，我只听对我说的话：提及我、回复我的消息，或使用 /ask（始终有效）。"
    "想让我看图片，请回复那张图片并提及我。",
)


@command("help", hint=Words(en="Show what I do", zh="查看功能"))
async def help_(turn: Turn, services: Services) -> Reply:
    """List what is offered here."""
    how = PRIVATE if turn.place.private else GROUP
    lines = [
        f"- `{usage(each, turn.language)}` {each.hint.in_language(turn.language)}"
        for each in services.commands
        if _offered(each, turn)
    ]
    return Reply((Text("\n".join([how.in_language(turn.language), "", *lines])),))


def _offered(command: Command, turn: Turn) -> bool:
    """Tell whether the person may use the command here."""
    if not command.where & (Where.PRIVATE if turn.place.private else Where.GROUP):
        return False
    if command.who is Who.OWNERS:
        return turn.person.owner
    return command.who is Who.EVERYONE or turn.place.private or turn.person.admin or turn.person.owner
