"""The connection: tokens, intents, lost gateways, and what `polobot check` is told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.discord.adapter import DiscordAdapter, Examined, NoGateway
from bot.ports import DeliveryError, Said, TokenRejected
from handlers.turn import Place
from tests.clock import until
from tests.discord.conftest import RecordingInbox, Starter, page
from tests.fakes.discord import FakeDiscord

WRONG = "wrong-token"


async def test_a_wrong_token_is_told_by_its_settings_name(
    discord: FakeDiscord, made: Callable[..., DiscordAdapter], inbox: RecordingInbox
) -> None:
    async with made(token=WRONG) as adapter:
        with pytest.raises(TokenRejected, match="DISCORD_TOKEN") as rejected:
            await adapter.run(inbox, lambda: None)

    assert WRONG not in str(rejected.value)


async def test_a_token_that_is_reset_while_connected_ends_the_adapter(
    discord: FakeDiscord, made: Callable[..., DiscordAdapter], inbox: RecordingInbox
) -> None:
    ready = asyncio.Event()
    async with made() as adapter:
        running = asyncio.create_task(adapter.run(inbox, ready.set))
        async with asyncio.timeout(5):
            await ready.wait()
        discord.token = "a-new-one"
        await discord.gateway.drop()

        with pytest.raises(TokenRejected):
            async with asyncio.timeout(10):
                await running


async def test_a_missing_intent_is_one_clear_line_and_the_bot_goes_on(
    discord: FakeDiscord, start: Starter, caplog: pytest.LogCaptureFixture
) -> None:
    discord.message_content = False

    with caplog.at_level(logging.WARNING, logger="bot"):
        async with start() as adapter:
            assert adapter.health()["connected"]

    [line] = [record.getMessage() for record in caplog.records if "Intent" in record.getMessage()]
    assert "Developer Portal" in line
    assert discord.gateway.identified == 1


async def test_an_intent_switched_off_by_setting_is_not_asked_for(discord: FakeDiscord, start: Starter) -> None:
    async with start(message_content=False) as adapter:
        [session] = discord.gateway.sessions.values()
        health = adapter.health()

    assert not session.intents & (1 << 15)
    assert health["message_content"] == "off by setting"


@pytest.mark.parametrize("how", ["dropped", "asked"])
async def test_a_lost_gateway_is_resumed_and_what_was_missed_arrives(
    discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox, how: str
) -> None:
    ann = discord.person("Ann")
    if how == "dropped":
        discord.gateway.accepting = False
        await discord.gateway.drop()
        await until(lambda: True if not bot.health()["connected"] else None)
    else:
        await discord.gateway.ask_to_reconnect()
    await discord.dm(ann).says(ann, "are you there?")
    discord.gateway.accepting = True

    event = await inbox.next()
    assert event.person.name == "Ann"
    assert (discord.gateway.identified, discord.gateway.resumed >= 1) == (1, True)
    assert bot.health()["connected"]


async def test_a_gateway_of_the_settings_is_used_for_resuming_too(
    discord: FakeDiscord, start: Starter, inbox: RecordingInbox
) -> None:
    ann = discord.person("Ann")
    async with start(api_base_url=discord.base_url, gateway_url=discord.gateway_url) as adapter:
        await discord.gateway.drop()
        await discord.dm(ann).says(ann, "hi")
        await inbox.next()

        assert adapter.health()["connected"]
    assert discord.made("GET /gateway") == []


async def test_an_address_that_names_no_gateway_is_not_replaced_by_discords_own(
    discord: FakeDiscord, made: Callable[..., DiscordAdapter], inbox: RecordingInbox
) -> None:
    discord.fail_next("GET /gateway", status=404)

    async with made() as adapter:
        with pytest.raises(NoGateway, match="DISCORD_GATEWAY_URL"):
            await adapter.run(inbox, lambda: None)


async def test_check_raises_when_nobody_answers(discord: FakeDiscord, made: Callable[..., DiscordAdapter]) -> None:
    await discord.stop()

    async with made() as adapter:
        with pytest.raises(DeliveryError):
            await adapter.examine()


async def test_two_bots_of_one_process_may_speak_to_two_discords(
    discord: FakeDiscord, start: Starter, made: Callable[..., DiscordAdapter]
) -> None:
    other_inbox = RecordingInbox()
    async with FakeDiscord(discord.clock) as other, start(), made(api_base_url=other.base_url) as second:
        ready = asyncio.Event()
        running = asyncio.create_task(second.run(other_inbox, ready.set))
        async with asyncio.timeout(5):
            await ready.wait()
        ann = other.person("Ann")
        await other.dm(ann).says(ann, "hi")
        await other_inbox.next()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_stopping_sees_events_that_are_being_stored_to_their_end(
    discord: FakeDiscord, made: Callable[..., DiscordAdapter]
) -> None:
    class SlowInbox(RecordingInbox):
        async def accept(self, events: object) -> None:
            began.set()
            await go_on.wait()
            stored.set()

    began, go_on, stored, ready = (asyncio.Event() for _ in range(4))
    ann = discord.person("Ann")
    async with made() as adapter, asyncio.timeout(10):
        running = asyncio.create_task(adapter.run(SlowInbox(), ready.set))
        await ready.wait()
        await discord.dm(ann).says(ann, "hi")
        await began.wait()
        running.cancel()
        go_on.set()
        await asyncio.gather(running, return_exceptions=True)

    assert stored.is_set()
    assert not adapter.health()["connected"]


async def test_stopping_does_not_wait_for_ever_for_an_event_that_never_ends(
    discord: FakeDiscord, made: Callable[..., DiscordAdapter], monkeypatch: pytest.MonkeyPatch
) -> None:
    class StuckInbox(RecordingInbox):
        async def accept(self, events: object) -> None:
            began.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

    monkeypatch.setattr("bot.discord.client.DRAIN_S", 0.05)
    began, ended, ready = (asyncio.Event() for _ in range(3))
    ann = discord.person("Ann")
    async with made() as adapter, asyncio.timeout(10):
        running = asyncio.create_task(adapter.run(StuckInbox(), ready.set))
        await ready.wait()
        await discord.dm(ann).says(ann, "hi")
        await began.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert ended.is_set()


async def test_pages_are_sent_before_and_without_a_connection(
    discord: FakeDiscord, made: Callable[..., DiscordAdapter]
) -> None:
    dm = discord.dm(discord.person("Ann"))

    async with made() as adapter:
        await adapter.post(Place("discord", dm.id), page("from before the restart"), nonce="1")

    assert [seen.text for seen in dm.messages] == ["from before the restart"]


async def test_api_gateway_and_files_all_go_through_the_proxy(
    discord: FakeDiscord, start: Starter, inbox: RecordingInbox, tmp_path: Path
) -> None:
    """No name but the proxy's can be resolved here; the proxy passes everything on to the fake."""
    port = int(discord.url.rsplit(":", 1)[1])
    discord.url = "http://discord.invalid"
    ann = discord.person("Ann")
    async with tunnel_to(port) as proxy, start(proxy=proxy, api_base_url=discord.base_url) as adapter:
        await discord.dm(ann).says(ann, "look", files=[("cat.png", b"PNG", "image/png")])
        event = await inbox.next()
        await adapter.post(event.place, page("a cat"), nonce="1")
        assert isinstance(event.what, Said)
        size = await adapter.download(event.what.attachments[0], tmp_path / "cat", at_most=100)

    assert size == 3
    assert discord.dm(ann).answers[-1].text == "a cat"


