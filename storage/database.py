"""Opens the database and the file store, and holds what concerns all tables at once: forgetting and moving."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from storage import files as file_store
from storage.actions import Actions
from storage.door import Door
from storage.errors import DatabaseNewer, DatabaseProblem
from storage.files import FileStore
from storage.memory import Memory
from storage.migrate import migrate_sqlite
from storage.people import People
from storage.questions import Questions
from storage.settings import Settings
from storage.sqlite import MEMORY, SQLiteDoor
from storage.turns import Turns
from storage.usage import Usage

__all__ = ["Database", "DatabaseNewer", "DatabaseProblem", "open_database"]

SCHEMES = "sqlite:///path/to/file.db or postgresql://user:password@host/name"


class Database:
    """The tables' verbs, and the file store."""

    def __init__(self, door: Door, *, now: Callable[[], float], files: Path) -> None:
        """Made by `open_database`."""
        self._door = door
        self.turns = Turns(door, now)
        self.memory = Memory(door, now)
        self.actions = Actions(door, now)
        self.questions = Questions(door)
        self.settings = Settings(door)
        self.people = People(door, now)
        self.usage = Usage(door)
        self.files = FileStore(files, door, now)


@asynccontextmanager
async def open_database(url: str, *, now: Callable[[], float], files: Path) -> AsyncIterator[Database]:
    """Open the database that `url` names, bring it to this program's schema, and close it in the end.

    `sqlite:///relative`, `sqlite:////absolute`, `sqlite:///:memory:` or `postgresql://...`; folders are made.
    `now` gives Unix seconds. Raises `DatabaseNewer` where a newer program wrote it, `DatabaseProblem` where the
    URL is wrong or the database or `files` cannot be opened or written.
    """
    parsed = _parse(url)
    try:
        await asyncio.to_thread(file_store.prepare, files)
    except OSError as error:
        raise DatabaseProblem(f"The folder {files} cannot be written: {error.strerror}.") from error
    door = await _open_sqlite(parsed)
    try:
        yield Database(door, now=now, files=files)
    finally:
        await door.close()


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # The reason may quote the URL, and with it the password.
        raise DatabaseProblem(f"The database URL is not of the form {SCHEMES}.") from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql", "postgres"):
        raise DatabaseProblem(f"The database URL begins with {parsed.drivername}, but must be {SCHEMES}.")
    return parsed


async def _open_sqlite(url: URL) -> SQLiteDoor:
    path = url.database or MEMORY
    door = SQLiteDoor(path)
    try:
        await door.on_writer(migrate_sqlite)
    except BaseException as error:
        await door.close()
        if isinstance(error, (OSError, SQLAlchemyError)):
            raise DatabaseProblem(f"The database {path} cannot be opened: {_reason(error)}.") from error
        raise
    return door


def _reason(error: OSError | SQLAlchemyError) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(getattr(error, "orig", None) or type(error).__name__)
