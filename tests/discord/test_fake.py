"""The fake itself: it refuses what Discord refuses, in Discord's words. Driven without the adapter."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.clock import FakeClock, until
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord.__main__ import serve
from tests.fakes.discord.gateway import DIRECT_MESSAGES, GUILD_MESSAGES, GUILDS, MESSAGE_CONTENT

Answer = tuple[int, Any, dict[str, str]]


class Raw:
    """A bare client with the bot's token."""

    def __init__(self, fake: FakeDiscord, session: aiohttp.ClientSession) -> None:
        self._fake, self._session = fake, session

    async def ask(self, method: str, path: str, body: object = None, token: str | None = None) -> Answer:
        """Call once."""
        headers = {"Authorization": f"Bot {token or self._fake.token}"}
        async with self._session.request(method, self._fake.base_url + path, json=body, headers=headers) as response:
            raw = await response.read()
            return response.status, json.loads(raw) if raw else None, dict(response.headers)

    async def identify(self, intents: int, token: str | None = None) -> aiohttp.ClientWebSocketResponse:
        """Open the gateway and say who we are."""
        socket = await self._session.ws_connect(self._fake.gateway_url)
        assert (await socket.receive_json())["op"] == 10
        data = {"token": token or self._fake.token, "intents": intents, "properties": {}}
        await socket.send_json({"op": 2, "d": data})
        return socket


@pytest.fixture
async def raw(discord: FakeDiscord) -> AsyncIterator[Raw]:
    """A bare client."""
    async with aiohttp.ClientSession() as session:
        yield Raw(discord, session)


async def events(socket: aiohttp.ClientWebSocketResponse, wanted: str) -> dict[str, Any]:
    """Read until an event of a kind."""
    async with asyncio.timeout(5):
        while (payload := await socket.receive_json())["t"] != wanted:
            pass
    data: dict[str, Any] = payload["d"]
    return data


def dm_of(discord: FakeDiscord) -> str:
    """Return the path of a direct message's messages."""
    return f"/channels/{discord.dm(discord.person('Ann')).id}/messages"


async def test_a_wrong_token_is_unauthorised(discord: FakeDiscord, raw: Raw) -> None:
    assert (await raw.ask("GET", "/users/@me", token="x"))[:2] == (401, {"message": "401: Unauthorized", "code": 0})


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"content": "x" * 2001}, 50035, "content"),
        ({"content": " "}, 50006, None),
        ({"content": 5}, 50035, "content"),
        ({"content": "x", "components": [{"type": 1, "components": []}]}, 50035, "components"),
        (
            {
                "content": "x",
                "components": [
                    {"type": 1, "components": [{"type": 2, "style": 1, "label": "a", "custom_id": "1"}] * 2},
                ],
            },
            50035,
            "components",
        ),
        (
            {
                "content": "x",
                "components": [
                    {"type": 1, "components": [{"type": 2, "style": 1, "label": "a", "custom_id": str(n)}]}
                    for n in range(6)
                ],
            },
            50035,
            "components",
        ),
    ],
)
async def test_bad_messages_are_refused(
    discord: FakeDiscord, raw: Raw, body: dict[str, Any], code: int, field: str | None
) -> None:
    status, said, _ = await raw.ask("POST", dm_of(discord), body)
    discord.forgive()

    assert (status, said["code"]) == (400, code)
    assert field is None or field in said["errors"]


async def test_a_violation_of_the_specification_fails_the_test_that_made_it(clock: FakeClock) -> None:
    with pytest.raises(AssertionError, match="specification was violated"):
        async with FakeDiscord(clock) as fake, aiohttp.ClientSession() as session:
            await Raw(fake, session).ask("POST", dm_of(fake), {"content": {"not": "text"}})
    with pytest.raises(AssertionError, match="no such call"):
        async with FakeDiscord(clock) as fake, aiohttp.ClientSession() as session:
            await Raw(fake, session).ask("GET", "/no/such/call")


