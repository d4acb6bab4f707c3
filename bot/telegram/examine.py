"""A look at a bot from outside, for `polobot check`: plain facts, each with an answer to "and what to do"."""

from __future__ import annotations

from dataclasses import dataclass

from telegram import User
from telegram.error import Conflict, InvalidToken, TelegramError

from bot.telegram.transport import Line

PROBE_S = 4  # a rival that polls takes the line back within that time


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found. `problem` is empty where the API answers and knows the token."""

    reachable: bool
    token_ok: bool
    name: str = ""  # @username
    can_join_groups: bool = False
    reads_all_group_messages: bool = False  # False: group privacy mode is on
    webhook_url: str = ""  # what Telegram knows, "" for none
    webhook_error: str = ""
    pending_updates: int = 0
    second_poller: bool | None = None  # None: not looked, a webhook is set or updates were waiting
    problem: str = ""


async def examine(token: str, api_base_url: str, proxy: str | None, *, probe: bool = True) -> Examination:
    """Ask who the bot is, which webhook is set, and (`probe`) whether another process polls. Never raises.

    The probe takes up to 4 s, confirms nothing, and makes a running poller see one 409.
    """
    line = Line(token, api_base_url, proxy)
    await line.open()
    try:
        me = await line.bot.get_me()
        return await _facts(line, me, probe=probe)
    except InvalidToken:
        return Examination(reachable=True, token_ok=False, problem="Telegram does not know this token")
    except TelegramError as error:
        said = line.secrets.hide(error.message)
        return Examination(reachable=False, token_ok=False, problem=f"no answer from the Bot API: {said}")
    finally:
        await line.close()


async def _facts(line: Line, me: User, *, probe: bool) -> Examination:
    webhook = await line.bot.get_webhook_info()
    return Examination(
        reachable=True,
        token_ok=True,
        name=f"@{me.username}",
        can_join_groups=bool(me.can_join_groups),
        reads_all_group_messages=bool(me.can_read_all_group_messages),
        webhook_url=webhook.url,
        webhook_error=webhook.last_error_message or "",
        pending_updates=webhook.pending_update_count,
        second_poller=await _rival(line) if probe and not webhook.url else None,
    )


async def _rival(line: Line) -> bool | None:
    """The older of two pending getUpdates gets the 409: a rival that comes back makes ours the older one."""
    try:
        waiting = await line.get_updates(offset=None, timeout_s=PROBE_S, allowed=None, limit=1)
    except Conflict:
        return True
    return None if waiting else False
