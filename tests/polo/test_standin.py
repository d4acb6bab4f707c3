"""The stand-in relay: what it says of itself, what it remembers, and how it is told what to do."""

from __future__ import annotations

import asyncio
import re

import aiohttp
import pytest

from polo import ChatRequest, Finish, ImagePart, Message, Polo, RelaySettings, Role, said
from polo.standin import StandIn
from polo.standin.pictures import pixels
from tests.polo.replays import DATA, QUESTION
from tests.polo.test_client import heard_until_error


async def answer(polo: Polo, *messages: Message) -> str:
    """Return what the stand-in says to a conversation."""
    return (await polo.chat(ChatRequest("gpt-4.1-mini", messages))).text


async def test_it_says_that_it_is_a_stand_in_in_the_language_of_the_question(polo: Polo) -> None:
    english = await answer(polo, said(Role.USER, "Who are you?"))
    chinese = await answer(polo, said(Role.USER, "你是谁？"))

    assert "not a model" in english
    assert "stand-in" in english
    assert "不是模型" in chinese
    assert "替身" in chinese


async def test_its_answer_shows_every_kind_of_markdown_and_both_scripts(polo: Polo) -> None:
    for question in ("Hello", "你好"):
        text = await answer(polo, said(Role.USER, question))
        assert text.startswith("## ")
        assert re.search(r"^- ", text, re.MULTILINE)
        assert "| --- |" in text
        assert text.count("```") == 2
        assert re.search(r"[一-鿿]", text)
        assert "English" in text


async def test_it_shows_that_it_remembers(polo: Polo) -> None:
    text = await answer(
        polo,
        said(Role.SYSTEM, "Be short."),
        said(Role.USER, "Hello, my name is Ada."),
        said(Role.ASSISTANT, "Hello!"),
        said(Role.USER, "What is my name?"),
    )

    assert "held **4** messages: 2 of yours, 1 of mine" in text
    assert "your name is **Ada**" in text
    assert "Before this you said: “Hello, my name is Ada.”" in text
    assert "“Be short.”" in text


async def test_it_remembers_in_chinese_too(polo: Polo) -> None:
    text = await answer(
        polo, said(Role.USER, "我叫小明，你好"), said(Role.ASSISTANT, "你好"), said(Role.USER, "我叫什么？")
    )

    assert "您叫 **小明**" in text
    assert "在这之前您说过：“我叫小明，你好”" in text


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("red-8x8.png", "image/png, 74 bytes, 8×8 pixels"),
        ("green-8x8.jpg", "image/jpeg, 631 bytes, 8×8 pixels"),
        ("yellow-8x8.webp", "image/webp, 44 bytes, 8×8 pixels"),
    ],
)
async def test_it_sees_pictures(polo: Polo, name: str, seen: str) -> None:
    data = (DATA / "media" / name).read_bytes()
    media_type = seen.partition(",")[0]

    text = await answer(polo, Message(Role.USER, (ImagePart(data, media_type),)))

    assert re.sub(r"\d+ bytes", f"{len(data)} bytes", seen) in text


def test_what_is_no_picture_has_no_size() -> None:
    for data in (
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"\xff\xd8" + b"\xff\xe0\x00\x02" * 9,
        b"RIFF1234WEBPVP8X",
    ):
        size = pixels(data)
        assert size is None or size == (1, 1)


async def test_it_always_says_the_same(polo: Polo) -> None:
    assert await answer(polo, said(Role.USER, "Hi")) == await answer(polo, said(Role.USER, "Hi"))


async def test_a_persons_markdown_cannot_break_its_own(polo: Polo) -> None:
    text = await answer(polo, said(Role.USER, "```\n| a | b |\n```"))

    assert text.count("```") == 2


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ("echo Hello, 世界", "Hello, 世界"),
        ("help", "`standin: long`"),
        ("nonsense", "`standin: long`"),
        ("call anything", "No tool was offered"),
    ],
)
async def test_it_obeys_what_a_person_writes(polo: Polo, order: str, found: str) -> None:
    assert found in await answer(polo, said(Role.USER, f"standin: {order}"))
    assert found in await answer(polo, said(Role.USER, f"StandIn： {order}"))


async def test_a_long_answer_is_longer_than_any_platforms_message(polo: Polo) -> None:
    text = await answer(polo, said(Role.USER, "standin: long"))

    assert len(text) > 9000
    assert text.count("```") == 30


