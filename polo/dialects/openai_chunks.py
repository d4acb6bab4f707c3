"""The answers of /v1/chat/completions as our events: the reader of a stream, which reads a whole answer too.

The hot path of the house: one call a token. Plain events are decoded by msgspec into the smallest types that hold
what matters; what those refuse (numbers as text, parts instead of a string, half surrogates) takes a slower path.
"""

from __future__ import annotations

import msgspec

from polo.dialects.openai_wire import TEXTS, Chunk, Delta, ToolDelta, Usage, leniently
from polo.events import Done, Event, Finish, TextDelta, ThinkingDelta, ToolCall, UsageSeen
from polo.refusals import complaint_in, refused, surprise
from polo.thinking import Piece, ThinkingSplitter

_decode = msgspec.json.Decoder(Chunk).decode
_LOST = "\ufffd"
_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_FINISHES = {
    "stop": Finish.STOP,
    "end_turn": Finish.STOP,
    "length": Finish.LENGTH,
    "max_tokens": Finish.LENGTH,
    "content_filter": Finish.REFUSED,
    "refusal": Finish.REFUSED,
    "tool_calls": Finish.TOOL_CALLS,
    "tool_use": Finish.TOOL_CALLS,
    "function_call": Finish.TOOL_CALLS,
}


class AnswerReader:
    """The reader of one answer. Feed it payloads, then `close` it once.

    `usage_asked`: whether include_usage was sent; without it some relays swallow the event that says why the
    answer ended, and [DONE] has to do.
    """

    def __init__(
        self,
        *,
        status: int = 200,
        request_id: str = "",
        usage_asked: bool = True,
        secrets: tuple[str, ...] = (),
    ) -> None:
        self._status = status
        self._request_id = request_id
        self._usage_asked = usage_asked
        self._secrets = secrets
        self._splitter = ThinkingSplitter()
        self._calls = ToolCalls()
        self._halves: dict[str, str] = {}  # of surrogate pairs, by the field they belong to
        self._odd = False  # this event may hold halves
        self._usage: Usage | None = None
        self._model = ""
        self._finish = ""
        self._refused = False
        self._begun = False  # something was said
        self.seen = False  # any event at all
        self.done = False  # [DONE] came

    @property
    def finished(self) -> bool:
        """Tell whether the answer is whole: a reason for its end was given."""
        return bool(self._finish)

    def read(self, payload: bytes) -> list[Event]:
        """Return the events that one payload holds. Raises a `PoloError` for a complaint or for noise."""
        try:
            chunk = _decode(payload)
        except _UNDECODABLE:
            return self._read_sloppily(payload)
        if chunk.error or (chunk.choices is None and chunk.usage is None):
            self._complain(payload)
        return self._take(chunk)

    def read_whole(self, body: bytes) -> list[Event]:
        """Return the events of an answer that came as one JSON object, `Done` included."""
        events = self.read(body)
        if not self.seen:
            self._complain(body)  # Google's form is an array around the error
            raise surprise(body, status=self._status, request_id=self._request_id, secrets=self._secrets)
        self._finish = self._finish or "stop"  # it is whole, whether it says so or not
        return events + self.close()

    def close(self) -> list[Event]:
        """Return what was held back, whole tool calls, usage, and `Done`."""
        events: list[Event] = []
        if self._halves:
            lost = Delta()
            for name in self._halves.keys() & set(TEXTS):
                setattr(lost, name, _LOST)
            self._halves.clear()
            self._say(lost, events)
        _add(self._splitter.close(), events)
        calls = self._calls.whole()
        events += calls
        if self._usage is not None:
            events.append(_usage_seen(self._usage))
        events.append(Done(self._end(bool(calls)), self._model, self._request_id))
        return events

    def _take(self, chunk: Chunk) -> list[Event]:
        events: list[Event] = []
        self.seen = self.seen or chunk.choices is not None
        for choice in chunk.choices or ():
            delta = choice.delta or choice.message
            if delta is not None:
                self._say(delta, events)
            if choice.finish_reason:
                self._finish = choice.finish_reason
        if chunk.usage is not None:
            self._keep_usage(chunk.usage)
        if not self._model and chunk.model:
            self._model = chunk.model
        return events

    def _say(self, delta: Delta, events: list[Event]) -> None:
        if self._halves or self._odd:
            self._mend(delta)
        if thinking := delta.reasoning_content or delta.reasoning:
            events.append(ThinkingDelta(thinking))
            self._begun = True
        if content := delta.content:
            self._begun = True
            _add(self._splitter.feed(content), events)
        if delta.refusal:
            self._refused = self._begun = True
            events.append(TextDelta(delta.refusal))
        if delta.tool_calls:
            self._begun = True
            self._calls.add(delta.tool_calls)

    def _read_sloppily(self, payload: bytes) -> list[Event]:
        """Read what msgspec refuses: [DONE], keep-alives that are no comments, loose types, half surrogates."""
        if payload == b"[DONE]":
            self.done = True
        if not payload.startswith(b"{"):
            return []
        chunk = leniently(payload)
        if chunk is None:
            raise surprise(payload, status=self._status, request_id=self._request_id, secrets=self._secrets)
        if chunk.error or (chunk.choices is None and chunk.usage is None):
            self._complain(payload)
        self._odd = True
        events = self._take(chunk)
        self._odd = False
        return events

    def _mend(self, delta: Delta) -> None:
        """Join halves of surrogate pairs that arrive in two events; a half without its other becomes U+FFFD."""
        for name in TEXTS:
            if text := getattr(delta, name):
                setattr(delta, name, self._joined(name, text))
        for call in delta.tool_calls or ():
            if call.function is not None and call.function.arguments:
                call.function.arguments = self._joined(f"call {call.index}", call.function.arguments)

    def _joined(self, field: str, text: str) -> str:
        text = self._halves.pop(field, "") + text
        if "\ud800" <= text[-1] <= "\udbff":
            self._halves[field] = text[-1]
            text = text[:-1]
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def _complain(self, payload: bytes) -> None:
        """Raise what the payload complains of, if it does."""
        if complaint_in(payload) is not None:
            raise refused(self._status, payload, request_id=self._request_id, secrets=self._secrets, begun=self._begun)

    def _keep_usage(self, usage: Usage) -> None:
        """Keep the last usage that says something: it is cumulative, and some relays end with zeros."""
        if self._usage is None or usage.prompt_tokens or usage.completion_tokens or usage.output_tokens:
            self._usage = usage

    def _end(self, has_calls: bool) -> Finish:
        if self._refused:
            return Finish.REFUSED
        if not self._finish:
            return self._end_unsaid(has_calls)
        finish = _FINISHES.get(self._finish.lower(), Finish.STOP)
        if finish in (Finish.STOP, Finish.TOOL_CALLS):  # the calls decide: Gemini says stop after them
            return Finish.TOOL_CALLS if has_calls else Finish.STOP
        return finish

    def _end_unsaid(self, has_calls: bool) -> Finish:
        """Return how an answer ended that does not say why."""
        if self.done and self._begun and not self._usage_asked:
            return Finish.TOOL_CALLS if has_calls else Finish.STOP
        # Gemini's refusal of a prompt: no word, no reason, but the prompt's tokens are counted.
        nothing_billed = self._usage is not None and not self._usage.completion_tokens
        if self.done and not self._begun and nothing_billed and "gemini" in self._model.lower():
            return Finish.REFUSED
        return Finish.CUT


