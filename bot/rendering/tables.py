"""Tables where a platform has none: lines of a fixed-width font whose columns meet."""

from __future__ import annotations

from collections.abc import Sequence

from bot.rendering.widths import padded, width

# Columns are not filled beyond this, or one long cell would blow up every row of its column.
WIDEST = 40


def aligned(rows: Sequence[Sequence[str]], aligns: Sequence[str]) -> str:
    """Return the rows as lines, a rule below the first one, which is the header."""
    count = max((len(row) for row in rows), default=0)
    if not count:
        return ""
    columns = [min(WIDEST, max(width(row[n]) if n < len(row) else 0 for row in rows)) for n in range(count)]
    lines = [_line(row, columns, aligns) for row in rows]
    lines.insert(1, "-+-".join("-" * max(1, column) for column in columns))
    return "\n".join(lines)


def _line(row: Sequence[str], columns: Sequence[int], aligns: Sequence[str]) -> str:
    cells = [
        padded(row[n] if n < len(row) else "", columns[n], aligns[n] if n < len(aligns) else "None")
        for n in range(len(columns))
    ]
    return " | ".join(cells).rstrip()
