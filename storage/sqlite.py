"""SQLite behind the door, by aiosqlite: one connection that writes, a few that read, each with its own thread.

A transaction is one hop to the writing thread and back, whatever its length.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from storage.door import Rows, Script
from storage.errors import DatabaseProblem
from storage.statement import Step, storable

T = TypeVar("T")

MEMORY = ":memory:"
READERS = 3  # connections; a slow export must not hold up a recall
LOCK_WAIT_S = 15.0  # for another process that writes to the same file
OLDEST_SQLITE = (3, 35, 0)  # the first with RETURNING
TIDY_AT_ONCE_BYTES = 32 << 20  # a database of this size is written anew in the time of a slow answer
UNTIDY = 1
STATEMENTS_KEPT = 256  # prepared statements a connection keeps

Work = Callable[[sqlite3.Connection], Any]


class GivenUp(Exception):
    """The caller was cancelled before its transaction was committed; nobody sees this."""


class _Piece(str):
    """A piece of work in the clothes of a statement: what aiosqlite hands to its thread in one hop."""

    work: Work
    given_up = False


class _Outcome:
    """What a piece of work returned, where aiosqlite looks for a cursor."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def fetchall(self) -> Any:
        """Return it."""
        return self._value


class _Connection(sqlite3.Connection):
    """A connection that knows one more kind of statement: a piece of work, which it runs with itself.

    aiosqlite hops to its thread and back for every statement; a whole transaction in one hop is what makes a turn
    cheap (measured: a hop costs more than most statements).
    """

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        """Run a statement, or a piece of work."""
        if not isinstance(sql, _Piece):
            return super().execute(sql, parameters)
        if sql.given_up:
            raise GivenUp
        return _Outcome(sql.work(self))


class Hand:
    """One connection with its thread, opened when it is first needed."""

    def __init__(self, path: str, prepare: Callable[[sqlite3.Connection], None]) -> None:
        self._path, self._prepare = path, prepare
        self._opening = asyncio.Lock()
        self._connection: aiosqlite.Connection | None = None
        self._closed = False
        self.busy = 0  # pieces of work given to it and not yet done

    async def do(self, work: Work) -> Any:
        """Run `work` on the thread. Cancelled before it began, it never runs."""
        piece = _Piece("-- a piece of work")
        piece.work = work
        self.busy += 1
        try:
            connection = self._connection or await self._open()
            return await connection.execute_fetchall(piece)
        except asyncio.CancelledError:
            piece.given_up = True
            raise
        finally:
            self.busy -= 1

    async def _open(self) -> aiosqlite.Connection:
        async with self._opening:
            if self._closed:
                raise DatabaseProblem("The database is closed.")
            if self._connection is None:
                connection = await aiosqlite.connect(
                    self._path,
                    timeout=LOCK_WAIT_S,
                    isolation_level=None,
                    cached_statements=STATEMENTS_KEPT,
                    factory=_Connection,
                )
                try:
                    piece = _Piece("-- prepare")
                    piece.work = self._prepare
                    await connection.execute_fetchall(piece)
                except BaseException:
                    await connection.close()
                    raise
                self._connection = connection
            return self._connection

    async def close(self) -> None:
        """Do what is waiting, then close the connection and end its thread."""
        self._closed = True
        async with self._opening:
            connection, self._connection = self._connection, None
            if connection is not None:
                await connection.close()


