"""Markdown too long for one message, cut where it hurts least and made whole on both sides."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import regex

from bot.rendering.outline import Break, Leaf, Outline, Rank, continued

Fits = Callable[[str], bool]

_FIRST_GUESS = 1024  # characters; doubled until it no longer fits
_LOOK_AHEAD = 4096  # characters behind the page in which a link or a bold run may end
_NARROW = 32  # the search ends when the border is known to a 32nd
_TRIES = 12  # shorter heads tried when closing a fence made one too long

# How much of a page a place to cut must leave filled to be preferred to a worse one further down.
_FILLED = {Rank.BLOCK: 0.65, Rank.ITEM: 0.55, Rank.LINE: 0.5, Rank.SENTENCE: 0.45, Rank.WORD: 0.4, Rank.GRAPHEME: 0.3}

_SENTENCE = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s)|[。！？；]+[”’」』）]*")
_WORD = re.compile(r"\s+|(?<=[，、：])|(?<=[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])(?=[\u3040-\u30ff\u3400-\u9fff])")
# What would be read as a list, a heading, a quote or a fence at the start of a line.
_BLOCK_START = re.compile(r"[ \t]*(?:[-*+]\s|\d{1,9}[.)]\s|#{1,6}\s|>|`{3}|~{3}|[-=*_]{2,}\s*$|\||<)", re.MULTILINE)
# A line that turns the line before it into a heading or a table, or may become one.
_UNDERLINE = re.compile(r"[ \t>]*[-=|:][-=|: \t]*$", re.MULTILINE)
_VISIBLE = re.compile(r"\S")
_CLUSTER = regex.compile(r"\X")
_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]")
_CLUSTER_REACH = 256  # characters; a longer cluster is no character of any script and may be cut


def pieces(markdown: str, fits: Fits) -> list[str]:
    """Return a whole text in pieces that fit, none of them blank. Near linear: see `cut`."""
    found = []
    while markdown:
        head, markdown = cut(markdown, fits)
        if head.strip():
            found.append(head)
    return found


def cut(markdown: str, fits: Fits) -> tuple[str, str]:
    """Return the longest sensible head that fits, and the rest ("" where everything fits).

    Cuts before a block, else a list item, a line, a row, a sentence, a word, a grapheme; not within inline code,
    links, bold or italic runs or formulas, unless one of them fills half a page. A fence cut in two is closed and
    opened again with its language and indentation, a table's header is repeated, a quote goes on as a quote, and
    list items go on (marked by `CONTINUED`, which shows no bullet). White space at the cut is dropped, nothing
    else. The rest is shorter than the text, and the head is not empty, unless the text is. Text may still be
    appended to the rest: the head does not depend on it, and what is not yet closed stays in the rest where it can.

    `fits` is called O(log n) times (about ten for a page) with prefixes of at most twice what fits, or, below 16,384
    characters, of the whole; the work does not depend on the length of the rest. A megabyte in Telegram's pages
    takes 0.3 s (one word, code) to 6 s (models' Markdown) of CPU, nearly all of it in `fits`: off the event loop.
    """
    limit, beyond = _border(markdown, fits)
    if limit == len(markdown):
        return markdown, ""
    window = markdown[: beyond + _LOOK_AHEAD]
    outline = Outline(window, whole=len(window) == len(markdown))
    for place in _places(outline, max(1, limit)):
        head, rest = _parted(markdown, outline, place)
        if head.strip() and len(rest) < len(markdown) and fits(head):
            return head, rest
    return _plainly(markdown, limit, fits)


def _border(markdown: str, fits: Fits) -> tuple[int, int]:
    """Return a length that fits and one that does not, close together; twice the whole length if that fits."""
    total = len(markdown)
    low, high = 0, min(_FIRST_GUESS, total) if total > 16 * _FIRST_GUESS else total
    while fits(markdown[:high]):
        if high == total:
            return total, total
        low, high = high, min(2 * high, total)
    while high - low > 1 + low // _NARROW:
        middle = (low + high) // 2
        if fits(markdown[:middle]):
            low = middle
        else:
            high = middle
    return low, high


def _plainly(markdown: str, limit: int, fits: Fits) -> tuple[str, str]:
    """Cut without looking at what is cut: the last resort, which always gets on."""
    end = limit
    while end > 1 and not fits(markdown[:end]):
        end = end * 3 // 4
    end = _whole_character(markdown, max(1, end))
    return markdown[:end], markdown[end:]


def _whole_character(text: str, end: int) -> int:
    """Return the last border of a grapheme cluster at or before `end`, or `end` where there is none near."""
    base = max(0, end - _CLUSTER_REACH)
    while base and _FLAG.match(text, base - 1) and end - base < 16 * _CLUSTER_REACH:
        base -= 1  # flags are pairs: count from the first
    border = 0
    for cluster in _CLUSTER.finditer(text, base, min(len(text), end + _CLUSTER_REACH)):
        if cluster.start() > end:
            break
        border = cluster.start()
    return border if border > base else end


# ---------------------------------------------------------------- places


def _places(outline: Outline, limit: int) -> Iterator[Break]:
    """Yield places to cut, the most sensible one first, then shorter and worse ones."""
    border = max(1, outline.prepared_position(limit))
    spans = [span for span in outline.spans if _kept_whole(span, border, len(outline.text))]
    lines = [place for place in outline.line_breaks() if place.end > 0 and place.start <= border]
    lines = [place for place in lines if _allowed(outline, place, spans)]
    for _ in range(_TRIES):
        place = _best(outline, lines, spans, border)
        if place is None:
            return
        yield place
        border = min(place.end, border * 15 // 16)
        lines = [line for line in lines if line.start <= border]


def _kept_whole(span: tuple[int, int], border: int, length: int) -> bool:
    """Tell whether a span is short enough for a page; one that has not ended yet must begin late in it."""
    start, end = span
    return start > border // 2 if end > length else end - start <= border // 2


def _best(outline: Outline, lines: list[Break], spans: list[tuple[int, int]], border: int) -> Break | None:
    for rank in (Rank.BLOCK, Rank.ITEM, Rank.LINE):
        found = [place for place in lines if place.rank <= rank and place.start >= border * _FILLED[rank]]
        if found:
            return found[-1]
    for rank in (Rank.SENTENCE, Rank.WORD, Rank.GRAPHEME):
        place = _within_line(outline, rank, spans, border)
        if place is not None:
            return place
    return lines[-1] if lines else None


def _allowed(outline: Outline, place: Break, spans: list[tuple[int, int]]) -> bool:
    text = outline.text
    if place.rank == Rank.LINE and place.leaf is not None and place.leaf.kind != "text":
        return _VISIBLE.search(text, place.start) is not None
    if not _VISIBLE.search(text, place.start) or any(start < place.end < end for start, end in spans):
        return False
    if place.leaf is not None and place.rank == Rank.LINE and _BLOCK_START.match(text, place.start):
        return False
    return not _UNDERLINE.match(text, place.start)


def _within_line(outline: Outline, rank: Rank, spans: list[tuple[int, int]], border: int) -> Break | None:
    """Return the last place of this rank that lies in a block's text."""
    first = int(border * _FILLED[rank])
    for leaf in reversed(outline.leaves):
        low, high = max(first, leaf.content + 1), min(border, (leaf.last or leaf.end) - 1)
        if low > high or leaf.kind == "other":
            continue
        for place in _candidates(outline, leaf, rank, low, high):
            if not any(start < place.start and place.end < end for start, end in spans):
                return place
    return None


def _candidates(outline: Outline, leaf: Leaf, rank: Rank, low: int, high: int) -> Iterator[Break]:
    """Yield the places of one rank between two positions of a block, the last one first."""
    text = outline.text
    if rank == Rank.GRAPHEME:
        position = high
        while position >= low:
            border = _whole_character(text, position)
            if border < low:
                return
            yield Break(rank, border, border, leaf)
            position = border - 1
        return
    pattern = _SENTENCE if rank == Rank.SENTENCE else _WORD
    for found in reversed(list(pattern.finditer(text, low, high + 1))):
        start = end = found.end()
        if rank == Rank.WORD:
            end = found.start()
        if leaf.kind == "text":
            start += len(text[start : leaf.end]) - len(text[start : leaf.end].lstrip())
            if _BLOCK_START.match(text, start):
                continue
        if low <= end and start <= high:
            yield Break(rank, end, start, leaf)


# ---------------------------------------------------------------- parting


def _parted(markdown: str, outline: Outline, place: Break) -> tuple[str, str]:
    """Return the two sides of a cut, each whole in itself."""
    end, start = outline.source_position(place.end), outline.source_position(place.start)
    head, rest = markdown[:end], markdown[start:]
    leaf = place.leaf
    if place.rank <= Rank.ITEM or leaf is None:
        blank = "\n" if place.reopened and leaf is not None and leaf.kind in ("indented", "table") else ""
        return head.rstrip(), _opened(continued(place.reopened) + blank, rest.lstrip("\n"), end)
    line_brings_own = place.rank == Rank.LINE and leaf.kind != "text"
    blank = "" if line_brings_own else leaf.blank
    opening = continued(leaf.containers)
    if leaf.kind == "fenced":
        closed = head.rstrip("\n") + f"\n{leaf.blank}{leaf.fence}"
        return closed, _opened(f"{opening}{leaf.blank}{leaf.fence}{leaf.info}\n{blank}", rest, end)
    if leaf.kind == "text":
        return head.rstrip(), _opened(opening + blank, rest.lstrip(), end)
    opening += "\n" if opening else ""
    if leaf.kind == "indented":
        return head.rstrip("\n"), _opened(opening + blank, rest, end)
    if leaf.rows and place.start > leaf.rows[0]:
        opening += leaf.header
    return head.rstrip(), _opened(opening + blank + ("| " if place.rank > Rank.LINE else ""), rest, end)


def _opened(opening: str, rest: str, consumed: int) -> str:
    """Put what is opened again before the rest, unless that would eat up what the cut has won."""
    return opening + rest if len(opening) <= consumed // 2 else rest
