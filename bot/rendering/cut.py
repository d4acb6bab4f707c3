"""Markdown too long for one message, cut where it hurts least."""

from __future__ import annotations

from collections.abc import Callable


def cut(markdown: str, fits: Callable[[str], bool]) -> tuple[str, str]:
    """Return the longest sensible head that fits, and the rest ("" when everything fits)."""
    if fits(markdown):
        return markdown, ""
    low, high = 0, len(markdown)
    while high - low > 1:
        middle = (low + high) // 2
        if fits(markdown[:middle]):
            low = middle
        else:
            high = middle
    end = max(low, 1)
    for mark in ("\n\n", "\n", " "):
        at = markdown.rfind(mark, end // 2, end)
        if at > 0:
            return markdown[:at], markdown[at + len(mark) :]
    return markdown[:end], markdown[end:]


def pieces(markdown: str, fits: Callable[[str], bool]) -> list[str]:
    """Return the whole text in pieces that fit."""
    found = []
    while markdown.strip():
        head, markdown = cut(markdown, fits)
        found.append(head)
    return found
