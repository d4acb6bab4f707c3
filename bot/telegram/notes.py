"""A small durable key-value store that the adapter is handed: hashes of menus, greeted groups, half an album."""

from __future__ import annotations

from typing import Protocol


class Notes(Protocol):
    """What the adapter may write down between two runs of the process. Names begin with `telegram:`."""

    async def get(self, name: str) -> str | None:
        """Return what was last put under `name`, None where nothing was."""

    async def put(self, name: str, value: str) -> None:
        """Keep `value` under `name`; it survives a kill of the process once this returned."""
