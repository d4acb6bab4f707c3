"""Stored actions: what a button does, for as long as its message exists."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import bindparam, func, or_, select, update

from storage.door import Door
from storage.exchange import store_actions
from storage.records import NewAction, StoredAction
from storage.schema import ACTIONS
from storage.statement import Statement

A = ACTIONS.c

_ACTION = bindparam("action_", type_=A.id.type)
LOAD = Statement(
    select(A.id, A.conversation, A.person, A.turn, A.action, A.used_at, A.created_at).where(A.id == _ACTION)
)
_BY = bindparam("by", type_=A.used_by.type)
CLAIM = Statement(
    update(ACTIONS)
    .where(A.id == _ACTION, or_(A.used_at.is_(None), A.used_by == _BY))
    .values(used_at=func.coalesce(A.used_at, bindparam("now", type_=A.used_at.type)), used_by=_BY)
    .returning(A.id)
)


class Actions:
    """The verbs of the stored actions."""

    def __init__(self, door: Door, now: Callable[[], float]) -> None:
        self._door = door
        self._now = now

    async def store(self, actions: Sequence[NewAction]) -> None:
        """Write actions down, in one transaction, before their buttons are shown."""
        now = self._now()
        await self._door.transact(lambda: store_actions(actions, now))

    async def load(self, action: str) -> StoredAction | None:
        """Return an action by its id, or None."""
        rows = await self._door.read(LOAD(action_=action))
        if not rows:
            return None
        identity, conversation, person, turn, encoded, used_at, created_at = rows[0]
        return StoredAction(identity, conversation, person, turn, bytes(encoded), used_at, created_at)

    async def claim(self, action: str, by: int) -> bool:
        """Mark an action as used by a turn: True for exactly one turn ever, False for all others and an unknown id.

        The turn that has it is told so again: a crash between the claim and what follows loses nothing.
        """
        return bool(await self._door.write(CLAIM(action_=action, now=self._now(), by=by)))
