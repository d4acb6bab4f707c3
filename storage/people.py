"""People as the platforms tell of them: a name and a language."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import bindparam, select

from storage.door import Door
from storage.schema import PEOPLE
from storage.statement import Statement, upsert

P = PEOPLE.c

KNOWN = Statement(select(P.name, P.language).where(P.id == bindparam("person", type_=P.id.type)))
SEEN = upsert(PEOPLE, on=("id",), update=("name", "language"))
PEOPLE_KEPT = 4096  # in mind, so that a person who writes again costs nothing


class People:
    """The verbs of the people."""

    def __init__(self, door: Door, now: Callable[[], float]) -> None:
        self._door = door
        self._now = now
        self._seen: dict[str, tuple[str, str]] = {}

    async def seen(self, person: str, name: str, language: str) -> None:
        """Remember a person's name and language; writes only when something changed."""
        if self._seen.get(person) == (name, language):
            return
        if await self.known(person) != (name, language):
            await self._door.write(SEEN(id=person, name=name, language=language, first_seen_at=self._now()))
        if len(self._seen) >= PEOPLE_KEPT:
            self._seen.pop(next(iter(self._seen)))
        self._seen[person] = (name, language)

    async def known(self, person: str) -> tuple[str, str] | None:
        """Return a person's name and language, or None."""
        rows = await self._door.read(KNOWN(person=person))
        return (rows[0][0], rows[0][1]) if rows else None

    def forgotten(self, person: str) -> None:
        """Take a person out of mind, after their row was deleted."""
        self._seen.pop(person, None)
