"""Brings a database to the schema of this program, and refuses one that a newer program wrote.

Alembic is loaded only when there is something to do: a start on a current database costs one query.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from storage.errors import DatabaseNewer

if TYPE_CHECKING:
    from sqlalchemy import Connection

# The newest revision in migrations/versions; a test holds the two together.
HEAD = "0001"

NEWER = (
    "The database was written by a newer polobot (its revision is {revision}, this program knows up to {head}): "
    "install that version again or restore a backup."
)


def migrate_sqlite(connection: sqlite3.Connection) -> None:
    """Bring an open SQLite database, in autocommit mode, to `HEAD`. Two processes at once do it one by one."""
    if _sqlite_revision(connection) == HEAD:
        return
    from sqlalchemy import StaticPool, create_engine, event  # noqa: PLC0415 - see above

    # The engine borrows the connection and is dropped, not disposed of, since that would close it.
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    event.listen(engine, "begin", lambda begun: begun.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.begin() as borrowed:
        upgrade(borrowed)


def upgrade(connection: Connection) -> None:
    """Run the revisions that are missing, inside the caller's transaction. Raises `DatabaseNewer`."""
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415
    from alembic.migration import MigrationContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "storage:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is not None and revision not in known:
        raise DatabaseNewer(NEWER.format(revision=revision, head=HEAD))
    if revision != HEAD:
        command.upgrade(config, "head")


def _sqlite_revision(connection: sqlite3.Connection) -> str | None:
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])
