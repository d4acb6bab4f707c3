"""Nothing half done: killed, cancelled, crowded."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.database import Database, DatabaseProblem, open_database
from storage.door import Script
from storage.exchange import store_actions
from storage.records import Exchange, NewMessage, Role, TurnState
from storage.sqlite import SQLiteDoor
from storage.turns import GET
from tests.clock import FakeClock
from tests.storage.talk import HOME, Talk, new_action, new_turn

# Accepts and answers turns, and says each step on its standard output once it was told that it is stored.
ANSWERING = """
import asyncio, sys, time
from pathlib import Path
from storage.database import open_database
from storage.records import Exchange, NewAction, NewMessage, NewTurn, Role

async def main(url, files, name):
    async with open_database(url, now=time.time, files=Path(files)) as database:
        for n in range(int(sys.argv[4])):
            event = f"{name}-{n}"
            [turn] = await database.turns.accept([NewTurn(event, "telegram:1", "telegram:1", b"{}")])
            print("accepted", event, turn, flush=True)
            said = (NewMessage(Role.USER, event, 1), NewMessage(Role.ASSISTANT, "answer to " + event, 1))
            exchange = Exchange("telegram:1", await database.memory.head("telegram:1"), said)
            actions = [NewAction("button-" + event, "telegram:1", "telegram:1", turn, b"")]
            await database.turns.answered(turn, event.encode(), exchange=exchange, actions=actions)
            print("answered", event, turn, flush=True)

asyncio.run(main(*sys.argv[1:4]))
"""


async def start(url: str, tmp_path: Path, name: str, turns: int) -> asyncio.subprocess.Process:
    """Start a process that answers so many turns."""
    arguments = (url, str(tmp_path / "files"), name, str(turns))
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", ANSWERING, *arguments, stdout=asyncio.subprocess.PIPE
    )


@pytest.mark.parametrize("lines", [1, 2, 61, 200])
async def test_what_was_reported_as_stored_is_there_after_a_kill(
    file_url: str, tmp_path: Path, clock: FakeClock, lines: int
) -> None:
    process = await start(file_url, tmp_path, "a", 1_000_000)
    assert process.stdout is not None
    reported = [(await asyncio.wait_for(process.stdout.readline(), 30)).split() for _ in range(lines)]
    process.send_signal(signal.SIGKILL)
    rest, _ = await process.communicate()
    reported += [line.split() for line in rest.splitlines(keepends=True) if line.endswith(b"\n")]

    async with open_database(file_url, now=clock.now, files=tmp_path / "files") as database:
        for step, event, turn in reported:
            stored = await database.turns.get(int(turn))
            assert stored is not None
            assert stored.event.encode() == event
            if step == b"answered":
                assert (stored.state, stored.reply) == (TurnState.ANSWERED, event)
                assert len(await database.memory.of_turn(int(turn))) == 2
                assert await database.actions.load("button-" + event.decode()) is not None
        messages = await database.memory.export(HOME)
        assert [message.parent for message in messages[1:]] == [message.id for message in messages[:-1]]
    check(tmp_path)


async def test_two_processes_on_one_file_never_find_it_locked(file_url: str, tmp_path: Path, clock: FakeClock) -> None:
    processes = [await start(file_url, tmp_path, name, 150) for name in ("a", "b")]
    await asyncio.gather(*(asyncio.wait_for(process.communicate(), 50) for process in processes))

    assert [process.returncode for process in processes] == [0, 0]
    async with open_database(file_url, now=clock.now, files=tmp_path / "files") as database:
        assert len(await database.turns.unfinished()) == 300
        assert len(await database.memory.export(HOME)) == 600
    check(tmp_path)


def check(tmp_path: Path) -> None:
    """Let SQLite look over its file."""
    connection = sqlite3.connect(tmp_path / "data/bot.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


async def test_two_hundred_tasks_write_at_once(talk: Talk) -> None:
    async def one(n: int) -> None:
        await talk.say(f"q{n}", f"a{n}", conversation=f"telegram:{n % 7}")
        await talk.database.settings.put(f"telegram:{n}", "n", n)
        await talk.database.people.seen(f"telegram:{n}", "x", "en")

    await asyncio.gather(*(one(n) for n in range(200)))

    assert (await talk.database.usage.totals()).calls == 200
    assert sum([len(await talk.database.memory.export(f"telegram:{n}")) for n in range(7)]) == 400


async def test_a_cancelled_call_is_wholly_done_or_not_at_all(talk: Talk) -> None:
    database = talk.database
    exchange = Exchange(HOME, None, (NewMessage(Role.USER, "q", 1), NewMessage(Role.ASSISTANT, "a", 1)))
    turns = [await talk.accept() for _ in range(60)]

    async def answer(turn: int) -> None:
        actions = [new_action(f"{turn}-{n}", turn=turn) for n in range(5)]
        await database.turns.answered(turn, b"r", exchange=exchange, actions=actions)

    for passes, turn in enumerate(turns):
        task = asyncio.create_task(answer(turn))
        for _ in range(passes % 12):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    for turn in turns:
        stored = await database.turns.get(turn)
        assert stored is not None
        whole = stored.state is TurnState.ANSWERED
        assert len(await database.memory.of_turn(turn)) == (2 if whole else 0)
        assert [await database.actions.load(f"{turn}-{n}") is not None for n in range(5)] == [whole] * 5
    await talk.say("still", "works", fresh=True)


class Gate:
    """Holds a script between two of its steps until the test lets it go on."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.reached = asyncio.Event()
        self.let_go = asyncio.Event()

    def wait(self) -> None:
        """Tell the test, and wait for it; on the database's own thread."""
        self.loop.call_soon_threadsafe(self.reached.set)
        asyncio.run_coroutine_threadsafe(self.let_go.wait(), self.loop).result(timeout=20)


