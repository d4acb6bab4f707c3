"""From parsed Markdown to lines of text: what Telegram and Discord share of paragraphs, lists, quotes and tables."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

from bot.rendering.formulas import unicode_formula
from bot.rendering.markdown import CONTINUED, Event, formula_source, literal, shown, visible
from bot.rendering.tables import aligned

# Deeper than this the indentation stops growing; a page is narrow, and a stranger may nest a thousand levels.
DEEPEST = 8
_BULLETS = "•◦▪"


class TextWalker(ABC):
    """Writes the events of one document to `parts`; a platform says how a format, a link, a block of code look.

    `length` is the number of characters written. Line ends are owed (`_owed`) and paid by the next visible thing,
    so there is never a blank line too many, and each new line begins with the prefixes of what is open.
    """

    bullets = _BULLETS
    tasks = ("☐ ", "☑ ")
    item_indent = "  "
    quote_prefix = ""
    inner_quote_prefix = "> "

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.length = 0
        self.fresh = True  # at the start of a line: prefixes are still to be written
        self.quotes = 0
        self._owed = 0
        self._marker = ""
        self._marker_at = 0  # which of the prefixes the bullet stands for
        self._prefixes: list[str] = []  # of the open lists and quotes
        self._lists: list[int | None] = []
        self._first = [True]  # for each open container: nothing in it yet
        self._after_heading = False
        self._rows: list[list[str]] | None = None
        self._aligns: list[str] = []
        self._cell: list[str] | None = None
        self._addresses: list[tuple[int, str]] = []  # of links open in a cell, with where their text begins
        self._code: list[str] | None = None
        self._language = ""
        self._swallow_break = False
        starts: dict[str, Callable[[Any], None]] = {
            "Paragraph": self._start_paragraph,
            "Heading": self._start_heading,
            "List": self._start_list,
            "Item": self._start_item,
            "BlockQuote": self._start_quote,
            "CodeBlock": self._start_code,
            "Table": self._start_table,
            "TableHead": self._start_row,
            "TableRow": self._start_row,
            "TableCell": self._start_cell,
            "Link": self._start_link,
            "Image": self._start_link,
            "Strong": lambda _: self.open_format("bold"),
            "Emphasis": lambda _: self.open_format("italic"),
            "Strikethrough": lambda _: self.open_format("strikethrough"),
        }
        ends: dict[str, Callable[[Any], None]] = {
            "Heading": self._end_heading,
            "List": self._end_list,
            "Item": self._end_item,
            "BlockQuote": self._end_quote,
            "CodeBlock": self._end_code,
            "Table": self._end_table,
            "TableCell": self._end_cell,
            "Link": self._end_link,
            "Image": self._end_link,
            "Strong": lambda _: self.close_format("bold"),
            "Emphasis": lambda _: self.close_format("italic"),
            "Strikethrough": lambda _: self.close_format("strikethrough"),
        }
        self._starts, self._ends = starts, ends

    # ------------------------------------------------------------ what a platform says

    def write_text(self, text: str) -> None:
        """Write a piece of running text, without line ends."""
        self.write(text)

    @abstractmethod
    def write_code(self, code: str) -> None:
        """Write code inside a line."""

    @abstractmethod
    def write_block(self, code: str, language: str) -> None:
        """Write a block of code, or a table, at the start of a line."""

    @abstractmethod
    def open_format(self, kind: str) -> None:
        """Begin bold, italic or strikethrough."""

    @abstractmethod
    def close_format(self, kind: str) -> None:
        """End it."""

    @abstractmethod
    def open_heading(self, level: int) -> None:
        """Begin a heading, at the start of a line."""

    @abstractmethod
    def close_heading(self) -> None:
        """End it."""

    @abstractmethod
    def open_link(self, address: str) -> None:
        """Begin a link or a picture."""

    @abstractmethod
    def close_link(self) -> None:
        """End it."""

    def open_quote(self) -> None:  # noqa: B027 - not every platform has more to do than the prefix
        """Begin the outermost quote."""

    def close_quote(self) -> None:  # noqa: B027
        """End it."""

    def write_rule(self) -> None:
        """Write a line across."""
        self.write("────────")

    # ------------------------------------------------------------ the walk

    def walk(self, events: Iterable[Event]) -> None:
        """Write everything."""
        starts, ends = self._starts, self._ends
        for event in events:
            if isinstance(event, str):
                self._bare(event)
                continue
            for name, content in event.items():
                if name == "Text":
                    self._text(content)
                elif name == "Start":
                    if isinstance(content, str):
                        starts[content](None)
                    else:
                        for kind, details in content.items():
                            starts[kind](details)
                elif name == "End":
                    kind = content if isinstance(content, str) else next(iter(content))
                    if kind in ends:
                        ends[kind](None)
                else:
                    self._leaf(name, content)

    def _bare(self, name: str) -> None:
        if name == "Rule":
            self._block()
            self.write_rule()
            self._owed = 1
        elif self._cell is not None:
            self._cell.append(" ")
        elif self._swallow_break:
            self._swallow_break = False
        else:
            self._owed = max(self._owed, 1)

    def _leaf(self, name: str, content: Any) -> None:
        if name == "TaskListMarker":
            self._marker = self.tasks[bool(content)]
        elif name in ("InlineHtml", "Html"):
            self._html(content)
        elif name == "Code":
            self._code_span(literal(content))
        elif name in ("InlineMath", "DisplayMath"):
            self._formula(formula_source(content), alone=name == "DisplayMath")
        else:
            self._text(str(content))

    def _html(self, tag: str) -> None:
        if tag.lower().startswith("<br"):
            self._bare("HardBreak")
        else:
            self._text(tag)

    def _text(self, text: str) -> None:
        if self._code is not None:
            self._code.append(text)
            return
        if not text.isascii():
            if CONTINUED in text and self._marker:
                self._marker, self._swallow_break = "", True
            text = shown(text)
        if self._cell is not None:
            self._cell.append(text)
            return
        for number, line in enumerate(text.split("\n")):
            if number:
                self._owed = max(self._owed, 1)
            if line:
                self._swallow_break = False
                self.write_text(line)

    def _code_span(self, code: str) -> None:
        if self._cell is not None:
            self._cell.append(code)
        else:
            self._swallow_break = False
            write = self.write_code if visible(code) else self.write
            write(code.replace("\n", " "))

    def _formula(self, latex: str, *, alone: bool) -> None:
        said = unicode_formula(latex)
        if self._cell is not None:
            self._cell.append(said or " ".join(latex.split()))
        elif said is None and alone and "\n" in latex:
            self._owed = max(self._owed, 1)
            self.write_block(latex, "latex")
            self._owed = 1
        elif said is None:
            self._code_span(latex)
        else:
            self._swallow_break = False
            self.write_text(said)

    # ------------------------------------------------------------ lines

    def write(self, text: str) -> None:
        """Write to the line, which begins with what it owes: line ends, prefixes, a bullet."""
        if self.fresh or self._owed:
            self.begin_line()
        self.parts.append(text)
        self.length += len(text)

    def begin_line(self, *, indented: bool = True) -> None:
        """Pay the line ends that are owed, and write prefixes and bullet."""
        prefixes = self._prefixes if indented else [prefix for prefix in self._prefixes if prefix.strip()]
        if self._marker:  # it stands where the next lines of its item are indented
            prefixes = [*prefixes[: self._marker_at], self._marker, *prefixes[self._marker_at + 1 :]]
        lead = "".join(prefixes)
        if self.length:
            self._pay_blank_lines()
            lead = "\n" + lead
        self._owed, self._marker, self.fresh = 0, "", False
        self._first[-1] = False
        self.parts.append(lead)
        self.length += len(lead)

    def _pay_blank_lines(self) -> None:
        """Write all but the last of the line ends that are owed, within the containers open now."""
        if self._owed > 1 and self.length:
            blank = "\n" + "".join(self._prefixes).rstrip()
            self.parts.append(blank)
            self.length += len(blank)
            self._owed = 1

    def _block(self, gap: int = 2) -> None:
        """Owe the line ends before a block: `gap`, fewer after a heading and inside lists."""
        if not self._first[-1]:
            gap = 1 if self._after_heading or (self._lists and gap < 3) else gap
            self._owed = max(self._owed, min(gap, 2))
        self._first[-1] = False
        self._after_heading = False

    # ------------------------------------------------------------ blocks

    def _start_paragraph(self, _: object) -> None:
        self._block()

    def _start_heading(self, details: Any) -> None:
        self._block()
        self.open_heading(int(details["level"][1]))

    def _end_heading(self, _: object) -> None:
        self.close_heading()
        self._after_heading = True

    def _start_list(self, start: int | None) -> None:
        self._block(1)
        self._lists.append(start)

    def _end_list(self, _: object) -> None:
        self._lists.pop()

    def _start_item(self, _: object) -> None:
        self._pay_marker()
        number = self._lists[-1]
        depth = len(self._lists)
        self._marker = self.bullets[min(depth, len(self.bullets)) - 1] + " " if number is None else f"{number}. "
        if number is not None:
            self._lists[-1] = number + 1
        self._owed = max(self._owed, 1)
        self._first.append(True)
        self._marker_at = len(self._prefixes)
        self._prefixes.append(self.item_indent if depth <= DEEPEST else "")

    def _pay_marker(self) -> None:
        """Show the bullet of an item that begins with a further list or is empty."""
        if self._marker:
            self.write("")

    def _end_item(self, _: object) -> None:
        self._pay_marker()
        self._prefixes.pop()
        self._first.pop()
        self._swallow_break = False
        self._owed = max(self._owed, 1)

    def _start_quote(self, _: object) -> None:
        self._block()
        self._pay_marker()
        self._pay_blank_lines()
        self.quotes += 1
        if self.quotes == 1:
            self._prefixes.append(self.quote_prefix)
            self.open_quote()
        else:
            self._prefixes.append(self.inner_quote_prefix if self.quotes <= DEEPEST else "")
        self._first.append(True)

    def _end_quote(self, _: object) -> None:
        self.quotes -= 1
        if not self.quotes:
            self.close_quote()
        self._prefixes.pop()
        self._first.pop()

    def _start_code(self, kind: Any) -> None:
        self._code = []
        words = literal(kind["Fenced"]).split() if isinstance(kind, dict) else []
        self._language = words[0].split(",")[0] if words else ""

    def _end_code(self, _: object) -> None:
        code = literal("".join(self._code or ())).removesuffix("\n")
        self._code = None
        if visible(code):
            self._block()
            self._pay_marker()
            self.write_block(code, self._language)
            self._owed = 1

    # ------------------------------------------------------------ tables

    def _start_table(self, aligns: Any) -> None:
        self._rows, self._aligns = [], list(aligns)

    def _start_row(self, _: object) -> None:
        if self._rows is not None:
            self._rows.append([])

    def _start_cell(self, _: object) -> None:
        self._cell = []

    def _end_cell(self, _: object) -> None:
        if self._rows and self._cell is not None:
            self._rows[-1].append(" ".join("".join(self._cell).split()))
        self._cell = None

    def _end_table(self, _: object) -> None:
        text = aligned(self._rows or (), self._aligns)
        self._rows = None
        if text.strip():
            self._block()
            self._pay_marker()
            self.write_block(text, "")
            self._owed = 1

    # ------------------------------------------------------------ links

    def _start_link(self, details: Any) -> None:
        address = literal(details["dest_url"])
        if self._cell is None:
            self.open_link(address)
        else:
            self._addresses.append((len(self._cell), address))

    def _end_link(self, _: object) -> None:
        if self._cell is None:
            self.close_link()
            return
        start, address = self._addresses.pop()
        said = "".join(self._cell[start:])
        if address and address not in (said, f"mailto:{said}"):
            self._cell.append(f" ({address})" if said else address)
