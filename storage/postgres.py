"""PostgreSQL behind the door: asyncpg's pool, the same statements and scripts as SQLite."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy import URL, NullPool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from storage.door import Rows, Script
from storage.errors import DatabaseProblem
from storage.migrate import upgrade
from storage.schema import METADATA
from storage.statement import Step, storable

T = TypeVar("T")

CONNECT_WITHIN_S = 10
STATEMENT_WITHIN_S = 60
CONNECTIONS = 8
ATTEMPTS = 5  # of a transaction that ran into another one
MIGRATION_LOCK = 7_065_626_684  # any number that only this program locks

# In the order in which an answered turn needs them, so that the two do not wait for each other.
LOCK_ALL = f"LOCK TABLE {', '.join(table.name for table in METADATA.tables.values())} IN EXCLUSIVE MODE"

# Another transaction was first (a row it referred to is forgotten now, say): the script, run again, sees that.
CONFLICTS = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError, asyncpg.ForeignKeyViolationError)


class PostgresDoor:
    """The door to a PostgreSQL database."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Made by `open_postgres`."""
        self._pool = pool

    async def read(self, step: Step) -> Rows:
        """Run one statement that changes nothing."""
        with _told():
            return await _run(self._pool, step)

    async def write(self, step: Step) -> Rows:
        """Run one statement as a transaction of its own."""
        return await self.read(step)

    async def look(self, script: Callable[[], Script[T]]) -> T:
        """Run several statements that change nothing, on one state of the database."""
        with _told():
            async with (
                self._pool.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                return await _play(connection, script())

    async def transact(self, script: Callable[[], Script[T]], *, alone: bool = False) -> T:
        """Run a script as one transaction; on a conflict with another one, from the beginning."""
        with _told():
            for _ in range(ATTEMPTS - 1):
                try:
                    return await self._attempt(script, alone)
                except CONFLICTS:
                    continue
            return await self._attempt(script, alone)

    async def scrub(self) -> None:
        """Nothing to do: the server's own vacuum takes deleted rows out of its files."""

    async def tidy(self) -> None:
        """Nothing to do, as above."""

    async def close(self) -> None:
        """Close every connection once it is free; at once after a while."""
        try:
            await asyncio.wait_for(self._pool.close(), CONNECT_WITHIN_S)
        except TimeoutError:
            self._pool.terminate()

    async def _attempt(self, script: Callable[[], Script[T]], alone: bool) -> T:
        async with self._pool.acquire() as connection, connection.transaction():
            if alone:
                await connection.execute(LOCK_ALL)
            return await _play(connection, script())


async def open_postgres(url: URL) -> PostgresDoor:
    """Bring the database to this program's schema and open a pool. Raises `DatabaseProblem`, `DatabaseNewer`."""
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with _told():
        await asyncio.wait_for(_migrate(address), STATEMENT_WITHIN_S)
        pool = await asyncpg.create_pool(
            address, min_size=1, max_size=CONNECTIONS, timeout=CONNECT_WITHIN_S, command_timeout=STATEMENT_WITHIN_S
        )
    return PostgresDoor(pool)


async def _migrate(address: str) -> None:
    async def connect() -> Any:
        return await asyncpg.connect(address, timeout=CONNECT_WITHIN_S)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        await connection.run_sync(upgrade)


@contextmanager
def _told() -> Iterator[None]:
    """Let what goes wrong leave as one sentence: without the details, which may quote what people said."""
    try:
        yield
    except DBAPIError as error:
        raise DatabaseProblem(f"The PostgreSQL database failed: {_first_line(error.orig or error)}.") from error
    except TimeoutError as error:
        raise DatabaseProblem("The PostgreSQL database did not answer in time.") from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise DatabaseProblem(f"The PostgreSQL database failed: {_first_line(error)}.") from error


def _first_line(error: BaseException) -> str:
    words = str(error.args[0]) if error.args and isinstance(error.args[0], str) else str(error)
    return (words.splitlines() or [type(error).__name__])[0].rstrip(".")


async def _play(connection: Any, script: Script[T]) -> T:
    """Feed the script its rows until it returns."""
    try:
        step = next(script)
        while True:
            step = script.send(await _run(connection, step))
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        script.close()


async def _run(connection: Any, step: Step) -> Rows:
    statement, values = step.render("postgresql")
    return [tuple(record) for record in await connection.fetch(statement, *map(storable, values))]