async def test_thinking_comes_apart_or_between_tags(polo: Polo) -> None:
    for order in ("think", "tags"):
        found = await polo.chat(ChatRequest("gpt-4.1-mini", (said(Role.USER, f"standin: {order}"),)))
        assert "does not think" in found.thinking
        assert "does not think" not in found.text


async def test_refused_and_cut_answers_say_so(polo: Polo) -> None:
    for order, finish in (("refuse", Finish.REFUSED), ("cut", Finish.LENGTH)):
        found = await polo.chat(ChatRequest("gpt-4.1-mini", (said(Role.USER, f"standin: {order}"),)))
        assert found.finish is finish


async def test_faults_can_be_asked_for_by_header(base_url: str) -> None:
    headers = {"Authorization": "Bearer sk-a", "x-fault": "error-429"}
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(f"{base_url}/v1/chat/completions", json=body) as refused:
            assert refused.status == 429
        async with session.post(f"{base_url}/v1/chat/completions", json=body, headers={"x-fault": "html"}) as page:
            assert page.content_type == "text/html"
        async with session.post(f"{base_url}/v1/chat/completions", json=body, headers={"x-fault": "empty"}) as empty:
            assert await empty.read() == b""


async def test_natural_pauses_are_there_unless_turned_off() -> None:
    for natural in (True, False):
        naps: list[float] = []

        async def nap(seconds: float, naps: list[float] = naps) -> None:
            naps.append(seconds)

        relay = StandIn(natural=natural, sleep=nap)
        relay.will_say("Scripted.")
        async with relay.serving() as url, Polo.open(RelaySettings(url, ("sk-a",))) as polo:
            await heard_until_error(polo)
            assert not any(naps), "a script has the pauses it names"
            await heard_until_error(polo)
        assert any(naps) is natural


async def test_a_gate_gives_an_answer_piece_by_piece(polo: Polo, relay: StandIn) -> None:
    gate = relay.hold()
    relay.will_say("abcd", pieces=4)
    asking = asyncio.create_task(heard_until_error(polo))

    await gate.waiting()
    await gate.release(2)
    assert not asking.done()
    await gate.open()
    events, error = await asking

    assert error is None
    assert len(events) == 3
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await gate.waiting()


async def test_it_writes_down_what_it_was_asked_without_the_key(polo: Polo, relay: StandIn) -> None:
    await polo.models()
    await polo.chat(QUESTION)

    assert [(seen.method, seen.path) for seen in relay.received] == [
        ("GET", "/v1/models"),
        ("POST", "/v1/chat/completions"),
    ]
    assert relay.chats == [relay.received[1].body]
    assert "first" not in str([seen.headers for seen in relay.received])
    assert relay.received[0].key_ending == "st"


async def test_the_balance_moves_as_tokens_are_used(polo: Polo) -> None:
    before = await polo.balance()
    await polo.chat(QUESTION)
    after = await polo.balance()

    assert after.used > before.used
    assert after.granted == before.granted


async def test_prices_and_status_are_open_to_all(base_url: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{base_url}/api/pricing") as pricing:
            prices = (await pricing.json())["data"]
        async with session.get(f"{base_url}/api/status") as status:
            about = (await status.json())["data"]

    assert prices[0].keys() >= {"model_name", "quota_type", "model_ratio", "completion_ratio"}
    assert about["quota_per_unit"] == 500_000


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [("/v1/files", 404, "application/json"), ("/api/nope", 404, "application/json"), ("/mj/x", 200, "text/html")],
)
async def test_unknown_paths_are_answered_as_the_relay_does(base_url: str, path: str, status: int, kind: str) -> None:
    async with (
        aiohttp.ClientSession(headers={"Authorization": "Bearer sk-a"}) as session,
        session.get(base_url + path) as answered,
    ):
        assert (answered.status, answered.content_type) == (status, kind)


async def test_what_is_no_request_is_refused(base_url: str) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer sk-a"}) as session:
        for data in (b"", b"{broken", b"[]", b'{"model":"gpt-4o","messages":[]}'):
            async with session.post(f"{base_url}/v1/chat/completions", data=data) as answered:
                assert answered.status == 400
                assert (await answered.json())["error"]["code"] == "invalid_text_request"
