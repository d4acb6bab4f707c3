"""Settings by scope: a conversation, its chat, or `person:<person>`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import bindparam, delete, or_, select

from storage.door import Door, Script
from storage.schema import SETTINGS
from storage.statement import Statement, as_json, upsert

S = SETTINGS.c

SCOPES_AT_ONCE = 4  # topic, chat, person, everywhere: all that a turn asks for, in one statement
SCOPES_KEPT = 4096  # in mind: every turn asks, and hardly ever has anything changed
LOOKUP = Statement(
    select(S.scope, S.name, S.value).where(
        or_(*(S.scope == bindparam(f"scope_{n}", type_=S.scope.type) for n in range(SCOPES_AT_ONCE)))
    )
)
PUT = upsert(SETTINGS, on=("scope", "name"), update=("value",))
REMOVE = Statement(
    delete(SETTINGS).where(
        S.scope == bindparam("scope_", type_=S.scope.type), S.name == bindparam("name_", type_=S.name.type)
    )
)

Named = list[tuple[str, str]]  # (name, JSON)


class Settings:
    """The verbs of the settings. What was looked up is kept in mind, so one process alone must write them."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._kept: dict[str, Named] = {}
        self._changes = 0

    async def lookup(self, scopes: Sequence[str]) -> dict[str, object]:
        """Return the values in force, by name: where several scopes have one, the nearest (first) wins.

        One query for up to four scopes, none for those that are kept in mind.
        """
        kept = self._kept
        if unknown := [scope for scope in scopes if scope not in kept]:
            kept = {**{scope: kept[scope] for scope in scopes if scope in kept}, **(await self._read(unknown))}
        values: dict[str, object] = {}
        for scope in reversed(scopes):
            for name, value in kept[scope]:
                values[name] = msgspec.json.decode(value)
        return values

    async def put(self, scope: str, name: str, value: object | None) -> None:
        """Set a value that JSON knows; None removes it."""
        step = REMOVE(scope_=scope, name_=name) if value is None else PUT(scope=scope, name=name, value=as_json(value))
        try:
            await self._door.write(step)
        finally:  # a cancelled write may have been made
            self.refresh((scope,))

    def refresh(self, scopes: Iterable[str] | None = None) -> None:
        """Read scopes (None: all) from the database the next time."""
        self._changes += 1
        for scope in list(self._kept) if scopes is None else scopes:
            self._kept.pop(scope, None)

    async def _read(self, scopes: Sequence[str]) -> dict[str, Named]:
        before = self._changes
        found: dict[str, Named] = {scope: [] for scope in scopes}

        def script() -> Script[None]:
            for start in range(0, len(scopes), SCOPES_AT_ONCE):
                some = scopes[start : start + SCOPES_AT_ONCE]
                asked = {f"scope_{n}": some[min(n, len(some) - 1)] for n in range(SCOPES_AT_ONCE)}
                for scope, name, value in (yield LOOKUP(**asked)):
                    found[scope].append((name, value))

        await self._door.look(script)
        if before == self._changes:  # else a change may have been made after we read
            for scope, named in found.items():
                while len(self._kept) >= SCOPES_KEPT:
                    self._kept.pop(next(iter(self._kept)))
                self._kept[scope] = named
        return found
