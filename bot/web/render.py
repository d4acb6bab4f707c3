"""Markdown as the local page shows it: HTML that holds nothing a stranger could act with."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import Any

from bot.ports import Page
from bot.rendering.formulas import unicode_formula
from bot.rendering.markdown import (
    CONTINUED,
    Event,
    clean,
    closed,
    events,
    formula_source,
    literal,
    prepared,
    shown,
    visible,
)

# A browser lays out some hundred nested elements at most; deeper ones are left out, their words are not.
DEEPEST = 20
_ADDRESS = re.compile(r"(?:https?://|mailto:)[^\s]+", re.IGNORECASE)
_LANGUAGE = re.compile(r"[\w+#.\-]{1,40}")
_TAG = re.compile(r"<[^>]*>")
_BLOCKS = {"Paragraph": "p", "BlockQuote": "blockquote"}
_FORMATS = {"Strong": "strong", "Emphasis": "em", "Strikethrough": "del"}


def render(markdown: str, *, growing: bool) -> Page:
    """Turn Markdown into HTML of known elements and classes; `size` is in characters of the source, 0 where blank.

    Never fails. No styles, scripts, handlers or remote pictures; links lead to http, https and mailto only. What
    a growing text leaves open is closed for the look.
    """
    source = clean(markdown)
    writer = _Writer()
    text = prepared(source)
    writer.walk(events(closed(text) if growing else text))
    html = "".join(writer.parts)
    plain = source.replace(CONTINUED, "")
    if not visible(_TAG.sub("", html)) and "<hr>" not in html:
        return Page(text="", plain="", size=0)
    return Page(text=html, plain=plain, size=len(source))


class _Writer:
    """Writes the events of one document to `parts`, every element opened is closed."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._depth = 0
        self._ends: list[str] = []
        self._aligns: list[str] = []
        self._column = 0
        self._head = False
        self._links: list[tuple[str, int]] = []
        self._code: list[str] | None = None
        self._item: int | None = None  # where the open item's tag stands, until it has content
        self._swallow_break = False

    def walk(self, found: Iterable[Event]) -> None:
        """Write everything."""
        for event in found:
            if isinstance(event, str):
                self._bare(event)
                continue
            for name, content in event.items():
                if name == "Text":
                    self._text(content)
                elif name == "Start":
                    if isinstance(content, str):
                        self._start(content, None)
                    else:
                        for kind, details in content.items():
                            self._start(kind, details)
                elif name == "End":
                    self._end(content if isinstance(content, str) else next(iter(content)))
                else:
                    self._leaf(name, content)

    def _bare(self, name: str) -> None:
        if name == "Rule":
            self.parts.append("<hr>")
        elif self._swallow_break:
            self._swallow_break = False
        else:
            self.parts.append("<br>\n")

    def _leaf(self, name: str, content: Any) -> None:
        if name == "TaskListMarker":
            self.parts.append(f'<span class="task">{"☑" if content else "☐"}</span> ')
        elif name == "Code":
            self.parts.append(f"<code>{escape(literal(content))}</code>")
        elif name in ("InlineMath", "DisplayMath"):
            latex = formula_source(content)
            said = unicode_formula(latex) or latex
            kind = "formula display" if name == "DisplayMath" else "formula"
            self.parts.append(f'<code class="{kind}">{escape(said)}</code>')
        elif content.lower().startswith("<br"):
            self.parts.append("<br>\n")
        else:
            self._text(content)

    def _text(self, text: str) -> None:
        if self._code is not None:
            self._code.append(text)
            return
        if not text.isascii():
            if CONTINUED in text and self._item is not None:
                self.parts[self._item] = self.parts[self._item].replace("<li", '<li class="continued"', 1)
                self._swallow_break = True
            text = shown(text)
        if text:
            self._item = None
            self._swallow_break = False
            self.parts.append(escape(text))

    def _open(self, tag: str, attributes: str = "") -> None:
        self._depth += 1
        if self._depth > DEEPEST and tag in ("ul", "ol", "li", "blockquote"):
            self._ends.append("")
            return
        self.parts.append(f"<{tag}{attributes}>")
        self._ends.append(f"</{tag}>")

    def _close(self) -> None:
        self._depth -= 1
        self.parts.append(self._ends.pop())

    def _start(self, kind: str, details: Any) -> None:
        if kind in _FORMATS:
            self._open(_FORMATS[kind])
        elif kind in _BLOCKS:
            self._open(_BLOCKS[kind], ' dir="auto"')
        elif kind == "Heading":
            self._open(details["level"].lower(), ' dir="auto"')
        elif kind == "List":
            start = f' start="{details}"' if details not in (None, 1) else ""
            self._open("ul" if details is None else "ol", start + ' dir="auto"')
        elif kind == "Item":
            self._open("li", ' dir="auto"')
            self._item = len(self.parts) - 1 if self._ends[-1] else None
        elif kind in ("Link", "Image"):
            self._links.append((literal(details["dest_url"]), len(self.parts)))
        elif kind == "CodeBlock":
            words = literal(details["Fenced"]).split() if isinstance(details, dict) else []
            self._code = [words[0].split(",")[0] if words else ""]
        else:
            self._start_table(kind, details)

    def _start_table(self, kind: str, details: Any) -> None:
        if kind == "Table":
            self._aligns = [align.lower() for align in details]
            self._open("table", ' dir="auto"')
        elif kind in ("TableHead", "TableRow"):
            self._column, self._head = 0, kind == "TableHead"
            self._open("tr")
        elif kind == "TableCell":
            align = self._aligns[self._column] if self._column < len(self._aligns) else "none"
            self._column += 1
            self._open("th" if self._head else "td", f' class="{align}"' if align != "none" else "")
        else:
            self._open("div")

    def _end(self, kind: str) -> None:
        if kind in ("Link", "Image"):
            self._end_link()
        elif kind == "CodeBlock":
            self._end_code()
        else:
            self._close()

    def _end_code(self) -> None:
        language, *code = self._code or [""]
        self._code = None
        text = literal("".join(code)).removesuffix("\n")
        if visible(text):
            named = f' class="language-{escape(language)}"' if _LANGUAGE.fullmatch(language) else ""
            self.parts.append(f'<pre dir="ltr"><code{named}>{escape(text)}</code></pre>')

    def _end_link(self) -> None:
        address, start = self._links.pop()
        said = "".join(self.parts[start:])
        if self._links:
            return
        if not _ADDRESS.fullmatch(address):
            self.parts.append(f" ({escape(address)})" if said and address else escape(address))
            return
        self.parts[start:] = [
            f'<a href="{escape(address)}" target="_blank" rel="noopener noreferrer nofollow">',
            said or escape(address),
            "</a>",
        ]
