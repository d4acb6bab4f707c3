"""The little that handlers do to a model's Markdown: adding a line below it without falling into its code."""

from __future__ import annotations

import re

_FENCE = re.compile(r"^ {0,3}(?:> ?)*(?P<marks>`{3,}(?=[^`\n]*$)|~{3,})(?P<info>[^\n]*)$", re.MULTILINE)


def open_fence(text: str) -> str:
    """Return the marks of a code block that is still open at the end of `text`, "" where none is."""
    marks = ""
    for found in _FENCE.finditer(text):
        if not marks:
            marks = found["marks"]
        elif found["marks"].startswith(marks) and not found["info"].strip():
            marks = ""
    return marks


def with_lines_below(text: str, *lines: str) -> str:
    """Return `text` with small lines below it, each a paragraph of its own; an open code block is closed first."""
    text = text.rstrip()
    if not lines:
        return text
    marks = open_fence(text)
    whole = f"{text}\n{marks}" if marks else text
    return "\n\n".join(part for part in (whole, *(f"_{line}_" for line in lines)) if part)
