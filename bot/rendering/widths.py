"""How wide text stands in a fixed-width font, so that the columns of a table meet."""

from __future__ import annotations

import unicodedata

import regex

# What leaves no ink on any platform: blanks, joiners, bidirectional marks, fillers.
INVISIBLE = regex.compile(r"[\s\p{Cf}\p{Zs}\u115f\u1160\u3164\uffa0\u034f\u180b-\u180f\ufe00-\ufe0f\u2800]*")

_CLUSTER = regex.compile(r"\X")


def width(text: str) -> int:
    """Return the number of columns: 2 for East Asian wide characters and emoji, 0 for combining ones."""
    if text.isascii():
        return len(text)
    return sum(_cluster_width(cluster) for cluster in _CLUSTER.findall(text))


def _cluster_width(cluster: str) -> int:
    first = cluster[0]
    if len(cluster) > 1 and ("\ufe0f" in cluster or "\u200d" in cluster or "\U0001f1e6" <= first <= "\U0001f1ff"):
        return 2
    if unicodedata.east_asian_width(first) in "WF":
        return 2
    return 0 if unicodedata.category(first) in ("Mn", "Me", "Cf") else 1


def padded(text: str, columns: int, align: str = "None") -> str:
    """Fill the text with blanks up to `columns`; `align` is the parser's: None, Left, Center, Right."""
    missing = max(0, columns - width(text))
    if align == "Right":
        return " " * missing + text
    before = missing // 2 if align == "Center" else 0
    return " " * before + text + " " * (missing - before)
