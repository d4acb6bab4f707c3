"""Settings by scope: a conversation, its chat, or `person:<person>`."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import bindparam, delete, or_, select

from storage.door import Door
from storage.schema import SETTINGS
from storage.statement import Statement, upsert

S = SETTINGS.c

SCOPES_AT_ONCE = 4  # topic, chat, person, everywhere: all that a turn asks for, in one statement
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


class Settings:
    """The verbs of the settings."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def lookup(self, scopes: Sequence[str]) -> dict[str, object]:
        """Return the values in force, by name: where several scopes have one, the nearest (first) wins.

        One query for up to four scopes.
        """
        values: dict[str, object] = {}
        for start in range(len(scopes) - 1 - (len(scopes) - 1) % SCOPES_AT_ONCE, -1, -SCOPES_AT_ONCE):
            values.update(await self._some(scopes[start : start + SCOPES_AT_ONCE]))
        return values

    async def put(self, scope: str, name: str, value: object | None) -> None:
        """Set a value that JSON knows; None removes it."""
        if value is None:
            await self._door.write(REMOVE(scope_=scope, name_=name))
        else:
            await self._door.write(PUT(scope=scope, name=name, value=msgspec.json.encode(value).decode()))

    async def _some(self, scopes: Sequence[str]) -> dict[str, object]:
        asked = {f"scope_{n}": scopes[min(n, len(scopes) - 1)] for n in range(SCOPES_AT_ONCE)}
        rows = await self._door.read(LOOKUP(**asked))
        by_distance = sorted(rows, key=lambda row: scopes.index(row[0]), reverse=True)
        return {name: msgspec.json.decode(value) for _, name, value in by_distance}
