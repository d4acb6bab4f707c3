"""What reading and writing cost, in SQLite's own steps, so that no clock and no neighbour disturbs the count."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from storage.database import open_database
from storage.door import Script
from storage.memory import LINKED, OF_TURN, RECALL
from storage.records import Exchange, NewMessage, Role
from storage.settings import LOOKUP
from storage.statement import Step
from storage.turns import BY_MESSAGE, RECENT, UNFINISHED_TURNS
from tests.clock import FakeClock
from tests.storage.talk import HOME, Talk, new_turn


def steps(connection: sqlite3.Connection, step: Step) -> int:
    """Count the virtual machine's instructions of one statement."""
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    text, values = step.render("sqlite")
    connection.execute(text, values).fetchall()  # so that preparing it is not counted
    connection.set_progress_handler(count, 1)
    connection.execute(text, values).fetchall()
    connection.set_progress_handler(None, 0)
    return counted


async def grow(talk: Talk, turns: int) -> None:
    """Let a conversation grow by many turns."""
    for _ in range(turns // 500):
        turn = await talk.accept(new_turn(message="m"))
        pair = (NewMessage(Role.USER, "q", 10), NewMessage(Role.ASSISTANT, "a", 10))
        exchange = Exchange(HOME, await talk.database.memory.head(HOME), pair * 500)
        await talk.database.turns.answered(turn, b"", exchange=exchange)
        await talk.database.turns.done(turn, "answered", ["shown"])


@pytest.fixture
async def counts(file_url: str, clock: FakeClock, tmp_path: Path) -> list[dict[str, int]]:
    """Steps of what a turn reads, at turn 10 and at turn 10,000 of a conversation."""
    asked = {
        "recall": RECALL(conversation_=HOME, start=None, at_most=200, budget=100),
        "linked": LINKED(conversation_=HOME, shown="shown"),
        "by message": BY_MESSAGE(at=HOME, said_by="m", before=2**63 - 1),
        "recent": RECENT(at=HOME, at_most=5),
        "unfinished": UNFINISHED_TURNS(),
        "of turn": OF_TURN(first=1024, after=1026),
        "settings": LOOKUP(scope_0=HOME, scope_1="a", scope_2="b", scope_3="c"),
    }
    counted = []
    async with open_database(file_url, now=clock.now, files=tmp_path / "files") as database:
        talk = Talk(database)
        for _ in range(10):
            await talk.say("q", "a", message="m", shown=["shown"])
        connection = sqlite3.connect(tmp_path / "data/bot.db")
        counted.append({name: steps(connection, step) for name, step in asked.items()})
        await grow(talk, 10_000)
        counted.append({name: steps(connection, step) for name, step in asked.items()})
        connection.close()
    return counted


async def test_reading_for_a_turn_costs_the_same_at_turn_ten_and_at_turn_ten_thousand(
    counts: list[dict[str, int]],
) -> None:
    early, late = counts
    assert late == {name: pytest.approx(count, rel=0.05, abs=10) for name, count in early.items()}


async def test_recall_costs_what_it_returns(file_url: str, clock: FakeClock, tmp_path: Path) -> None:
    async with open_database(file_url, now=clock.now, files=tmp_path / "files") as database:
        await grow(Talk(database), 1000)
        connection = sqlite3.connect(tmp_path / "data/bot.db")
        ten, hundred = (
            steps(connection, RECALL(conversation_=HOME, start=None, at_most=200, budget=budget))
            for budget in (100, 1000)
        )
        connection.close()
    assert hundred < 12 * ten


async def test_a_turn_changes_few_pages(file_url: str, clock: FakeClock, tmp_path: Path) -> None:
    """Each page changed is written whole to the log: this is what a stored turn costs."""
    log = tmp_path / "data/bot.db-wal"
    async with open_database(file_url, now=clock.now, files=tmp_path / "files") as database:
        talk = Talk(database)
        for n in range(20):
            await talk.say(f"q{n}", f"a{n}", message=f"m{n}", shown=[f"s{n}"])
        before = log.stat().st_size
        for n in range(20, 40):
            await talk.say(f"q{n}", f"a{n}", message=f"m{n}", shown=[f"s{n}"])
        pages = (log.stat().st_size - before) / 4120 / 20  # a frame of the log: 24 bytes and a page
    assert pages < 22


def test_a_script_is_input_and_output_free() -> None:
    def script() -> Script[int]:
        rows = yield UNFINISHED_TURNS()
        return len(rows)

    playing = script()
    step = next(playing)
    assert "ended_at IS NULL" in step.render("sqlite")[0]
    with pytest.raises(StopIteration) as end:
        playing.send([(1,), (2,)])
    assert end.value.value == 2
