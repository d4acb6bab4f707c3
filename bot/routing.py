"""From an event to what it runs: plain words, a command, a button, a form, an edited question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

import msgspec

from bot.forms import GONE, Forms
from bot.live import STOP_PREFIX
from bot.ports import Adapter, Edited, Incoming, Invoked, Pressed, Said, Submitted
from bot.prepared import decode_action
from bot.ticket import Route
from handlers.arguments import parse
from handlers.command import ActionHandler, Command, Where, Who
from handlers.errors import ForPerson
from handlers.registry import CHAT, action_named, command_named
from handlers.reply import Action, Presser
from handlers.turn import Person, Place, Quoted
from handlers.words import Words
from storage.database import Database
from storage.records import StoredAction

AGAIN_ACTION = "again"  # of dispatch itself: the turn named by the argument `turn` runs once more
DRAFT_STOP = "draft-stop"  # Telegram's own stop button on a draft; the message is the draft's id

UNKNOWN_COMMAND = Words(
    en="I do not know {name}. /help shows what I do.", zh="没有 {name} 这个命令。发送 /help 查看功能。"
)
NOT_YOURS = Words(en="Only the person who asked may press this.", zh="只有提问者可以点击这个按钮。")
ADMINS_ONLY = Words(en="Only the admins of this group may do that.", zh="只有本群管理员可以这样做。")
OWNERS_ONLY = Words(en="Only the bot's owner may do that.", zh="只有机器人的管理员可以这样做。")
PRIVATE_ONLY = Words(en="Send me {name} in a private chat, please.", zh="请在私聊中向我发送 {name}。")
GROUP_ONLY = Words(en="{name} works in groups only.", zh="{name} 只能在群组中使用。")
USED = Words(en="This was pressed already.", zh="这个按钮已经点过了。")


class Ignored(Exception):
    """By decision nothing is to be done, and nobody is told."""


class Router:
    """Finds what an event runs. Reads the database for buttons, forms and edits; words and commands need none."""

    def __init__(self, storage: Database, adapters: Mapping[str, Adapter], forms: Forms) -> None:
        self._storage, self._adapters, self._forms = storage, adapters, forms

    async def route(self, incoming: Incoming, turn: int) -> Route:
        """Return what the event runs. Raises `ForPerson` with what the person should hear instead, or `Ignored`."""
        what = incoming.what
        match what:
            case Said():
                return await self._said(what, incoming)
            case Invoked():
                return self._invoked(what, incoming)
            case Pressed():
                return await self._pressed(what, incoming, turn)
            case Submitted():
                return await self._submitted(what, incoming, turn)
            case Edited():
                return await self._edited(what, incoming, turn)
            case _:
                assert_never(what)

    # ------------------------------------------------------------ words and commands

    async def _said(self, said: Said, incoming: Incoming) -> Route:
        command = None
        if said.text.startswith("/") and not said.text.startswith("//"):
            command = self._command(said, incoming)
        if not self._adapters[incoming.place.platform].windows:
            question = await self._forms.open_for(incoming.place.conversation, incoming.person.id)
            if question is not None:
                if command is None and (incoming.place.private or (said.quoted and said.quoted.by_bot)):
                    action, fields = await self._forms.answer(question, said.text)
                    if fields is None:
                        return Route(self._forms.next(question, action), message=said.message)
                    return self._action_route(action, incoming, fields=fields, message=said.message)
                await self._forms.give_up(question)
        if command is not None:
            return command
        return Route(
            CHAT.run,
            plain=True,
            text=said.text,
            attachments=said.attachments,
            quoted=said.quoted,
            message=said.message,
        )

    def _command(self, said: Said, incoming: Incoming) -> Route:
        name, _, rest = said.text[1:].partition(" ")
        if "\n" in name:
            name, _, first = name.partition("\n")
            rest = f"{first} {rest}" if rest else first
        name = name.partition("@")[0].lower()
        command = command_named(name)
        if command is None:
            if not incoming.place.private:
                raise Ignored  # most likely another bot's
            raise ForPerson(UNKNOWN_COMMAND.with_values(name=f"/{name[:32]}"))
        options = parse(command, rest, attached=bool(said.attachments or said.quoted))
        return self._command_route(
            command,
            incoming,
            Route(
                command.run,
                options=options,
                attachments=said.attachments,
                quoted=said.quoted,
                message=said.message,
            ),
        )

    def _invoked(self, invoked: Invoked, incoming: Incoming) -> Route:
        command = command_named(invoked.command)
        if command is None:
            raise ForPerson(UNKNOWN_COMMAND.with_values(name=f"/{invoked.command}"))
        route = Route(command.run, options=invoked.options, attachments=invoked.attachments, quoted=invoked.quoted)
        return self._command_route(command, incoming, route)

    def _command_route(self, command: Command, incoming: Incoming, route: Route) -> Route:
        may_use(command.who, incoming.person, incoming.place)
        here = Where.PRIVATE if incoming.place.private else Where.GROUP
        if not command.where & here:
            words = PRIVATE_ONLY if command.where is Where.PRIVATE else GROUP_ONLY
            raise ForPerson(words.with_values(name=f"/{command.name}"))
        route.urgent = command.urgent
        return route

    # ------------------------------------------------------------ buttons and forms

    async def _pressed(self, pressed: Pressed, incoming: Incoming, turn: int) -> Route:
        stored, action = await self._stored(pressed.action)
        may_press(action, stored, incoming.person, incoming.place)
        if action.form is not None:
            return Route(self._forms.begin(stored.id, action))
        if action.once and not await self._storage.actions.claim(stored.id, turn):
            raise ForPerson(USED)
        if action.name == AGAIN_ACTION:
            return await self._again(action, incoming)
        return self._action_route(action, incoming, pressed=pressed.message)

    async def _submitted(self, submitted: Submitted, incoming: Incoming, turn: int) -> Route:
        stored, action = await self._stored(submitted.action)
        may_press(action, stored, incoming.person, incoming.place)
        if action.once and not await self._storage.actions.claim(stored.id, turn):
            raise ForPerson(USED)
        return self._action_route(action, incoming, fields=submitted.fields, pressed=submitted.message)

    async def _stored(self, key: str) -> tuple[StoredAction, Action]:
        stored = await self._storage.actions.load(key)
        if stored is None:
            raise ForPerson(GONE)
        try:
            return stored, decode_action(stored.action)
        except msgspec.MsgspecError as error:
            raise ForPerson(GONE) from error

    def _action_route(
        self,
        action: Action,
        incoming: Incoming,
        *,
        fields: dict[str, str] | None = None,
        message: str | None = None,
        pressed: str | None = None,
    ) -> Route:
        handler: ActionHandler | None = action_named(action.name)
        if handler is None:
            raise ForPerson(GONE)
        replaces = action.arguments.get("turn") if handler.replaces else None
        return Route(
            handler.run,
            urgent=handler.urgent,
            arguments=dict(action.arguments),
            fields=fields or {},
            message=message,
            replaces=int(replaces) if isinstance(replaces, int) else None,
            pressed=pressed,
        )

    async def _again(self, action: Action, incoming: Incoming) -> Route:
        """Return the route of an earlier turn, its reply being replaced."""
        earlier = await self._storage.turns.get(int(action.arguments["turn"] or 0))
        if earlier is None or earlier.conversation != incoming.place.conversation:
            raise ForPerson(GONE)
        asked = msgspec.json.decode(earlier.incoming, type=Incoming)
        here = msgspec.structs.replace(asked, place=incoming.place, person=incoming.person)
        route = await self.route_again(earlier.id, here)
        route.replaces = earlier.id
        return route

    async def route_again(self, turn: int, incoming: Incoming) -> Route:
        """Return the route of a stored turn, with the words of those that went into it."""
        route = await self.route(incoming, turn)
        for other in await self._storage.turns.merged_into(turn):
            route.join(await self.route(msgspec.json.decode(other.incoming, type=Incoming), turn))
        return route

    # ------------------------------------------------------------ edited questions

    async def _edited(self, edited: Edited, incoming: Incoming, number: int) -> Route:
        """Ask the last question again in its new words. Editing an older one is the person's own affair."""
        conversation = incoming.place.conversation
        earlier = await self._storage.turns.by_message(conversation, edited.message, before=number)
        if earlier is None or edited.text.startswith("/"):
            raise Ignored
        remembered = await self._storage.memory.of_turn(earlier.id)
        if remembered and remembered[-1].id != await self._storage.memory.head(conversation):
            raise Ignored
        route = Route(CHAT.run, replaces=earlier.id)
        changed = False
        for turn in (earlier, *await self._storage.turns.merged_into(earlier.id)):
            said = msgspec.json.decode(turn.incoming, type=Incoming).what
            if not isinstance(said, Said | Edited):
                raise Ignored
            text, files = said.text, said.attachments
            if said.message == edited.message:
                changed = (text, files) != (edited.text, edited.attachments)
                text, files = edited.text, edited.attachments
            route.join(Route(CHAT.run, text=text, attachments=files, quoted=_quoted(said), message=said.message))
        if not changed:  # platforms also tell of edits that change no word: a preview, a reaction
            raise Ignored
        route.message = edited.message
        return route


