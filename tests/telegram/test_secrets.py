"""The token is in no log and no error; the proxy carries every kind of traffic."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bot.ports import DeliveryError
from handlers.turn import Attachment, Kind, Place
from tests.clock import FakeClock, until
from tests.fakes.telegram import Chat, FakeTelegram
from tests.telegram.stage import MemoryNotes, Recorder, adapter_for, page, running


async def test_the_token_is_in_no_log_line_and_no_error(
    telegram: FakeTelegram,
    clock: FakeClock,
    notes: MemoryNotes,
    inbox: Recorder,
    chat: Chat,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    errors: list[BaseException | None] = []
    adapter = adapter_for(telegram, clock, notes)
    async with running(adapter, inbox) as run:
        await chat.says("a secret question")
        await until(lambda: inbox.events or None)
        for method, trouble in (("sendMessage", 500), ("sendMessage", 400), ("sendMessage", 401), ("sendMessage", 404)):
            telegram.will_answer(method, trouble, f"trouble at {trouble}")
            with pytest.raises(DeliveryError) as failed:
                await adapter.post(Place("telegram", str(chat.id)), page("x"), nonce="1")
            errors.append(failed.value)
        telegram.drops("sendMessage")
        telegram.drops("getUpdates")
        with pytest.raises(DeliveryError) as failed:
            await adapter.post(Place("telegram", str(chat.id)), page("x"), nonce="1")
        errors.append(failed.value)
        await chat.says("more")
        await telegram.stop()
        await until(lambda: run.done() or "getUpdates failed" in caplog.text or None, clock)

    assert telegram.token not in caplog.text
    assert "a secret question" not in caplog.text
    while errors:
        error = errors.pop()
        if error is not None:
            assert telegram.token not in repr(error)
            errors += [error.__cause__, error.__context__]


@pytest.fixture
async def proxy(telegram: FakeTelegram) -> AsyncIterator[tuple[str, list[str]]]:
    """A plain HTTP proxy that notes which paths went through it."""
    seen: list[str] = []

    async def forward(request: web.BaseRequest) -> web.Response:
        seen.append(request.path.rpartition("/")[2])
        assert request.headers["Proxy-Authorization"].startswith("Basic ")
        headers = {"Content-Type": request.headers.get("Content-Type", "")}
        async with (
            aiohttp.ClientSession() as session,
            session.request(request.method, request.url, data=await request.read(), headers=headers) as answer,
        ):
            return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)

    runner = web.ServerRunner(web.Server(forward), shutdown_timeout=0.01)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    yield f"http://user:pa55word@127.0.0.1:{port}", seen
    await runner.cleanup()


async def test_one_proxy_carries_calls_updates_and_files(
    telegram: FakeTelegram,
    clock: FakeClock,
    notes: MemoryNotes,
    inbox: Recorder,
    chat: Chat,
    proxy: tuple[str, list[str]],
    tmp_path: Path,
) -> None:
    url, seen = proxy
    adapter = adapter_for(telegram, clock, notes, proxy=url)
    file_id = telegram.store(b"data", "documents/x.bin")["file_id"]
    file = Attachment(Kind.DOCUMENT, "x.bin", "a/b", 4, f'{{"file_id":"{file_id}"}}')
    async with running(adapter, inbox):
        await chat.says("hi")
        await until(lambda: inbox.events or None)
        await adapter.post(Place("telegram", str(chat.id)), page("hello"), nonce="1")
        assert await adapter.download(file, tmp_path / "got", at_most=10) == 4

    wanted = {"getMe", "getUpdates", "sendMessage", "getFile", f"{telegram.files[file_id].path.rpartition('/')[2]}"}
    assert wanted <= set(seen)


async def test_a_proxy_that_is_not_there_does_not_show_its_password(
    telegram: FakeTelegram, clock: FakeClock, notes: MemoryNotes, caplog: pytest.LogCaptureFixture
) -> None:
    adapter = adapter_for(telegram, clock, notes, proxy="http://user:pa55word@127.0.0.1:9")
    found = await adapter.examine()

    assert found.reachable is False
    assert "pa55word" not in found.problem + caplog.text
