"""Databases to test on: SQLite in memory and in a file, PostgreSQL where there is one."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from storage.database import Database, open_database
from tests.clock import FakeClock
from tests.storage.talk import Talk

POSTGRES = os.environ.get("POLOBOT_TEST_POSTGRES", "")
needs_postgres = pytest.mark.skipif(not POSTGRES, reason="POLOBOT_TEST_POSTGRES holds no URL")


@pytest.fixture
def clock() -> FakeClock:
    """Time that the test moves."""
    return FakeClock()


@pytest.fixture
async def postgres() -> AsyncIterator[str]:
    """The URL of an empty PostgreSQL database of this test's own."""
    import asyncpg  # type: ignore[import-untyped]

    name = f"polobot_test_{uuid.uuid4().hex}"
    server = await asyncpg.connect(POSTGRES)
    await server.execute(f"CREATE DATABASE {name}")
    try:
        yield make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)
    finally:
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()


@pytest.fixture
def file_url(tmp_path: Path) -> str:
    """The URL of a SQLite file that is not there yet."""
    return f"sqlite:///{tmp_path}/data/bot.db"


@pytest.fixture(params=["memory", "file", pytest.param("postgres", marks=needs_postgres)])
def url(request: pytest.FixtureRequest, file_url: str) -> str:
    """The URL of an empty database, of each kind."""
    if request.param == "memory":
        return "sqlite:///:memory:"
    found: str = file_url if request.param == "file" else request.getfixturevalue("postgres")
    return found


@pytest.fixture
async def database(url: str, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Database]:
    """An open, empty database."""
    async with open_database(url, now=clock.now, files=tmp_path / "files") as opened:
        yield opened


@pytest.fixture
def talk(database: Database) -> Talk:
    """Someone who asks and is answered."""
    return Talk(database)
