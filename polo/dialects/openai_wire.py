"""The wire types of /v1/chat/completions answers, no larger than what matters, and how loose JSON becomes them."""

from __future__ import annotations

import json
from typing import Any

import msgspec


class Function(msgspec.Struct, gc=False):
    """The name and (a piece of) the arguments of a tool call."""

    name: str | None = None
    arguments: str | None = None


class ToolDelta(msgspec.Struct):
    """A piece of a tool call."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None


class Delta(msgspec.Struct):
    """What a piece of an answer, or a whole one, says."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[ToolDelta] | None = None


class Choice(msgspec.Struct):
    """The one answer that was asked for."""

    delta: Delta | None = None
    finish_reason: str | None = None
    message: Delta | None = None


class PromptDetails(msgspec.Struct, gc=False):
    """What is known of the prompt's tokens."""

    cached_tokens: int | None = None


class CompletionDetails(msgspec.Struct, gc=False):
    """What is known of the completion's tokens."""

    reasoning_tokens: int | None = None


class Usage(msgspec.Struct):
    """Tokens billed so far; some relays use the names of /v1/responses."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None


class Chunk(msgspec.Struct):
    """One event of a stream, or a whole answer."""

    choices: list[Choice] | None = None
    usage: Usage | None = None
    model: str | None = None
    error: Any = None


TEXTS = ("content", "reasoning_content", "reasoning", "refusal")  # the fields of Delta that are text


def leniently(payload: bytes) -> Chunk | None:
    """Return what can be understood of an event whose types or characters are not the usual ones.

    Halves of surrogate pairs stay as they are: the other half may come in the next event. None: no JSON object.
    """
    try:
        data = json.loads(_text_of(payload), strict=False)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    choices, usage = data.get("choices"), data.get("usage")
    return Chunk(
        choices=[_choice(item) for item in choices if isinstance(item, dict)] if isinstance(choices, list) else None,
        usage=_usage(usage) if isinstance(usage, dict) else None,
        model=_string(data.get("model")),
        error=data.get("error"),
    )


def _text_of(payload: bytes) -> str:
    try:
        return payload.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return payload.decode("utf-8", "replace")


def _choice(item: dict[str, Any]) -> Choice:
    delta, message = item.get("delta"), item.get("message")
    return Choice(
        delta=_delta(delta) if isinstance(delta, dict) else None,
        finish_reason=_string(item.get("finish_reason")),
        message=_delta(message) if isinstance(message, dict) else None,
    )


def _delta(item: dict[str, Any]) -> Delta:
    calls = item.get("tool_calls")
    texts = {name: _string(item.get(name)) for name in TEXTS}
    return Delta(
        **texts, tool_calls=[_call(c) for c in calls if isinstance(c, dict)] if isinstance(calls, list) else None
    )


def _call(item: dict[str, Any]) -> ToolDelta:
    function = item.get("function")
    index = item.get("index")
    if not isinstance(function, dict):
        function = {}
    arguments = function.get("arguments")
    if isinstance(arguments, dict):  # Ollama's own form
        arguments = json.dumps(arguments)
    return ToolDelta(
        index=_whole_number(index),
        id=_string(item.get("id")),
        function=Function(name=_string(function.get("name")), arguments=_string(arguments)),
    )


def _usage(item: dict[str, Any]) -> Usage:
    prompt, completion = item.get("prompt_tokens_details"), item.get("completion_tokens_details")
    counts = ("prompt_tokens", "completion_tokens", "input_tokens", "output_tokens")
    return Usage(
        **{name: _whole_number(item.get(name)) for name in counts},
        prompt_tokens_details=PromptDetails(_whole_number(prompt.get("cached_tokens")))
        if isinstance(prompt, dict)
        else None,
        completion_tokens_details=CompletionDetails(_whole_number(completion.get("reasoning_tokens")))
        if isinstance(completion, dict)
        else None,
    )


def _string(value: object) -> str | None:
    """Return text: as it is, joined from content parts, or written from a number; None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(part["text"] for part in value if isinstance(part, dict) and isinstance(part.get("text"), str))
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole_number(value: object) -> int | None:
    """Return a count that may have come as text or with a fraction; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return int(float(value))
    except (ValueError, OverflowError):
        return None
