"""The platforms' limits are kept before they answer 429, and obeyed when they do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from bot.pacer import Pacer, Window
from bot.ports import Urgency
from tests.clock import FakeClock
from tests.heart.screen import PACE


async def calls_within(
    clock: FakeClock, pacer: Pacer, seconds: float, chats: Sequence[str], *, private: bool, urgency: Urgency
) -> list[float]:
    """Let every chat write as fast as it may for `seconds`; return when the calls passed."""
    passed: list[float] = []

    async def write(chat: str) -> None:
        while True:
            await pacer.wait(chat, private=private, urgency=urgency)
            passed.append(clock.monotonic())

    writers = [asyncio.create_task(write(chat)) for chat in chats]
    await asyncio.sleep(0)
    for _ in range(round(seconds * 20)):
        await clock.advance(0.05)
    for writer in writers:
        writer.cancel()
    await asyncio.gather(*writers, return_exceptions=True)
    return passed


async def test_a_growing_reply_in_a_private_chat_is_shown_about_once_a_second() -> None:
    clock = FakeClock()
    passed = await calls_within(clock, Pacer(PACE, clock), 30, ["ann"], private=True, urgency=Urgency.GROWING)
    assert 28 <= len(passed) <= 33


async def test_a_group_sees_at_most_twenty_messages_in_any_minute() -> None:
    clock = FakeClock()
    passed = await calls_within(clock, Pacer(PACE, clock), 200, ["team"], private=False, urgency=Urgency.FINAL)
    assert all(later - earlier >= 59.9 for earlier, later in zip(passed, passed[20:], strict=False))
    assert len(passed) >= 60


async def test_all_chats_together_stay_below_thirty_a_second() -> None:
    clock = FakeClock()
    chats = [f"chat {number}" for number in range(100)]
    passed = await calls_within(clock, Pacer(PACE, clock), 10, chats, private=True, urgency=Urgency.FINAL)
    assert all(later - earlier >= 0.999 for earlier, later in zip(passed, passed[30:], strict=False))
    assert len(passed) >= 240


async def test_a_final_text_passes_at_once_where_growing_ones_used_up_their_share() -> None:
    clock = FakeClock()
    pacer = Pacer(PACE, clock)
    await calls_within(clock, pacer, 60, ["team"], private=False, urgency=Urgency.GROWING)
    await asyncio.wait_for(pacer.wait("team", private=False, urgency=Urgency.FINAL), 1)


async def test_a_parked_chat_waits_out_its_time_and_no_other_chat_waits_with_it() -> None:
    clock = FakeClock()
    pacer = Pacer(PACE, clock)
    pacer.park("ann", 30)
    await asyncio.wait_for(pacer.wait("ben", private=True, urgency=Urgency.FINAL), 1)
    waiting = asyncio.create_task(pacer.wait("ann", private=True, urgency=Urgency.FINAL))
    await clock.advance(29.9)
    assert not waiting.done()
    await clock.advance(0.2)
    await asyncio.wait_for(waiting, 1)


async def test_a_platform_parked_everywhere_lets_nothing_pass() -> None:
    clock = FakeClock()
    pacer = Pacer(PACE, clock)
    pacer.park("ann", 5, everywhere=True)
    assert not pacer.spare("ben", private=True)
    await clock.advance(5.1)
    assert pacer.spare("ben", private=True)


async def test_ten_thousand_idle_chats_are_forgotten() -> None:
    clock = FakeClock()
    pacer = Pacer(PACE, clock)
    for number in range(10_000):
        pacer.spare(str(number), private=True)
        await clock.advance(0.1)
    assert len(pacer._chats) <= 5000  # the one thing that cannot be seen from outside is what it keeps


@given(st.lists(st.floats(min_value=0, max_value=5), max_size=60), st.integers(1, 10), st.floats(0.5, 20))
def test_a_window_never_lets_more_than_its_count_pass_in_any_stretch(
    pauses: list[float], count: int, seconds: float
) -> None:
    window, now, passed = Window(count, seconds), 0.0, []
    for pause in pauses:
        now += pause
        if window.free_in(now, keep=0) == 0:
            window.take(now)
            passed.append(now)
    # The last digits of floats are no calls too many.
    assert all(later - earlier > seconds - 1e-9 for earlier, later in zip(passed, passed[count:], strict=False))
