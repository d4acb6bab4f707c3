"""One turn at a time in one conversation, many conversations at once, a fair limit over all."""

from __future__ import annotations

import asyncio

import pytest

from bot.background import Crew
from bot.lanes import Floor, Lane, Lanes


async def test_one_conversation_runs_one_item_at_a_time_in_order_and_others_beside_it() -> None:
    crew, log, gates = Crew(), [], {name: asyncio.Event() for name in ("a1", "a2", "b1")}

    async def work(lane: Lane[str], item: str) -> None:
        log.append(f"{item} begins")
        await gates[item].wait()
        log.append(f"{item} ends")

    lanes: Lanes[str] = Lanes(work, lambda running: crew.spawn(running, name="lane"))
    for conversation, item in (("a", "a1"), ("a", "a2"), ("b", "b1")):
        lanes.put(conversation, item)
    await asyncio.sleep(0)
    assert log == ["a1 begins", "b1 begins"]
    for item in ("b1", "a1", "a2"):
        gates[item].set()
        await asyncio.sleep(0)
    assert await crew.quiet(1)
    assert log[2:] == ["b1 ends", "a1 ends", "a2 begins", "a2 ends"]
    assert lanes.everything() == []


async def test_whoever_waits_is_let_in_person_by_person() -> None:
    floor, order = Floor(1), list[str]()
    places: dict[str, int] = {}
    release = asyncio.Event()

    async def turn(name: str, person: str) -> None:
        async with floor.enter(person, told=lambda before: places.__setitem__(name, before)):
            order.append(name)
            if name == "first":
                await release.wait()

    names = [("first", "x"), ("ann 1", "ann"), ("ann 2", "ann"), ("ann 3", "ann"), ("ben 1", "ben")]
    turns = []
    for name, person in names:
        turns.append(asyncio.create_task(turn(name, person)))
        await asyncio.sleep(0)
    release.set()
    await asyncio.gather(*turns)
    assert order == ["first", "ann 1", "ben 1", "ann 2", "ann 3"]
    assert places == {"ann 1": 0, "ann 2": 1, "ann 3": 2, "ben 1": 1}


async def test_a_cancelled_waiter_leaves_its_place_to_the_next() -> None:
    floor, entered = Floor(1), []
    release = asyncio.Event()

    async def turn(name: str) -> None:
        async with floor.enter(name, told=lambda before: None):
            entered.append(name)
            if name == "holder":
                await release.wait()

    holder, waiter, last = (asyncio.create_task(turn(name)) for name in ("holder", "waiter", "last"))
    await asyncio.sleep(0)
    waiter.cancel()
    release.set()
    await asyncio.gather(holder, last)
    with pytest.raises(asyncio.CancelledError):
        await waiter
    assert entered == ["holder", "last"]
    assert floor.waiting == 0


async def test_a_waiter_cancelled_in_the_moment_it_is_let_in_passes_its_place_on() -> None:
    floor = Floor(1)
    entered: list[str] = []
    holder = floor.enter("holder", told=lambda before: None)
    await holder.__aenter__()

    async def turn(name: str) -> None:
        async with floor.enter(name, told=lambda before: None):
            entered.append(name)

    waiter, last = asyncio.create_task(turn("waiter")), asyncio.create_task(turn("last"))
    await asyncio.sleep(0)
    await holder.__aexit__(None, None, None)
    waiter.cancel()
    await asyncio.wait_for(last, 1)
    assert entered == ["last"]
