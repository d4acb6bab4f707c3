"""Where a stretch of Markdown may be cut, and what has to be closed and opened again there."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from enum import IntEnum
from typing import Any

import msgspec
import pyromark

from bot.rendering.markdown import CONTINUED, OPTIONS, cleaned_in_place, prepared, source_of

_FENCE = re.compile(r"(`{3,}|~{3,})[ \t]*([^\n]*)")
_MARKER = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]?(?:[ \t]{0,3}(?=\S))?")
_NOT_QUOTE = re.compile(r"[^>\s]")
_LINE_END = re.compile(r"\n")
_LONGEST_INFO = 60  # characters of a fence's info string that are repeated
_INLINE = ("Strong", "Emphasis", "Strikethrough", "Link", "Image")
_INLINE_LEAVES = ("Code", "InlineMath", "DisplayMath", "InlineHtml")
_SPOILER = re.compile(r"\|\|[^|\n]+\|\|")
# What may be the beginning of something that a growing text has not closed yet.
_UNCLOSED = re.compile(
    r"\*\*(?=\S)|~~(?=\S)|`+|\$\$?(?=\S)|\\[(\[]|!?\[|\|\||(?<![*\w])\*(?=[^\s*])|<(?=https?:)|https?:"
)


class Rank(IntEnum):
    """How good a place to cut is; smaller is better."""

    BLOCK = 0
    ITEM = 1
    LINE = 2
    SENTENCE = 3
    WORD = 4
    GRAPHEME = 5
    ANYWHERE = 6


class Container(msgspec.Struct, frozen=True):
    """An open list item or quote: where it begins, and the text that opens and that continues a line of it."""

    start: int
    lead: str
    blank: str
    item: bool


class Leaf(msgspec.Struct):
    """A block of text, code or rows. Positions are characters of the prepared text."""

    kind: str  # text, fenced, indented, table, other
    start: int
    end: int
    containers: tuple[Container, ...]
    blank: str  # what continues a line of it
    fence: str = ""
    info: str = ""
    last: int = 0  # where its text ends, before a closing fence
    header: str = ""  # of a table: its first two lines, each with its line end
    lines: list[int] = msgspec.field(default_factory=list)  # where the content of its lines begins
    rows: list[int] = msgspec.field(default_factory=list)  # where the rows below the header begin

    @property
    def content(self) -> int:
        """Where its text begins, behind a fence or the signs of a heading."""
        return self.lines[0] if self.lines else self.start


class Break(msgspec.Struct, frozen=True):
    """A place to cut: the head ends at `end`, the rest begins at `start`, within `leaf` unless it is None."""

    rank: Rank
    end: int
    start: int
    leaf: Leaf | None = None
    reopened: tuple[Container, ...] = ()


class Outline:
    """The blocks of a stretch of Markdown, its breaks between lines, and the spans that must stay whole."""

    def __init__(self, markdown: str, *, whole: bool) -> None:
        """Parse. `whole`: the stretch ends where the text ends, to which more may still be added."""
        self.text = prepared(cleaned_in_place(markdown))
        self.shifted = len(self.text) != len(markdown)
        self.leaves: list[Leaf] = []
        self.spans: list[tuple[int, int]] = []
        self._containers: list[Container] = []
        self._depth = 0  # of inline elements
        self._leaf: Leaf | None = None
        self._broken = False  # a line of a paragraph has just ended
        self._at = _characters(self.text)
        self._read()
        if whole:
            self._guard_unclosed()

    def source_position(self, position: int) -> int:
        """Return where a position of the prepared text stands in the source."""
        return len(source_of(self.text[:position])) if self.shifted else position

    def prepared_position(self, position: int) -> int:
        """Return the last position of the prepared text that stands at or before one of the source."""
        if not self.shifted:
            return position
        return bisect_left(range(len(self.text)), position + 1, key=self.source_position) - 1

    # ------------------------------------------------------------ reading

    def _read(self) -> None:
        for event, span in pyromark.events_with_range(self.text, options=OPTIONS):
            start, end = self._at(span["start"]), self._at(span["end"])
            if isinstance(event, str):
                self._bare(event, start, end)
                continue
            for name, content in dict(event).items():
                if name == "Start":
                    kind, details = _named(content)
                    self._start(kind, details, start, end)
                elif name == "End":
                    self._end(_named(content)[0])
                else:
                    self._content(name, start, end)

    def _bare(self, name: str, start: int, end: int) -> None:
        self._broken = name != "Rule"
        if name == "Rule":
            self._leaf = None
            self._add(Leaf("other", start, end, tuple(self._containers), ""))

    def _start(self, kind: str, details: Any, start: int, end: int) -> None:
        if kind in _INLINE:
            self._within_text(start, end)
            if not self._depth:
                self.spans.append((start, end))
            self._depth += 1
        elif kind == "Item":
            self._leaf = None
            self._containers.append(self._item(start))
        elif kind == "BlockQuote":
            self._leaf = None
            self._containers.append(self._quote(start))
        elif kind == "CodeBlock":
            self._add(self._code(start, end, fenced=isinstance(details, dict)))
        elif kind == "Table":
            self._add(self._table(start, end))
        elif kind == "TableRow" and self._leaf is not None:
            self.spans.append((start if self._leaf.rows else self._leaf.start, end))
            self._leaf.rows.append(start)
        elif kind in ("Paragraph", "Heading", "HtmlBlock"):
            self._add(Leaf("text", start, end, tuple(self._containers), self._blank()))

    def _end(self, kind: str) -> None:
        if kind in _INLINE:
            self._depth -= 1
        elif kind in ("Item", "BlockQuote"):
            self._containers.pop()
            self._leaf = None
        elif kind in ("Paragraph", "Heading", "HtmlBlock", "CodeBlock", "Table"):
            self._leaf = None

    def _content(self, name: str, start: int, end: int) -> None:
        if self._leaf is not None and self._leaf.kind == "table":
            return
        leaf = self._within_text(start, end)
        leaf.last = max(leaf.last, end)
        if name in _INLINE_LEAVES and not self._depth:
            self.spans.append((start, end))
        if leaf.kind in ("fenced", "indented"):  # one event may hold many lines
            leaf.lines += [start, *(found.end() for found in _LINE_END.finditer(self.text, start, end - 1))]
        elif not leaf.lines or self._broken:
            leaf.lines.append(start)
        self._broken = False

    def _within_text(self, start: int, end: int) -> Leaf:
        """Return the open block; the text of tight list items has none, so open it."""
        if self._leaf is None:
            self._add(Leaf("text", start, end, tuple(self._containers), self._blank()))
        leaf = self.leaves[-1]
        leaf.end = max(leaf.end, end)
        return leaf

    def _add(self, leaf: Leaf) -> None:
        self.leaves.append(leaf)
        self._leaf = leaf if leaf.kind != "other" else None

    # ------------------------------------------------------------ what continues a line

    def _line_start(self, position: int) -> int:
        return self.text.rfind("\n", 0, position) + 1

    def _lead(self, position: int) -> str:
        """Return the text before `position` in its line, list markers made blanks."""
        return _NOT_QUOTE.sub(" ", self.text[self._line_start(position) : position])

    def _blank(self) -> str:
        return self._containers[-1].blank if self._containers else ""

    def _item(self, start: int) -> Container:
        found = _MARKER.match(self.text, start)
        marker = found[0] if found else "- "
        if not marker[-1:].isspace():
            marker += " "
        lead = self._lead(start) + marker
        return Container(start, lead, _NOT_QUOTE.sub(" ", lead), item=True)

    def _quote(self, start: int) -> Container:
        sign = max(self.text.find(">", start), start)
        blank = self._lead(sign) + "> "
        return Container(start, blank, blank, item=False)

    def _code(self, start: int, end: int, *, fenced: bool) -> Leaf:
        containers = tuple(self._containers)
        opening = start + len(self.text[start:end]) - len(self.text[start:end].lstrip(" \t"))
        found = _FENCE.match(self.text, opening)
        if not fenced or not found:
            return Leaf("indented", start, end, containers, self._lead(start))
        info = found[2].strip()
        if len(info) > _LONGEST_INFO:
            info = info.split()[0][:_LONGEST_INFO]
        return Leaf("fenced", start, end, containers, self._lead(opening), fence=found[1], info=info)

    def _table(self, start: int, end: int) -> Leaf:
        first = self.text.find("\n", start)
        second = self.text.find("\n", first + 1)
        lead = self._lead(start)
        header = lead + self.text[start : second + 1] if 0 < first < second else ""
        return Leaf("table", start, end, tuple(self._containers), lead, header=header)

    # ------------------------------------------------------------ places to cut

    def _guard_unclosed(self) -> None:
        """Keep together what a growing text may still be about to close, at the end of its last paragraph."""
        if not self.leaves or self.leaves[-1].kind != "text":
            return
        leaf = self.leaves[-1]
        if self.text.count("\n", max(leaf.end - 1, 0)) > 1:  # a blank line has closed it
            return
        closed = [span for span in self.spans if span[0] >= leaf.start]
        for found in _UNCLOSED.finditer(self.text, leaf.start):
            if not any(start <= found.start() < end for start, end in closed):
                self.spans.append((found.start(), len(self.text) + 1))
                return

    def line_breaks(self) -> list[Break]:
        """Return the breaks before blocks, list items, lines of code and rows, in order."""
        found: list[Break] = []
        before: Leaf | None = None
        for leaf in self.leaves:
            if before is not None and not self._heads(before):
                found.append(self._between(before, leaf))
            found.extend(self._inside(leaf))
            before = leaf
        return found

    def _heads(self, leaf: Leaf) -> bool:
        """Tell whether the block is a heading, which stays with what follows."""
        return leaf.kind == "text" and self.text[leaf.start : leaf.start + 1] == "#"

    def _between(self, before: Leaf, leaf: Leaf) -> Break:
        start = self._line_start(leaf.start)
        reopened = tuple(container for container in leaf.containers if container.start < start)
        in_list = bool(before.containers and leaf.containers and leaf.containers[0].item)
        return Break(Rank.ITEM if reopened or in_list else Rank.BLOCK, start, start, leaf, reopened)

    def _inside(self, leaf: Leaf) -> list[Break]:
        if leaf.kind == "table":
            return [self._row(leaf, row) for row in leaf.rows[1:]]
        if leaf.kind == "text":
            return [Break(Rank.LINE, self.text.rfind("\n", 0, at), at, leaf) for at in leaf.lines[1:]]
        if leaf.kind in ("fenced", "indented") and leaf.lines:
            starts = sorted({self._line_start(at) for at in leaf.lines} - {self._line_start(leaf.lines[0])})
            return [Break(Rank.LINE, at, at, leaf) for at in starts]
        return []

    def _row(self, leaf: Leaf, row: int) -> Break:
        start = self._line_start(row)
        return Break(Rank.LINE, start, start, leaf)


def _named(content: Any) -> tuple[str, Any]:
    return (content, None) if isinstance(content, str) else next(iter(content.items()))


def _characters(text: str) -> Callable[[int], int]:
    """Return a function from positions in the UTF-8 bytes to positions in characters."""
    if text.isascii():
        return lambda position: position
    starts = [position for position, byte in enumerate(text.encode()) if byte & 0xC0 != 0x80]
    return lambda position: bisect_left(starts, position)


def continued(containers: tuple[Container, ...]) -> str:
    """Return the lines that open the list items again without showing their bullets."""
    return "".join(f"{container.lead}{CONTINUED}\n" for container in containers if container.item)
