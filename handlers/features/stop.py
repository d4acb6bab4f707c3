"""/stop: end what is being answered here, keeping what was said so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.command import command
from handlers.reply import Reply, Text
from handlers.words import Words

if TYPE_CHECKING:
    from handlers.services import Services
    from handlers.turn import Turn

STOPPED = Words(en="Stopped.", zh="已停止。")
NOTHING_TO_STOP = Words(en="Nothing is running here.", zh="这里没有正在进行的任务。")
NOTHING_OF_YOURS = Words(
    en="Nothing of yours is running here; only admins may stop what others asked.",
    zh="这里没有您的任务在进行；只有管理员可以停止别人的任务。",
)


@command("stop", hint=Words(en="Stop the answer being written", zh="停止正在生成的回答"), urgent=True)
async def stop(turn: Turn, services: Services) -> Reply:
    """Stop the person's own work here; in a private chat, or for an admin, all of it."""
    everything = turn.place.private or turn.person.admin or turn.person.owner
    person = None if everything else turn.person.id
    stopped = await services.control.stop(turn.place.conversation, person=person)
    nothing = NOTHING_TO_STOP if everything else NOTHING_OF_YOURS
    return Reply((Text((STOPPED if stopped else nothing).in_language(turn.language)),), only_for_person=True)
