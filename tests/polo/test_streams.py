"""Recorded streams, read whole and in every split."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polo import (
    Done,
    Event,
    Finish,
    PoloError,
    RelayBroke,
    RelayBusy,
    TextDelta,
    ThinkingDelta,
    ToolCall,
    UsageSeen,
    WireSurprise,
    WrongAddress,
)
from polo.answers import gathered
from polo.dialects import openai_body
from tests.polo.replays import DATA, END, cut, event, read, sample, streams

OSLO = '{"city":"Oslo","unit":"c"}'
# text, thinking, tool calls as (id, arguments), usage as (prompt, completion, reasoning), finish
EXPECTED: dict[str, tuple[str, str, tuple[tuple[str, str], ...], tuple[int, int, int] | None, Finish]] = {
    "anthropic/compat_thinking.stream.sse": ("391", "17*20=340, 17*3=51.\n", (), (18, 42, 0), Finish.STOP),
    "anthropic/compat_tools.stream.sse": (
        "I'll look it up.",
        "",
        (("toolu_01PoloOslo", '{"city": "Oslo"}'),),
        (390, 61, 0),
        Finish.TOOL_CALLS,
    ),
    "anthropic/compat_web_search.stream.sse": ("I'll search.Python 3.13.5", "", (), (6039, 131, 0), Finish.STOP),
    "gemini/compat_blocked.stream.sse": ("", "", (), (14, 0, 0), Finish.REFUSED),
    "gemini/compat_thinking.stream.sse": ("391", "Multiply 17 by 20 and by 3.", (), (6, 44, 41), Finish.STOP),
    "gemini/compat_tools.stream_2025.sse": (
        "",
        "",
        (("call_a1", '{"city":"Oslo"}'), ("call_b2", '{"city":"Rome"}')),
        (40, 24, 0),
        Finish.TOOL_CALLS,
    ),
    "openai/chat_audio_out.stream.sse": ("", "", (), (13, 31, 0), Finish.STOP),
    "openai/chat_reasoning_content.stream.sse": ("391", "17*20=340, 17*3=51.", (), (11, 40, 33), Finish.STOP),
    "openai/chat_text.stream.sse": ("Phobos.", "", (), (13, 4, 0), Finish.STOP),
    "openai/chat_think_tag.stream.sse": ("391", "\n17*20=340, 17*3=51.\n", (), (11, 40, 33), Finish.STOP),
    "openai/chat_tools.stream.sse": (
        "",
        "",
        (("call_oslo7Qd", OSLO), ("call_rome2Xk", '{"city":"Rome","unit":"c"}')),
        (71, 48, 0),
        Finish.TOOL_CALLS,
    ),
    "relay/streams/crlf.sse": ("Phobos.", "", (), None, Finish.STOP),
    "relay/streams/empty_choices_first.sse": ("Phobos.", "", (), None, Finish.STOP),
    "relay/streams/finish_max_tokens.sse": ("Mars has", "", (), None, Finish.LENGTH),
    "relay/streams/finish_reason_empty_string.sse": ("Phobos.", "", (), None, Finish.STOP),
    "relay/streams/no_done.sse": ("Phobos.", "", (), None, Finish.STOP),
    "relay/streams/no_space_after_colon.sse": ("Phobos.", "", (), None, Finish.STOP),
    "relay/streams/nonzero_choice_index.sse": ("Phobos.", "Think.\n", (), None, Finish.STOP),
    "relay/streams/ping_comments.sse": ("Phobos.", "", (), None, Finish.STOP),
    "relay/streams/single_newline.sse": ("Phobos.", "", (), None, Finish.STOP),
    "relay/streams/tool_delta_without_index.sse": (
        "",
        "",
        (("toolu_01A", '{"city":"Oslo"}'),),
        None,
        Finish.TOOL_CALLS,
    ),
    "relay/streams/tool_whole_in_one_chunk.sse": ("", "", (("call_1", OSLO),), None, Finish.TOOL_CALLS),
    "relay/streams/truncated_mid_json.sse": ("", "", (), None, Finish.CUT),
    "relay/streams/truncated_with_done.sse": ("Mars has two", "", (), None, Finish.CUT),
    "relay/streams/usage_every_chunk.sse": ("Phobos.", "", (), (13, 4, 0), Finish.STOP),
}
# what was said before the error, the error, whether it may have cost something
FAILING: dict[str, tuple[list[Event], type[PoloError], bool]] = {
    "relay/streams/error_event_data.sse": ([TextDelta("Mars has")], RelayBroke, True),
    "relay/streams/error_raw_json.sse": ([TextDelta("Mars has")], RelayBusy, True),
    "relay/streams/error_raw_json_after_ping.sse": ([], RelayBusy, False),
}
ELSEWHERE = {
    "gemini/compat_image_gen.stream.sse",
    "openai/chat_image_web.stream.sse",
    "openai/chat_web_search.stream.sse",
}


def test_every_recorded_stream_has_a_test() -> None:
    assert set(streams()) == EXPECTED.keys() | FAILING.keys() | ELSEWHERE


@pytest.mark.parametrize("name", EXPECTED)
def test_a_recorded_stream_becomes_its_events(name: str) -> None:
    events, error = read([sample(name)])

    text, thinking, calls, usage, finish = EXPECTED[name]
    answer = gathered(events)
    assert error is None
    assert (answer.text, answer.thinking, answer.finish) == (text, thinking, finish)
    assert tuple((call.id, call.arguments) for call in answer.tool_calls) == calls
    assert all(call.name == "get_weather" for call in answer.tool_calls)
    assert answer.usage == (usage and UsageSeen(usage[0], usage[1], 0, usage[2]))
    assert isinstance(events[-1], Done)
    assert sum(isinstance(found, Done) for found in events) == 1


@pytest.mark.parametrize("name", FAILING)
def test_an_error_in_a_stream_comes_after_what_was_said(name: str) -> None:
    said, kind, cost = FAILING[name]

    events, error = read([sample(name)])

    assert events == said
    assert type(error) is kind
    assert error.may_have_cost is cost


def test_pictures_and_sources_in_the_text_stay_in_it() -> None:
    pictures, _ = read([sample("gemini/compat_image_gen.stream.sse")])
    links, _ = read([sample("openai/chat_image_web.stream.sse")])
    sources, _ = read([sample("openai/chat_web_search.stream.sse")])

    assert "![image](data:image/png;base64,iVBOR" in gathered(pictures).text
    assert "https://" in gathered(links).text
    assert gathered(sources).text.endswith("([python.org](https://www.python.org/downloads/?utm_source=openai)).")


@pytest.mark.parametrize("name", streams())
def test_every_single_split_of_a_stream_gives_the_same_events(name: str) -> None:
    data = sample(name)[:4000]
    whole = _comparable(read([data]))

    step = 1 if len(data) < 2000 else 3
    for at in range(1, len(data), step):
        assert _comparable(read(cut(data, [at]))) == whole, at


@pytest.mark.parametrize("name", streams())
@settings(max_examples=25, deadline=None)
@given(places=st.data())
def test_any_splits_of_a_stream_give_the_same_events(name: str, places: st.DataObject) -> None:
    data = sample(name)
    at = places.draw(st.lists(st.integers(0, len(data)), max_size=40))

    assert _comparable(read(cut(data, at))) == _comparable(read([data]))


def test_a_stream_that_comes_byte_by_byte_gives_the_same_events() -> None:
    for name in streams():
        data = sample(name)
        assert _comparable(read([data[at : at + 1] for at in range(len(data))])) == _comparable(read([data])), name


def _comparable(result: tuple[list[Event], PoloError | None]) -> tuple[list[Event], str, str]:
    events, error = result
    return events, type(error).__name__, str(error)


# ---------------------------------------------------------------- what is no sample


def test_json_instead_of_a_stream_is_an_answer() -> None:
    events, error = read([sample("relay/streams/stream_requested_json_returned.json")], content_type="application/json")

    assert error is None
    assert gathered(events).text == "Phobos."
    assert events[-1] == Done(Finish.STOP, "gpt-4.1-mini", "")


def test_json_after_comments_is_an_answer_too() -> None:
    answer = sample("relay/streams/stream_requested_json_returned.json")

    events, error = read([b": PING\n\n", answer])

    assert error is None
    assert gathered(events).text == "Phobos."


def test_a_web_page_is_a_wrong_address() -> None:
    for content_type in ("text/html", "text/event-stream", ""):
        events, error = read([sample("relay/errors/200_html_index.html")], content_type=content_type)
        assert not events
        assert isinstance(error, WrongAddress)
        assert error.said == "web page: New API"
        assert not error.may_have_cost


def test_an_empty_body_is_a_broken_answer() -> None:
    for pieces in ([], [b"\r\n\r\n"], [b": PING\n\n"], [b"data: [DONE]\n\n"]):
        events, error = read(pieces)
        assert not events
        assert isinstance(error, RelayBroke), pieces


def test_noise_in_a_stream_is_a_surprise_that_keeps_its_beginning_without_keys() -> None:
    _, error = read([b'data: {"broken": sk-abcdefghijklmnop ' + b"x" * 1000 + b"\n\n", END])

    assert isinstance(error, WireSurprise)
    assert error.said.startswith('{"broken": sk-*** x')
    assert len(error.said.encode()) <= 500


def test_keep_alives_that_are_no_comments_are_skipped() -> None:
    events, error = read(
        [b"data:\n\ndata: ping\n\ndata: null\n\nevent: x\nid: 7\nretry: 10\n", event('{"content":"Hi"}'), END]
    )

    assert error is None
    assert gathered(events).text == "Hi"


def test_three_line_ends_and_a_byte_order_mark_change_nothing() -> None:
    events, _ = read([b"\xef\xbb\xbf" + event('{"content":"Hi"}').replace(b"\n\n", b"\r\n\r\n\r\n"), END])

    assert gathered(events).text == "Hi"


def test_a_surrogate_pair_split_over_two_events_is_one_character() -> None:
    events, error = read([event(r'{"content":"a\ud83d"}'), event(r'{"content":"\ude00b"}'), END])

    assert error is None
    assert gathered(events).text == "a😀b"


def test_a_surrogate_pair_split_in_thinking_and_in_arguments_is_one_character() -> None:
    halves = [
        r'{"reasoning_content":"\ud83d"}',
        r'{"reasoning_content":"\ude00"}',
        r'{"tool_calls":[{"index":0,"id":"c1","function":{"name":"draw","arguments":"{\"a\":\"\ud83d"}}]}',
        r'{"tool_calls":[{"index":0,"function":{"arguments":"\ude00\"}"}}]}',
    ]

    events, _ = read([*map(event, halves), END])

    answer = gathered(events)
    assert answer.thinking == "😀"
    assert answer.tool_calls == (ToolCall("c1", "draw", '{"a":"😀"}'),)


def test_half_a_surrogate_pair_without_its_other_becomes_a_replacement_character() -> None:
    last, _ = read([event(r'{"content":"a\ud83d"}'), END])
    before_a_letter, _ = read([event(r'{"content":"a\ud83d"}'), event('{"content":"b"}'), END])
    second_only, _ = read([event(r'{"content":"a"}'), event(r'{"content":"\ude00b"}'), END])

    assert gathered(last).text == "a�"
    assert gathered(before_a_letter).text == "a�b"
    assert gathered(second_only).text == "a�b"


def test_bytes_that_are_no_utf8_do_not_end_a_stream() -> None:
    events, error = read([event('{"content":"a?b"}').replace(b"?", b"\xff"), END])

    assert error is None
    assert gathered(events).text == "a�b"


def test_loose_types_are_read_all_the_same() -> None:
    events, error = read(
        [
            b'data: {"model":7,"choices":[{"index":"0","delta":{"content":[{"type":"text","text":"Hi"}]}}]}\n\n',
            b'data: {"choices":[{"delta":{"content":5},"finish_reason":null}],"usage":{"prompt_tokens":"9",'
            b'"completion_tokens":4.0,"prompt_tokens_details":{"cached_tokens":"3"},"completion_tokens_details":7}}\n',
            b'data: {"choices":[{"delta":{"tool_calls":[{"index":"0","id":1,"function":{"name":"f",'
            b'"arguments":{"a":1}}},7]}}]}\n',
            END,
        ]
    )

    answer = gathered(events)
    assert error is None
    assert answer.text == "Hi5"
    assert answer.usage == UsageSeen(9, 4, 3, 0)
    assert answer.tool_calls == (ToolCall("1", "f", '{"a": 1}'),)
    assert answer.model == "7"


def test_the_last_usage_that_says_something_wins() -> None:
    def usage(prompt: int, completion: int) -> bytes:
        return b'data: {"choices":[],"usage":{"prompt_tokens":%d,"completion_tokens":%d}}\n\n' % (prompt, completion)

    events, _ = read([event('{"content":"Hi"}'), usage(5, 1), usage(5, 2), usage(0, 0), END])

    assert gathered(events).usage == UsageSeen(5, 2)


def test_reasoning_under_its_other_name_is_thinking() -> None:
    events, _ = read([event('{"reasoning":"Hm."}'), event('{"content":"Hi"}'), END])

    assert events[:2] == [ThinkingDelta("Hm."), TextDelta("Hi")]


def test_a_refusal_is_shown_and_named() -> None:
    events, _ = read([event('{"refusal":"I cannot "}'), event('{"refusal":"help."}'), END])

    assert events == [TextDelta("I cannot help."), Done(Finish.REFUSED, "", "")]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("content_filter", Finish.REFUSED),
        ("refusal", Finish.REFUSED),
        ("end_turn", Finish.STOP),
        ("pause", Finish.STOP),
    ],
)
def test_each_reason_has_its_finish(reason: str, finish: Finish) -> None:
    ending = b'data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":"%s"}]}\n' % reason.encode()

    events, _ = read([ending])

    assert events[-1] == Done(finish, "", "")


def test_calls_without_an_id_get_one_and_calls_with_a_known_id_go_on() -> None:
    deltas = [
        '{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{"}}]}',
        '{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"}"}}]}',
        '{"tool_calls":[{"id":"b","function":{"name":"g","arguments":"{}"}}]}',
        '{"tool_calls":[{"index":5,"function":{"name":"h","arguments":""}}]}',
    ]

    events, _ = read([*map(event, deltas), END])

    calls = gathered(events).tool_calls
    assert [(call.id, call.name, call.arguments) for call in calls] == [
        ("a", "f", "{}"),
        ("b", "g", "{}"),
        ("call_3", "h", ""),
    ]


def test_a_line_longer_than_the_cap_is_a_surprise() -> None:
    pieces = [b'data: {"choices":[{"delta":{"content":"'] + [b"x" * (1 << 20)] * 33

    _, error = read(pieces)

    assert isinstance(error, WireSurprise)
    assert "33554432" in error.said


def test_a_stream_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_body, "STREAM_LIMIT", 1 << 20)

    events, error = read([event('{"content":"Hi"}')] + [b": PING\n\n" * 1000] * 200)

    assert events == [TextDelta("Hi")]
    assert isinstance(error, RelayBroke)
    assert error.may_have_cost


def test_nested_json_of_any_depth_does_no_harm() -> None:
    _, error = read([b'data: {"choices":' + b"[" * 100_000 + b"\n\n"])

    assert isinstance(error, WireSurprise)


def test_all_recorded_whole_answers_are_read() -> None:
    for path in DATA.rglob("*.response.json"):
        if path.parent.name not in ("openai", "gemini", "anthropic") or path.name == "models.response.json":
            continue
        events, error = read([path.read_bytes()], content_type="application/json")
        assert error is None, path
        assert isinstance(events[-1], Done), path
        assert events[-1].finish is not Finish.CUT, path
