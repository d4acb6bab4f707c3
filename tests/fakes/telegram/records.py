"""What the fake keeps: calls, files, the webhook, updates that wait."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class Call:
    """One request of the bot. `status` 0: the answer never arrived."""

    method: str
    parameters: Json
    status: int
    answer: Any
    at: float  # on the clock's monotonic scale


@dataclass
class StoredFile:
    """A file as Telegram keeps it."""

    id: str
    path: str
    content: bytes
    size: int

    def raw(self) -> Json:
        """Return the fields that every kind of file has."""
        return {"file_id": self.id, "file_unique_id": f"u{self.id}", "file_size": self.size}


@dataclass
class Hook:
    """The webhook that is set; url "" for none."""

    url: str = ""
    secret: str = ""
    error: str = ""


@dataclass
class Update:
    """An update that waits to be confirmed."""

    id: int
    kind: str
    encoded: bytes = field(repr=False)
