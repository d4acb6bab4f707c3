"""The heart: events are stored, told apart, put into their conversation's lane, run, stopped, and found again.

Dispatch is the adapters' `Inbox` and the features' `Control`. Nothing is confirmed to a platform before its row
stands in the database; what a dead process left behind is taken up again by `bot.recovery`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence

import msgspec
import structlog

from bot.background import Crew
from bot.forms import Forms
from bot.lanes import Lane, Lanes
from bot.ports import DeliveryError, Edited, Incoming, Page, PastTurn, Pressed, Said
from bot.prepared import decode_action, decode_prepared
from bot.routing import Ignored, Router, may_press, stops
from bot.running import Runner
from bot.ticket import Route, Ticket
from handlers.command import Choice
from handlers.errors import ForPerson
from handlers.registry import command_named
from handlers.reply import Form, Reply
from handlers.services import Services
from handlers.turn import Person, Place, Turn
from handlers.words import Words
from storage.records import IGNORED, NewTurn, StoredTurn

log = structlog.get_logger(__name__)

LANE_AT_MOST = 20  # questions that wait in one conversation
COMPLETE_S = 2.0
STOPPED_WITHIN_S = 30.0  # a stopped turn has nothing left to wait for but the database
NOTHING_RUNS = Words(en="Nothing is running.", zh="当前没有正在进行的任务。")
NOT_YOURS_TO_STOP = Words(en="Only the person who asked may stop this.", zh="只有提问者可以停止。")
FLOOD = Words(
    en="That is more than I can see to: I still have {waiting} of your questions. Ask again when I have caught up.",
    zh="消息太多了：我还有 {waiting} 个问题没回答。请等我处理完再发。",
)
FULL = Words(en="Too many people are asking right now. Try again in a minute.", zh="现在提问的人太多，请稍后再试。")


class Tickets:
    """The turns in hand; implements `handlers.services.Control`."""

    def __init__(self) -> None:
        self.by_id: dict[int, Ticket] = {}
        self.lanes: Lanes[Ticket] | None = None

    async def stop(self, conversation: str, *, person: str | None = None) -> int:
        """See `handlers.services.Control`."""
        lane = self.lanes.lane(conversation) if self.lanes else None
        if lane is None:
            return 0
        found = [ticket for ticket in (lane.running, *lane.waiting) if ticket and not ticket.stopped]
        mine = [ticket for ticket in found if person is None or ticket.incoming.person.id == person]
        for ticket in mine:
            ticket.stop()
            if ticket is not lane.running:
                ticket.written.set()  # it will not be run at all
        async with asyncio.timeout(STOPPED_WITHIN_S):
            for ticket in mine:
                await ticket.written.wait()
        return len(mine)


class Dispatch:
    """One for the process."""

    def __init__(self, runner: Runner, tickets: Tickets, crew: Crew, *, waiting_at_most: int) -> None:
        self._runner, self._tickets, self._crew = runner, tickets, crew
        self._storage, self._desks, self._clock = runner.services.storage, runner.desks, runner.clock
        self._waiting_at_most = waiting_at_most
        self._draining = False
        adapters = {name: desk.adapter for name, desk in runner.desks.items()}
        self._router = Router(self._storage, adapters, Forms(self._storage, self._clock.now))
        self._lanes: Lanes[Ticket] = Lanes(self._work, lambda work: crew.spawn(work, name="lane"))
        tickets.lanes = self._lanes

    @property
    def running(self) -> int:
        """How many turns are being run."""
        return len(self._lanes.everything()) - self._runner.floor.waiting

    @property
    def waiting(self) -> int:
        """How many turns wait, in their lanes or for a place."""
        return self._lanes.waiting + self._runner.floor.waiting

    # ------------------------------------------------------------ Inbox

    async def accept(self, events: Sequence[Incoming]) -> None:
        """See `bot.ports.Inbox`."""
        new = [_new_turn(event) for event in events]
        ids = await self._storage.turns.accept(new)
        for event, turn in zip(events, ids, strict=True):
            if turn is not None and not self._draining:
                await self.take(turn, event)

    async def take(self, turn: int, incoming: Incoming, *, again: bool = False) -> None:
        """Put a stored turn where it runs; `again`: a dead process may have begun it."""
        incoming = self._runner.access.introduced(incoming)
        stopping = stops(incoming)
        if stopping is not None:
            self._crew.start(self._stop_pressed(turn, incoming, stopping), name="stop")
            return
        try:
            route = await (self._router.route_again(turn, incoming) if again else self._router.route(incoming, turn))
        except Ignored:
            await self._storage.turns.done(turn, IGNORED)
            return
        except ForPerson as refusal:
            self._refuse(turn, incoming, refusal)
            return
        except Exception as error:  # stored but not understood: it must not stop the events that came with it
            log.critical("turn not routed", turn=turn, exc_info=error)
            return
        ticket = Ticket(turn, incoming, route, self._clock.monotonic())
        if isinstance(incoming.what, Edited) and (old := self._tickets.by_id.get(route.replaces or 0)) is not None:
            old.stop()  # its question has other words now: what it would still say is paid for in vain
        if route.urgent:
            self._crew.start(self._run(ticket), name="urgent")
        else:
            self._queue(ticket)

    def _queue(self, ticket: Ticket) -> None:
        lane = self._lanes.lane(ticket.conversation)
        if lane is not None and len(lane.waiting) >= LANE_AT_MOST:
            if lane.refusing:
                self._crew.start(self._storage.turns.done(ticket.id, "refused"), name="refuse")
                return
            lane.refusing = True
            words = FLOOD.with_values(waiting=len(lane.waiting))
            self._refuse(ticket.id, ticket.incoming, ForPerson(words))
        elif self.waiting >= self._waiting_at_most:
            self._refuse(ticket.id, ticket.incoming, ForPerson(FULL))
        else:
            self._tickets.by_id[ticket.id] = ticket
            self._lanes.put(ticket.conversation, ticket)

    def _refuse(self, turn: int, incoming: Incoming, refusal: ForPerson) -> None:
        """End a turn with its sentence, outside its lane: it has nothing to wait for."""

        async def refuse(turn: Turn, services: Services) -> Reply:
            raise refusal

        async def say() -> None:
            if isinstance(incoming.what, Pressed) and await self._tell(incoming, refusal.words):
                await self._storage.turns.done(turn, "refused")
            else:
                await self._run(Ticket(turn, incoming, Route(refuse, urgent=True), self._clock.monotonic()))

        self._crew.start(say(), name="refuse")

    async def _tell(self, incoming: Incoming, words: Words) -> bool:
        """Say something to the person alone; False where the platform has no such way here."""
        adapter = self._desks[incoming.place.platform].adapter
        language = await self._runner.language_at(incoming)
        try:
            return await adapter.tell(incoming.place, incoming.person, words.in_language(language))
        except DeliveryError as error:
            log.info("not told", error=type(error).__name__)
            return False

    async def form(self, action: str, place: Place, person: Person) -> Form | None:
        """See `bot.ports.Inbox`."""
        stored = await self._storage.actions.load(action)
        if stored is None:
            return None
        try:
            decoded = decode_action(stored.action)
            may_press(decoded, stored, self._runner.access.known(person), place)
        except (ForPerson, msgspec.MsgspecError):
            return None
        return decoded.form

    async def complete(self, command: str, option: str, typed: str, place: Place, person: Person) -> Sequence[Choice]:
        """See `bot.ports.Inbox`."""
        declared = command_named(command)
        found = next((o for o in declared.options if o.name == option), None) if declared else None
        if found is None or found.complete is None:
            return ()
        try:
            async with asyncio.timeout(COMPLETE_S):
                choices = await found.complete(self._runner.services, place.conversation, typed)
                return tuple(choices[:25])
        except Exception as error:  # the last line of defence of a convenience: no choices, and the log knows
            log.warning("completion failed", command=command, option=option, error=type(error).__name__)
            return ()

    async def moved(self, platform: str, old_chat: str, new_chat: str) -> None:
        """See `bot.ports.Inbox`."""
        await self._storage.moved(platform, old_chat, new_chat)
        for ticket in self._tickets.by_id.values():
            place = ticket.incoming.place
            if place.platform == platform and place.chat == old_chat:
                moved = msgspec.structs.replace(place, chat=new_chat)
                ticket.incoming = msgspec.structs.replace(ticket.incoming, place=moved)

    async def gone(self, platform: str, chat: str) -> None:
        """See `bot.ports.Inbox`."""
        for ticket in list(self._tickets.by_id.values()):
            if ticket.incoming.place.platform == platform and ticket.incoming.place.chat == chat:
                ticket.stop()

    async def history(self, conversation: str, *, at_most: int) -> Sequence[PastTurn]:
        """See `bot.ports.Inbox`. Turns in hand come last, with nothing shown yet."""
        ended = [self._past(turn) for turn in await self._storage.turns.recent(conversation, at_most=at_most)]
        lane = self._lanes.lane(conversation)
        running = (lane.running, *lane.waiting) if lane else ()
        ago = self._clock.now() - self._clock.monotonic()
        return [*ended, *(_asked(t.incoming, t.accepted_at + ago, ()) for t in running if t is not None)]

    def _past(self, turn: StoredTurn) -> PastTurn:
        incoming = msgspec.json.decode(turn.incoming, type=Incoming)
        shown: tuple[tuple[str, Page], ...] = ()
        if turn.reply is not None and turn.shown:
            pages = self._runner.pages(decode_prepared(turn.reply), incoming.place.platform)
            shown = tuple(zip(turn.shown, pages, strict=False))
        return _asked(incoming, turn.accepted_at, shown)

    # ------------------------------------------------------------ running

    async def _work(self, lane: Lane[Ticket], ticket: Ticket) -> None:
        """Run the next ticket of a lane, together with the quick successors that wait right behind it."""
        successors = []
        while lane.waiting and joins(ticket, lane.waiting[0]):
            successors.append(lane.waiting.popleft())
        lane.refusing = lane.refusing and bool(lane.waiting)
        if successors:
            await self._storage.turns.merged([other.id for other in successors], into=ticket.id)
            for other in successors:
                ticket.join(other)
                self._tickets.by_id.pop(other.id, None)
        await self._run(ticket)

    async def _run(self, ticket: Ticket) -> None:
        self._tickets.by_id[ticket.id] = ticket
        try:
            if ticket.stopped:
                await self._storage.turns.done(ticket.id, "stopped")
            else:
                await self._runner.run(ticket)
        except Exception as error:  # a broken database: this turn stays unfinished in it, the next ones may do better
            log.critical("turn not concluded", turn=ticket.id, exc_info=error)
            await self._runner.last_words(ticket, error)
        finally:
            ticket.written.set()
            self._tickets.by_id.pop(ticket.id, None)

    async def _stop_pressed(self, turn: int, incoming: Incoming, stopping: int) -> None:
        ticket = self._tickets.by_id.get(stopping)
        person = incoming.person
        said = None
        if ticket is None or ticket.conversation != incoming.place.conversation:
            said = NOTHING_RUNS
        elif not (person.id == ticket.incoming.person.id or person.admin or person.owner):
            said = NOT_YOURS_TO_STOP
        else:
            ticket.stop()
        await self._storage.turns.done(turn, "stop")
        if said is not None:
            await self._tell(incoming, said)

    def spawn(self, work: Coroutine[object, object, None], *, name: str) -> None:
        """Run work that belongs to turns and is awaited with them at the end."""
        self._crew.start(work, name=name)

    async def drain(self, within_s: float) -> None:
        """Begin nothing new and let running turns end, at most `within_s`. The rest is taken up at the next start."""
        self._draining = True
        lanes = [lane.task for lane in self._lanes.everything() if lane.task is not None]
        if lanes:
            _, cut_short = await asyncio.wait(lanes, timeout=within_s)
            if cut_short:
                log.warning("turns cut short by the stop; they are taken up at the next start", count=len(cut_short))


def joins(first: Ticket, second: Ticket) -> bool:
    """Tell whether `second` may be answered together with `first`: more plain words of the same person."""
    return (
        first.route.plain
        and not first.stopped
        and second.route.plain
        and not second.stopped
        and first.incoming.person.id == second.incoming.person.id
        and (second.route.quoted is None or second.route.quoted == first.route.quoted)
    )


def with_via(event: Incoming, via: str) -> Incoming:
    """Return the event with (or, `via` "", without) what answering takes: a secret, stored apart until the end."""
    return msgspec.structs.replace(event, place=msgspec.structs.replace(event.place, via=via))


def _asked(incoming: Incoming, at: float, shown: tuple[tuple[str, Page], ...]) -> PastTurn:
    what = incoming.what
    if not isinstance(what, Said | Edited):
        return PastTurn("", at, shown)
    return PastTurn(what.text, at, shown, what.message, what.attachments)


def _new_turn(event: Incoming) -> NewTurn:
    what = event.what
    return NewTurn(
        event=event.event,
        conversation=event.place.conversation,
        person=event.person.id,
        incoming=msgspec.json.encode(with_via(event, "")),
        message=what.message if isinstance(what, Said | Edited) else None,
        via=event.place.via,
    )
