"""Older text becomes a summary, in the background, once, and never at the price of an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.handlers.world import HOME, World, a_world

LONG = "and so on and on " * 12


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[World]:
    """Return a world whose history holds about six messages."""
    async with a_world(tmp_path, history_tokens=260) as world:
        yield world


async def talks(world: World, turns: range) -> None:
    """Say as much as the numbers tell."""
    for number in turns:
        world.relay.will_say(f"Answer {number} {LONG}")
        await world.says(f"Question {number} {LONG}")


async def test_what_no_longer_fits_is_summed_up_and_told_from_then_on(small: World) -> None:
    await talks(small, range(5))
    assert len(small.background.waiting) == 1
    small.relay.will_say("They counted questions; the first was number 0.")
    assert await small.background.settle() == 1

    summing = small.asked()[0][1]
    assert "Question 0" in summing
    assert "Person: " in summing
    assert "sum" in small.system().lower()
    await small.says("And now?")
    first = small.asked()[0][1]
    assert first.startswith("[What was said before, summed up:]\nThey counted questions; the first was number 0.")
    assert "Question 0" not in str(small.asked())
    assert small.asked()[-1] == ("user", "And now?")
    assert "Question 4" in small.asked()[0][1]
    assert [role for role, _ in small.asked()] == ["user", "assistant"] * (len(small.asked()) // 2) + ["user"]


async def test_a_summary_carries_the_earlier_one_on(small: World) -> None:
    await talks(small, range(5))
    small.relay.will_say("SUMMARY ONE")
    await small.background.settle()
    await talks(small, range(5, 11))
    small.relay.will_say("SUMMARY TWO")

    await small.background.settle()

    assert "SUMMARY ONE" in small.asked()[0][1]
    await small.says("And now?")
    assert "SUMMARY TWO" in small.asked()[0][1]
    assert "SUMMARY ONE" not in str(small.asked())


async def test_a_conversation_is_never_summed_up_twice_at_once(small: World) -> None:
    await talks(small, range(8))

    assert len(small.background.waiting) == 1


async def test_a_failed_summary_is_reported_and_left_alone_for_a_while(small: World) -> None:
    await talks(small, range(5))
    small.relay.will_fail(400, {"error": {"message": "no", "code": "invalid"}})
    await small.background.settle()
    assert [type(failure).__name__ for failure in small.background.failures] == ["RequestInvalid"]

    await talks(small, range(5, 7))
    assert small.background.waiting == []
    await small.clock.advance(601)
    await talks(small, range(7, 8))
    assert len(small.background.waiting) == 1


async def test_an_empty_summary_replaces_nothing(small: World) -> None:
    await talks(small, range(5))
    small.relay.will_say("")
    await small.background.settle()

    assert [type(failure).__name__ for failure in small.background.failures] == ["NotSummedUp"]
    recall = await small.storage.memory.recall(HOME.conversation, budget=100_000)
    assert recall.summary is None


async def test_a_conversation_forgotten_meanwhile_stays_forgotten(small: World) -> None:
    await talks(small, range(5))
    await small.storage.forget_conversation(HOME.conversation)
    await small.background.settle()

    assert small.background.failures == []
    await small.says("Hello")
    assert small.asked() == [("user", "Hello")]


async def test_compaction_can_be_switched_off(tmp_path: Path) -> None:
    async with a_world(tmp_path, history_tokens=260, compact=False) as world:
        await talks(world, range(6))

        assert world.background.waiting == []


async def test_a_summary_is_booked_though_nobody_asked_for_it(small: World) -> None:
    await talks(small, range(5))
    before = await small.storage.usage.totals(conversation=HOME.conversation)
    small.relay.will_say("A summary.", usage=(300, 40))
    await small.background.settle()
    after = await small.storage.usage.totals(conversation=HOME.conversation)
    assert (after.calls - before.calls, after.prompt_tokens - before.prompt_tokens) == (1, 300)


async def test_many_short_messages_are_summed_up_too(tmp_path: Path) -> None:
    async with a_world(tmp_path, history_tokens=100_000) as world:
        for number in range(55):
            world.relay.will_say(f"yes {number}")
            await world.says(f"so {number}")
        world.relay.will_say("They said yes to everything.")
        assert await world.background.settle() == 1
        await world.says("And now?")
        told = world.asked()
    assert "They said yes to everything." in told[0][1]
    assert len(told) < 60
