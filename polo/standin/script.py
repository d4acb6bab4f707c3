"""What a test tells the stand-in to do next, and what the stand-in tells a test that it was asked."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

# A gate's own waits are bounded, so that a test fails rather than hangs.
_GATE_S = 5.0
# About what a model's tokens are: a word with the space before it, or two characters of a script without spaces.
_TOKEN = re.compile(
    r"\s*[\u2e80-\u9fff\uac00-\ud7af\uff00-\uffef]{1,2}|\s*[^\s\u2e80-\u9fff\uac00-\ud7af\uff00-\uffef]{1,8}|\s+"
)


@dataclass(frozen=True, slots=True)
class Received:
    """One request that came in. The key is redacted; `key_ending` is its last two characters."""

    method: str
    path: str
    body: Any  # decoded JSON, None where there was none
    headers: dict[str, str] = field(repr=False)  # names in lower case
    key_ending: str = ""
    peer: tuple[str, int] = ("", 0)  # whose connection it came by


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call that the stand-in makes; `arguments` is JSON text."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Say:
    """One answer. Seconds for the delays; `pieces` None: as a model's tokens come."""

    text: str = ""
    thinking: str = ""
    calls: tuple[Call, ...] = ()
    pieces: int | None = None
    delay_s: float = 0
    between_s: float = 0
    finish: str | None = "stop"
    usage: tuple[int, int] | None = None  # prompt and completion tokens; None: counted
    fault: str = ""  # how it breaks, see `faults`
    after: int = 0  # pieces, then it breaks

    def text_pieces(self) -> list[str]:
        """Return the text in the pieces in which it is streamed."""
        return split(self.text, self.pieces)


@dataclass(frozen=True, slots=True)
class Fail:
    """A refusal: a status and a body (bytes and text as they are, anything else as JSON)."""

    status: int
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer's body word for word, in the given writes: for the relay's recorded streams."""

    writes: Sequence[bytes]
    content_type: str = "text/event-stream"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Hang:
    """No answer at all."""


Next = Say | Fail | Raw | Hang


def split(text: str, pieces: int | None) -> list[str]:
    """Return `text` in `pieces` nearly equal parts, or (None) in parts about as large as tokens."""
    if pieces is None:
        return _TOKEN.findall(text)
    size = max(1, -(-len(text) // max(1, pieces)))
    return [text[at : at + size] for at in range(0, len(text), size)]


class Gate:
    """Holds back the pieces of every answer until the test lets some, or all, through."""

    def __init__(self) -> None:
        self._allowed = 0
        self._passed = 0
        self._waiting = 0
        self._opened = False
        self._changed = asyncio.Condition()

    async def release(self, pieces: int = 1) -> None:
        """Let `pieces` more pieces through, of whichever answer waits; return when they are written.

        Raises `TimeoutError` when nothing asks for them within 5 s.
        """
        async with asyncio.timeout(_GATE_S), self._changed:
            self._allowed += pieces
            target = self._allowed
            self._changed.notify_all()
            await self._changed.wait_for(lambda: self._passed >= target)

    async def open(self) -> None:
        """Let everything through from now on."""
        async with self._changed:
            self._opened = True
            self._changed.notify_all()

    async def waiting(self, answers: int = 1) -> None:
        """Return when `answers` answers stand before the gate. Raises `TimeoutError` after 5 s."""
        async with asyncio.timeout(_GATE_S), self._changed:
            await self._changed.wait_for(lambda: self._waiting >= answers)

    async def __aenter__(self) -> None:
        """Wait for leave to write one piece; used by the stand-in around each write."""
        async with self._changed:
            self._waiting += 1
            self._changed.notify_all()
            try:
                await self._changed.wait_for(lambda: self._opened or self._allowed > 0)
                self._allowed -= 0 if self._opened else 1
            finally:
                self._waiting -= 1

    async def __aexit__(self, *_: object) -> None:
        """Note that the piece is written."""
        async with self._changed:
            self._passed += 1
            self._changed.notify_all()
