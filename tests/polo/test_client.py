"""The client against the stand-in: questions, answers, models, balance."""

from __future__ import annotations

import asyncio
import gzip
from contextlib import aclosing
from decimal import Decimal

import pytest

from polo import (
    Balance,
    ChatRequest,
    Done,
    Event,
    Finish,
    ImagePart,
    Message,
    Model,
    ModelMissing,
    Polo,
    PoloError,
    RelaySettings,
    Role,
    TextDelta,
    TextPart,
    Tool,
    ToolCall,
    UsageSeen,
    WireSurprise,
    WrongAddress,
    said,
)
from polo.standin import StandIn
from tests.polo.conftest import Opener
from tests.polo.replays import DATA, QUESTION, event, joined, sample


async def heard(polo: Polo, request: ChatRequest = QUESTION) -> list[Event]:
    """Return a streamed answer's events, words joined."""
    async with aclosing(polo.stream(request)) as events:
        return joined([event async for event in events])


async def heard_until_error(polo: Polo) -> tuple[list[Event], PoloError | None]:
    """Return what a stream said before it failed, and how it did."""
    events: list[Event] = []
    async with aclosing(polo.stream(QUESTION)) as coming:
        try:
            async for event in coming:
                events.append(event)  # noqa: PERF401  (an error must not take along what came before it)
        except PoloError as error:
            return joined(events), error
    return joined(events), None


async def test_a_streamed_answer_ends_with_usage_and_done(polo: Polo, relay: StandIn) -> None:
    relay.will_say("Phobos. 火卫一。", usage=(13, 4))

    assert await heard(polo) == [
        TextDelta("Phobos. 火卫一。"),
        UsageSeen(13, 4),
        Done(Finish.STOP, "gpt-4.1-mini", "standin00000001"),
    ]


async def test_a_streamed_answer_arrives_piece_by_piece(polo: Polo, relay: StandIn) -> None:
    gate = relay.hold()
    relay.will_say("one two", pieces=2)

    async with aclosing(polo.stream(QUESTION)) as events:
        first, _ = await asyncio.gather(anext(events), gate.release(1))
        assert first == TextDelta("one ")
        second, _ = await asyncio.gather(anext(events), gate.release(1))
        assert second == TextDelta("two")


async def test_a_whole_answer_says_the_same(polo: Polo, relay: StandIn) -> None:
    relay.will_say("Phobos.", thinking="Two moons.", usage=(13, 4))

    answer = await polo.chat(QUESTION)

    assert (answer.text, answer.thinking) == ("Phobos.", "Two moons.")
    assert answer.finish is Finish.STOP
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 13
    assert answer.request_id == "standin00000001"
    assert "stream" not in relay.chats[0]


async def test_tools_are_offered_called_and_answered(polo: Polo, relay: StandIn) -> None:
    tool = Tool("get_weather", "Weather", {"type": "object", "properties": {"city": {"type": "string"}}})
    request = ChatRequest("gpt-4.1-mini", (said(Role.USER, "standin: call get_weather"),), tools=(tool,))

    streamed = await heard(polo, request)
    whole = await polo.chat(request)

    call = ToolCall("call_standin0", "get_weather", '{"city": "stand-in"}')
    assert streamed[0] == call
    assert isinstance(streamed[-1], Done)
    assert streamed[-1].finish is Finish.TOOL_CALLS
    assert whole.tool_calls == (call,)


async def test_pictures_reach_the_relay(polo: Polo) -> None:
    red = (DATA / "media" / "red-8x8.png").read_bytes()
    heavy = red + bytes(300_000)  # written in a thread
    parts = (TextPart("What is this?"), ImagePart(red, "image/png"), ImagePart(heavy, "image/png"))

    answer = await polo.chat(ChatRequest("gpt-4o", (Message(Role.USER, parts),)))

    assert f"image/png, {len(red)} bytes, 8×8 pixels" in answer.text
    assert f"image/png, {len(heavy)} bytes, 8×8 pixels" in answer.text


