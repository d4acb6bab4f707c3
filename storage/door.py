"""The one way to the database: single statements, and scripts of several that stand or fall together.

A script is a generator that yields steps and is sent their rows. It does no input or output itself, so the same
script runs on a SQLite thread in one hop, whatever its length, and on a PostgreSQL connection.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Protocol, TypeVar

from storage.statement import Step

T = TypeVar("T")

Rows = list[tuple[Any, ...]]
Script = Generator[Step, Rows, T]


class Door(Protocol):
    """What the verbs of the tables need of a database. Every method raises `DatabaseProblem` when it fails.

    Cancelling a call rolls back what it has not committed; the door stays usable.
    """

    async def read(self, step: Step) -> Rows:
        """Run one statement that changes nothing."""

    async def look(self, script: Callable[[], Script[T]]) -> T:
        """Run several statements that change nothing, on one state of the database."""

    async def write(self, step: Step) -> Rows:
        """Run one statement as a transaction of its own."""

    async def transact(self, script: Callable[[], Script[T]], *, alone: bool = False) -> T:
        """Run a script as one transaction; `alone`: nobody else writes anything meanwhile.

        It may be started again from the beginning after a conflict.
        """

    async def scrub(self) -> None:
        """Take what was deleted out of the files on disk too, as far as the database can."""

    async def tidy(self) -> None:
        """Do what `scrub` left for a quiet hour, if anything."""

    async def close(self) -> None:
        """Finish what runs and close every connection."""
