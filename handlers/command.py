"""A feature's declaration: name, words in each language, typed options, who and where.

Said once, it becomes a slash command, a Telegram command, a menu entry, a line of /help, and the buttons' actions.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import Flag, StrEnum, auto
from typing import TYPE_CHECKING

from handlers.reply import Action, Arguments, Form, Presser, Reply
from handlers.words import Words

if TYPE_CHECKING:
    from handlers.services import Services
    from handlers.turn import Turn

Handler = Callable[["Turn", "Services"], Awaitable[Reply]]


class OptionKind(StrEnum):
    """The types an option can have on every platform."""

    TEXT = "text"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    ATTACHMENT = "attachment"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the values an option takes."""

    value: str
    label: Words | str


Completer = Callable[["Services", str, str], Awaitable[Sequence[Choice]]]
"""(services, conversation key, what was typed so far) -> at most 25 choices; answers within a second."""


@dataclass(frozen=True, slots=True)
class Option:
    """One typed option of a command. The last required text option of a command takes the rest of the line."""

    name: str
    hint: Words
    kind: OptionKind = OptionKind.TEXT
    required: bool = False
    choices: tuple[Choice, ...] = ()
    complete: Completer | None = None
    minimum: int | None = None
    maximum: int | None = None


class Who(StrEnum):
    """Who may use a command."""

    EVERYONE = "everyone"
    ADMINS = "admins"  # a group's admins and the bot's owners; everyone in a private chat
    OWNERS = "owners"


class Where(Flag):
    """Where a command is offered."""

    PRIVATE = auto()
    GROUP = auto()
    ANYWHERE = PRIVATE | GROUP


@dataclass(frozen=True, slots=True)
class ActionHandler:
    """A command's button handler; `press(...)` makes the stored action for a button.

    `replaces`: its reply takes the place of the reply of the turn named by the argument `turn` (Regenerate).
    """

    name: str
    run: Handler
    urgent: bool
    replaces: bool

    def press(
        self,
        arguments: Arguments | None = None,
        *,
        who: Presser = Presser.REQUESTER,
        once: bool = False,
        form: Form | None = None,
    ) -> Action:
        """Return the action that runs this handler with `arguments`."""
        return Action(self.name, arguments or {}, who, once, form)


@dataclass(frozen=True, slots=True)
class Command:
    """A declared command. `urgent` ones do not wait in the conversation's lane."""

    name: str
    hint: Words
    run: Handler
    options: tuple[Option, ...] = ()
    who: Who = Who.EVERYONE
    where: Where = Where.ANYWHERE
    urgent: bool = False
    # Words of a message's context menu (Discord: Apps > ...); None: not offered there.
    on_message: Words | None = None
    actions: dict[str, ActionHandler] = field(default_factory=dict)

    def action(self, name: str, *, urgent: bool = False, replaces: bool = False) -> Callable[[Handler], ActionHandler]:
        """Declare a handler for this command's buttons; its full name is `command.name`."""

        def declare(run: Handler) -> ActionHandler:
            handler = ActionHandler(f"{self.name}.{name}", run, urgent, replaces)
            self.actions[handler.name] = handler
            return handler

        return declare


def command(
    name: str,
    *,
    hint: Words,
    options: tuple[Option, ...] = (),
    who: Who = Who.EVERYONE,
    where: Where = Where.ANYWHERE,
    urgent: bool = False,
    on_message: Words | None = None,
) -> Callable[[Handler], Command]:
    """Declare the decorated function as a command's handler."""

    def declare(run: Handler) -> Command:
        return Command(name, hint, run, options, who, where, urgent, on_message)

    return declare
