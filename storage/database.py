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
from storage.forgetting import forget_conversation, forget_person
from storage.memory import Memory
from storage.migrate import migrate_sqlite
from storage.moving import move
from storage.people import People
from storage.questions import Questions
from storage.settings import Settings
from storage.sqlite import MEMORY, SQLiteDoor, make_private
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
        self.files = FileStore(files, door, now)
        self.memory = Memory(door, self.files)
        self.actions = Actions(door, now)
        self.questions = Questions(door)
        self.settings = Settings(door)
        self.people = People(door, now)
        self.usage = Usage(door, now)

    async def forget_conversation(self, conversation: str, *, keep: int | None = None) -> None:
        """Delete a conversation: messages, links, summaries, turns, actions, questions, its settings, its files.

        Its usage rows stay: they hold no words, and what was spent stays spent. A running turn of it finds its
        row closed and leaves nothing behind; the turn `keep`, the one that asks for this, still gets its reply.
        """
        digests = await self._door.transact(lambda: forget_conversation(conversation, keep or 0), alone=True)
        await self._gone(digests)

    async def forget_person(self, person: str, *, keep: int | None = None) -> None:
        """Delete a person: whole conversations in which nobody else takes part; in the others their messages and
        the answers to them, what hung below hanging higher; their turns, actions, questions, settings
        (`person:<person>`) and files. Usage rows stay but lose the person. `keep`: as above.
        """
        digests = await self._door.transact(lambda: forget_person(person, keep or 0), alone=True)
        self.people.forgotten(person)
        await self._gone(digests)

    async def moved(self, platform: str, old_chat: str, new_chat: str) -> None:
        """Change the key `platform:old_chat` and all that go on from it to `platform:new_chat`, in every table.

        Where the new chat has a setting, question or link already, that one stays; where it has talked already,
        its talk goes on from the old one.
        """
        await self._door.transact(lambda: move(platform, old_chat, new_chat), alone=True)
        self.settings.refresh()
        self.questions.refresh()

    async def tidy(self) -> None:
        """Finish, at a quiet hour, what forgetting left to do in a large SQLite file; nothing to do: nothing is done.

        Writing waits meanwhile, about a second for every 100 MB.
        """
        await self._door.tidy()

    async def _gone(self, digests: set[str]) -> None:
        """Finish a forgetting outside of its transaction."""
        self.settings.refresh()
        await self.files.drop(digests)
        await self._door.scrub()


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
    door = await _open(parsed)
    try:
        yield Database(door, now=now, files=files)
    finally:
        await door.close()


async def _open(url: URL) -> Door:
    if url.get_backend_name() == "sqlite":
        return await _open_sqlite(url)
    from storage.postgres import open_postgres  # noqa: PLC0415 - most never need its driver

    return await open_postgres(url)


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # The reason may quote the URL, and with it the password.
        raise DatabaseProblem(f"The database URL is not of the form {SCHEMES}.") from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql", "postgres"):
        raise DatabaseProblem(f"The database URL begins with {parsed.drivername}, but must be {SCHEMES}.")
    if parsed.get_backend_name() == "sqlite" and (parsed.host or parsed.query):
        raise DatabaseProblem(
            "The SQLite URL takes a path and nothing else: sqlite:///relative or sqlite:////absolute."
        )
    return parsed


async def _open_sqlite(url: URL) -> SQLiteDoor:
    path = url.database or MEMORY
    door = SQLiteDoor(path)
    try:
        if path != MEMORY:
            await asyncio.to_thread(make_private, Path(path))
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
