"""Who may talk to the bot, and how much: ALLOW, OWNERS, limits per person; checked before anything is paid."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from bot.ports import Incoming
from handlers.errors import ForPerson
from handlers.turn import Person, Place
from handlers.words import Words
from storage.usage import Usage

PEOPLE_REMEMBERED = 10_000

PRIVATE_BOT = Words(
    en="This bot serves only the people and places its owner has chosen. Your id here is {id}.",
    zh="此机器人只服务于管理员指定的用户和群组。您的 ID 是 {id}。",
)
TOO_FAST = Words(
    en="Slowly, please: {limit} requests a minute are the limit here. Try again in {wait} s.",
    zh="请慢一点：这里每分钟最多 {limit} 次请求。请 {wait} 秒后再试。",
)
DAY_SPENT = Words(
    en="Your {limit} requests of today are used up. The count starts again at 00:00 UTC.",
    zh="您今天的 {limit} 次请求已用完，将于 UTC 零点重置。",
)
TOKENS_SPENT = Words(
    en="Your {limit} tokens of today are used up. The count starts again at 00:00 UTC.",
    zh="您今天的 {limit} 个 token 已用完，将于 UTC 零点重置。",
)


@dataclass(frozen=True, slots=True)
class Limits:
    """The operator's choice; None: no limit."""

    owners: frozenset[str] = frozenset()  # person ids
    allow: frozenset[str] = frozenset()  # person ids, chats `platform:chat`, servers `platform:server`; empty: everyone
    per_minute: int | None = None
    per_day: int | None = None
    tokens_per_day: int | None = None


class Access:
    """Answers one question: may this person ask this here, now?"""

    def __init__(self, limits: Limits, usage: Usage, now: Callable[[], float]) -> None:
        self._limits, self._usage, self._now = limits, usage, now
        self._recent: dict[str, deque[float]] = {}

    def is_owner(self, person: Person) -> bool:
        """Tell whether the person is one of OWNERS."""
        return person.id in self._limits.owners

    def known(self, person: Person) -> Person:
        """Return the person with the knowledge whether they are an owner, which no adapter has."""
        return msgspec.structs.replace(person, owner=True) if self.is_owner(person) else person

    def introduced(self, incoming: Incoming) -> Incoming:
        """Return the event with its person known."""
        person = self.known(incoming.person)
        return incoming if person is incoming.person else msgspec.structs.replace(incoming, person=person)

    def let_in(self, person: Person, place: Place) -> None:
        """Raise `ForPerson` where ALLOW names neither the person nor the place. The page has a guard of its own."""
        allow = self._limits.allow
        if not allow or self.is_owner(person) or place.platform == "web":
            return
        names = {person.id, f"{place.platform}:{place.chat}", f"{place.platform}:{place.parent}"}
        if place.server:
            names.add(f"{place.platform}:{place.server}")
        if not allow & names:
            raise ForPerson(PRIVATE_BOT.with_values(id=person.id))

    async def allow_one(self, person: Person) -> None:
        """Count one request of the person; raise `ForPerson` where that is over a limit. Owners have none."""
        if self.is_owner(person):
            return
        self._count_minute(person.id)
        if self._limits.per_day is not None or self._limits.tokens_per_day is not None:
            await self._check_day(person.id)

    def _count_minute(self, person: str) -> None:
        limit = self._limits.per_minute
        if limit is None:
            return
        now = self._now()
        recent = self._recent.setdefault(person, deque())
        while recent and recent[0] <= now - 60:
            recent.popleft()
        if len(recent) >= limit:
            raise ForPerson(TOO_FAST.with_values(limit=limit, wait=int(recent[0] + 60 - now) + 1))
        recent.append(now)
        if len(self._recent) > PEOPLE_REMEMBERED:
            self._recent = {who: times for who, times in self._recent.items() if times and times[-1] > now - 60}

    async def _check_day(self, person: str) -> None:
        midnight = self._now() // 86400 * 86400
        spent = await self._usage.totals(person=person, since=midnight)
        if self._limits.per_day is not None and spent.calls >= self._limits.per_day:
            raise ForPerson(DAY_SPENT.with_values(limit=self._limits.per_day))
        tokens = spent.prompt_tokens + spent.completion_tokens
        if self._limits.tokens_per_day is not None and tokens >= self._limits.tokens_per_day:
            raise ForPerson(TOKENS_SPENT.with_values(limit=self._limits.tokens_per_day))