async def test_the_sixth_call_in_five_seconds_is_too_fast_until_the_time_it_names(
    discord: FakeDiscord, raw: Raw, clock: FakeClock
) -> None:
    path = dm_of(discord)
    answers = [await raw.ask("POST", path, {"content": str(number)}) for number in range(6)]
    status, said, headers = answers[-1]
    await clock.advance(said["retry_after"])
    later = await raw.ask("POST", path, {"content": "later"})

    assert [answer[0] for answer in answers] == [200] * 5 + [429]
    assert [answer[2]["X-RateLimit-Remaining"] for answer in answers[:5]] == ["4", "3", "2", "1", "0"]
    assert said == {"message": "You are being rate limited.", "code": 0, "retry_after": 5.0, "global": False}
    assert headers["Via"]
    assert (status, later[0]) == (429, 200)


async def test_fifty_calls_a_second_are_the_most_over_all(discord: FakeDiscord, raw: Raw) -> None:
    paths = [dm_of(discord) for _ in range(51)]
    answers = [await raw.ask("POST", path, {"content": "x"}) for path in paths]

    assert answers[49][0] == 200
    assert (answers[50][0], answers[50][1]["global"]) == (429, True)


async def test_an_interaction_is_answered_once_in_three_seconds_and_for_fifteen_minutes(
    discord: FakeDiscord, raw: Raw, clock: FakeClock
) -> None:
    ann = discord.person("Ann")
    late, one = (discord.new_interaction(2, ann, discord.dm(ann).room) for _ in range(2))
    path = f"/interactions/{one.id}/{one.token}/callback"
    hook = f"/webhooks/{discord.application_id}/{one.token}"

    early = await raw.ask("PATCH", f"{hook}/messages/@original", {"content": "x"})
    first = await raw.ask("POST", path, {"type": 5})
    second = await raw.ask("POST", path, {"type": 5})
    filled = await raw.ask("POST", hook, {"content": "fills the waiting message", "flags": 64})
    await clock.advance(3.1)
    too_late = await raw.ask("POST", f"/interactions/{late.id}/{late.token}/callback", {"type": 5})
    await clock.advance(15 * 60)
    over = await raw.ask("PATCH", f"{hook}/messages/@original", {"content": "x"})

    assert (early[0], early[1]["code"]) == (404, 10015)
    assert (first[0], second[1]["code"]) == (204, 40060)
    assert filled[0] == 200
    [seen] = discord.dm(ann).messages
    assert (seen.text, seen.private, seen.thinking) == ("fills the waiting message", False, False)
    assert (too_late[0], too_late[1]["code"]) == (404, 10062)
    assert (over[0], over[1]["code"]) == (401, 50027)


@pytest.mark.parametrize(
    ("content", "allowed", "pinged"),
    [
        ("@everyone <@1>", None, ("everyone", "1")),
        ("@everyone <@1>", {"parse": []}, ()),
        ("@here <@1>", {"parse": ["users"]}, ("1",)),
        ("<@1> <@2>", {"parse": [], "users": ["2"]}, ("2",)),
    ],
)
async def test_who_is_pinged_follows_allowed_mentions(
    discord: FakeDiscord, raw: Raw, content: str, allowed: object, pinged: tuple[str, ...]
) -> None:
    body = {"content": content} | ({"allowed_mentions": allowed} if allowed is not None else {})

    await raw.ask("POST", dm_of(discord), body)

    [room] = discord.rooms.values()
    assert [tuple(note.pinged) for note in room.notes.values()] == [pinged]


