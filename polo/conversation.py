"""What is said to a model, in our own words: roles, messages made of parts, tools. No vendor's spelling here.

Wire dialects (`polo/dialects/`) turn this into what a route expects.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class TextPart(msgspec.Struct, frozen=True, tag="text"):
    """Words."""

    text: str


class ImagePart(msgspec.Struct, frozen=True, tag="image"):
    """A picture's bytes. Sent inside the request: a link could expire, or hold a bot's token."""

    data: bytes
    media_type: str  # image/png, image/jpeg, image/webp, image/gif


class ToolCallPart(msgspec.Struct, frozen=True, tag="tool_call"):
    """A tool that the model asked for; `arguments` is JSON text as the model wrote it, valid or not."""

    id: str
    name: str
    arguments: str


class ToolResultPart(msgspec.Struct, frozen=True, tag="tool_result"):
    """What a tool answered to the call `call_id`."""

    call_id: str
    text: str


Part = TextPart | ImagePart | ToolCallPart | ToolResultPart


class Message(msgspec.Struct, frozen=True):
    """One turn of one speaker."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """Return the message's words, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))


def said(role: Role, text: str) -> Message:
    """Return a message that is words only."""
    return Message(role, (TextPart(text),))


class Tool(msgspec.Struct, frozen=True):
    """A function that the model may ask for; `parameters` is a JSON schema of type object."""

    name: str
    description: str
    parameters: dict[str, Any]


class ChatRequest(msgspec.Struct, frozen=True):
    """What is asked of a model. `None` means: not sent, the model's own default."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    temperature: float | None = None
    max_tokens: int | None = None
    response_format: dict[str, Any] | None = None
    effort: str | None = None  # none, minimal, low, medium, high: as the model knows them
