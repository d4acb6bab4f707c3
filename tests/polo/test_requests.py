"""How a request is written on the wire of /v1/chat/completions."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from polo import ChatRequest, ImagePart, Message, Role, TextPart, Tool, ToolCallPart, ToolResultPart, said
from polo.dialects.openai_chat import encode, request_body, without
from polo.transport import Call
from tests.polo.replays import sample

WEATHER = Tool("get_weather", "Current weather for a city", {"type": "object", "properties": {}})


def body_of(*messages: Message, stream: bool = False, model: str = "gpt-4.1-mini", **more: Any) -> dict[str, Any]:
    """Return what is sent, as the relay reads it."""
    written: dict[str, Any] = json.loads(encode(request_body(ChatRequest(model, messages, **more), stream=stream)))
    return written


def test_a_plain_question_is_a_plain_request() -> None:
    assert body_of(said(Role.USER, "Hello!")) == {
        "model": "gpt-4.1-mini",
        "messages": [{"role": "user", "content": "Hello!"}],
    }


def test_a_stream_asks_for_its_usage() -> None:
    body = body_of(said(Role.USER, "Hello!"), stream=True)

    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True}


def test_system_messages_become_one_at_the_front() -> None:
    body = body_of(said(Role.SYSTEM, "Be short."), said(Role.USER, "Hi"), said(Role.SYSTEM, "Be kind."))

    assert body["messages"] == [
        {"role": "system", "content": "Be short.\n\nBe kind."},
        {"role": "user", "content": "Hi"},
    ]


def test_a_picture_goes_as_a_data_url() -> None:
    message = Message(Role.USER, (TextPart("What is this?"), ImagePart(b"\x89PNG", "image/png")))

    [sent] = body_of(message)["messages"]

    assert sent["content"] == [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw==", "detail": "auto"}},
    ]


def test_a_tool_conversation_is_written_as_recorded() -> None:
    recorded = json.loads(sample("openai/chat_tools.followup.request.json"))
    calls = [
        ToolCallPart("call_oslo7Qd", "get_weather", '{"city":"Oslo","unit":"c"}'),
        ToolCallPart("call_rome2Xk", "get_weather", '{"city":"Rome","unit":"c"}'),
    ]
    results = [ToolResultPart("call_oslo7Qd", '{"temp":11}'), ToolResultPart("call_rome2Xk", '{"temp":24}')]

    body = body_of(
        said(Role.USER, "Weather in Oslo and Rome, Celsius?"),
        Message(Role.ASSISTANT, tuple(calls)),
        Message(Role.TOOL, tuple(results)),
        tools=(WEATHER,),
    )

    assert body["messages"] == recorded["messages"]
    assert body["tools"][0]["function"]["name"] == "get_weather"


def test_arguments_that_are_no_object_are_sent_as_an_empty_one() -> None:
    for arguments in ("", "[1]", "{broken", "7", "\ud83d"):
        message = Message(Role.ASSISTANT, (ToolCallPart("c1", "f", arguments),))
        [sent] = body_of(message)["messages"]
        assert sent["tool_calls"][0]["function"]["arguments"] == "{}", arguments


def test_an_assistant_that_said_nothing_is_left_out() -> None:
    assert body_of(said(Role.ASSISTANT, ""), said(Role.USER, "Hi"))["messages"] == [{"role": "user", "content": "Hi"}]


def test_only_what_was_set_is_sent() -> None:
    body = body_of(
        said(Role.USER, "Hi"), temperature=0.0, max_tokens=9, response_format={"type": "json_object"}, effort="low"
    )

    assert body["temperature"] == 0.0
    assert body["max_tokens"] == 9
    assert body["response_format"] == {"type": "json_object"}
    assert body["reasoning_effort"] == "low"


def test_newer_models_have_their_own_name_for_the_cap() -> None:
    for model in ("o4-mini", "gpt-5", "gpt-5.1-chat", "openai/o3"):
        body = body_of(said(Role.USER, "Hi"), model=model, max_tokens=9)
        assert body["max_completion_tokens"] == 9
        assert "max_tokens" not in body
    assert body_of(said(Role.USER, "Hi"), model="gpt-4o", max_tokens=9)["max_tokens"] == 9


def test_a_field_can_be_left_out_but_not_what_is_asked() -> None:
    body = request_body(ChatRequest("m", (said(Role.USER, "Hi"),), temperature=1.0, max_tokens=9), stream=True)

    assert without(body, "temperature") == {name: body[name] for name in body if name != "temperature"}
    assert "stream_options" not in (without(body, "stream_options.include_usage") or {})
    assert (without(body, "max_tokens") or {})["max_completion_tokens"] == 9
    assert without(body, "messages[0].content") is None
    assert without(body, "top_p") is None


@given(st.text(alphabet=st.characters(), max_size=60))
def test_any_text_is_sent_and_half_surrogates_become_replacement_characters(text: str) -> None:
    [sent] = body_of(said(Role.USER, text + "\ud83d x \ude00"))["messages"]

    assert sent["content"].endswith("� x �")
    assert len(sent["content"]) <= len(text) + 5


def test_a_pair_in_two_halves_is_sent_as_one_character() -> None:
    [sent] = body_of(said(Role.USER, "\ud83d\ude00"))["messages"]

    assert sent["content"] == "😀"


def test_a_large_request_may_take_longer_to_go_out() -> None:
    small, large = (Call("POST", "https://relay.example", 120, bytes(size)) for size in (0, 10 << 20))

    assert small.patience_s == 120
    assert large.patience_s == 200
