"""What the adapters write down between two runs of the process, kept among the settings."""

from __future__ import annotations

from storage.settings import Settings

SCOPE = "process"


class StoredNotes:
    """A small durable key-value store; implements the adapters' `Notes`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def get(self, name: str) -> str | None:
        """Return what was last put under `name`, None where nothing was."""
        value = (await self._settings.lookup((SCOPE,))).get(name)
        return value if isinstance(value, str) else None

    async def put(self, name: str, value: str) -> None:
        """Keep `value` under `name`."""
        await self._settings.put(SCOPE, name, value)
