"""Opening: every wrong URL is one sentence without a password, every old database is brought up to date."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from storage import migrate
from storage.database import DatabaseNewer, DatabaseProblem, open_database
from storage.schema import METADATA
from tests.clock import FakeClock
from tests.storage.conftest import needs_postgres
from tests.storage.talk import Talk


async def refusal(url: str, tmp_path: Path) -> str:
    """Return the sentence with which a URL is refused."""
    with pytest.raises(DatabaseProblem) as refused:
        async with open_database(url, now=FakeClock().now, files=tmp_path / "files"):
            pass
    sentence = str(refused.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    "url",
    ["", "bot.db", "mysql://u:hunter2@h/d", "://", "postgresql//u:hunter2@h", "sqlite://host/x", "sqlite:///a.db?x=1"],
)
async def test_a_wrong_url_is_refused_in_a_sentence(url: str, tmp_path: Path) -> None:
    assert "sqlite:///" in await refusal(url, tmp_path)


@pytest.mark.parametrize("url", ["mysql://u:hunter2@h/d", "postgresql://u:hunter2@h:port/d", "hunter2"])
async def test_a_refusal_tells_no_password(url: str, tmp_path: Path) -> None:
    assert "hunter2" not in await refusal(url, tmp_path)


async def test_a_server_that_is_not_there_is_said_so(tmp_path: Path, unused_tcp_port: int) -> None:
    sentence = await refusal(f"postgresql://u:hunter2@127.0.0.1:{unused_tcp_port}/d", tmp_path)
    assert "PostgreSQL" in sentence
    assert "hunter2" not in sentence


async def test_a_path_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert str(tmp_path) in await refusal(f"sqlite:///{tmp_path}/file/bot.db", tmp_path)
    assert str(tmp_path) in await refusal(f"sqlite:///{tmp_path}", tmp_path)


async def test_a_file_store_that_cannot_be_made_is_said_so(file_url: str, tmp_path: Path) -> None:
    (tmp_path / "files").write_text("not a folder")
    assert "files" in await refusal(file_url, tmp_path)


async def test_a_file_that_is_no_database_is_said_so_and_kept(tmp_path: Path) -> None:
    precious = tmp_path / "letter.txt"
    precious.write_text("Dear Ann, " * 1000)
    assert "not a database" in await refusal(f"sqlite:///{precious}", tmp_path)
    assert precious.read_text() == "Dear Ann, " * 1000


async def test_a_newer_database_is_refused(file_url: str, tmp_path: Path, clock: FakeClock) -> None:
    async with open_database(file_url, now=clock.now, files=tmp_path / "files"):
        pass
    with sqlite3.connect(tmp_path / "data/bot.db") as file:
        file.execute("UPDATE alembic_version SET version_num = '9999'")
    file.close()

    with pytest.raises(DatabaseNewer, match=r"newer polobot \(its revision is 9999"):
        async with open_database(file_url, now=clock.now, files=tmp_path / "files"):
            pass


async def test_the_folder_is_made_and_the_file_is_its_owners_alone(
    file_url: str, tmp_path: Path, clock: FakeClock
) -> None:
    async with open_database(file_url, now=clock.now, files=tmp_path / "files"):
        assert stat.S_IMODE((tmp_path / "data/bot.db").stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "data/bot.db-wal").stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "files").stat().st_mode) == 0o700
    assert not (tmp_path / "data/bot.db-wal").exists()


async def test_what_was_stored_is_there_after_a_restart(file_url: str, tmp_path: Path, clock: FakeClock) -> None:
    for n in range(3):
        async with open_database(file_url, now=clock.now, files=tmp_path / "files") as database:
            await Talk(database).say(f"q{n}", f"a{n}")
            assert len(await database.memory.export("telegram:1")) == 2 * (n + 1)


async def test_many_can_open_one_new_file_at_once(file_url: str, tmp_path: Path, clock: FakeClock) -> None:
    async def open_it() -> None:
        async with open_database(file_url, now=clock.now, files=tmp_path / "files") as database:
            await Talk(database).accept()

    await asyncio.gather(*(open_it() for _ in range(6)))


async def test_a_closed_database_says_so(file_url: str, tmp_path: Path, clock: FakeClock) -> None:
    async with open_database(file_url, now=clock.now, files=tmp_path / "files") as database:
        pass
    with pytest.raises(DatabaseProblem, match="closed"):
        await database.settings.lookup(["s"])


def test_the_revisions_make_the_schema_and_go_back(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/bot.db")
    with engine.begin() as connection:
        migrate.upgrade(connection)
        assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), METADATA) == []
        made = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master ORDER BY name").all()
    engine.dispose()
    plain = create_engine("sqlite://")
    with plain.begin() as connection:
        METADATA.create_all(connection)
        wanted = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master ORDER BY name").all()
    plain.dispose()

    def shape(rows: object) -> dict[str, str]:
        assert isinstance(rows, list)
        return {name: " ".join((sql or "").split()).replace('"', "") for name, sql in rows}

    without = {name: sql for name, sql in shape(made).items() if "alembic_version" not in name}
    assert without == shape(wanted)


@needs_postgres
async def test_the_revisions_make_the_schema_on_postgres_too(postgres: str) -> None:
    engine = create_async_engine(postgres.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.begin() as connection:
        await connection.run_sync(migrate.upgrade)
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync, opts={"compare_type": True}), METADATA)
        )
    await engine.dispose()
    assert differences == []


def test_the_program_knows_its_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", "storage:migrations")
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [migrate.HEAD]
