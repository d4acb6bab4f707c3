"""The webhook: secret checked, stored before it is answered, kept set."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from bot.telegram import TelegramAdapter, Unreachable
from tests.clock import FakeClock, until
from tests.fakes.telegram import Chat, FakeTelegram
from tests.telegram.stage import MemoryNotes, Recorder, adapter_for, hurry, running

SECRET = "s3cret-of-a-webhook"


class Hooked:
    """An adapter with a webhook, and the web server on which it is mounted."""

    def __init__(self, adapter: TelegramAdapter, url: str) -> None:
        self.adapter, self.url = adapter, url

    async def call(self, body: bytes, secret: str | None) -> int:
        headers = {} if secret is None else {"X-Telegram-Bot-Api-Secret-Token": secret}
        async with aiohttp.ClientSession() as session, session.post(self.url, data=body, headers=headers) as answer:
            return answer.status


@pytest.fixture
async def hooked(telegram: FakeTelegram, clock: FakeClock, notes: MemoryNotes) -> AsyncIterator[Hooked]:
    app = web.Application()
    runner = web.AppRunner(app, shutdown_timeout=0.01)
    adapter: TelegramAdapter

    async def mounted(request: web.Request) -> web.Response:
        return await adapter.webhook(request)

    app.router.add_post("/telegram", mounted)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/telegram"
    adapter = adapter_for(telegram, clock, notes, webhook_url=url, webhook_secret=SECRET)
    yield Hooked(adapter, url)
    await runner.cleanup()


async def test_updates_are_pushed_and_none_is_polled(
    telegram: FakeTelegram, hooked: Hooked, inbox: Recorder, chat: Chat
) -> None:
    async with running(hooked.adapter, inbox):
        await chat.says("pushed")
        await until(lambda: inbox.events or None)

    assert inbox.texts == ["pushed"]
    assert not telegram.asked
    assert (await telegram.next("setWebhook"))["secret_token"] == SECRET
    assert hooked.adapter.health()["mode"] == "webhook"


async def test_what_could_not_be_stored_is_answered_503_and_comes_again(
    telegram: FakeTelegram, clock: FakeClock, hooked: Hooked, inbox: Recorder, chat: Chat
) -> None:
    async with running(hooked.adapter, inbox):
        inbox.fails = 1
        await chat.says("keep me")
        await until(lambda: "503" in telegram.hook.error or None)
        await until(lambda: inbox.events or None, clock)

    assert inbox.texts == ["keep me"]


async def test_an_album_pushed_part_by_part_is_one_message(
    telegram: FakeTelegram, clock: FakeClock, hooked: Hooked, inbox: Recorder, chat: Chat
) -> None:
    async with running(hooked.adapter, inbox):
        await chat.sends_album(b"1", b"2", caption="both")
        await until(lambda: not telegram.waiting or None)
        await until(lambda: inbox.events or None, clock)

    assert len(inbox.events) == 1


@pytest.mark.parametrize("secret", [None, "", "wrong", SECRET + "x", "ümlaut"])
async def test_a_wrong_secret_is_turned_away(hooked: Hooked, inbox: Recorder, secret: str | None) -> None:
    async with running(hooked.adapter, inbox):
        assert await hooked.call(b'{"update_id": 1}', secret) == 403
    assert inbox.events == []


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'{"update_id": 1}', b'{"update_id": 2, "message": {}}'])
async def test_nonsense_with_the_right_secret_is_ignored(hooked: Hooked, inbox: Recorder, body: bytes) -> None:
    async with running(hooked.adapter, inbox):
        assert await hooked.call(body, SECRET) == 200
    assert inbox.events == []


async def test_before_and_after_the_run_updates_wait_at_telegram(hooked: Hooked, inbox: Recorder) -> None:
    assert await hooked.call(b'{"update_id": 1}', SECRET) == 503
    async with running(hooked.adapter, inbox):
        pass
    assert await hooked.call(b'{"update_id": 1}', SECRET) == 503


async def test_a_bot_that_polls_has_no_webhook(
    telegram: FakeTelegram, clock: FakeClock, notes: MemoryNotes, hooked: Hooked
) -> None:
    polling = adapter_for(telegram, clock, notes)
    hooked.adapter.webhook = polling.webhook  # type: ignore[method-assign]

    assert await hooked.call(b"{}", SECRET) == 404


async def test_a_webhook_that_someone_changed_is_set_again(
    telegram: FakeTelegram, clock: FakeClock, hooked: Hooked, inbox: Recorder
) -> None:
    async with running(hooked.adapter, inbox):
        telegram.set_hook("http://127.0.0.1:9/elsewhere", "", None)
        await hurry(clock, lambda: telegram.hook.url == hooked.url)


async def test_telegrams_complaint_about_the_webhook_is_shown_in_health(
    telegram: FakeTelegram, clock: FakeClock, hooked: Hooked, inbox: Recorder
) -> None:
    async with running(hooked.adapter, inbox):
        telegram.hook.error = "SSL error {error:0A000086}"
        await hurry(clock, lambda: "SSL" in str(hooked.adapter.health()["webhook_error"]))


async def test_an_address_that_telegram_does_not_take_is_said(
    telegram: FakeTelegram, clock: FakeClock, notes: MemoryNotes, inbox: Recorder
) -> None:
    adapter = adapter_for(telegram, clock, notes, webhook_url="ftp://example.org", webhook_secret=SECRET)

    with pytest.raises(Unreachable, match="TELEGRAM_WEBHOOK_URL"):
        await adapter.run(inbox, lambda: None)


def test_a_webhook_needs_a_secret_and_a_proxy_a_known_scheme(
    telegram: FakeTelegram, clock: FakeClock, notes: MemoryNotes
) -> None:
    with pytest.raises(ValueError, match="secret"):
        adapter_for(telegram, clock, notes, webhook_url="https://example.org/hook")
    with pytest.raises(ValueError, match="proxy"):
        adapter_for(telegram, clock, notes, proxy="socks5://127.0.0.1:1080")
