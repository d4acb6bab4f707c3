"""What leaves the process and what stays in it: secrets, connections, the proxy, and what people want back or gone."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bot.check import check
from bot.log import configure
from tests.e2e.conftest import Town
from tests.e2e.test_discord import answer
from tests.e2e.test_telegram import PNG
from tests.fakes.discord import Channel, User
from tests.fakes.telegram import Chat

KEY = "sk-live-0123456789abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def dora(town: Town) -> User:
    return town.discord.person("Dora")


@pytest.fixture
def direct(town: Town, dora: User) -> Channel:
    return town.discord.dm(dora)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All that the process logs, at its most talkative."""
    stream = io.StringIO()
    yield stream
    configure(form="json", level="warning")


def stored(folder: Path) -> bytes:
    """Return every byte of every file."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def holding(folder: Path, words: bytes, expected: bool) -> bool | None:
    """Tell, once it is so, that some file holds these words, or that none does."""
    return True if (words in stored(folder)) is expected else None


# ---------------------------------------------------------------- secrets


async def test_no_token_and_no_key_is_in_log_database_file_or_chat_whatever_fails(
    town: Town, chat: Chat, direct: Channel, dora: User, log: io.StringIO
) -> None:
    settings = town.settings(polo_api_key=KEY, web_password="a page password of mine", web_port="0")
    configure(form="text", level="debug", secrets=settings.secrets(), stream=log)
    async with town.running(polo_api_key=KEY, web_password="a page password of mine"):
        town.relay.will_say("A picture.", "A picture there too.")
        await chat.sends_photo(PNG, caption="What is this?")
        await town.answer(chat, "A picture")
        await direct.says(dora, "what is this?", files=[("one.png", PNG, "image/png")])
        await answer(town, direct, "A picture there")
        words = f"Incorrect API key provided: {KEY}; Authorization: Bearer {KEY}"
        town.relay.will_fail(401, {"error": {"message": words, "type": "new_api_error", "code": "invalid_api_key"}})
        await chat.says("and now?")
        await town.answer(chat, "does not accept the bot's key")
        town.relay.will_break(1, "reset-early")
        await direct.says(dora, "and now?")
        await answer(town, direct, "fault of its own")
        town.telegram.drops("getUpdates")
        town.telegram.will_answer("sendMessage", 500, f"at /bot{town.telegram.token}/sendMessage")
        town.discord.fail_next("POST /channels/{id}/messages", status=500)
        town.relay.will_say("Through all of it.", "And here.")
        await chat.says("still there?")
        await town.answer(chat, "Through all of it")
        await direct.says(dora, "still there?")
        await answer(town, direct, "And here")
        assert "KeyRejected" in log.getvalue()  # the log is the one that is looked through
    shown = [*(m.text for m in chat.messages), *(m.text for m in direct.messages)]
    kept = stored(town.folder)
    assert b"still there?" in kept
    for secret in settings.secrets():
        assert secret not in log.getvalue()
        assert secret.encode() not in kept
        assert all(secret not in text for text in shown)
    assert "Traceback" not in str(shown)
    assert "still there?" not in log.getvalue()


# ---------------------------------------------------------------- connections


class Watch:
    """Notes whom the process connects to or looks up, while it is open. An audit hook stays for good: one is enough."""

    def __init__(self) -> None:
        self.seen: set[Any] | None = None
        sys.addaudithook(self._look)

    def _look(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.seen is not None and event == "socket.connect":
            self.seen.add(arguments[1])
        elif self.seen is not None and event in {"socket.getaddrinfo", "socket.gethostbyname"}:
            self.seen.add(arguments[0])


@pytest.fixture(scope="session")
def the_watch() -> Watch:
    return Watch()


@pytest.fixture
def connections(the_watch: Watch) -> Iterator[set[Any]]:
    the_watch.seen = set()
    yield the_watch.seen
    the_watch.seen = None


async def test_only_the_addresses_of_the_settings_are_connected_to(
    town: Town, chat: Chat, direct: Channel, dora: User, connections: set[Any]
) -> None:
    connections.clear()
    async with town.running():
        town.relay.will_say("你好, **Ann**! $x^2$", "For Dora.")
        await chat.sends_photo(PNG, caption="What is this?")
        await town.answer(chat, "Ann")
        await direct.says(dora, "and this?", files=[("one.txt", b"text " * 9000, "text/plain")])
        await answer(town, direct, "For Dora")
        await chat.says("/model")
        await town.answer(chat, "Which one")
    ours = {urlsplit(url).netloc for url in (town.telegram.url, town.discord.url, town.relay_url)}
    assert {f"{address[0]}:{address[1]}" if isinstance(address, tuple) else address for address in connections} == ours


@asynccontextmanager
async def proxy_to(ports: dict[str, int]) -> AsyncIterator[tuple[str, set[str]]]:
    """Run a forward proxy that alone knows where these hosts are; yield its address and whom it was asked for."""
    asked: set[str] = set()

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        target = urlsplit(head.split(b" ", 2)[1].decode())
        assert b"Proxy-Authorization: Basic " in head
        asked.add(str(target.hostname))
        there, onward = await asyncio.open_connection("127.0.0.1", ports[str(target.hostname)])
        onward.write(head)
        await asyncio.gather(pipe(reader, onward), pipe(there, writer), return_exceptions=True)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://ann:pa55word@127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


async def test_one_proxy_carries_calls_files_gateway_and_relay_alike(
    town: Town, chat: Chat, direct: Channel, dora: User
) -> None:
    """None of the names exists: whatever arrives has come through the proxy."""
    ports = {
        "telegram.invalid": urlsplit(town.telegram.url).port or 0,
        "discord.invalid": urlsplit(town.discord.url).port or 0,
        "relay.invalid": urlsplit(town.relay_url).port or 0,
    }
    town.discord.url = "http://discord.invalid"
    async with proxy_to(ports) as (proxy, asked):
        chosen = {
            "telegram_api_base_url": "http://telegram.invalid",
            "polo_base_url": "http://relay.invalid",
            "proxy_url": proxy,
        }
        async with town.running(**chosen):
            town.relay.will_say("On Telegram.", "On Discord.")
            await chat.sends_photo(PNG, caption="What is this?")
            await town.answer(chat, "On Telegram")
            await direct.says(dora, "and this?", files=[("one.png", PNG, "image/png")])
            await answer(town, direct, "On Discord")
    assert all("image_url" in json.dumps(asked_for) for asked_for in town.relay.chats)
    assert asked == ports.keys()


async def test_encrypted_services_are_reached_by_a_tunnel_through_the_proxy(town: Town) -> None:
    """The proxy refuses every tunnel: that each was asked for is what is to be seen."""
    asked: set[str] = set()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        asked.add(" ".join(head.split(" ", 2)[:2]))
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        settings = town.settings(
            telegram_api_base_url="https://telegram.invalid",
            discord_api_base_url="https://discord.invalid/api/v10",
            polo_base_url="https://relay.invalid",
            proxy_url=f"http://ann:pa55word@127.0.0.1:{server.sockets[0].getsockname()[1]}",
        )
        said = io.StringIO()
        assert await check(settings, said) == 2
    assert asked == {f"CONNECT {name}.invalid:443" for name in ("telegram", "discord", "relay")}
    assert "pa55word" not in said.getvalue()


# ---------------------------------------------------------------- to be read, kept and erased


async def test_a_person_takes_their_history_along_and_has_it_erased(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None):
        town.relay.will_say("Zebras are striped.")
        await chat.says("Tell me of zebras")
        await town.answer(chat, "striped")
        await chat.says("/privacy")
        await town.answer(chat, "What I keep")
        await chat.presses("Export")
        await town.sees(lambda: len(town.telegram.sent("sendDocument")) == 2 or None)
        files = town.telegram.sent("sendDocument")
        assert all(b"Tell me of zebras" in file["document"].content for file in files)
        assert all(b"Zebras are striped" in file["document"].content for file in files)
        await chat.presses("Forget me…")
        await town.sees(lambda: "cannot be brought back" in str(chat.messages) or None)
        await chat.presses("Yes, delete for good")
        await town.sees(lambda: "I have forgotten you" in str(chat.messages) or None)
        town.relay.will_say("Of what?")
        await chat.says("Go on")
        await town.answer(chat, "Of what")
    assert [message["content"] for message in town.relay.chats[-1]["messages"][1:]] == ["Go on"]
    assert b"ebras" not in stored(town.folder)


async def test_what_is_older_than_the_retention_time_is_gone(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None, retention_days="2"):
        town.relay.will_say("Noted.")
        await chat.says("Zebras are striped")
        await town.answer(chat, "Noted")
    for days, known in ((1, True), (3, False)):
        await town.clock.advance(days * 86400.0)
        async with town.running(discord_token=None, retention_days="2"):
            await town.sees(partial(holding, town.folder, b"Zebras", known))
            town.relay.will_say(f"After {days}.")
            await chat.says("What do you know?")
            await town.answer(chat, f"After {days}")
        assert ("Zebras" in str(town.relay.chats[-1]["messages"])) is known
