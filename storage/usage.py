"""Usage: what every call of the relay took and cost."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, func, select

from storage.door import Door
from storage.exchange import book
from storage.records import Spent, Totals
from storage.schema import USAGE
from storage.statement import Statement

U = USAGE.c

_SINCE = U.spent_at >= bindparam("since", type_=U.spent_at.type)
_OF_PERSON = U.person == bindparam("person_", type_=U.person.type)
_OF_CONVERSATION = U.conversation == bindparam("conversation_", type_=U.conversation.type)


def _sums(*where: Any) -> Statement:
    """Add up tokens in the database; costs come out as they stand, since only Python adds decimals exactly."""
    return Statement(
        select(U.cost, func.count(), func.sum(U.prompt_tokens), func.sum(U.completion_tokens))
        .where(*where)
        .group_by(U.cost)
    )


OVERALL = _sums(_SINCE)
BY_PERSON = _sums(_OF_PERSON, _SINCE)
BY_CONVERSATION = _sums(_OF_CONVERSATION, _SINCE)
BY_BOTH = _sums(_OF_PERSON, _OF_CONVERSATION, _SINCE)


class Usage:
    """The verbs of the usage rows; those of a turn are written by `Turns.answered`."""

    def __init__(self, door: Door, now: Callable[[], float]) -> None:
        self._door, self._now = door, now

    async def book(self, spent: Spent, *, conversation: str) -> None:
        """Book what was spent for a conversation outside of any turn, and for no person (a summary)."""
        await self._door.write(book(spent, None, None, conversation, self._now()))

    async def totals(self, *, person: str | None = None, conversation: str | None = None, since: float = 0) -> Totals:
        """Add up the rows of a person, of a conversation, of both, or all, from `since` (Unix seconds) on. Exact."""
        calls = prompt = completion = unpriced = 0
        cost = Decimal(0)
        which = _which(person, conversation)
        rows = await self._door.read(which(person_=person, conversation_=conversation, since=since))
        for price, times, asked, answered in rows:
            calls, prompt, completion = calls + times, prompt + int(asked), completion + int(answered)
            if price is None:
                unpriced = times
            else:
                cost += Decimal(price) * times
        return Totals(calls, prompt, completion, cost, unpriced)


def _which(person: str | None, conversation: str | None) -> Statement:
    if person is None:
        return OVERALL if conversation is None else BY_CONVERSATION
    return BY_PERSON if conversation is None else BY_BOTH
