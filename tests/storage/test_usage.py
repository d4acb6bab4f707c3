"""Usage: exact sums, by person, by conversation, over time."""

from __future__ import annotations

from decimal import Decimal

from storage.records import Exchange, Spent, Totals
from tests.clock import FakeClock
from tests.storage.talk import ANN, BOB, GROUP, HOME, Talk, new_turn

NONE = Totals(0, 0, 0, Decimal(0), 0)


async def spend(talk: Talk, *costs: str | None, person: str = ANN, conversation: str = HOME) -> None:
    """Answer a turn that took one call for each cost."""
    turn = await talk.accept(new_turn(person=person, conversation=conversation))
    calls = tuple(Spent("gpt", 3, 4, None if cost is None else Decimal(cost), True, "req") for cost in costs)
    await talk.database.turns.answered(turn, b"", exchange=Exchange(conversation, None, (), calls))


async def test_money_is_added_up_exactly(talk: Talk) -> None:
    await spend(talk, *["0.1"] * 10, "0.000000000000000000001", "1E+3")

    assert (await talk.database.usage.totals()).cost == Decimal("1001.000000000000000000001")


async def test_calls_without_a_price_are_counted_apart(talk: Talk) -> None:
    await spend(talk, "0.5", None, None)

    assert await talk.database.usage.totals() == Totals(3, 9, 12, Decimal("0.5"), 2)


async def test_totals_are_told_by_person_by_conversation_and_by_both(talk: Talk) -> None:
    await spend(talk, "1", person=ANN, conversation=HOME)
    await spend(talk, "2", person=ANN, conversation=GROUP)
    await spend(talk, "4", person=BOB, conversation=GROUP)
    usage = talk.database.usage

    assert (await usage.totals()).cost == 7
    assert (await usage.totals(person=ANN)).cost == 3
    assert (await usage.totals(conversation=GROUP)).cost == 6
    assert (await usage.totals(person=ANN, conversation=GROUP)).cost == 2
    assert await usage.totals(person="telegram:3") == NONE


async def test_totals_begin_where_they_are_asked_to(talk: Talk, clock: FakeClock) -> None:
    await spend(talk, "1")
    await clock.advance(10)
    since = clock.now()
    await spend(talk, "2")

    for person in (None, ANN):
        assert (await talk.database.usage.totals(person=person, since=since)).cost == 2
    assert await talk.database.usage.totals(since=since + 1) == NONE
