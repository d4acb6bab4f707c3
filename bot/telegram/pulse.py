"""How the way in is: written by polling or webhook, read by /healthz."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Pulse:
    """`progress_at` is on the clock's monotonic scale: when the last getUpdates was answered."""

    connected: bool = False
    progress_at: float = 0.0
    conflict: bool = False  # another process asks for the same bot's updates
    stored: bool = True  # the last events could be stored
    renewed: int = 0  # how often the HTTP session was thrown away
    webhook_error: str = ""
