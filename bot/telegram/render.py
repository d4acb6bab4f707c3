"""Markdown as Telegram shows it: plain text and entities, which cannot fail to parse on Telegram's side."""

from __future__ import annotations

import re
from bisect import bisect_left

from bot.ports import Entity, Page
from bot.rendering.markdown import clean, closed, events, prepared, units, visible
from bot.rendering.walker import TextWalker

# Bot API, MessageEntity: about 100 are kept, the rest lose their format; we choose which.
MOST_ENTITIES = 100
_LONGEST_ADDRESS = 2048
# tg://user addresses would make a mention of a person: what a model writes notifies nobody.
_ADDRESS = re.compile(r"(?:https?://|mailto:|tg://(?!user\b))[^\s]+", re.IGNORECASE)
_LANGUAGE = re.compile(r"[\w+#.\-]{1,40}")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


def render(markdown: str, *, growing: bool) -> Page:
    """Turn Markdown into text and at most 100 entities; `size` is in UTF-16 units, 0 where nothing can be seen.

    Never fails. What a growing text leaves open is closed for the look.
    """
    walker = _Walker()
    text = prepared(clean(markdown))
    walker.walk(events(closed(text) if growing else text))
    text = "".join(walker.parts)
    if not visible(text):
        return Page(text="", plain="", size=0)
    return Page(text=text, plain=text, size=units(text), entities=_counted(text, walker.entities))


def _counted(text: str, found: list[Entity]) -> tuple[Entity, ...]:
    """Return the first 100 entities in reading order, with offsets in UTF-16 units instead of characters.

    The first ones, so that what stands in a growing text stays as it is.
    """
    found.sort(key=lambda entity: (entity.offset, -entity.length))
    kept = found[:MOST_ENTITIES]
    astral = [match.start() for match in _ASTRAL.finditer(text)] if kept and not text.isascii() else []
    if not astral:
        return tuple(kept)
    counted = []
    for entity in kept:
        start = entity.offset + bisect_left(astral, entity.offset)
        end = entity.offset + entity.length
        counted.append(
            Entity(entity.type, start, end + bisect_left(astral, end) - start, url=entity.url, language=entity.language)
        )
    return tuple(counted)


class _Walker(TextWalker):
    """Collects entities with offsets in characters."""

    def __init__(self) -> None:
        super().__init__()
        self.entities: list[Entity] = []
        self._open: list[list[int | str]] = []  # kind and start of the formats that are open, each kind once
        self._nested: list[str] = []  # formats opened within their like
        self._links: list[tuple[str, int, int]] = []  # address, and where its text begins: character, part
        self._quote_start = 0

    def _add(self, kind: str, start: int, *, url: str | None = None, language: str | None = None) -> None:
        if self.length > start:
            self.entities.append(Entity(kind, start, self.length - start, url=url, language=language))

    def _here(self) -> int:
        """Return where the next visible thing will stand, with line ends and prefixes written."""
        if self.fresh or self._owed:
            self.begin_line()
        return self.length

    def open_format(self, kind: str) -> None:
        if self._cell is not None:
            return
        if any(kind == open_kind for open_kind, _ in self._open):
            self._nested.append(kind)
        else:
            self._open.append([kind, self._here()])

    def close_format(self, kind: str) -> None:
        if self._cell is not None:
            return
        if kind in self._nested:
            self._nested.remove(kind)
            return
        _, start = self._open.pop()
        self._add(kind, int(start))

    def open_heading(self, level: int) -> None:
        self.open_format("bold")

    def close_heading(self) -> None:
        self.close_format("bold")

    def write_code(self, code: str) -> None:
        start = self._here()
        if self._links:  # a link holds no code: that it can be followed is worth more
            self.write(code)
            return
        for open_format in self._open:  # bold holds no code either: it ends before and goes on after
            self._add(str(open_format[0]), int(open_format[1]))
        self.write(code)
        self._add("code", start)
        for open_format in self._open:
            open_format[1] = self.length

    def write_block(self, code: str, language: str) -> None:
        self.begin_line(indented=False)
        start = self.length
        self.parts.append(code)
        self.length += len(code)
        self._add("pre", start, language=language if _LANGUAGE.fullmatch(language) else None)

    def open_link(self, address: str) -> None:
        self._links.append((address, self._here(), len(self.parts)))

    def close_link(self) -> None:
        address, start, part = self._links.pop()
        said = "".join(self.parts[part:])
        if self._links:  # a picture within a link
            return
        if _ADDRESS.fullmatch(address) and len(address) <= _LONGEST_ADDRESS:
            if not said:
                self.write(address)
            self._add("text_link", start, url=address)
        elif address and address != said:
            self.write(f" ({address})" if said else address)

    def open_quote(self) -> None:
        self._quote_start = self._here()

    def close_quote(self) -> None:
        self._add("blockquote", self._quote_start)
