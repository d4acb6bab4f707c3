"""The dialect of /v1/chat/completions: how a request is written, and how a whole answer is read."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from polo.conversation import ChatRequest, ImagePart, Message, Role, TextPart, ToolCallPart, ToolResultPart

# These name the cap of an answer's length otherwise.
_NEW_CAP = re.compile(r"(?:^|/)(?:o\d|gpt-[5-9])")
# Without these a request would be another one.
_ESSENTIAL = frozenset(("model", "messages", "stream"))

Body = dict[str, Any]


def request_body(request: ChatRequest, *, stream: bool) -> Body:
    """Return the JSON object to be sent.

    System messages are joined into one at the front: through some channels only the last one, or none that is not
    first, reaches the model. Takes time in proportion to the pictures: they become base64.
    """
    body: Body = {"model": request.model, "messages": _messages(request.messages)}
    if stream:
        # Without include_usage some relays swallow the last event, see openai.md 1.2.
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
            }
            for tool in request.tools
        ]
    cap = "max_completion_tokens" if _NEW_CAP.search(request.model) else "max_tokens"
    optional = {
        "temperature": request.temperature,
        cap: request.max_tokens,
        "response_format": request.response_format,
        "reasoning_effort": request.effort,
    }
    return body | {name: value for name, value in optional.items() if value is not None}


def encode(body: Body) -> bytes:
    """Return the body as JSON; halves of surrogate pairs, which no JSON can carry, become U+FFFD."""
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:
        return msgspec.json.encode(_mended(body))


def without(body: Body, param: str) -> Body | None:
    """Return the body without the field that the relay does not support; None if it cannot do without.

    The cap of the answer's length is renamed instead: it limits what an answer may cost.
    """
    name = re.split(r"[.\[]", param, maxsplit=1)[0]
    if name not in body or name in _ESSENTIAL:
        return None
    rest = {key: value for key, value in body.items() if key != name}
    if name == "max_tokens":
        rest["max_completion_tokens"] = body[name]
    return rest


def weight(request: ChatRequest) -> int:
    """Return how many bytes of pictures a request carries: whether writing it is work for a thread."""
    return sum(len(part.data) for message in request.messages for part in message.parts if isinstance(part, ImagePart))


def _messages(messages: Iterable[Message]) -> list[Body]:
    system: list[str] = []
    written: list[Body] = []
    for message in messages:
        if message.role is Role.SYSTEM:
            system.append(message.text)
            continue
        written += [
            {"role": "tool", "tool_call_id": part.call_id, "content": part.text}
            for part in message.parts
            if isinstance(part, ToolResultPart)
        ]
        if message.role is Role.ASSISTANT:
            written += _assistant(message)
        elif any(isinstance(part, TextPart | ImagePart) for part in message.parts):
            written.append({"role": "user", "content": _content(message)})
    joined = "\n\n".join(text for text in system if text)
    return ([{"role": "system", "content": joined}] if joined else []) + written


def _assistant(message: Message) -> list[Body]:
    calls = [part for part in message.parts if isinstance(part, ToolCallPart)]
    if not calls:
        return [{"role": "assistant", "content": message.text}] if message.text else []
    return [
        {
            "role": "assistant",
            "content": message.text or None,
            "tool_calls": [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": _object_text(call.arguments)},
                }
                for call in calls
            ],
        }
    ]


def _object_text(arguments: str) -> str:
    """Return `arguments` if they are a JSON object, else {}: relays drop a call with others, orphaning its result."""
    try:
        msgspec.json.decode(arguments, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeEncodeError):
        return "{}"
    return arguments


def _content(message: Message) -> str | list[Body]:
    """Return plain text where that is all there is: every server understands it."""
    if not any(isinstance(part, ImagePart) for part in message.parts):
        return message.text
    parts: list[Body] = []
    for part in message.parts:
        if isinstance(part, TextPart):
            parts.append({"type": "text", "text": part.text})
        elif isinstance(part, ImagePart):
            data = base64.b64encode(part.data).decode("ascii")
            parts.append(
                {"type": "image_url", "image_url": {"url": f"data:{part.media_type};base64,{data}", "detail": "auto"}}
            )
    return parts


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    return [_mended(item) for item in value] if isinstance(value, list | tuple) else value
