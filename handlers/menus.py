"""Rows of buttons for a list of any length: pages that fit the narrowest platform (Discord: 5 rows of 5)."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.command import ActionHandler
from handlers.reply import Button, Presser

ROWS = 4
COLUMNS = 2
PAGE = ROWS * COLUMNS

Rows = tuple[tuple[Button, ...], ...]


def paged(
    entries: Sequence[Button],
    page: int,
    *,
    turn_to: ActionHandler,
    who: Presser = Presser.REQUESTER,
    below: Sequence[Button] = (),
) -> Rows:
    """Return the rows of page `page` (from 0; out of range: the nearest), then one row to turn pages and `below`.

    `turn_to` is run with {"page": n}. At most three buttons fit into `below`.
    """
    last = max(0, (len(entries) - 1) // PAGE)
    page = min(max(page, 0), last)
    shown = entries[page * PAGE : (page + 1) * PAGE]
    rows = [tuple(shown[at : at + COLUMNS]) for at in range(0, len(shown), COLUMNS)]
    turning = []
    if page > 0:
        turning.append(Button("◀", turn_to.press({"page": page - 1}, who=who)))
    if page < last:
        turning.append(Button(f"{page + 2}/{last + 1} ▶", turn_to.press({"page": page + 1}, who=who)))
    rows.append((*turning, *below))
    return tuple(row for row in rows if row)


def page_of(index: int) -> int:
    """Return the page on which the entry at `index` stands."""
    return max(index, 0) // PAGE