class SQLiteDoor:
    """The door to one SQLite file, or to a database in memory that ends with it."""

    def __init__(self, path: str) -> None:
        """`path`: of the file, or `:memory:`. Must be called on a running loop."""
        if sqlite3.sqlite_version_info < OLDEST_SQLITE:
            raise DatabaseProblem(f"SQLite {sqlite3.sqlite_version} is too old; 3.35 or newer is needed.")
        self._path = path
        self._writer = Hand(path, _prepare_writer)
        # A database in memory belongs to its one connection.
        self._readers = [self._writer] if path == MEMORY else [Hand(path, _prepare_reader) for _ in range(READERS)]

    async def on_writer(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on the writing connection, in its thread, outside of any transaction."""
        result: T = await self._told(self._writer, work)
        return result

    async def read(self, step: Step) -> Rows:
        """Run one statement that changes nothing."""
        rows: Rows = await self._told(self._idlest(), lambda c: _run(c, step))
        return rows

    async def look(self, script: Callable[[], Script[T]]) -> T:
        """Run several statements that change nothing, on one state of the database."""
        result: T = await self._told(self._idlest(), lambda c: _play(c, "BEGIN", script, _nobody_gave_up))
        return result

    async def write(self, step: Step) -> Rows:
        """Run one statement as a transaction of its own."""
        rows: Rows = await self._told(self._writer, lambda c: _run(c, step))
        return rows

    async def transact(self, script: Callable[[], Script[T]], *, alone: bool = False) -> T:
        """Run a script as one transaction, always alone; a caller cancelled before the commit finds nothing changed."""
        given_up = False

        def work(connection: sqlite3.Connection) -> T:
            return _play(connection, "BEGIN IMMEDIATE", script, lambda: given_up)

        try:
            result: T = await self._told(self._writer, work)
        except asyncio.CancelledError:
            given_up = True
            raise
        return result

    async def scrub(self) -> None:
        """Take deleted words out of the files: out of the log at once, out of the pages at once or by `tidy`.

        Free pages and freed rows are zeroes already (secure_delete), but SQLite leaves copies of rows in the gaps of
        pages that it has filled anew; only VACUUM takes those, at the price of writing the whole file.
        """
        if self._path != MEMORY:
            await self.on_writer(_scrub)

    async def tidy(self) -> None:
        """Write the file anew where a `scrub` left that to do: about a second of no writing for every 100 MB."""
        if self._path != MEMORY:
            await self.on_writer(_tidy)

    async def close(self) -> None:
        """Finish what waits, then close; the last connection takes the log file away."""
        for reader in self._readers:
            await reader.close()
        await self._writer.close()

    def _idlest(self) -> Hand:
        return min(self._readers, key=lambda reader: reader.busy)

    async def _told(self, hand: Hand, work: Work) -> Any:
        try:
            return await hand.do(work)
        except sqlite3.Error as error:
            raise DatabaseProblem(f"The database {self._path} failed: {error}.") from error


def _prepare_writer(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")


def _prepare_reader(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA query_only = ON")


def _scrub(connection: sqlite3.Connection) -> None:
    # The mark outlives a crash; it is the only use of this field of the file's header.
    connection.execute(f"PRAGMA user_version = {UNTIDY}")
    [(pages, size)] = connection.execute("SELECT page_count, page_size FROM pragma_page_count, pragma_page_size")
    if pages * size <= TIDY_AT_ONCE_BYTES:
        _tidy(connection)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _tidy(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA user_version").fetchone() == (UNTIDY,):
        connection.execute("VACUUM")
        connection.execute("PRAGMA user_version = 0")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def make_private(path: Path) -> None:
    """Make the file readable for its owner only; SQLite gives its log the same rights."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _nobody_gave_up() -> bool:
    return False


def _play(
    connection: sqlite3.Connection, begin: str, script: Callable[[], Script[T]], given_up: Callable[[], bool]
) -> T:
    connection.execute(begin)
    try:
        result = _steps(connection, script(), given_up)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result


def _run(connection: sqlite3.Connection, step: Step) -> Rows:
    text, values = step.render("sqlite")
    try:
        return connection.execute(text, values).fetchall()
    except UnicodeEncodeError:  # a lone surrogate, found before the statement began; rare, so looked for only now
        return connection.execute(text, [storable(value) for value in values]).fetchall()


def _steps(connection: sqlite3.Connection, script: Script[T], given_up: Callable[[], bool]) -> T:
    """Feed the script its rows until it returns."""
    try:
        step = next(script)
        while True:
            rows = _run(connection, step)
            if given_up():
                raise GivenUp
            step = script.send(rows)
    except StopIteration as end:
        if given_up():
            raise GivenUp from None
        result: T = end.value
        return result
    finally:
        script.close()
