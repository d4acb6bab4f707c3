"""What a model's answer is made of, whichever route it came by: a few typed events, or the whole of them.

The order of a stream: text and thinking as they come, then tool calls, then usage where the relay names it,
then `Done`, always last.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec


class TextDelta(msgspec.Struct, frozen=True, gc=False):
    """The next words of the answer; never empty."""

    text: str


class ThinkingDelta(msgspec.Struct, frozen=True, gc=False):
    """The next words of the model's thinking: no part of the answer, nor of the memory."""

    text: str


class ToolCall(msgspec.Struct, frozen=True, gc=False):
    """A whole tool call; `arguments` is JSON text as the model wrote it: "" means {}, and it may be invalid."""

    id: str
    name: str
    arguments: str


class UsageSeen(msgspec.Struct, frozen=True, gc=False):
    """Tokens billed for the whole answer. Cached ones are part of the prompt, reasoning ones of the completion."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0


class Finish(StrEnum):
    """Why an answer ended."""

    STOP = "stop"
    LENGTH = "length"
    REFUSED = "refused"
    TOOL_CALLS = "tool_calls"
    CUT = "cut"  # the stream ended without saying why: what came is a fragment


class Done(msgspec.Struct, frozen=True, gc=False):
    """The end of an answer. `request_id` is the relay's name of the call ("": it gave none)."""

    finish: Finish
    model: str  # as the relay says it; "" where it does not
    request_id: str


Event = TextDelta | ThinkingDelta | ToolCall | UsageSeen | Done


class Answer(msgspec.Struct, frozen=True):
    """A whole answer. `usage` None: the relay did not say."""

    text: str
    thinking: str
    tool_calls: tuple[ToolCall, ...]
    usage: UsageSeen | None
    finish: Finish
    model: str
    request_id: str


class Model(msgspec.Struct, frozen=True):
    """A model that the key may use. `endpoints` as the relay names them (openai, anthropic, ...); old ones do not."""

    id: str
    owned_by: str
    endpoints: tuple[str, ...] = ()


class Balance(msgspec.Struct, frozen=True):
    """The key's account in the operator's unit (USD, CNY or quota: the relay does not say which).

    `granted` and `remaining` are None where the key is unlimited.
    """

    granted: Decimal | None
    used: Decimal
    remaining: Decimal | None
