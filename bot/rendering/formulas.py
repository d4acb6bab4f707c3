"""LaTeX formulas as Unicode text, where a platform shows none."""

from __future__ import annotations

import re
from functools import lru_cache

from telegramify_markdown.latex_escape.helper import LatexToUnicodeHelper

_LONGEST = 2000  # characters; what is longer, or nested deeper, stays as it is written
_DEEPEST = 30
_ROWS = re.compile(r"\\begin|\\\\")  # matrices and steps lose their shape on one line
_LEFT_OVER = re.compile(r"\\[A-Za-z]+|\\\\|[{}&]")


@lru_cache(maxsize=512)
def unicode_formula(latex: str) -> str | None:
    """Return the formula as Unicode on one line, or None where it cannot be said so: then show its source."""
    if len(latex) > _LONGEST or max(latex.count(bracket) for bracket in "{([") > _DEEPEST or _ROWS.search(latex):
        return None
    converted = str(LatexToUnicodeHelper().convert(latex))  # type: ignore[no-untyped-call]
    text = " ".join(converted.split())
    return None if not text or _LEFT_OVER.search(text) else text
