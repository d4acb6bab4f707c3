"""What people send is fetched in time, within limits, and without the token leaking."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bot.telegram import TelegramAdapter
from handlers.turn import Attachment, CannotFetch, Kind, TooLarge
from tests.clock import FakeClock
from tests.fakes.telegram import FakeTelegram
from tests.telegram.stage import MemoryNotes, Recorder, adapter_for, running


def attached(telegram: FakeTelegram, content: bytes, *, size: int | None = None, said: int | None = None) -> Attachment:
    """Return the handle of a stored file; `size` as the server believes, `said` as the message told."""
    file_id = telegram.store(content, "documents/x.bin", size)["file_id"]
    return Attachment(Kind.DOCUMENT, "x.bin", "application/octet-stream", said, f'{{"file_id":"{file_id}"}}')


async def test_a_file_is_fetched_into_its_place(telegram: FakeTelegram, bot: TelegramAdapter, tmp_path: Path) -> None:
    content = bytes(range(256)) * 4000
    size = await bot.download(attached(telegram, content), tmp_path / "got", at_most=2_000_000)

    assert size == len(content)
    assert (tmp_path / "got").read_bytes() == content


async def test_a_handle_works_after_a_restart(
    telegram: FakeTelegram, clock: FakeClock, notes: MemoryNotes, inbox: Recorder, tmp_path: Path
) -> None:
    kept = msgspec.json.encode(attached(telegram, b"kept"))
    assert telegram.token.encode() not in kept
    adapter = adapter_for(telegram, clock, notes)
    async with running(adapter, inbox):
        await adapter.download(msgspec.json.decode(kept, type=Attachment), tmp_path / "got", at_most=100)

    assert (tmp_path / "got").read_bytes() == b"kept"


async def test_what_is_known_to_be_too_large_is_not_asked_for(
    telegram: FakeTelegram, bot: TelegramAdapter, tmp_path: Path
) -> None:
    with pytest.raises(TooLarge) as refused:
        await bot.download(attached(telegram, b"x", said=11), tmp_path / "got", at_most=10)

    assert (refused.value.name, refused.value.limit) == ("x.bin", 10)
    assert [call for call in telegram.calls if call.method == "getFile"] == []


async def test_telegrams_own_limit_is_named_when_it_says_too_big(
    telegram: FakeTelegram, bot: TelegramAdapter, tmp_path: Path
) -> None:
    with pytest.raises(TooLarge) as refused:
        await bot.download(attached(telegram, b"x", size=21 << 20), tmp_path / "got", at_most=50 << 20)

    assert refused.value.limit == 20 << 20


async def test_on_telegrams_own_server_20_mb_are_the_limit_before_any_question(
    clock: FakeClock, notes: MemoryNotes, telegram: FakeTelegram, tmp_path: Path
) -> None:
    adapter = adapter_for(telegram, clock, notes, api_base_url="https://api.telegram.org")

    with pytest.raises(TooLarge) as refused:
        await adapter.download(attached(telegram, b"x", said=(20 << 20) + 1), tmp_path / "got", at_most=50 << 20)
    assert refused.value.limit == 20 << 20


async def test_a_server_of_ones_own_has_no_such_limit(
    telegram: FakeTelegram, bot: TelegramAdapter, tmp_path: Path
) -> None:
    telegram.local_server = True
    content = b"x" * (21 << 20)

    assert await bot.download(attached(telegram, content), tmp_path / "got", at_most=50 << 20) == 21 << 20


async def test_a_server_in_local_mode_names_a_file_on_disk(
    telegram: FakeTelegram, bot: TelegramAdapter, tmp_path: Path
) -> None:
    on_disk = tmp_path / "from server"
    on_disk.write_bytes(b"local")
    file = attached(telegram, b"elsewhere")
    telegram.files[msgspec.json.decode(file.handle)["file_id"]].path = str(on_disk)

    assert await bot.download(file, tmp_path / "got", at_most=100) == 5
    assert (tmp_path / "got").read_bytes() == b"local"
    with pytest.raises(TooLarge):
        await bot.download(file, tmp_path / "got", at_most=4)


async def test_a_file_larger_than_announced_is_cut_off_and_nothing_is_left(
    telegram: FakeTelegram, bot: TelegramAdapter, tmp_path: Path
) -> None:
    with pytest.raises(TooLarge):
        await bot.download(attached(telegram, b"x" * 5000, size=1, said=1), tmp_path / "got", at_most=1000)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("handle", ['{"file_id":"unknown"}', "{}", "no json", ""])
async def test_a_file_that_telegram_no_longer_has_cannot_be_fetched(
    bot: TelegramAdapter, tmp_path: Path, handle: str
) -> None:
    with pytest.raises(CannotFetch):
        await bot.download(Attachment(Kind.IMAGE, "a", "image/png", 1, handle), tmp_path / "got", at_most=100)


async def test_no_error_of_a_download_shows_the_token(
    telegram: FakeTelegram, bot: TelegramAdapter, tmp_path: Path
) -> None:
    file = attached(telegram, b"x")
    telegram.files.clear()
    missing = attached(telegram, b"y")
    telegram.files[msgspec.json.decode(missing.handle)["file_id"]].path = "documents/not there 100%.bin"
    failures: list[BaseException] = []
    for one in (file, missing):
        with pytest.raises(CannotFetch) as failed:
            await bot.download(one, tmp_path / "nowhere" / "got", at_most=100)
        failures.append(failed.value)
    await telegram.stop()
    with pytest.raises(CannotFetch) as failed:
        await bot.download(missing, tmp_path / "got", at_most=100)

    for failure in (*failures, failed.value):
        chain = [failure, failure.__cause__, failure.__context__]
        assert all(telegram.token not in repr(error) for error in chain)
