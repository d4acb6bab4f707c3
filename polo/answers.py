"""An answer that is coming in, read as events: decides whether it is a stream, one JSON object, or a web page."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable

from polo.dialects.openai_chunks import AnswerReader
from polo.errors import RelayBroke, WireSurprise
from polo.events import Answer, Done, Event, Finish, TextDelta, ThinkingDelta, ToolCall, UsageSeen
from polo.refusals import surprise, web_page
from polo.sse import DataLines, LineTooLong
from polo.transport import Incoming

STREAM_LIMIT = 256 << 20  # bytes of one stream: no answer is that long, but a broken relay may never end
_BLANK = b"\xef\xbb\xbf \t\r\n"


async def batches(incoming: Incoming, *, usage_asked: bool = True) -> AsyncGenerator[list[Event], None]:
    """Yield the events of an answer as they come, a list for each read of the connection; the last holds `Done`.

    The first byte decides: relays answer with JSON where a stream was asked, and the other way round. Raises
    `PoloError`s.
    """
    reader = AnswerReader(
        status=incoming.status, request_id=incoming.request_id, usage_asked=usage_asked, secrets=incoming.secrets
    )
    first = await _first_bytes(incoming)
    if first.lstrip(_BLANK)[:1] in (b"{", b"["):
        yield reader.read_whole((first + await incoming.whole()).lstrip(_BLANK))
        return
    lines = DataLines()
    size = 0
    while first:
        size += len(first)
        if size > STREAM_LIMIT:
            raise RelayBroke(f"a stream of more than {STREAM_LIMIT} bytes", request_id=incoming.request_id)
        if events := _events(lines, reader, first, incoming):
            yield events
        if reader.done:
            yield reader.close()
            await incoming.drain()
            return
        try:
            first = await incoming.read()
        except RelayBroke:
            if not reader.finished:
                raise
            first = b""  # all had been said; only the end of the line is missing
    yield _end(lines, reader, incoming)


async def _first_bytes(incoming: Incoming) -> bytes:
    """Return the beginning up to the first byte that tells what the body is. Raises for a page and for nothing."""
    seen = b""
    while not seen.lstrip(_BLANK):
        if not (data := await incoming.read()):
            raise RelayBroke("an empty answer", status=incoming.status, request_id=incoming.request_id)
        seen = seen[-64:] + data
    if seen.lstrip(_BLANK)[:1] == b"<" or incoming.content_type == "text/html":
        page = seen + await incoming.beginning()
        raise web_page(page, status=incoming.status, request_id=incoming.request_id)
    return seen


def _events(lines: DataLines, reader: AnswerReader, data: bytes, incoming: Incoming) -> list[Event]:
    events: list[Event] = []
    try:
        payloads = lines.feed(data)
    except LineTooLong as error:
        raise WireSurprise(str(error), status=incoming.status, request_id=incoming.request_id) from error
    for payload in payloads:
        events += reader.read(payload)
        if reader.done:
            break
    return events


def _end(lines: DataLines, reader: AnswerReader, incoming: Incoming) -> list[Event]:
    """Return what a stream without [DONE] ends with: a last line without its end, an error without `data:`."""
    events: list[Event] = []
    for payload in lines.close():
        try:
            events += reader.read(payload)
        except WireSurprise:
            break  # cut in the middle of an event: the lack of a finish reason will say so
    if lines.bare:
        try:
            events += reader.read(lines.bare)
        except WireSurprise:
            if not reader.seen:
                raise
    if not reader.seen:
        if lines.bare:
            raise surprise(lines.bare, status=incoming.status, request_id=incoming.request_id)
        raise RelayBroke("a stream without an event", status=incoming.status, request_id=incoming.request_id)
    return events + reader.close()


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
