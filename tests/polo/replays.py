"""Recorded answers, and how a body that arrives in pieces is read to its end."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from polo import ChatRequest, Event, PoloError, Role, TextDelta, ThinkingDelta, said
from polo.dialects.openai_body import AnswerBody

DATA = Path(__file__).parent.parent / "data" / "relay"
QUESTION = ChatRequest("gpt-4.1-mini", (said(Role.USER, "Name one moon of Mars."),))


def sample(name: str) -> bytes:
    """Return a recorded body."""
    return (DATA / name).read_bytes()


def streams() -> list[str]:
    """Return the names of all recorded streams."""
    return sorted(str(path.relative_to(DATA)) for path in DATA.rglob("*.sse"))


def read(pieces: Iterable[bytes], *, content_type: str = "text/event-stream") -> tuple[list[Event], PoloError | None]:
    """Return what a body says, neighbouring words joined, and the error it ends with."""
    body = AnswerBody(content_type=content_type)
    events: list[Event] = []
    for piece in pieces:
        events += body.feed(piece)
        if body.error or body.done:
            break
    if body.error is None:
        events += body.end()
    return joined(events), body.error


def joined(events: Iterable[Event]) -> list[Event]:
    """Return the events with neighbouring words of one kind made one: splits may only move the seams."""
    whole: list[Event] = []
    for event in events:
        last = whole[-1] if whole else None
        if isinstance(event, TextDelta) and isinstance(last, TextDelta):
            whole[-1] = TextDelta(last.text + event.text)
        elif isinstance(event, ThinkingDelta) and isinstance(last, ThinkingDelta):
            whole[-1] = ThinkingDelta(last.text + event.text)
        else:
            whole.append(event)
    return whole


def cut(data: bytes, at: Iterable[int]) -> list[bytes]:
    """Return `data` in pieces, cut at these places."""
    places = [0, *sorted(at), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


def event(delta: str) -> bytes:
    """Return a stream's event around the JSON text of a delta."""
    return b'data: {"choices":[{"index":0,"delta":' + re.sub("\n", "", delta).encode() + b"}]}\n\n"


END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
