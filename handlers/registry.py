"""Every command, in the order of the menus: a new feature is one module and one line here."""

from __future__ import annotations

from handlers.command import ActionHandler, Command
from handlers.features.ask import ask
from handlers.features.help import help_
from handlers.features.language import language
from handlers.features.model import model
from handlers.features.persona import persona
from handlers.features.privacy import privacy
from handlers.features.reset import reset
from handlers.features.start import start
from handlers.features.stop import stop

COMMANDS: tuple[Command, ...] = (
    start,
    help_,
    ask,
    stop,
    reset,
    model,
    persona,
    language,
    privacy,
)
CHAT: Command = ask  # what plain words run

_BY_NAME = {command.name: command for command in COMMANDS}
_ACTIONS = {name: action for command in COMMANDS for name, action in command.actions.items()}


def command_named(name: str) -> Command | None:
    """Return the command of that name."""
    return _BY_NAME.get(name)


def action_named(name: str) -> ActionHandler | None:
    """Return the handler of a button's action, by its full name `command.action`."""
    return _ACTIONS.get(name)
