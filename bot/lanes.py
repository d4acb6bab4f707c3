"""Who runs when: one turn at a time in one conversation, many conversations at once, a fair limit over all.

A conversation's lane keeps its order. The floor (`Floor`) holds as many turns as the process may run at once and
lets people in by turns, so that one person's twenty questions do not stand before another's first.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


class Floor:
    """Room for `places` turns at once; whoever waits is let in person by person, each person's oldest first."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def enter(self, person: str, *, told: Callable[[int], None]) -> AsyncIterator[None]:
        """Wait for a place and hold it. `told` hears how many stand before, when it has to wait at all."""
        await self._in(person, told)
        try:
            yield
        finally:
            self._out()

    @property
    def waiting(self) -> int:
        """How many turns wait for a place."""
        return sum(map(len, self._waiting.values()))

    async def _in(self, person: str, told: Callable[[int], None]) -> None:
        if self._free > 0:
            self._free -= 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        told(self._before(person))
        self._waiting.setdefault(person, deque()).append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._out()  # let in and cancelled in the same moment: the place goes on
            else:
                self._leave(person, place)
            raise

    def _before(self, person: str) -> int:
        """Return how many are let in before a newcomer of `person`: each other person once per own round."""
        rounds = len(self._waiting.get(person, ())) + 1
        others = (len(line) for who, line in self._waiting.items() if who != person)
        return rounds - 1 + sum(min(rounds, line) for line in others)

    def _leave(self, person: str, place: asyncio.Future[None]) -> None:
        line = self._waiting.get(person)
        if line and place in line:
            line.remove(place)
            if not line:
                del self._waiting[person]

    def _out(self) -> None:
        """Give the place to the person whose turn it is; that person goes to the end of the round."""
        while self._waiting:
            person, line = self._waiting.popitem(last=False)
            place = line.popleft()
            if line:
                self._waiting[person] = line
            if not place.done():
                place.set_result(None)
                return
        self._free += 1


@dataclass(slots=True)
class Lane(Generic[T]):
    """What waits in one conversation, and the task that works it off."""

    waiting: deque[T] = field(default_factory=deque)
    running: T | None = None
    task: asyncio.Task[None] | None = None
    refusing: bool = False  # a flood was refused and has not drained yet


Work = Callable[[Lane[T], T], Awaitable[None]]


class Lanes(Generic[T]):
    """The lanes of all conversations that have something to do; an idle conversation costs nothing."""

    def __init__(self, work: Work[T], spawn: Callable[[Coroutine[object, object, None]], asyncio.Task[None]]) -> None:
        self._work, self._spawn = work, spawn
        self._lanes: dict[str, Lane[T]] = {}

    def lane(self, conversation: str) -> Lane[T] | None:
        """Return the lane of a conversation, None while nothing runs there."""
        return self._lanes.get(conversation)

    def everything(self) -> list[Lane[T]]:
        """Return the lanes that have something to do."""
        return list(self._lanes.values())

    @property
    def waiting(self) -> int:
        """How many items wait behind others in their own lanes."""
        return sum(len(lane.waiting) for lane in self._lanes.values())

    def put(self, conversation: str, item: T) -> Lane[T]:
        """Add an item to the end of its lane; it runs when those before it have ended."""
        lane = self._lanes.setdefault(conversation, Lane())
        lane.waiting.append(item)
        if lane.task is None:
            lane.task = self._spawn(self._run(conversation, lane))
        return lane

    async def _run(self, conversation: str, lane: Lane[T]) -> None:
        try:
            while lane.waiting:
                lane.running = lane.waiting.popleft()
                await self._work(lane, lane.running)
                lane.running = None
        finally:
            # Nothing was awaited since the last look at `waiting`: nobody can have added to a lane that ends.
            del self._lanes[conversation]
