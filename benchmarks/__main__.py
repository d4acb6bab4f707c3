"""`make bench`: the real process and the bare floor under the same load in one run, side by side.

CPU and memory are the process's own (psutil), latencies are seen from outside: by the platform and the relay.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.city import City, Turn
from storage.database import open_database
from storage.records import Exchange, NewMessage, NewTurn, Role

HOUSE = Path(__file__).parents[1]
PEOPLE = 16
PERSON = 5_000_000  # ids of people begin here
START_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Subject:
    """A process under measurement."""

    name: str
    process: psutil.Process
    started_s: float  # until its first getUpdates

    def cpu_s(self) -> float:
        """CPU seconds used so far, user and system."""
        times = self.process.cpu_times()
        return times.user + times.system

    def rss_mb(self) -> float:
        """Resident memory in MB."""
        return self.process.memory_info().rss / 1e6


@dataclass(frozen=True, slots=True)
class Result:
    """What one load did to one subject."""

    turns: Sequence[Turn]
    cpu_s: float
    wall_s: float
    refused: int

    def row(self) -> dict[str, str]:
        """Return the figures as they are printed."""
        lags = [lag for turn in self.turns for lag in turn.lags]
        tokens = sum(turn.tokens for turn in self.turns)
        return {
            "turns/s": f"{len(self.turns) / self.wall_s:.1f}",
            "CPU ms/turn": f"{1000 * self.cpu_s / len(self.turns):.2f}",
            "CPU us/token": f"{1e6 * self.cpu_s / tokens:.0f}",
            "update to request ms": _three([turn.asked_at - turn.said_at for turn in self.turns]),
            "first token to text ms": _three([turn.seen[0][0] - turn.token_at[0] for turn in self.turns]),
            "last token to end ms": _three([turn.whole_at - turn.token_at[-1] for turn in self.turns]),
            "mean lag of a token ms": f"{1000 * statistics.fmean(lags):.0f}",
            "shows/answer": f"{statistics.fmean(turn.shows for turn in self.turns):.1f}",
            "429": str(self.refused),
        }


def _three(seconds: Sequence[float]) -> str:
    """Return p50 / p95 / p99 in milliseconds."""
    ordered = sorted(seconds)
    return " / ".join(f"{1000 * ordered[min(int(len(ordered) * q), len(ordered) - 1)]:.1f}" for q in (0.5, 0.95, 0.99))


@asynccontextmanager
async def subject(name: str, city: City, folder: Path) -> AsyncIterator[Subject]:
    """Start a process against a city and end it with the block."""
    telegram, relay = city.telegram, city.relay_url
    command = [sys.executable, "-m", "benchmarks.floor", telegram.url, telegram.token, relay]
    kept = {key: value for key, value in os.environ.items() if key in {"PATH", "HOME"}}
    settings = {
        "TELEGRAM_TOKEN": telegram.token,
        "TELEGRAM_API_BASE_URL": telegram.url,
        "POLO_API_KEY": "sk-bench",
        "POLO_BASE_URL": relay,
        "DATA_DIR": str(folder),
        "WEB_PORT": "0",
        "MAX_RUNNING": "1000",
        "LOG_LEVEL": "warning",
    }
    if name.startswith("bot"):
        command = [sys.executable, "-m", "bot", "run"]
    city.telegram.asked.clear()
    began = time.monotonic()
    with (folder / f"{name}.log").open("wb") as log:
        started = await asyncio.create_subprocess_exec(
            *command, cwd=HOUSE, env={**kept, **settings, "PYTHONPATH": str(HOUSE)}, stdout=log, stderr=log
        )
    try:
        async with asyncio.timeout(START_WITHIN_S):
            while not city.telegram.asked:  # noqa: ASYNC110 - the fake has no event for it
                await asyncio.sleep(0.002)
        yield Subject(name, psutil.Process(started.pid), time.monotonic() - began)
    finally:
        if started.returncode is None:
            started.terminate()
        async with asyncio.timeout(20):
            await started.wait()


async def load(
    city: City,
    who: Subject,
    *,
    turns: int,
    people: int,
    tokens: int,
    every_ms: int,
    first: int = 0,
    pause_s: float = 0.0,
) -> Result:
    """Let `people` ask `turns` questions in all, each person one after the other.

    With `pause_s` they do not begin together, and think about as long as that before each further question.
    """
    chance = random.Random(first)  # the same moments for every subject
    refused, cpu, began = city.refused, who.cpu_s(), time.monotonic()
    numbers = iter(range(first, first + turns))
    done: list[Turn] = []

    async def person(identity: int) -> None:
        for number in numbers:
            if pause_s:
                await asyncio.sleep(chance.uniform(0, 2 * pause_s))
            done.append(await city.ask(number, identity, tokens=tokens, every_ms=every_ms))

    await asyncio.gather(*(person(PERSON + first + one) for one in range(people)))
    wall = time.monotonic() - began
    await asyncio.sleep(0.3)  # what the process still does for these turns belongs to them
    return Result(done, who.cpu_s() - cpu, wall, city.refused - refused)


SUBJECTS = ("floor", "bot with edits", "bot with drafts")


async def measure(quick: bool) -> None:
    """Run every load against every subject and print the tables."""
    scale = 1 if quick else 4
    loads: dict[str, dict[str, Any]] = {
        f"{PEOPLE} people, 40 tokens at once": {"turns": 100 * scale, "people": PEOPLE, "tokens": 40, "every_ms": 0},
        "40 answers at once, 200 tokens in 4 s": {"turns": 80 * scale, "people": 40, "tokens": 200, "every_ms": 20},
        "8 people, 40 tokens in 1 s, a pause of 1 s": {
            "turns": 60 * scale,
            "people": 8,
            "tokens": 40,
            "every_ms": 25,
            "pause_s": 1.0,
        },
        "10 people, 200 tokens in 8 s, a pause of 2 s": {
            "turns": 20 * scale,
            "people": 10,
            "tokens": 200,
            "every_ms": 40,
            "pause_s": 2.0,
        },
    }
    results: dict[str, dict[str, Result]] = {title: {} for title in loads}
    for name in SUBJECTS:
        for title, chosen in loads.items():
            limits = name != "floor"  # the floor knows none of Telegram's limits
            async with City(limits=limits).open() as city:
                if name == "bot with edits":
                    city.telegram.knows_no("sendMessageDraft")
                with tempfile.TemporaryDirectory() as folder:
                    async with subject(name, city, Path(folder)) as who:
                        await load(city, who, turns=PEOPLE, people=PEOPLE, tokens=5, every_ms=0, first=900_000)
                        results[title][name] = await load(city, who, **chosen)
    for title, by_name in results.items():
        _print(title, {name: result.row() for name, result in by_name.items()})
    await _life(quick)


async def _life(quick: bool) -> None:
    """Start, memory, and what a turn costs early and late in a long life."""
    met, known = (500, 2000) if quick else (1500, 10_000)
    alone = {"turns": 30, "people": 1, "tokens": 5, "every_ms": 0}
    young: dict[str, str] = {}
    old: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with City(limits=False).open() as city, subject("bot", city, Path(folder)) as who:
            young |= {"start to first getUpdates s": f"{who.started_s:.2f}", "memory idle MB": f"{who.rss_mb():.0f}"}
            await load(city, who, turns=300, people=100, tokens=5, every_ms=0)  # caches and pools fill up first
            result = await load(city, who, **alone, first=1000)
            young["CPU ms/turn of one chat"] = f"{1000 * result.cpu_s / len(result.turns):.2f}"
            before = who.rss_mb()
            for one in range(met // 100):
                await load(city, who, turns=100, people=100, tokens=5, every_ms=0, first=10_000 + one * 200)
            young["memory a chat met KB"] = f"{1000 * (who.rss_mb() - before) / met:.2f}"
    with tempfile.TemporaryDirectory() as folder:
        person = PERSON + 1000
        await _lived(Path(folder), known, f"telegram:{person}", 1000)
        async with City(limits=False).open() as city, subject("bot", city, Path(folder)) as who:
            old |= {"start to first getUpdates s": f"{who.started_s:.2f}", "memory idle MB": f"{who.rss_mb():.0f}"}
            await load(city, who, turns=300, people=100, tokens=5, every_ms=0)
            result = await load(city, who, **alone, first=1000)
            old["CPU ms/turn of one chat"] = f"{1000 * result.cpu_s / len(result.turns):.2f}"
            old["memory a chat met KB"] = ""
    _print("Life", {"new": young, f"{known} chats known, the chat at turn 1,000": old})


async def _lived(folder: Path, chats: int, person: str, turns: int) -> None:
    """Fill a database as a long life would: many chats, and one with many turns."""
    async with open_database(f"sqlite:///{folder}/bot.db", now=time.time, files=folder / "files") as database:
        heads: dict[str, int] = {}
        for number in range(chats + turns):
            whose = person if number < turns else f"telegram:{number}"
            [turn] = await database.turns.accept([NewTurn(f"e{number}", whose, whose, b"{}", str(number))])
            assert turn is not None
            said = (NewMessage(Role.USER, f"turn {number}", 8), NewMessage(Role.ASSISTANT, "t1: w0 w1 w2 w3 w4", 14))
            ids = await database.turns.answered(turn, b"{}", exchange=Exchange(whose, heads.get(whose), said))
            heads[whose] = ids[-1]
            await database.turns.done(turn, "answered", (str(number),))


def _print(title: str, columns: dict[str, dict[str, str]]) -> None:
    names = list(columns)
    lines = list(next(iter(columns.values())))
    widths = [max(len(line) for line in lines), *(max(len(n), *(len(v) for v in columns[n].values())) for n in names)]
    print(f"\n{title}")
    print("  ".join(cell.ljust(width) for cell, width in zip(["", *names], widths, strict=True)))
    for line in lines:
        cells = [line, *(columns[name][line] for name in names)]
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)))


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer turns: for a look, not for the record")
    asyncio.run(measure(parser.parse_args().quick))


if __name__ == "__main__":
    main()
