"""An answer that is coming in, as events: the body's reader driven by the connection."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable

from polo.dialects.openai_body import AnswerBody
from polo.errors import RelayBroke
from polo.events import Answer, Done, Event, Finish, TextDelta, ThinkingDelta, ToolCall, UsageSeen
from polo.transport import Incoming


async def batches(incoming: Incoming, *, usage_asked: bool = True) -> AsyncGenerator[list[Event], None]:
    """Yield the events of an answer as they come, a list for each read of the connection; the last holds `Done`.

    Raises `PoloError`s, after the events that came before.
    """
    body = AnswerBody(
        status=incoming.status,
        content_type=incoming.content_type,
        request_id=incoming.request_id,
        usage_asked=usage_asked,
        secrets=incoming.secrets,
    )
    while data := await _more(incoming, body):
        if events := body.feed(data):
            yield events
        if body.error is not None:
            raise body.error
        if body.done:
            break
    if events := body.end():
        yield events
    if body.error is not None:
        raise body.error
    if body.done:
        await incoming.drain()


async def _more(incoming: Incoming, body: AnswerBody) -> bytes:
    """Return the next bytes; a connection that breaks when all has been said is merely at its end."""
    try:
        return await incoming.read()
    except RelayBroke:
        if not body.finished:
            raise
        return b""


def gathered(events: Iterable[Event]) -> Answer:
    """Return a whole answer made of its events."""
    text: list[str] = []
    thinking: list[str] = []
    calls: list[ToolCall] = []
    usage: UsageSeen | None = None
    done = Done(Finish.CUT, "", "")
    for event in events:
        match event:
            case TextDelta(words):
                text.append(words)
            case ThinkingDelta(words):
                thinking.append(words)
            case ToolCall():
                calls.append(event)
            case UsageSeen():
                usage = event
            case Done():
                done = event
    return Answer("".join(text), "".join(thinking), tuple(calls), usage, done.finish, done.model, done.request_id)