class ToolCalls:
    """Tool calls put together from their deltas: by index, but another id at the same index is another call."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._at: dict[int, _Call] = {}

    def add(self, deltas: list[ToolDelta]) -> None:
        """Take the deltas of one event."""
        for delta in deltas:
            call = self._call_of(delta)
            call.id = call.id or delta.id or ""
            if delta.function is not None:
                call.name = call.name or delta.function.name or ""
                call.arguments.append(delta.function.arguments or "")

    def whole(self) -> list[ToolCall]:
        """Return the calls in their order. Those without a name are leaks of a server's own tools."""
        named = [call for call in self._calls if call.name]
        return [
            ToolCall(call.id or f"call_{number}", call.name, "".join(call.arguments))
            for number, call in enumerate(named, 1)
        ]

    def _call_of(self, delta: ToolDelta) -> _Call:
        last = self._calls[-1] if self._calls else None
        known = last if delta.index is None else self._at.get(delta.index)
        if known is None or (delta.id and delta.id != known.id):
            known = _Call()
            self._calls.append(known)
            if delta.index is not None:
                self._at[delta.index] = known
        return known


class _Call:
    __slots__ = ("arguments", "id", "name")

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.arguments: list[str] = []


def _add(pieces: list[Piece], events: list[Event]) -> None:
    for thinking, text in pieces:
        events.append(ThinkingDelta(text) if thinking else TextDelta(text))


def _usage_seen(usage: Usage) -> UsageSeen:
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    return UsageSeen(
        usage.prompt_tokens or usage.input_tokens or 0,
        usage.completion_tokens or usage.output_tokens or 0,
        (prompt.cached_tokens or 0) if prompt else 0,
        (completion.reasoning_tokens or 0) if completion else 0,
    )
