"""Usage: what every call of the relay took and cost."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, func, select

from storage.door import Door, Script
from storage.records import Totals
from storage.schema import USAGE
from storage.statement import Statement

U = USAGE.c

_SINCE = U.spent_at >= bindparam("since", type_=U.spent_at.type)
_OF_PERSON = U.person == bindparam("person_", type_=U.person.type)
_OF_CONVERSATION = U.conversation == bindparam("conversation_", type_=U.conversation.type)


def _sums(*where: Any) -> tuple[Statement, Statement]:
    """Return the statements for the counts and for the costs, which only Python adds up exactly."""
    tokens = func.coalesce(func.sum(U.prompt_tokens), 0), func.coalesce(func.sum(U.completion_tokens), 0)
    counts = select(func.count(), *tokens, func.count(U.cost)).where(*where)
    costs = select(U.cost, func.count()).where(*where, U.cost.is_not(None)).group_by(U.cost)
    return Statement(counts), Statement(costs)


OVERALL = _sums(_SINCE)
BY_PERSON = _sums(_OF_PERSON, _SINCE)
BY_CONVERSATION = _sums(_OF_CONVERSATION, _SINCE)
BY_BOTH = _sums(_OF_PERSON, _OF_CONVERSATION, _SINCE)


class Usage:
    """The verbs of the usage rows, which `Turns.answered` writes."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def totals(self, *, person: str | None = None, conversation: str | None = None, since: float = 0) -> Totals:
        """Add up the rows of a person, of a conversation, of both, or all, from `since` (Unix seconds) on. Exact."""
        counts, costs = _which(person, conversation)
        values = {"person_": person, "conversation_": conversation, "since": since}

        def script() -> Script[Totals]:
            [(calls, prompt, completion, priced)] = yield counts(**values)
            cost = sum((Decimal(price) * times for price, times in (yield costs(**values))), Decimal(0))
            return Totals(int(calls), int(prompt), int(completion), cost, int(calls) - int(priced))

        return await self._door.look(script)


def _which(person: str | None, conversation: str | None) -> tuple[Statement, Statement]:
    if person is None:
        return OVERALL if conversation is None else BY_CONVERSATION
    return BY_PERSON if conversation is None else BY_BOTH
