"""Conversations in memory: bounded, resumable, and true to the history."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bot.ports import PastTurn
from bot.web import rooms, send
from bot.web.rooms import Entry, Room, Rooms
from tests.clock import FakeClock
from tests.web.house import STOP, page

TEXT = st.text(alphabet="ab<p>é汉😀\n", max_size=40)


def patched(before: str, change: dict[str, object]) -> str:
    """Apply a patch as the page's script does: in UTF-16 code units."""
    units = before.encode("utf-16-le")
    keep, tail = change["keep"], change["tail"]
    assert isinstance(keep, int) and isinstance(tail, int)
    assert change["was"] == len(units) // 2
    end = units[len(units) - 2 * tail :] if tail else b""
    return (units[: 2 * keep] + str(change["text"]).encode("utf-16-le") + end).decode("utf-16-le")


@given(TEXT, TEXT)
def test_a_patch_turns_any_text_into_any_other(before: str, after: str) -> None:
    assert patched(before, send.patch(before, after)) == after


@given(TEXT, TEXT, TEXT)
def test_a_patch_carries_only_what_is_new(head: str, tail: str, new: str) -> None:
    assert len(str(send.patch(head + tail, head + new + tail)["text"])) <= len(new)


def test_a_slow_page_gets_the_newest_look_only() -> None:
    room = Room("c")
    listener = room.open()
    for count in range(1000):
        room.put(Entry("m", 0.0, page("x" * count)), monotonic=0.0)
    chunk = send.pending(room, listener, monotonic=0.0)
    assert chunk.count(b"event: ") == 1
    assert b"x" * 999 in chunk
    assert send.pending(room, listener, monotonic=0.0) == b""


def test_the_events_come_in_the_order_of_their_last_change() -> None:
    room = Room("c")
    listener = room.open()
    for message in ("a", "b", "a", "c"):
        room.put(Entry(message, 0.0, page(message * room.revision)), monotonic=0.0)
    ids = [line for line in send.pending(room, listener, monotonic=0.0).decode().splitlines() if line.startswith("id:")]
    assert ids == [f"id: {room.epoch}.{revision}" for revision in (2, 3, 4)]


def test_a_growing_answer_travels_as_patches_to_who_has_seen_it() -> None:
    room = Room("c")
    long = "word " * 200
    first, second = page(long, STOP), page(long + "end", STOP)
    room.put(Entry("m", 0.0, first), monotonic=0.0)
    listener = room.open()
    send.snapshot(room, list(room.entries.values()), listener)
    room.put(Entry("m", 0.0, second), monotonic=0.0)
    chunk = send.pending(room, listener, monotonic=0.0)
    assert b"event: patch" in chunk and len(chunk) < 300
    data = msgspec.json.decode(chunk.split(b"data: ")[1])
    assert patched(first.text, data) == second.text


def test_a_page_resumes_where_it_was_and_hears_of_deletions() -> None:
    room = Room("c")
    for message in ("a", "b", "c"):
        room.put(Entry(message, 0.0, page(message)), monotonic=0.0)
    position = f"{room.epoch}.2"
    room.remove("a")
    assert room.can_resume(position)
    assert room.missed(position) == {"a", "c"}


def test_positions_that_mean_nothing_are_not_resumed() -> None:
    room = Room("c")
    room.put(Entry("a", 0.0, page("a")), monotonic=0.0)
    bad = ("", ".", "x.1", f"{room.epoch}.", f"{room.epoch}.2", f"{room.epoch}.-1", f"{room.epoch}.²", "9" * 500)
    assert [position for position in bad if room.can_resume(position)] == []


def test_a_long_conversation_keeps_its_newest_messages_and_asks_for_the_rest_anew() -> None:
    room = Room("c")
    listener = room.open()
    for number in range(rooms.MESSAGES_AT_MOST + 5):
        room.put(Entry(str(number), 0.0, page("x")), monotonic=0.0)
    assert len(room.entries) == rooms.MESSAGES_AT_MOST
    assert not room.can_resume(f"{room.epoch}.3")
    assert room.can_resume(f"{room.epoch}.9")
    # What fell out of memory is not deleted from the page.
    assert b"event: gone" not in send.pending(room, listener, monotonic=0.0)


def test_memory_is_bounded_by_conversations_and_by_bytes() -> None:
    clock = FakeClock()
    many = Rooms(clock)
    for number in range(rooms.ROOMS_AT_MOST + 50):
        many.put(f"c{number}", Entry("m", 0.0, page("x")))
    assert many.counts()[0] == rooms.ROOMS_AT_MOST
    large = Rooms(clock)
    for number in range(100):
        large.put(f"c{number}", Entry("m", 0.0, page("x" * 1_000_000)))
    kept = large.counts()[0] * 2_000_000
    assert 0 < kept <= rooms.BYTES_AT_MOST


def test_a_conversation_with_an_open_page_is_not_put_out_of_memory() -> None:
    every = Rooms(FakeClock())
    every.put("watched", Entry("m", 0.0, page("x")))
    every.room("watched").open()
    for number in range(rooms.ROOMS_AT_MOST + 50):
        every.put(f"c{number}", Entry("m", 0.0, page("x")))
    assert every.known("watched") is not None
    assert every.known("c0") is None