async def test_intents_decide_what_is_told_and_content_needs_its_own(discord: FakeDiscord, raw: Raw) -> None:
    guild = discord.guild("Team")
    channel, ann = guild.channel("general"), discord.person("Ann")
    full = await raw.identify(GUILDS | GUILD_MESSAGES | MESSAGE_CONTENT)
    poor = await raw.identify(GUILDS | GUILD_MESSAGES | DIRECT_MESSAGES)
    await events(full, "GUILD_CREATE")
    await events(poor, "GUILD_CREATE")

    await discord.dm(ann).says(ann, "in private")
    await channel.says(ann, "among us", files=[("a.txt", b"x", "text/plain")])

    told = await events(full, "MESSAGE_CREATE")
    private, public = await events(poor, "MESSAGE_CREATE"), await events(poor, "MESSAGE_CREATE")
    assert (told["content"], len(told["attachments"])) == ("among us", 1)
    assert (private["content"], public["content"], public["attachments"]) == ("in private", "", [])
    await full.close()
    await poor.close()


@pytest.mark.parametrize(("token", "intents", "code"), [("wrong", 1, 4004), (None, 1 | MESSAGE_CONTENT, 4014)])
async def test_a_wrong_token_and_a_forbidden_intent_close_the_gateway(
    discord: FakeDiscord, raw: Raw, token: str | None, intents: int, code: int
) -> None:
    discord.message_content = False

    socket = await raw.identify(intents, token)

    async with asyncio.timeout(5):
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
    assert socket.close_code == code


async def test_a_resumed_session_gets_what_it_missed_and_an_unknown_one_is_invalid(
    discord: FakeDiscord, raw: Raw
) -> None:
    ann = discord.person("Ann")
    socket = await raw.identify(DIRECT_MESSAGES)
    ready = await events(socket, "READY")
    await socket.close()
    await discord.dm(ann).says(ann, "missed")

    async with aiohttp.ClientSession() as session:
        again = await session.ws_connect(ready["resume_gateway_url"])
        await again.receive_json()
        resume = {"token": discord.token, "session_id": "unknown", "seq": 1}
        await again.send_json({"op": 6, "d": resume})
        invalid = await again.receive_json()
        await again.send_json({"op": 6, "d": resume | {"session_id": ready["session_id"]}})
        missed = await again.receive_json()
        resumed = await again.receive_json()

    assert (invalid["op"], invalid["d"]) == (9, False)
    assert (missed["t"], missed["d"]["content"], resumed["t"]) == ("MESSAGE_CREATE", "missed", "RESUMED")


async def test_links_to_files_end(discord: FakeDiscord, clock: FakeClock) -> None:
    ann = discord.person("Ann")
    note = await discord.dm(ann).says(ann, "", files=[("a b.txt", b"content", "text/plain")])
    async with aiohttp.ClientSession() as session:
        socket = await Raw(discord, session).identify(DIRECT_MESSAGES)
        await events(socket, "READY")
        await discord.dm(ann).unfurls(note)
        [file] = (await events(socket, "MESSAGE_UPDATE"))["attachments"]
        async with session.get(file["url"]) as response:
            fresh = response.status, await response.read()
        await clock.advance(25 * 3600)
        async with session.get(file["url"]) as response:
            over = response.status
        await socket.close()

    assert (fresh, over) == ((200, b"content"), 404)


async def test_it_can_be_driven_by_hand(capsys: pytest.CaptureFixture[str], unused_tcp_port: int) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(serve(unused_tcp_port, until=stop))
    base = f"http://127.0.0.1:{unused_tcp_port}/fake"
    async with aiohttp.ClientSession() as session, asyncio.timeout(10):
        await until(lambda: "DISCORD_API_BASE_URL" in capsys.readouterr().out or None)
        async with session.post(f"{base}/say", json={"text": "@bot 你好", "who": "小明"}) as response:
            said = await response.json()
        async with session.get(f"{base}/messages") as response:
            [seen] = await response.json()
        async with session.post(f"{base}/press", json={"label": "Stop"}) as response:
            refused = await response.json()
        async with session.post(f"{base}/wait", json={"seconds": 60}) as response:
            assert response.status == 200
        async with session.get(f"{base}/calls") as response:
            assert await response.json() == {"calls": [], "violations": []}
    stop.set()
    await running

    assert (seen["id"], seen["author"]) == (said["id"], "小明")
    assert "sees no button" in refused["error"]