@asynccontextmanager
async def tunnel_to(port: int) -> AsyncIterator[str]:
    """Run a proxy for plain HTTP whose every connection leads to `port`, which understands absolute addresses."""

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pipe(reader, there_writer), pipe(there_reader, writer), return_exceptions=True)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_check_is_told_name_intent_and_servers(discord: FakeDiscord, made: Callable[..., DiscordAdapter]) -> None:
    discord.guild("Team")
    async with made() as adapter:
        good = await adapter.examine()
        discord.message_content = False
        without = await adapter.examine()
    async with made(token=WRONG) as adapter:
        bad = await adapter.examine()

    assert good == Examined(token_ok=True, name="polo", message_content=True, servers=1)
    assert not without.message_content
    assert bad == Examined(token_ok=False)


async def test_no_secret_stands_in_a_log_line_a_repr_or_the_health(
    discord: FakeDiscord, start: Starter, inbox: RecordingInbox, caplog: pytest.LogCaptureFixture
) -> None:
    ann = discord.person("Ann")
    with caplog.at_level(logging.INFO):
        async with start() as adapter:
            await discord.dm(ann).slash(ann, "ask", question="why?")
            place = (await inbox.next()).place
            discord.fail_next("PATCH /webhooks/{id}/{token}/messages/@original", status=500)
            with pytest.raises(DeliveryError) as failure:
                await adapter.post(place, page("because"), nonce="1")
            health = adapter.health()

    [interaction] = discord.interactions.values()
    everything = f"{caplog.text} {adapter!r} {health} {failure.value!r}"
    assert interaction.token not in everything
    assert discord.token not in everything
