"""What is done about each event: an interaction is acknowledged before anything else, then the event is accepted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import discord

from bot.clock import Clock
from bot.discord import receive
from bot.discord.address import TOKEN_USED_FOR_S, Via
from bot.discord.forms import modal_of
from bot.discord.menu import completion_of, message_command_name
from bot.discord.rest import RefusedWith, Rest, TokenDead
from bot.discord.send import Sender
from bot.ports import FORM_PREFIX, DeliveryError, Inbox, Incoming, Invoked, Page, Parked, Pressed, Submitted, Unclear
from handlers.command import Choice, Command, OptionKind
from handlers.turn import Place, Quoted
from handlers.words import Words, spoken

THINKING, UPDATE, COMPLETION, MODAL = 5, 6, 8, 9  # kinds of answers: Discord docs, receiving-and-responding
ACK_TIMEOUT_S = 2.7  # Discord waits 3 s for the first answer
HELPER_TIMEOUT_S = 2.0  # for a form or a completion, so that the acknowledgement still arrives in time
FETCH_TIMEOUT_S = 5.0
_ALREADY_ANSWERED = 40060

NOT_STORED = Words(
    en="I could not write your request down, so nothing was done. Please send it again.",
    zh="我没能记下你的请求，所以什么也没做。请再发一次。",
)

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Listener:
    """Turns one connection's events into accepted ones. `acked` is told the seconds from an interaction's arrival to
    Discord's taking the first answer."""

    def __init__(
        self,
        inbox: Inbox,
        rest: Rest,
        sender: Sender,
        clock: Clock,
        commands: Sequence[Command],
        *,
        acked: Callable[[float], None],
    ) -> None:
        self._inbox, self._rest, self._sender, self._clock, self._acked = inbox, rest, sender, clock, acked
        self._commands = {command.name: command for command in commands}
        self._message_commands = {
            message_command_name(command.on_message): command.name
            for command in commands
            if command.on_message is not None
        }

    # ------------------------------------------------------------ messages

    async def message(self, message: discord.Message, me: int) -> None:
        """Accept a message that is meant for the bot."""
        if not receive.is_from_person(message):
            return
        quoted = await self._quoted(message, me)
        if not _addressed(message, me, quoted):
            return
        await self._accept(receive.said_of(message, me, quoted))

    async def edit(self, message: discord.Message, me: int, before: discord.Message | None) -> None:
        """Accept a change of what was said to the bot; `before` None: it is older than what we remember.

        An unfurled link or a pin changes no words. A change that adds the forgotten mention is a first message.
        """
        if not receive.is_from_person(message) or message.edited_at is None:
            return
        if before is not None and _same_words(before, message):
            return
        quoted = await self._quoted(message, me)
        now_meant = _addressed(message, me, quoted)
        meant_before = before is None or _addressed(before, me, quoted)
        if now_meant and not meant_before:
            await self._accept(receive.said_of(message, me, quoted))
        elif now_meant or (before is not None and meant_before):
            await self._accept(receive.edited_of(message, me))

    async def _quoted(self, message: discord.Message, me: int) -> Quoted | None:
        """Return the message replied to: as it came along, else as remembered, else asked for."""
        wanted = receive.replied_to(message)
        if wanted is None or message.reference is None:
            return None
        resolved = message.reference.resolved or message.reference.cached_message
        if isinstance(resolved, discord.DeletedReferencedMessage):
            return None
        if isinstance(resolved, discord.Message):
            return receive.quoted_of(resolved, me)
        try:
            async with asyncio.timeout(FETCH_TIMEOUT_S):
                return receive.quoted_of(await message.channel.fetch_message(wanted), me)
        except (discord.DiscordException, TimeoutError, OSError) as error:
            _log.info("a message that was replied to could not be read: %s", type(error).__name__)
            return Quoted(str(wanted))

    # ------------------------------------------------------------ interactions

    async def interaction(self, interaction: discord.Interaction, me: int) -> None:
        """Acknowledge an interaction, then accept it."""
        came_at = self._clock.monotonic()
        if interaction.channel_id is None:
            _log.warning("an interaction in an unknown kind of channel is ignored")
            return
        match interaction.type:
            case discord.InteractionType.application_command:
                place = await self._acknowledge(interaction, "thinking", came_at)
                if place is not None:
                    what = receive.invoked_of(interaction, self._message_commands, me)
                    await self._accept(_incoming(interaction, place, what))
            case discord.InteractionType.component:
                await self._press(interaction, came_at)
            case discord.InteractionType.modal_submit:
                kind = "thinking" if interaction.message is None else "pressed"
                place = await self._acknowledge(interaction, kind, came_at)
                if place is not None:
                    await self._accept(_incoming(interaction, place, receive.submitted_of(interaction)))
            case discord.InteractionType.autocomplete:
                await self._complete(interaction, came_at)
            case unknown:
                _log.info("an interaction of the unknown kind %s is ignored", unknown)

    async def _press(self, interaction: discord.Interaction, came_at: float) -> None:
        """Open the form of a button that has one; else acknowledge and accept the press."""
        pressed = receive.pressed_of(interaction)
        if pressed.action.startswith(FORM_PREFIX):
            person = receive.actor_of(interaction)
            place = receive.place_of_interaction(interaction, self._via(interaction, "pressed"))
            form = await _bounded(self._inbox.form(pressed.action, place, person), "a form", otherwise=None)
            if form is not None:
                window = modal_of(form, pressed.action, spoken(person.language))
                await self._answer(interaction, {"type": MODAL, "data": window}, came_at)
                return
        acknowledged = await self._acknowledge(interaction, "pressed", came_at)
        if acknowledged is not None:
            await self._accept(_incoming(interaction, acknowledged, pressed))

    async def _complete(self, interaction: discord.Interaction, came_at: float) -> None:
        """Answer what is being typed with choices, with none on any trouble."""
        name, option_name, typed = receive.focused_of(interaction)
        command = self._commands.get(name)
        option = next((one for one in command.options if one.name == option_name), None) if command else None
        person = receive.actor_of(interaction)
        choices: Sequence[Choice] = ()
        if option is not None and option.complete is None:
            choices = [choice for choice in option.choices if _matches(choice, typed)]
        elif option is not None:
            place = receive.place_of_interaction(interaction, self._via(interaction, "pressed"))
            wanted = self._inbox.complete(name, option_name, typed, place, person)
            choices = await _bounded(wanted, "a completion", otherwise=())
        kind = option.kind if option is not None else OptionKind.TEXT
        shown = completion_of(choices, kind, spoken(person.language))
        await self._answer(interaction, {"type": COMPLETION, "data": {"choices": shown}}, came_at)

    def _via(self, interaction: discord.Interaction, kind: str) -> Via:
        until = self._clock.now() + TOKEN_USED_FOR_S
        return receive.via_of_interaction(interaction, kind=kind, until=until)

    async def _acknowledge(self, interaction: discord.Interaction, kind: str, came_at: float) -> Place | None:
        """Tell Discord that an answer will come; None where it did not take that and the person was told so by it."""
        via = self._via(interaction, kind)
        taken = await self._answer(interaction, {"type": THINKING if kind == "thinking" else UPDATE}, came_at)
        if taken is False:
            return None
        if taken:
            self._sender.acknowledged(via)
        return receive.place_of_interaction(interaction, via)

    async def _answer(self, interaction: discord.Interaction, answer: object, came_at: float) -> bool | None:
        """Send the first answer; False: not taken, None: unknown. Without one, Discord says itself that it failed."""
        names = {"interaction": str(interaction.id), "token": interaction.token}
        path = "/interactions/{interaction}/{token}/callback"
        taken: bool | None = False
        try:
            await self._rest.ask("POST", path, names, body=answer, timeout_s=ACK_TIMEOUT_S)
            taken = True
        except Unclear as error:
            taken = None
            _log.warning("it is unknown whether Discord took an acknowledgement: %s", error)
        except TokenDead:
            _log.warning("an interaction came too late to be acknowledged; the person was told so by Discord")
        except Parked:
            _log.warning("Discord took no acknowledgement: unreachable, or too many requests")
        except RefusedWith as error:
            if error.code == _ALREADY_ANSWERED:
                _log.warning("an interaction was answered already: does another process use this token?")
            else:
                _log.error("Discord refused an acknowledgement: %s", error)
        except DeliveryError as error:
            _log.error("Discord refused an acknowledgement: %s", error)
        self._acked(self._clock.monotonic() - came_at)
        return taken

    # ------------------------------------------------------------ the last line of defence

    async def _accept(self, incoming: Incoming) -> None:
        """Hand an event over; when it cannot be stored, the person gets a sentence instead of silence."""
        try:
            await self._inbox.accept([incoming])
        except Exception:
            _log.exception("an event could not be stored: %s", incoming.event)
            text = NOT_STORED.in_language(incoming.person.language)
            page = Page(text=text, plain=text, size=len(text))
            try:
                await self._sender.post(incoming.place, page, f"lost:{incoming.event}")
            except DeliveryError as error:
                _log.warning("nor could the person be told: %s", error)

    async def closed(self, chats: Sequence[int]) -> None:
        """Tell that the bot cannot write to these chats any more."""
        for chat in chats:
            await self._inbox.gone(receive.PLATFORM, str(chat))