def half_way(gate: Gate) -> Callable[[], Script[None]]:
    """Return a script that stores two actions and stops in between."""

    def script() -> Script[None]:
        yield from store_actions([new_action("first")], 0.0)
        gate.wait()
        yield from store_actions([new_action("second")], 0.0)

    return script


async def test_a_transaction_cancelled_in_its_middle_is_rolled_back(
    file_url: str, tmp_path: Path, clock: FakeClock
) -> None:
    async with open_database(file_url, now=clock.now, files=tmp_path / "files") as database:
        door, gate = SQLiteDoor(str(tmp_path / "data/bot.db")), Gate()
        try:
            task = asyncio.create_task(door.transact(half_way(gate)))
            await asyncio.wait_for(gate.reached.wait(), 10)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            gate.let_go.set()

            assert await door.write(GET(turn=1)) == []  # the writing thread is free again
            assert await database.actions.load("first") is None
            await door.transact(lambda: store_actions([new_action("first")], 0.0))
            assert await database.actions.load("first") is not None
        finally:
            await door.close()


async def test_a_call_cancelled_while_it_waits_never_runs(file_url: str, tmp_path: Path, clock: FakeClock) -> None:
    async with open_database(file_url, now=clock.now, files=tmp_path / "files") as database:
        door, gate = SQLiteDoor(str(tmp_path / "data/bot.db")), Gate()
        try:
            holding = asyncio.create_task(door.transact(half_way(gate)))
            await asyncio.wait_for(gate.reached.wait(), 10)
            waiting = asyncio.create_task(door.transact(lambda: store_actions([new_action("waiting")], 0.0)))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            gate.let_go.set()
            await holding

            assert await database.actions.load("second") is not None
            assert await database.actions.load("waiting") is None
        finally:
            await door.close()


async def test_a_script_that_fails_changes_nothing(database: Database) -> None:
    turn = await Talk(database).accept(new_turn())
    with pytest.raises(DatabaseProblem):
        await database.turns.answered(turn, b"r", actions=[new_action("same"), new_action("same")])

    stored = await database.turns.get(turn)
    assert stored is not None
    assert stored.state is TurnState.ACCEPTED
    await database.turns.answered(turn, b"r", actions=[new_action("same")])
    assert await database.actions.load("same") is not None
