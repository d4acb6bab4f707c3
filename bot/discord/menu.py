"""The declared commands as Discord's menu: slash commands and message commands, in each language, sent as one set."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from typing import Protocol

import msgspec

from bot.discord.body import shortened
from bot.discord.rest import Rest
from bot.ports import DeliveryError
from handlers.command import Choice, Command, Option, OptionKind, Where
from handlers.words import Words

CHINESE = ("zh-CN", "zh-TW")
SLASH, MESSAGE = 1, 3
KINDS = {OptionKind.TEXT: 3, OptionKind.INTEGER: 4, OptionKind.BOOLEAN: 5, OptionKind.ATTACHMENT: 11}
HINT_LIMIT = 100  # characters
MESSAGE_COMMAND_LIMIT = 32  # characters of its name
CHOICES = 25
CHOICE_LIMIT = 100  # characters of a choice's label, and of its value
GUILD, BOT_DM, PRIVATE_CHANNEL = 0, 1, 2  # where a command is offered

_log = logging.getLogger(__name__)


class Notes(Protocol):
    """A small memory across restarts, for the hash of the menu that Discord has."""

    async def get(self, name: str) -> str | None:
        """Return what was put under `name`."""

    async def put(self, name: str, value: str) -> None:
        """Remember `value` under `name`."""


def menu_of(commands: Sequence[Command]) -> list[dict[str, object]]:
    """Return the body of PUT /applications/{id}/commands: the whole set, in the order of declaration."""
    return [_slash(command) for command in commands] + [
        _on_message(command, command.on_message) for command in commands if command.on_message is not None
    ]


def _slash(command: Command) -> dict[str, object]:
    options = sorted(command.options, key=lambda option: not option.required)  # Discord wants the required ones first
    return {
        "type": SLASH,
        "name": command.name,
        "description": shortened(command.hint.in_language("en"), HINT_LIMIT),
        "description_localizations": _chinese(command.hint, HINT_LIMIT),
        "options": [_option(option) for option in options],
        **_offered(command.where),
    }


def _on_message(command: Command, words: Words) -> dict[str, object]:
    return {
        "type": MESSAGE,
        "name": message_command_name(words),
        "name_localizations": _chinese(words, MESSAGE_COMMAND_LIMIT),
        **_offered(command.where),
    }


def message_command_name(words: Words) -> str:
    """Return the name under which Discord reports a message command, in whatever language it was shown."""
    return shortened(words.in_language("en"), MESSAGE_COMMAND_LIMIT)


def _offered(where: Where) -> dict[str, object]:
    contexts = [GUILD] * (Where.GROUP in where) + [BOT_DM] * (Where.PRIVATE in where)
    contexts += [PRIVATE_CHANNEL] * (Where.GROUP in where)
    return {"contexts": contexts, "integration_types": [0, 1]}


def _option(option: Option) -> dict[str, object]:
    described: dict[str, object] = {
        "type": KINDS[option.kind],
        "name": option.name,
        "description": shortened(option.hint.in_language("en"), HINT_LIMIT),
        "description_localizations": _chinese(option.hint, HINT_LIMIT),
        "required": option.required,
    }
    if completes(option):
        described["autocomplete"] = True
    elif option.choices:
        described["choices"] = [_choice(choice, option.kind) for choice in option.choices]
    if option.kind is OptionKind.INTEGER:
        described |= {
            name: value
            for name, value in (("min_value", option.minimum), ("max_value", option.maximum))
            if value is not None
        }
    return described


def completes(option: Option) -> bool:
    """Tell whether an option is completed while it is typed: a menu of Discord shows 25 fixed choices at most."""
    typed = option.kind in {OptionKind.TEXT, OptionKind.INTEGER}
    return typed and (option.complete is not None or len(option.choices) > CHOICES)


def _choice(choice: Choice, kind: OptionKind) -> dict[str, object]:
    label = choice.label if isinstance(choice.label, str) else choice.label.in_language("en")
    shown: dict[str, object] = {
        "name": shortened(label, CHOICE_LIMIT),
        "value": int(choice.value) if kind is OptionKind.INTEGER else choice.value,
    }
    if isinstance(choice.label, Words):
        shown["name_localizations"] = _chinese(choice.label, CHOICE_LIMIT)
    return shown


def completion_of(choices: Sequence[Choice], kind: OptionKind, language: str) -> list[dict[str, object]]:
    """Return choices as an autocomplete answer; one that Discord cannot carry is left out and logged."""
    shown: list[dict[str, object]] = []
    for choice in choices[:CHOICES]:
        if not 0 < len(choice.value) <= CHOICE_LIMIT:
            _log.warning("a choice of %d characters does not fit into Discord's list", len(choice.value))
            continue
        label = choice.label if isinstance(choice.label, str) else choice.label.in_language(language)
        value = int(choice.value) if kind is OptionKind.INTEGER else choice.value
        shown.append({"name": shortened(label, CHOICE_LIMIT) or "…", "value": value})
    return shown


def _chinese(words: Words, limit: int) -> dict[str, str]:
    sentence = shortened(words.in_language("zh"), limit)
    return dict.fromkeys(CHINESE, sentence)


async def sync(rest: Rest, notes: Notes, app: str, commands: Sequence[Command]) -> bool:
    """Give Discord the menu if it changed since it was given last; return whether it was sent.

    One PUT that replaces the whole set: nothing is ever deleted first. A failure is logged and does not stop the
    bot, whose old menu still works; the next start tries again.
    """
    menu = menu_of(commands)
    digest = hashlib.sha256(msgspec.json.encode(menu, order="deterministic")).hexdigest()
    note = f"discord:menu:{app}"
    if await notes.get(note) == digest:
        return False
    try:
        await rest.ask("PUT", "/applications/{app}/commands", {"app": app}, body=menu)
    except DeliveryError as error:
        _log.error("Discord did not take the command menu, the old one stays: %s", error)
        return False
    await notes.put(note, digest)
    _log.info("Discord has the new command menu: %d commands", len(menu))
    return True