def test_the_oldest_page_gives_way_when_too_many_are_open() -> None:
    room = Room("c")
    first = room.open()
    for _ in range(rooms.LISTENERS_AT_MOST):
        room.open()
    assert first.closed
    assert len(room.listeners) == rooms.LISTENERS_AT_MOST


# ---------------------------------------------------------------- history and memory


def past(message: str, answer: str, at: float = 100.0) -> PastTurn:
    return PastTurn(f"asked {message}", at, ((answer, page(f"old {answer}")),), message)


def test_the_history_comes_first_and_what_is_still_running_below() -> None:
    room = Room("c")
    room.put(Entry("q2", 200.0, None, "next", request="q2"), monotonic=0.0)
    room.put(Entry("b2", 200.0, page("growing", STOP), request="q2"), monotonic=0.0)
    shown, stale = send.merge([past("q1", "b1")], room, at_most=40, monotonic=0.0)
    assert [entry.id for entry in shown] == ["q1", "b1", "q2", "b2"]
    assert stale == []


def test_an_edited_question_stands_once_where_it_stood_as_it_was_last() -> None:
    first, between = past("q1", "b1"), past("q2", "b2", at=200.0)
    edited = PastTurn("better", 300.0, (("b1", page("new answer")),), "q1")
    shown, _ = send.merge([first, between, edited], Room("c"), at_most=40, monotonic=0.0)
    assert [entry.id for entry in shown] == ["q1", "b1", "q2", "b2"]
    assert (shown[0].asked_text, shown[1].page) == ("better", page("new answer"))


def test_the_newest_look_in_memory_beats_the_one_in_the_history() -> None:
    room = Room("c")
    room.put(Entry("b1", 100.0, page("pressed")), monotonic=0.0)
    shown, _ = send.merge([past("q1", "b1")], room, at_most=40, monotonic=0.0)
    assert shown[1].page == page("pressed")


def test_what_the_history_has_forgotten_is_shown_no_more() -> None:
    room = Room("c")
    room.put(Entry("q1", 100.0, None, "asked q1", request="q1"), monotonic=0.0)
    room.put(Entry("b1", 100.0, page("answer"), request="q1"), monotonic=0.0)
    send.merge([past("q1", "b1")], room, at_most=40, monotonic=0.0)
    shown, stale = send.merge([], room, at_most=40, monotonic=1.0)
    assert shown == []
    assert stale == ["q1", "b1"]


def test_an_ended_turn_that_was_forgotten_before_anyone_looked_goes_after_a_while() -> None:
    room = Room("c")
    room.put(Entry("q1", 100.0, None, "secret", request="q1"), monotonic=0.0)
    room.put(Entry("b1", 100.0, page("answer"), request="q1"), monotonic=0.0)
    forgot = [past("q2", "b2", at=300.0)]
    shown, stale = send.merge(forgot, room, at_most=40, monotonic=send.WRITING_DOWN_S + 1)
    assert [entry.id for entry in shown] == ["q2", "b2"]
    assert stale == ["q1", "b1"]


def test_a_file_goes_with_the_turn_that_brought_it() -> None:
    room = Room("c")
    room.put(Entry("b1", 100.0, page("here it is"), request="q1"), monotonic=0.0)
    room.put(Entry("file", 101.0, page(""), request="q1"), monotonic=0.0)
    later = [past("q1", "b1"), past("q2", "b2", at=300.0)]
    shown, _ = send.merge(later, room, at_most=40, monotonic=1000.0)
    assert [entry.id for entry in shown] == ["q1", "b1", "file", "q2", "b2"]
    shown, stale = send.merge([], room, at_most=40, monotonic=1001.0)
    assert (shown, stale) == ([], ["b1", "file"])


def test_an_answer_whose_end_is_being_written_down_is_still_shown() -> None:
    room = Room("c")
    room.put(Entry("q1", 100.0, None, "asked", request="q1"), monotonic=0.0)
    room.put(Entry("b1", 101.0, page("whole"), request="q1"), monotonic=50.0)
    shown, _ = send.merge([], room, at_most=40, monotonic=50.0 + send.WRITING_DOWN_S / 2)
    assert [entry.id for entry in shown] == ["q1", "b1"]


def test_a_question_that_still_waits_is_shown_however_long_it_waits() -> None:
    room = Room("c")
    room.put(Entry("q2", 200.0, None, "asked", request="q2"), monotonic=0.0)
    shown, _ = send.merge([past("q1", "b1")], room, at_most=40, monotonic=100_000.0)
    assert [entry.id for entry in shown] == ["q1", "b1", "q2"]


def test_what_is_older_than_the_asked_for_history_waits_in_memory() -> None:
    room = Room("c")
    room.put(Entry("old", 50.0, page("an older file"), request="q0"), monotonic=0.0)
    shown, stale = send.merge([past("q1", "b1")], room, at_most=1, monotonic=1000.0)
    assert [entry.id for entry in shown] == ["q1", "b1"]
    assert stale == []


def test_a_long_running_turn_keeps_its_question_while_others_end_meanwhile() -> None:
    room = Room("c")
    room.put(Entry("q1", 100.0, None, "long work", request="q1"), monotonic=0.0)
    room.put(Entry("b1", 100.0, page("working", STOP), request="q1"), monotonic=900.0)
    shown, _ = send.merge([past("q2", "b2", at=300.0)], room, at_most=40, monotonic=10_000.0)
    assert [entry.id for entry in shown] == ["q1", "b1", "q2", "b2"]