def _quoted(said: Said | Edited) -> Quoted | None:
    return said.quoted if isinstance(said, Said) else None


def stops(incoming: Incoming) -> int | None:
    """Return the turn that a press of Stop is about, None for any other event."""
    what = incoming.what
    if not isinstance(what, Pressed):
        return None
    turn = what.message if what.action == DRAFT_STOP else what.action.removeprefix(STOP_PREFIX)
    pressed_stop = what.action == DRAFT_STOP or what.action.startswith(STOP_PREFIX)
    return int(turn) if pressed_stop and turn.isascii() and turn.isdigit() else None


def may_use(who: Who, person: Person, place: Place) -> None:
    """Raise `ForPerson` where the person may not use a command here."""
    if who is Who.OWNERS and not person.owner:
        raise ForPerson(OWNERS_ONLY)
    if who is Who.ADMINS and not (place.private or person.admin or person.owner):
        raise ForPerson(ADMINS_ONLY)


def may_press(action: Action, stored: StoredAction, person: Person, place: Place) -> None:
    """Raise `ForPerson` where the person may not press this button: another's, or shown in another place."""
    if stored.conversation != place.conversation:
        raise ForPerson(GONE)
    if person.owner or action.who is Presser.ANYONE or (place.private and stored.person == person.id):
        return
    if action.who is Presser.ADMINS:
        if not (person.admin or place.private):
            raise ForPerson(ADMINS_ONLY)
    elif stored.person != person.id:
        raise ForPerson(NOT_YOURS)