async def test_the_key_and_nothing_of_the_environment_is_sent(
    opened: Opener, relay: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    polo = await opened("sk-mine")

    await polo.models()

    headers = relay.received[0].headers
    assert headers["authorization"] == "Bearer ***"
    assert relay.received[0].key_ending == "ne"
    assert "cookie" not in headers


async def test_a_proxy_is_used(relay: StandIn, base_url: str) -> None:
    # The stand-in takes the absolute address that a proxy is sent.
    settings = RelaySettings("http://relay.invalid", ("sk-a",), proxy=base_url)
    async with Polo.open(settings) as polo:
        assert "gpt-4.1-mini" in {model.id for model in await polo.models()}

    assert relay.received[0].headers["host"] == "relay.invalid"


async def test_models_come_by_name_with_what_is_known_of_them(polo: Polo, relay: StandIn) -> None:
    relay.models[:] = ["o4-mini", "claude-sonnet-4-20250514"]

    assert await polo.models() == (
        Model("claude-sonnet-4-20250514", "claude", ("anthropic", "openai")),
        Model("o4-mini", "openai", ("openai",)),
    )


async def test_the_balance_is_exact(polo: Polo, relay: StandIn) -> None:
    relay.granted, relay.used = 25.5, 3.124

    assert await polo.balance() == Balance(Decimal("25.5"), Decimal("3.124"), Decimal("22.376"))


async def test_a_key_without_limit_has_no_remainder(polo: Polo, relay: StandIn) -> None:
    relay.granted, relay.used = 100_000_000, 1.5

    assert await polo.balance() == Balance(None, Decimal("1.5"), None)


async def test_a_missing_model_is_named_as_such_and_asked_for_once(polo: Polo, relay: StandIn) -> None:
    with pytest.raises(ModelMissing) as caught:
        await polo.chat(ChatRequest("gpt-9-nope", QUESTION.messages))

    assert caught.value.request_id == "standin00000001"
    assert len(relay.chats) == 1


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/", "/v1/chat/completions"])
async def test_every_form_of_the_base_url_works(opened: Opener, base_url: str, suffix: str) -> None:
    polo = await opened(base_url=base_url + suffix)

    assert await polo.models()
    assert (await polo.chat(QUESTION)).text
    assert polo.address.root == base_url


async def test_a_path_outside_the_relay_is_a_wrong_address(opened: Opener, base_url: str) -> None:
    polo = await opened(base_url=base_url + "/elsewhere")

    for asking in (polo.models, polo.balance, lambda: polo.chat(QUESTION)):
        with pytest.raises(WrongAddress):
            await asking()


async def test_a_redirect_is_a_wrong_address_and_the_key_does_not_follow_it(polo: Polo, relay: StandIn) -> None:
    relay.will_fail(302, b"", {"Location": "/v1/models"})

    with pytest.raises(WrongAddress):
        await polo.chat(QUESTION)

    assert len(relay.received) == 1


async def test_a_server_without_keys_is_asked_without_one(opened: Opener, relay: StandIn) -> None:
    polo = await opened("")

    with pytest.raises(PoloError) as caught:
        await polo.models()

    assert "authorization" not in relay.received[0].headers
    assert caught.value.status == 401


async def test_gzip_is_understood_streamed_and_whole(polo: Polo, relay: StandIn) -> None:
    stream = gzip.compress(sample("openai/chat_text.stream.sse"))
    whole = gzip.compress(sample("openai/chat_text.response.json"))
    headers = {"Content-Encoding": "gzip"}
    relay.will_send(stream[:40], stream[40:], headers=headers)
    relay.will_send(whole, content_type="application/json", headers=headers)

    assert (await heard(polo))[0] == TextDelta("Phobos.")
    assert (await polo.chat(QUESTION)).text == "Phobos."


async def test_each_answers_with_what_the_other_was_asked_for(polo: Polo, relay: StandIn) -> None:
    relay.will_send(sample("openai/chat_text.response.json"), content_type="application/json")
    relay.will_send(sample("openai/chat_text.stream.sse"))

    assert (await heard(polo))[0] == TextDelta("Phobos.")
    assert (await polo.chat(QUESTION)).text == "Phobos."


async def test_content_types_may_be_wrong(polo: Polo, relay: StandIn) -> None:
    relay.will_send(sample("openai/chat_text.stream.sse"), content_type="text/plain")
    relay.will_send(sample("openai/chat_text.response.json"), content_type="text/event-stream")

    assert (await heard(polo))[0] == TextDelta("Phobos.")
    assert (await polo.chat(QUESTION)).text == "Phobos."


async def test_a_done_without_a_reason_is_whole_only_where_usage_could_not_be_asked(polo: Polo, relay: StandIn) -> None:
    without_reason = event('{"content":"Phobos."}') + b"data: [DONE]\n\n"
    unsupported = {"error": {"message": "no", "code": "unsupported_parameter", "param": "stream_options"}}
    relay.will_send(without_reason)
    relay.will_fail(400, unsupported)
    relay.will_send(without_reason)

    cut, whole = await heard(polo), await heard(polo)

    assert isinstance(cut[-1], Done)
    assert cut[-1].finish is Finish.CUT
    assert isinstance(whole[-1], Done)
    assert whole[-1].finish is Finish.STOP
    assert "stream_options" not in relay.chats[2]


async def test_an_answer_that_is_no_answer_is_a_surprise(polo: Polo, relay: StandIn) -> None:
    for body in (b'{"object":"list","data":[]}', b"[]", b'{"choices":[{"message":{"con'):
        relay.will_send(body, content_type="application/json")
        with pytest.raises(WireSurprise) as caught:
            await polo.chat(QUESTION)
        assert caught.value.said == body.decode()
        assert caught.value.may_have_cost


async def test_connections_are_used_again(polo: Polo, relay: StandIn) -> None:
    for _ in range(3):
        await heard(polo)
        await polo.chat(QUESTION)

    assert len(relay.received) == 6
    assert len({seen.peer for seen in relay.received}) == 1
