"""The file store: by content, once, whole, and nowhere else."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.database import Database
from storage.files import FileStore
from tests.clock import FakeClock
from tests.storage.talk import Talk

EMPTY_SHA256 = hashlib.sha256().hexdigest()


def stored(database: Database) -> list[str]:
    """Return the digests that lie in the store."""
    folder = database.files.path("0" * 64).parent.parent
    return sorted(path.parent.name + path.name for path in folder.glob("??/*"))


async def test_bytes_are_stored_by_their_digest(database: Database) -> None:
    file = await database.files.put(b"hello", name="a.txt", media_type="text/plain")

    assert file.digest == hashlib.sha256(b"hello").hexdigest()
    assert (file.name, file.media_type, file.size) == ("a.txt", "text/plain", 5)
    assert await database.files.read(file.digest) == b"hello"
    assert database.files.path(file.digest).parent.name == file.digest[:2]


async def test_equal_content_is_stored_once(database: Database, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"same")

    one = await database.files.put(b"same", name="a", media_type="x/y")
    two = await database.files.put(tmp_path / "source", name="b", media_type="x/z")

    assert one.digest == two.digest
    assert (two.name, two.media_type) == ("b", "x/z")
    assert stored(database) == [one.digest]


async def test_a_file_is_copied_and_a_scratch_file_moved(database: Database, tmp_path: Path) -> None:
    elsewhere, scratch = tmp_path / "source", database.files.scratch(".ogg")
    elsewhere.write_bytes(b"x" * 3_000_000)
    scratch.write_bytes(b"downloaded")

    large = await database.files.put(elsewhere, name="a", media_type="x/y")
    moved = await database.files.put(scratch, name="b", media_type="x/y")

    assert elsewhere.exists()
    assert not scratch.exists()
    assert large.size == 3_000_000
    assert await database.files.read(moved.digest) == b"downloaded"
    assert scratch.suffix == ".ogg"
    assert not list(scratch.parent.iterdir())


async def test_an_empty_file_is_a_file(database: Database) -> None:
    assert (await database.files.put(b"", name="a", media_type="x/y")).digest == EMPTY_SHA256
    assert await database.files.read(EMPTY_SHA256) == b""


async def test_a_missing_source_leaves_nothing_behind(database: Database, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await database.files.put(tmp_path / "none", name="a", media_type="x/y")

    assert stored(database) == []
    assert not list(database.files.scratch().parent.iterdir())


async def test_content_that_is_not_there_is_said_so(database: Database) -> None:
    with pytest.raises(FileNotFoundError):
        await database.files.read(EMPTY_SHA256)


@given(st.text(max_size=70) | st.from_regex(r"[0-9a-fA-F/.]{60,70}"))
def test_only_a_digest_leads_to_a_path(tmp_path_factory: pytest.TempPathFactory, digest: str) -> None:
    folder = tmp_path_factory.getbasetemp()
    store = FileStore(folder, door=None, now=lambda: 0.0)  # type: ignore[arg-type]
    try:
        path = store.path(digest)
    except ValueError:
        return
    assert path.relative_to(folder.resolve()).parts == (digest[:2], digest[2:])
    assert int(digest, 16) >= 0
    assert len(digest) == 64


@pytest.mark.parametrize("suffix", ["../x", "/etc/passwd", ".a/b", "x", ".", ".tar.gz", "." + "a" * 17, ".ogg\n"])
async def test_a_suffix_cannot_lead_elsewhere(database: Database, suffix: str) -> None:
    with pytest.raises(ValueError, match="suffix"):
        database.files.scratch(suffix)


@pytest.mark.parametrize("digest", ["../" + "a" * 61, EMPTY_SHA256 + "\n", EMPTY_SHA256.upper(), "", "a" * 63])
async def test_what_is_no_digest_is_not_read(database: Database, digest: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        await database.files.read(digest)


async def test_the_sweep_takes_old_files_that_no_message_has(talk: Talk, clock: FakeClock) -> None:
    files = talk.database.files
    kept = await files.put(b"kept", name="a", media_type="x/y")
    await files.put(b"loose", name="b", media_type="x/y")
    files.scratch().write_bytes(b"a download that a crash cut off")
    for left in files.scratch().parent.iterdir():
        os.utime(left, (clock.now(), clock.now()))
    await talk.say("q", "a", files=(kept,))
    await clock.advance(100)
    young = await files.put(b"young", name="c", media_type="x/y")

    assert await files.sweep(at_most_bytes=1000, older_than=clock.now()) == 2

    assert stored(talk.database) == sorted([kept.digest, young.digest])
    assert not list(files.scratch().parent.iterdir())


async def test_the_sweep_takes_the_oldest_beyond_the_size(talk: Talk, clock: FakeClock) -> None:
    files = talk.database.files
    puts = []
    for n in range(4):
        puts.append(await files.put(str(n).encode() * 10, name="a", media_type="x/y"))
        await clock.advance(1)
    await talk.say("q", "a", files=tuple(puts))
    await files.put(b"0" * 10, name="again", media_type="x/y")  # makes it the youngest

    assert await files.sweep(at_most_bytes=25, older_than=0) == 2

    assert stored(talk.database) == sorted([puts[0].digest, puts[3].digest])