def _incoming(interaction: discord.Interaction, place: Place, what: Invoked | Pressed | Submitted) -> Incoming:
    return Incoming(receive.event_of(interaction), place, receive.actor_of(interaction), what)


def _addressed(message: discord.Message, me: int, quoted: Quoted | None) -> bool:
    """Tell whether a message is meant for the bot: private, mentioning it, or replying to what it said."""
    return receive.is_private(message) or receive.mentions(message, me) or (quoted is not None and quoted.by_bot)


def _same_words(before: discord.Message, after: discord.Message) -> bool:
    files = [one.id for one in before.attachments] == [one.id for one in after.attachments]
    return before.content == after.content and files


def _matches(choice: Choice, typed: str) -> bool:
    labels = [choice.label] if isinstance(choice.label, str) else [choice.label.en, choice.label.zh]
    return any(typed.casefold() in text.casefold() for text in [choice.value, *labels])


async def _bounded(wanted: Awaitable[T], what: str, *, otherwise: T) -> T:
    """Await within the time that an acknowledgement leaves; `otherwise` on any trouble, which is logged."""
    try:
        async with asyncio.timeout(HELPER_TIMEOUT_S):
            return await wanted
    except TimeoutError:
        _log.warning("%s took longer than %s s", what, HELPER_TIMEOUT_S)
    except Exception:
        _log.exception("%s failed", what)
    return otherwise
