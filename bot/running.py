"""Running one turn: from its ticket to its one outcome, whatever happens on the way.

The order is the promise: something billed is written down before it is asked, the reply before it is delivered,
the delivery when it is confirmed. A process killed anywhere in between leaves a row that says how far it came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import structlog

from bot.access import Access
from bot.apologies import apology_for, needs_log, new_code
from bot.clock import Clock
from bot.desk import Desk, assembled
from bot.lanes import Floor
from bot.live import LiveReply
from bot.metrics import Metrics
from bot.ports import DeliveryError, Gone, Incoming, Page
from bot.prepared import Prepared, encode_prepared, prepare
from bot.routing import AGAIN_ACTION
from bot.ticket import Ticket
from handlers.reply import Action, Button, File, Reply, Style, Text
from handlers.services import Services
from handlers.turn import Attachment, CannotFetch, Person, Place, TooLarge, Turn
from handlers.words import Words, spoken
from polo.errors import PoloError
from storage.records import StoredFile

log = structlog.get_logger(__name__)

PLACE_IN_QUEUE = Words(en="Many are asking at once: {before} before you.", zh="提问的人很多，您前面还有 {before} 个。")
STOPPED = Words(en="(stopped)", zh="（已停止）")
AGAIN = Words(en="Try again", zh="重试")
DOWNLOAD_S = 120.0


def again(turn: int) -> Button:
    """Return the button that runs a turn once more, in the place of what came of it."""
    return Button(AGAIN, Action(AGAIN_ACTION, {"turn": turn}, once=True), Style.PRIMARY)


class Halfway(msgspec.Struct, frozen=True, tag="halfway"):
    """What is stored of a reply that is not finished: the text that could be seen."""

    markdown: str


def encode_halfway(markdown: str) -> bytes:
    """Return the text so far as it is stored."""
    return msgspec.json.encode(Halfway(markdown))


def decode_halfway(stored: bytes) -> Halfway:
    """Return what was stored of an unfinished reply."""
    return msgspec.json.decode(stored, type=Halfway)


class TurnStage:
    """The stage of one turn: growth goes to the live reply, facts to the database, files to the store."""

    def __init__(self, runner: Runner, ticket: Ticket, live: LiveReply) -> None:
        self._runner, self._ticket, self._live = runner, ticket, live
        self.end: Callable[[str], Reply] | None = None

    def grow(self, text: str) -> None:
        """See `handlers.turn.Stage`."""
        self._live.grow(text)

    def note(self, words: Words | None) -> None:
        """See `handlers.turn.Stage`."""
        self._live.note(words)

    def if_stopped(self, reply: Callable[[str], Reply]) -> None:
        """See `handlers.turn.Stage`."""
        self.end = reply

    async def asking(self) -> None:
        """See `handlers.turn.Stage`."""
        await self._runner.services.storage.turns.asked(self._ticket.id)

    async def fetch(self, attachment: Attachment, *, at_most: int) -> StoredFile:
        """See `handlers.turn.Stage`."""
        if attachment.size is not None and attachment.size > at_most:
            raise TooLarge(attachment.name, at_most)
        files = self._runner.services.storage.files
        scratch = files.scratch()
        adapter = self._runner.desks[self._ticket.incoming.place.platform].adapter
        try:
            async with asyncio.timeout(DOWNLOAD_S):
                await adapter.download(attachment, scratch, at_most=at_most)
            return await files.put(scratch, name=attachment.name, media_type=attachment.media_type)
        except TimeoutError as error:
            raise CannotFetch(attachment.name) from error
        finally:
            await asyncio.to_thread(scratch.unlink, missing_ok=True)


@dataclass(frozen=True, slots=True)
class Runner:
    """Everything a turn needs to be run; one for the process."""

    desks: Mapping[str, Desk]
    services: Services
    access: Access
    floor: Floor
    clock: Clock
    metrics: Metrics
    default_language: str

    async def run(self, ticket: Ticket) -> None:
        """See a ticket to its outcome. Only cancellation (the process stops) and a broken database leave it."""
        person = ticket.incoming.person
        settings = await self._settings(ticket.incoming)
        language = self._language(settings, person)
        await self.services.storage.people.seen(person.id, person.name, person.language)
        replaced = await self._replaced(ticket)
        async with self.live(
            ticket.id, ticket.incoming.place, language, replacing=replaced, asked_at=ticket.accepted_at
        ) as live:
            stage = TurnStage(self, ticket, live)
            turn = self._turn(ticket, stage, settings, language)
            reply, outcome = await self._reply_to(turn, ticket, stage, live)
            if reply.in_place and ticket.route.pressed:
                live.instead_of(ticket.route.pressed)
            prepared = await self.store(ticket.id, ticket.incoming, reply, live.language)
            ticket.written.set()
            await self.deliver(ticket.id, prepared, live, outcome)

    async def last_words(self, ticket: Ticket, error: Exception) -> None:
        """Say that it failed where not even that could be stored. The row stays; the next start takes it up."""
        code = new_code()
        log.error("failed without a record", code=code, turn=ticket.id, error=type(error).__name__)
        language = spoken(ticket.incoming.person.language, self.default_language)
        prepared = Prepared((Text(apology_for(error, language, code)),))
        try:
            async with self.live(ticket.id, ticket.incoming.place, language) as live:
                await live.finish(prepared)
        except DeliveryError as failure:
            log.error("not even said", code=code, error=type(failure).__name__)

    # ------------------------------------------------------------ from ticket to reply

    async def _reply_to(self, turn: Turn, ticket: Ticket, stage: TurnStage, live: LiveReply) -> tuple[Reply, str]:
        work = asyncio.create_task(self._handle(turn, ticket, stage))
        ticket.task = work
        if ticket.stopped:
            work.cancel()
        try:
            return await work, "answered"
        except asyncio.CancelledError:
            if not ticket.stopped or _being_cancelled():
                work.cancel()
                raise
            return self._stopped(stage, live, turn.language), "stopped"
        except Exception as error:  # the last line of defence: one sentence and a code, the rest in the log
            reply, outcome = self._apology(error, turn.id, turn.language)
            return _below(live.text, reply), outcome

    async def _handle(self, turn: Turn, ticket: Ticket, stage: TurnStage) -> Reply:
        self.access.let_in(turn.person, turn.place)
        if not ticket.route.urgent:
            await self.access.allow_one(turn.person)
            async with self.floor.enter(
                turn.person.id, told=lambda before: stage.note(PLACE_IN_QUEUE.with_values(before=before))
            ):
                return await ticket.route.run(turn, self.services)
        return await ticket.route.run(turn, self.services)

    def _apology(self, error: Exception, turn: int, language: str) -> tuple[Reply, str]:
        code = new_code()
        if isinstance(error, PoloError):
            self.metrics.relay_called("", type(error).__name__)
        if needs_log(error):
            log.error("turn failed", code=code, error=type(error).__name__, exc_info=error)
        sentence = apology_for(error, language, code)
        if not needs_log(error):
            return Reply((Text(sentence),)), "refused"
        return Reply((Text(sentence),), buttons=((again(turn),),)), f"failed:{code}"

    def _stopped(self, stage: TurnStage, live: LiveReply, language: str) -> Reply:
        said = f"{live.text.rstrip()}\n\n_{STOPPED.in_language(language)}_".strip()
        if stage.end is not None:
            reply = stage.end(live.text)
            return msgspec.structs.replace(reply, parts=(Text(said), *reply.parts[1:]))
        return Reply((Text(said),))

    # ------------------------------------------------------------ from reply to outcome

    async def store(self, turn: int, incoming: Incoming, reply: Reply, language: str) -> Prepared:
        """Write the reply down with what is to be remembered of it, and return it as it will be shown."""
        conversation, person = incoming.place.conversation, incoming.person.id
        prepared, actions = prepare(reply, conversation=conversation, person=person, turn=turn, language=language)
        await self.services.storage.turns.answered(
            turn, encode_prepared(prepared), exchange=reply.exchange, actions=actions
        )
        for spent in reply.exchange.spent if reply.exchange else ():
            self.metrics.relay_called(
                spent.model,
                "answered",
                prompt_tokens=spent.prompt_tokens,
                completion_tokens=spent.completion_tokens,
            )
        return prepared

    async def deliver(
        self, turn: int, prepared: Prepared, live: LiveReply, outcome: str, *, unsure: bool = False
    ) -> None:
        """Show a stored reply and write down that it was: the end of every turn."""
        shown: Sequence[str] = ()
        platform = live.platform
        try:
            shown = await live.finish(prepared, unsure=unsure)
        except Gone:
            outcome = "gone"
        except DeliveryError as error:
            code = new_code()
            outcome = f"undelivered:{code}"
            log.error("reply not delivered", code=code, platform=platform, exc_info=error)
        await self.services.storage.turns.done(turn, outcome, shown)
        self.metrics.turn_ended(platform, outcome.partition(":")[0])

    def pages(self, prepared: Prepared, platform: str) -> list[Page]:
        """Return a finished reply's pages where its text takes one message, as it does on the page."""
        desk = self.desks[platform]
        text = desk.adapter.render("".join(p.markdown for p in prepared.parts if isinstance(p, Text)), growing=False)
        files = [part for part in prepared.parts if isinstance(part, File)]
        return assembled(desk, [text] if text.size else [], files, prepared)

    # ------------------------------------------------------------ the pieces

    def live(
        self,
        turn: int,
        place: Place,
        language: str,
        *,
        replacing: Sequence[str] = (),
        asked_at: float | None = None,
    ) -> LiveReply:
        """Return the live reply of a turn, in the place of the messages `replacing`. `asked_at`: monotonic."""

        async def remember(messages: Sequence[str], text: str) -> None:
            await self.services.storage.turns.shown(turn, messages, encode_halfway(text))

        return LiveReply(
            self.desks[place.platform],
            place,
            turn=turn,
            language=language,
            remember=remember,
            replacing=replacing,
            asked_at=asked_at,
        )

    async def _replaced(self, ticket: Ticket) -> Sequence[str]:
        """Return the messages whose place the reply takes."""
        if ticket.route.replaces is not None:
            earlier = await self.services.storage.turns.get(ticket.route.replaces)
            if earlier is not None and earlier.conversation == ticket.conversation:
                return earlier.shown
        return ()

    async def _settings(self, incoming: Incoming) -> Mapping[str, object]:
        """Return the values in force: the topic's, the chat's, the person's, nearest first."""
        return await self.services.storage.settings.lookup((*incoming.place.scopes, f"person:{incoming.person.id}"))

    async def language_at(self, incoming: Incoming) -> str:
        """Return the language in which the person is spoken to here."""
        return self._language(await self._settings(incoming), incoming.person)

    def _language(self, settings: Mapping[str, object], person: Person) -> str:
        chosen = settings.get("language")
        return spoken(chosen if isinstance(chosen, str) and chosen else person.language, self.default_language)

    def _turn(self, ticket: Ticket, stage: TurnStage, settings: Mapping[str, object], language: str) -> Turn:
        route, incoming = ticket.route, ticket.incoming
        return Turn(
            id=ticket.id,
            place=incoming.place,
            person=incoming.person,
            language=language,
            stage=stage,
            message=route.message,
            replaces=route.replaces,
            settings=settings,
            text=route.text,
            attachments=route.attachments,
            quoted=route.quoted,
            options=route.options,
            arguments=route.arguments,
            fields=route.fields,
        )


def _below(said: str, reply: Reply) -> Reply:
    """Return the reply with what could be seen already above it: an error never takes words away again."""
    if not said.strip():
        return reply
    first, *rest = reply.parts
    markdown = f"{said.rstrip()}\n\n{first.markdown}" if isinstance(first, Text) else said
    return msgspec.structs.replace(reply, parts=(Text(markdown), *rest))


def _being_cancelled() -> bool:
    """Tell whether this very task is asked to end (the process stops), not only the work it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
