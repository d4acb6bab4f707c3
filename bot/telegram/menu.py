"""The command menu, from the declared commands: for private chats, groups and groups' admins, in each language.

Written to Telegram only when it differs from what was last written there.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Sequence

import msgspec
from telegram import (
    Bot,
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
)
from telegram.error import TelegramError

from bot.telegram.notes import Notes
from handlers.command import Command, Where, Who
from handlers.words import LANGUAGES

NAME = re.compile(r"[a-z0-9_]{1,32}")  # Bot API, BotCommand.command
HINT_LENGTH = 256  # characters: Bot API, BotCommand.description
COMMANDS = 100  # a list: Bot API, setMyCommands

_log = logging.getLogger(__name__)


class Entry(msgspec.Struct, frozen=True):
    """One line of a menu."""

    name: str
    hint: str


class Menu(msgspec.Struct, frozen=True):
    """The menu of one scope in one language; language None: for everyone whose language has no menu of its own."""

    scope: str
    language: str | None
    entries: tuple[Entry, ...]


SCOPES: dict[str, Callable[[], BotCommandScope]] = {
    "private": BotCommandScopeAllPrivateChats,
    "group": BotCommandScopeAllGroupChats,
    "admins": BotCommandScopeAllChatAdministrators,
}


def menus(commands: Sequence[Command], default_language: str) -> tuple[Menu, ...]:
    """Return every menu that the commands make; owners' commands stand in none, since anyone can read a menu."""
    everyone, admins = (Who.EVERYONE,), (Who.EVERYONE, Who.ADMINS)
    shown = {
        "private": [one for one in commands if one.who in admins and Where.PRIVATE in one.where],
        "group": [one for one in commands if one.who in everyone and Where.GROUP in one.where],
        "admins": [one for one in commands if one.who in admins and Where.GROUP in one.where],
    }
    languages = [None, *(language for language in LANGUAGES if language != default_language)]
    return tuple(
        Menu(scope, language, _entries(listed, language or default_language))
        for scope, listed in shown.items()
        for language in languages
    )


def _entries(commands: Sequence[Command], language: str) -> tuple[Entry, ...]:
    fit = [one for one in commands if NAME.fullmatch(one.name)][:COMMANDS]
    return tuple(Entry(one.name, one.hint.in_language(language)[:HINT_LENGTH]) for one in fit)


async def publish(bot: Bot, notes: Notes, note: str, wanted: tuple[Menu, ...]) -> bool:
    """Write the menus to Telegram where their hash is not the noted one; return whether that was so.

    A failure is logged, not raised: the commands work without a menu, and the next start tries again.
    """
    digest = hashlib.sha256(msgspec.json.encode(wanted)).hexdigest()
    if await notes.get(note) == digest:
        return False
    try:
        for menu in wanted:
            await _write(bot, menu)
    except TelegramError as error:
        _log.warning("telegram: the command menu could not be written: %s", type(error).__name__)
        return False
    await notes.put(note, digest)
    return True


async def _write(bot: Bot, menu: Menu) -> None:
    scope = SCOPES[menu.scope]()
    if menu.entries:
        entries = [BotCommand(entry.name, entry.hint) for entry in menu.entries]
        await bot.set_my_commands(entries, scope=scope, language_code=menu.language)
    else:
        await bot.delete_my_commands(scope=scope, language_code=menu.language)
