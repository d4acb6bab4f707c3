"""The official openai SDK, written by others, uses the stand-in as it would the relay, and is satisfied."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionToolParam

from polo.standin import StandIn

WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture
async def sdk(base_url: str) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(
        api_key="sk-witness", base_url=f"{base_url}/v1", max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


def asks(text: str) -> dict[str, Any]:
    return {"model": "gpt-4.1-mini", "messages": [{"role": "user", "content": text}]}


async def test_a_chat_is_understood(sdk: AsyncOpenAI) -> None:
    answer = await sdk.chat.completions.create(**asks("My name is Ada"))

    assert "stand-in" in (answer.choices[0].message.content or "")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


async def test_a_stream_is_understood(sdk: AsyncOpenAI, relay: StandIn) -> None:
    relay.will_say("Phobos. 火卫一。", pieces=4)

    chunks = [chunk async for chunk in await sdk.chat.completions.create(**asks("Hi"), stream=True)]

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Phobos. 火卫一。"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks)


async def test_a_stream_with_usage_ends_with_it(sdk: AsyncOpenAI) -> None:
    question = asks("Hi") | {"stream_options": {"include_usage": True}}

    chunks = [chunk async for chunk in await sdk.chat.completions.create(**question, stream=True)]

    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0


async def test_the_streaming_helper_gathers_what_was_said(sdk: AsyncOpenAI, relay: StandIn) -> None:
    relay.will_say("Phobos.", thinking="Two moons.", pieces=3)

    async with sdk.chat.completions.stream(**asks("Hi")) as stream:
        final = await stream.get_final_completion()

    assert final.choices[0].message.content == "Phobos."


@pytest.mark.parametrize("streamed", [False, True])
async def test_tools_are_called_and_their_results_taken(sdk: AsyncOpenAI, streamed: bool) -> None:
    question = asks("standin: call get_weather")
    if streamed:
        async with sdk.chat.completions.stream(**question, tools=[WEATHER]) as stream:
            message = (await stream.get_final_completion()).choices[0].message
    else:
        message = (await sdk.chat.completions.create(**question, tools=[WEATHER])).choices[0].message

    assert message.tool_calls is not None
    [call] = message.tool_calls
    assert call.type == "function"
    assert json.loads(call.function.arguments) == {"city": "stand-in"}

    question["messages"] += [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.function.name, "arguments": call.function.arguments},
                }
            ],
        },
        {"role": "tool", "tool_call_id": call.id, "content": '{"temp": 11}'},
    ]
    answer = await sdk.chat.completions.create(**question, tools=[WEATHER])
    assert '{"temp": 11}' in (answer.choices[0].message.content or "")


async def test_structured_output_fits_its_schema(sdk: AsyncOpenAI) -> None:
    schema = {"type": "object", "properties": {"moons": {"type": "array", "items": {"type": "string"}}}}
    wanted: dict[str, Any] = {
        "response_format": {"type": "json_schema", "json_schema": {"name": "moons", "schema": schema}}
    }

    answer = await sdk.chat.completions.create(**asks("Moons as JSON"), **wanted)

    assert json.loads(answer.choices[0].message.content or "") == {"moons": ["stand-in"]}


async def test_pictures_are_seen(sdk: AsyncOpenAI) -> None:
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/gif;base64,R0lGODlhAQACAAAAACw="}},
    ]

    question: dict[str, Any] = {"model": "gpt-4o", "messages": [{"role": "user", "content": content}]}
    answer = await sdk.chat.completions.create(**question)

    assert "image/gif, 14 bytes, 1×2 pixels" in (answer.choices[0].message.content or "")


async def test_models_are_listed_and_looked_up(sdk: AsyncOpenAI) -> None:
    listed = [model.id async for model in sdk.models.list()]

    assert {"gpt-4.1-mini", "claude-sonnet-4-20250514", "gemini-2.5-flash"} <= set(listed)
    assert (await sdk.models.retrieve("gpt-4o")).owned_by == "openai"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
async def test_refusals_are_understood(sdk: AsyncOpenAI, status: int, kind: type[openai.APIStatusError]) -> None:
    with pytest.raises(kind) as caught:
        await sdk.chat.completions.create(**asks(f"standin: error {status}"))

    assert caught.value.status_code == status
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["message"].endswith("(request id: standin00000001)")


async def test_a_wrong_key_is_refused(base_url: str) -> None:
    async with AsyncOpenAI(api_key="pk-wrong", base_url=f"{base_url}/v1", max_retries=0) as wrong:
        with pytest.raises(openai.AuthenticationError):
            await wrong.models.list()


async def test_an_error_in_a_stream_is_raised(sdk: AsyncOpenAI) -> None:
    stream = await sdk.chat.completions.create(**asks("Hi"), stream=True, extra_headers={"x-fault": "error-object-1"})

    with pytest.raises(openai.APIError):
        [chunk async for chunk in stream]


async def test_a_model_that_is_not_offered_is_refused(sdk: AsyncOpenAI) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        await sdk.chat.completions.create(model="gpt-9-nope", messages=[{"role": "user", "content": "Hi"}])

    assert caught.value.code == "model_not_found"
