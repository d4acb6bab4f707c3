"""What `polobot check` found about one thing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table. `do` tells what would help; with `ok` it is advice, not a fault."""

    what: str
    ok: bool
    said: str
    do: str = ""
