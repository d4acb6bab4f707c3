"""SQLite behind the door: one thread that writes, a few that read, each with its own connection.

A transaction is one hop to the writing thread and back. Waking a thread costs more than most statements, so a
thread that finds more work waiting does it before it reports, all reports together.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from storage.door import Rows, Script
from storage.errors import DatabaseProblem
from storage.statement import Step, storable

T = TypeVar("T")

MEMORY = ":memory:"
READERS = 3  # threads; a slow export must not hold up a recall
LOCK_WAIT_S = 15.0  # for another process that writes to the same file
REPORT_AFTER = 32  # pieces of work done before their callers are told, while more is waiting
OLDEST_SQLITE = (3, 35, 0)  # the first with RETURNING
TIDY_AT_ONCE_BYTES = 32 << 20  # a database of this size is written anew in the time of a slow answer
UNTIDY = 1
STATEMENTS_KEPT = 256  # prepared statements a connection keeps

Work = Callable[[sqlite3.Connection], Any]
Outcome = tuple["asyncio.Future[Any]", Any, BaseException | None]


class GivenUp(Exception):
    """The caller was cancelled before its transaction was committed; nobody sees this."""


class Worker:
    """Threads with a SQLite connection each that take work from one queue."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], threads: int, name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._connect = connect
        self._queue: SimpleQueue[tuple[asyncio.Future[Any], Work] | None] = SimpleQueue()
        self._threads = [Thread(target=self._run, name=f"{name}-{n}") for n in range(threads)]
        self._closed = False
        for thread in self._threads:
            thread.start()

    async def do(self, work: Work) -> Any:
        """Run `work` on one of the threads. Cancelled before it began, it never runs."""
        if self._closed:
            raise DatabaseProblem("The database is closed.")
        future: asyncio.Future[Any] = self._loop.create_future()
        self._queue.put((future, work))
        return await future

    async def close(self) -> None:
        """Do what is waiting, close the connections and end the threads."""
        self._closed = True
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        done: list[Outcome] = []
        try:
            while (job := self._next(done)) is not None:
                future, work = job
                if future.cancelled():
                    continue
                try:
                    if connection is None:
                        connection = self._connect()
                    done.append((future, work(connection), None))
                except BaseException as error:  # told to the caller, who alone can judge it
                    done.append((future, None, error))
        finally:
            if connection is not None:
                connection.close()

    def _next(self, done: list[Outcome]) -> tuple[asyncio.Future[Any], Work] | None:
        """Return the next piece of work, None at the end; report what is done before waiting for more."""
        if len(done) < REPORT_AFTER:
            try:
                job = self._queue.get_nowait()
            except Empty:
                pass
            else:
                if job is None:
                    self._report(done)
                return job
        self._report(done)
        return self._queue.get()

    def _report(self, done: list[Outcome]) -> None:
        if done:
            self._loop.call_soon_threadsafe(_deliver, done.copy())
            done.clear()


def _deliver(done: list[Outcome]) -> None:
    for future, result, error in done:
        if future.done():  # its caller was cancelled
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


class SQLiteDoor:
    """The door to one SQLite file, or to a database in memory that ends with it."""

    def __init__(self, path: str) -> None:
        """`path`: of the file, or `:memory:`. Must be called on a running loop."""
        if sqlite3.sqlite_version_info < OLDEST_SQLITE:
            raise DatabaseProblem(f"SQLite {sqlite3.sqlite_version} is too old; 3.35 or newer is needed.")
        self._path = path
        self._writer = Worker(self._open_writer, 1, "sqlite-writer")
        # A database in memory belongs to its one connection.
        self._reader = self._writer if path == MEMORY else Worker(self._open_reader, READERS, "sqlite-reader")

    async def on_writer(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on the writing thread, outside of any transaction."""
        result: T = await self._told(self._writer, work)
        return result

    async def read(self, step: Step) -> Rows:
        """Run one statement that changes nothing."""
        rows: Rows = await self._told(self._reader, lambda c: _run(c, step))
        return rows

    async def look(self, script: Callable[[], Script[T]]) -> T:
        """Run several statements that change nothing, on one state of the database."""
        result: T = await self._told(self._reader, lambda c: _play(c, "BEGIN", script, _nobody_gave_up))
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
        if self._reader is not self._writer:
            await self._reader.close()
        await self._writer.close()

    async def _told(self, worker: Worker, work: Work) -> Any:
        try:
            return await worker.do(work)
        except sqlite3.Error as error:
            raise DatabaseProblem(f"The database {self._path} failed: {error}.") from error

    def _open_writer(self) -> sqlite3.Connection:
        if self._path != MEMORY:
            _make_private(Path(self._path))
        connection = _connect(self._path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")
        return connection

    def _open_reader(self) -> sqlite3.Connection:
        connection = _connect(self._path)
        connection.execute("PRAGMA query_only = ON")
        return connection


def _connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=LOCK_WAIT_S, isolation_level=None, cached_statements=STATEMENTS_KEPT, check_same_thread=True
    )
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


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


def _make_private(path: Path) -> None:
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
