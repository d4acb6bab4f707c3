"""Turns: every request that was accepted, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, bindparam, case, delete, func, literal_column, null, select, update

from storage.door import Door, Script
from storage.exchange import OF_TURN, SEE, add_exchange, link, of_turn, store_actions
from storage.records import IGNORED, Exchange, NewAction, NewTurn, StoredTurn, TurnState
from storage.schema import LARGEST_ID, MESSAGES, TURNS, Id
from storage.statement import Statement, Step, as_json, insert_new

T = TURNS.c
DIGEST_BYTES = 16

ACCEPT = insert_new(TURNS, on=("event_digest",), returning="id", generated=("id",))

_TURN = bindparam("turn", type_=Id)
_BEFORE = bindparam("before", type_=T.accepted_at.type)
_COLUMNS = (
    T.id,
    T.event,
    T.conversation,
    T.person,
    T.incoming,
    T.message,
    T.state,
    T.outcome,
    T.shown,
    T.reply,
    T.accepted_at,
    T.via,
)


def _states(*states: TurnState) -> Any:
    """Compare with constants that stand in the text, as the partial index wants it."""
    return T.state.in_([literal_column(f"'{state.value}'") for state in states])


ASKED = Statement(
    update(TURNS).where(T.id == _TURN, _states(TurnState.ACCEPTED)).values(state=literal_column("'asked'"))
)
SHOWN = Statement(
    update(TURNS)
    .where(T.id == _TURN, T.ended_at.is_(None))
    .values(
        shown=bindparam("messages"),
        reply=case((_states(TurnState.ANSWERED), T.reply), else_=bindparam("said", type_=T.reply.type)),
    )
)
ANSWERED = Statement(
    update(TURNS)
    .where(T.id == _TURN, _states(TurnState.ACCEPTED, TurnState.ASKED))
    .values(state=literal_column("'answered'"), reply=bindparam("said", type_=T.reply.type))
    .returning(T.conversation, T.person)
)


def _done(**more: ColumnElement[Any]) -> Statement:
    ended = {
        "state": literal_column("'done'"),
        "outcome": bindparam("ended"),
        "ended_at": bindparam("now", type_=T.ended_at.type),
        "via": null(),
    }
    return Statement(
        update(TURNS).where(T.id == _TURN, T.ended_at.is_(None)).values(ended | more).returning(T.conversation, T.shown)
    )


DONE = _done()
DONE_SHOWN = _done(shown=bindparam("messages"))
MERGED = Statement(
    update(TURNS)
    .where(T.id == _TURN, _states(TurnState.ACCEPTED))
    .values(
        state=literal_column("'merged'"),
        merged_into=bindparam("into", type_=Id),
        via=null(),
        ended_at=bindparam("now", type_=T.ended_at.type),
    )
)
# What went into a turn goes on with it, so that one look finds where words ended up.
MERGED_BEFORE = Statement(update(TURNS).where(T.merged_into == _TURN).values(merged_into=bindparam("into", type_=Id)))
GET = Statement(select(*_COLUMNS).where(T.id == _TURN))
MERGED_INTO = Statement(select(*_COLUMNS).where(T.merged_into == _TURN).order_by(T.id))
UNFINISHED_TURNS = Statement(select(*_COLUMNS).where(T.ended_at.is_(None)).order_by(T.id))
BY_MESSAGE = Statement(
    select(*_COLUMNS).where(
        T.id
        == select(func.coalesce(T.merged_into, T.id))
        .where(
            T.conversation == bindparam("at", type_=T.conversation.type),
            T.message == bindparam("said_by"),
            T.id < bindparam("before", type_=Id),
            T.outcome != literal_column(f"'{IGNORED}'"),
        )
        .order_by(T.id.desc())
        .limit(literal_column("1"))
        .scalar_subquery()
    )
)
RECENT = Statement(
    select(*_COLUMNS)
    .where(T.conversation == bindparam("at"), _states(TurnState.DONE))
    .order_by(T.id.desc())
    .limit(bindparam("at_most", type_=Id))
)
LAST_SAID = Statement(
    select(MESSAGES.c.id)
    .where(
        MESSAGES.c.id >= bindparam("first", type_=Id),
        MESSAGES.c.id < bindparam("after", type_=Id),
        MESSAGES.c.role == literal_column("'assistant'"),
    )
    .order_by(MESSAGES.c.id.desc())
    .limit(literal_column("1"))
)
# Ids grow with time: the first turn that is young enough bounds those that are not. The newest always stays.
PRUNE_BELOW = Statement(
    select(
        func.coalesce(
            select(T.id).where(T.accepted_at >= _BEFORE).order_by(T.id).limit(literal_column("1")).scalar_subquery(),
            select(func.max(T.id)).scalar_subquery(),
        )
    )
)
_OLD = (
    select(T.id)
    .where(T.id < bindparam("below", type_=Id), T.accepted_at < _BEFORE, T.ended_at.is_not(None))
    .order_by(T.id)
    .limit(bindparam("at_most", type_=Id))
)
PRUNE = Statement(delete(TURNS).where(T.id.in_(_OLD)).returning(T.id))
PRUNED_AT_ONCE = 500  # rows of one transaction, so that others get their turn in between


class Turns:
    """The verbs of the turns."""

    def __init__(self, door: Door, now: Callable[[], float]) -> None:
        self._door = door
        self._now = now

    async def accept(self, turns: Sequence[NewTurn]) -> list[int | None]:
        """Store new turns in one transaction; return their ids in order, None where the event was known already.

        Ids grow and are never used again. An event stays known after its turn was forgotten, until it is pruned.
        """
        steps = [(self._accepting(turn), SEE(conversation=turn.conversation, person=turn.person)) for turn in turns]
        return await self._door.transact(lambda: _accept(steps))

    async def asked(self, turn: int) -> None:
        """Write down that something billed is about to be asked."""
        await self._door.write(ASKED(turn=turn))

    async def shown(self, turn: int, messages: Sequence[str], so_far: bytes) -> None:
        """Remember which messages show the reply so far, in order.

        `so_far`, opaque, is what of a growing reply could be seen; a reply that was stored whole stays.
        """
        await self._door.write(SHOWN(turn=turn, messages=as_json(list(messages)), said=so_far))

    async def answered(
        self,
        turn: int,
        reply: bytes,
        *,
        exchange: Exchange | None = None,
        actions: Sequence[NewAction] = (),
    ) -> tuple[int, ...]:
        """Store a turn's reply with all that belongs to it, in one transaction; return the new messages' ids.

        The exchange's messages are hung below its parent (below nothing where that is gone) and the last becomes
        the head; the spent rows are booked to the turn's person. A turn is answered once: for one that is
        answered, done or forgotten already only what was spent is booked, and the ids it has are returned.
        """
        now = self._now()

        def script() -> Script[tuple[int, ...]]:
            answered = yield ANSWERED(turn=turn, said=reply)
            seen = answered[0] if answered else None
            ids = yield from add_exchange(turn, seen, exchange, now)
            if not answered:
                return tuple(row[0] for row in (yield OF_TURN(**of_turn(turn))))
            yield from store_actions(actions, now)
            return ids

        return await self._door.transact(script)

    async def done(self, turn: int, outcome: str, messages: Sequence[str] = ()) -> None:
        """End a turn: `messages` show its reply (none given: those that `shown` remembered).

        Each is linked to the turn's last assistant message, so that a reply to it branches there. A turn that is
        done, merged or forgotten already stays as it is.
        """

        now = self._now()

        def script() -> Script[None]:
            values = {"turn": turn, "ended": outcome, "now": now}
            ended = yield DONE_SHOWN(**values, messages=as_json(list(messages))) if messages else DONE(**values)
            if not ended:
                return
            shown = msgspec.json.decode(ended[0][1], type=list[str])
            said = (yield LAST_SAID(**of_turn(turn))) if shown else []
            for message in shown if said else ():
                yield link(ended[0][0], message, said[0][0])

        await self._door.transact(script)

    async def merged(self, turns: Sequence[int], into: int) -> None:
        """Say that the words of accepted turns went into another one."""

        now = self._now()

        def script() -> Script[None]:
            for turn in turns:
                yield MERGED(turn=turn, into=into, now=now)
                yield MERGED_BEFORE(turn=turn, into=into)

        await self._door.transact(script)

    async def merged_into(self, turn: int) -> list[StoredTurn]:
        """Return the turns whose words went into this one, oldest first."""
        return [_stored(row) for row in await self._door.read(MERGED_INTO(turn=turn))]

    async def get(self, turn: int) -> StoredTurn | None:
        """Return one turn, or None."""
        rows = await self._door.read(GET(turn=turn))
        return _stored(rows[0]) if rows else None

    async def unfinished(self) -> list[StoredTurn]:
        """Return the turns that have no outcome yet (accepted, asked, answered), oldest first."""
        return [_stored(row) for row in await self._door.read(UNFINISHED_TURNS())]

    async def by_message(self, conversation: str, message: str, *, before: int | None = None) -> StoredTurn | None:
        """Return the newest turn asked by that chat message; where it was merged, the one its words went into.

        `before`: only turns older than that one. Turns that were `IGNORED` do not count.
        """
        step = BY_MESSAGE(at=conversation, said_by=message, before=LARGEST_ID if before is None else before)
        rows = await self._door.read(step)
        return _stored(rows[0]) if rows else None

    async def recent(self, conversation: str, *, at_most: int) -> list[StoredTurn]:
        """Return the newest turns that are done, oldest first."""
        rows = await self._door.read(RECENT(at=conversation, at_most=at_most))
        return [_stored(row) for row in reversed(rows)]

    async def prune(self, before: float) -> int:
        """Delete turns with an outcome that were accepted before that time; return how many. Their event ids go too."""
        pruned = 0
        [(below,)] = await self._door.read(PRUNE_BELOW(before=before))
        step = PRUNE(below=below or 0, before=before, at_most=PRUNED_AT_ONCE)
        while deleted := len(await self._door.write(step)):
            pruned += deleted
        if pruned:
            await self._door.scrub()
        return pruned

    def _accepting(self, turn: NewTurn) -> Step:
        return ACCEPT(
            event_digest=blake2b(turn.event.encode(errors="surrogatepass"), digest_size=DIGEST_BYTES).digest(),
            event=turn.event,
            conversation=turn.conversation,
            person=turn.person,
            incoming=turn.incoming,
            message=turn.message,
            state=TurnState.ACCEPTED.value,
            outcome="",
            shown="[]",
            reply=None,
            via=turn.via or None,
            merged_into=None,
            accepted_at=self._now(),
            ended_at=None,
        )


def _accept(steps: Sequence[tuple[Step, Step]]) -> Script[list[int | None]]:
    ids: list[int | None] = []
    for accepting, seeing in steps:
        accepted = yield accepting
        ids.append(accepted[0][0] if accepted else None)
        if accepted:
            yield seeing
    return ids


def _stored(row: tuple[Any, ...]) -> StoredTurn:
    turn, event, conversation, person, incoming, message, state, outcome, shown, reply, accepted_at, via = row
    return StoredTurn(
        id=turn,
        event=event,
        conversation=conversation,
        person=person,
        incoming=bytes(incoming),
        message=message,
        state=TurnState(state),
        outcome=outcome,
        shown=tuple(msgspec.json.decode(shown, type=list[str])),
        reply=None if reply is None else bytes(reply),
        accepted_at=accepted_at,
        via=via or "",
    )
