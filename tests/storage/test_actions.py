"""Stored actions: kept for good, claimed by one turn only."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from storage.database import Database, DatabaseProblem, open_database
from tests.clock import FakeClock
from tests.storage.talk import ANN, HOME, new_action


async def test_an_action_is_loaded_as_it_was_stored(database: Database, clock: FakeClock) -> None:
    await database.actions.store([new_action("a", turn=7), new_action("b")])

    action = await database.actions.load("a")

    assert action is not None
    assert (action.id, action.conversation, action.person, action.turn) == ("a", HOME, ANN, 7)
    assert (action.action, action.used_at, action.created_at) == (b"do it", None, clock.now())
    assert await database.actions.load("c") is None


async def test_one_of_many_claims_wins(database: Database) -> None:
    await database.actions.store([new_action("a")])

    won = await asyncio.gather(*(database.actions.claim("a", by) for by in range(1, 51)))

    assert won.count(True) == 1


async def test_the_turn_that_has_an_action_is_told_so_again(database: Database, clock: FakeClock) -> None:
    await database.actions.store([new_action("a")])
    assert await database.actions.claim("a", 1)
    claimed = await database.actions.load("a")
    await clock.advance(5)

    assert await database.actions.claim("a", 1)
    assert not await database.actions.claim("a", 2)
    assert await database.actions.load("a") == claimed
    assert claimed is not None
    assert claimed.used_at is not None


async def test_an_unknown_action_is_nobodys(database: Database) -> None:
    assert not await database.actions.claim("none", 1)


async def test_two_processes_cannot_both_claim(file_url: str, clock: FakeClock, tmp_path: Path) -> None:
    async with (
        open_database(file_url, now=clock.now, files=tmp_path / "files") as one,
        open_database(file_url, now=clock.now, files=tmp_path / "files") as two,
    ):
        await one.actions.store([new_action(str(n)) for n in range(20)])
        tries = [(n, place, by) for n in range(20) for by, place in enumerate((one, two, one, two), 1)]
        won = await asyncio.gather(*(place.actions.claim(str(n), by) for n, place, by in tries))

    assert sum(won) == 20
    assert {n for (n, _, _), yes in zip(tries, won, strict=True) if yes} == set(range(20))


async def test_an_id_that_is_taken_is_refused_and_nothing_of_the_rest_is_stored(database: Database) -> None:
    await database.actions.store([new_action("a")])

    with pytest.raises(DatabaseProblem):
        await database.actions.store([new_action("b"), new_action("a")])

    assert await database.actions.load("b") is None
