"""POST /v1/chat/completions of the stand-in: the wire of an answer, streamed or whole, and its faults."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from aiohttp import web

from polo.standin import faults, words
from polo.standin.refusals import BODY, ID, error, failed
from polo.standin.script import Fail, Hang, Raw, Say

if TYPE_CHECKING:
    from polo.standin.relay import StandIn

_CREATED = 1_752_046_110  # Unix seconds, always the same: answers are deterministic
_EVENT_STREAM = "text/event-stream"
_PRICE_USD = 0.0000004  # a token, so that the balance moves


async def answer(relay: StandIn, request: web.Request) -> web.StreamResponse:
    """Answer a chat request: as scripted, else as a fault header or the text asks, else by rule."""
    body = request[BODY]
    if (refusal := _refusal(relay, request, body)) is not None:
        return refusal
    relay.open_answers += 1
    try:
        return await _answer(relay, request, body)
    except asyncio.CancelledError:
        relay.dropped += 1
        raise
    except ConnectionResetError:
        relay.dropped += 1
        return web.Response()  # nobody reads it; an error would be logged as one of ours
    finally:
        relay.open_answers -= 1


def _refusal(relay: StandIn, request: web.Request, body: Any) -> web.Response | None:
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list) or not body["messages"]:
        return error(request, 400, "field messages is required", code="invalid_text_request")
    if body.get("model") not in relay.models:
        name = body.get("model")
        return error(request, 503, f"分组 default 下模型 {name} 无可用渠道（distributor）", code="model_not_found")
    return None


async def _answer(relay: StandIn, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    fault = request.headers.get("X-Fault", "")
    planned = relay.next_of_script() or faults.by_name(fault) or words.reply(body, natural=relay.natural)
    match planned:
        case Hang():
            await asyncio.Event().wait()
            raise AssertionError("unreachable: nothing sets the event")
        case Fail():
            return failed(request, planned)
        case Raw():
            return await _raw(relay, request, planned)
        case Say():
            return await _said(relay, request, body, planned)


async def _raw(relay: StandIn, request: web.Request, plan: Raw) -> web.StreamResponse:
    response = web.StreamResponse(status=plan.status, headers={"Content-Type": plan.content_type, **plan.headers})
    await response.prepare(request)
    for data in plan.writes:
        async with relay.gate or nullcontext():
            await response.write(data)
    await response.write_eof()
    return response


async def _said(relay: StandIn, request: web.Request, body: dict[str, Any], plan: Say) -> web.StreamResponse:
    usage = _usage(body, plan)
    relay.used += usage["total_tokens"] * _PRICE_USD
    await relay.sleep(plan.delay_s)
    if plan.fault == "reset-early":
        return faults.hang_up(request, web.Response(), reset=True)
    if body.get("stream"):
        return await _streamed(relay, request, body, plan, usage)
    async with relay.gate or nullcontext():
        return web.json_response(_whole(request, body, plan, usage), headers={"X-Oneapi-Request-Id": request[ID]})


async def _streamed(
    relay: StandIn, request: web.Request, body: dict[str, Any], plan: Say, usage: dict[str, Any]
) -> web.StreamResponse:
    headers = {"Content-Type": _EVENT_STREAM, "Cache-Control": "no-cache", "X-Oneapi-Request-Id": request[ID]}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    frame = _frame(request, body)
    for number, delta in enumerate(_deltas(plan)):
        if plan.fault and number == plan.after:
            return await faults.break_off(plan.fault, request, response)
        async with relay.gate or nullcontext():
            await response.write(_event(frame | {"choices": [_choice(delta)]}))
        await relay.sleep(plan.between_s)
    if plan.fault:
        return await faults.break_off(plan.fault, request, response)
    async with relay.gate or nullcontext():
        await response.write(_ending(frame, body, plan, usage))
    await response.write_eof()
    return response


def _ending(frame: dict[str, Any], body: dict[str, Any], plan: Say, usage: dict[str, Any]) -> bytes:
    """Return the last events: why it ended, usage where it was asked for, [DONE]."""
    last = _event(frame | {"choices": [_choice({}, plan.finish)]}) if plan.finish is not None else b""
    if (body.get("stream_options") or {}).get("include_usage"):
        last += _event(frame | {"choices": [], "usage": usage})
    return last + b"data: [DONE]\n\n"


def _deltas(plan: Say) -> Iterator[dict[str, Any]]:
    """Yield what each event says; the first one holds the first words, as some relays do."""
    role = {"role": "assistant"}
    for piece in words.split(plan.thinking, plan.pieces):
        yield role | {"content": None, "reasoning_content": piece}
        role = {}
    for piece in plan.text_pieces():
        yield role | {"content": piece}
        role = {}
    for index, call in enumerate(plan.calls):
        function = {"name": call.name, "arguments": ""}
        yield role | {"tool_calls": [{"index": index, "id": _call_id(index), "type": "function", "function": function}]}
        role = {}
        for piece in words.split(call.arguments, 2):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
    if role:
        yield role | {"content": ""}


def _whole(request: web.Request, body: dict[str, Any], plan: Say, usage: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": plan.text or None, "refusal": None}
    if plan.thinking:
        message["reasoning_content"] = plan.thinking
    if plan.calls:
        message["tool_calls"] = [
            {"id": _call_id(index), "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for index, call in enumerate(plan.calls)
        ]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": plan.finish}
    frame = _frame(request, body) | {"object": "chat.completion"}
    return frame | {"choices": [choice], "usage": usage}


def _frame(request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{request[ID]}",
        "object": "chat.completion.chunk",
        "created": _CREATED,
        "model": body["model"],
        "system_fingerprint": "fp_standin",
    }


def _choice(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _call_id(index: int) -> str:
    return f"call_standin{index}"


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def _usage(body: dict[str, Any], plan: Say) -> dict[str, Any]:
    """Return the tokens: as scripted, else counted as pieces of the answer and quarters of the request's text."""
    thought = len(words.split(plan.thinking, None))
    said = len(words.split(plan.text, None)) + sum(len(words.split(call.arguments, None)) for call in plan.calls)
    prompt, completion = plan.usage or (words.prompt_tokens(body), said + thought)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": thought, "audio_tokens": 0},
    }
