"""Strict referees: what Telegram would refuse, what Discord would ping, what a browser would run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import ClassVar

from bot.ports import Entity, Page

LIKE_BOLD = {"bold", "italic", "strikethrough"}
KINDS = LIKE_BOLD | {"code", "pre", "text_link", "blockquote"}


def check_telegram(page: Page) -> None:
    """Assert what the Bot API asks of entities: ranges, whole characters, nesting, kinds, number."""
    raw = page.text.encode("utf-16-le")  # raises on lone surrogates
    assert page.size == len(raw) // 2
    assert page.plain == page.text
    assert len(page.entities) <= 100
    assert "\x00" not in page.text
    for entity in page.entities:
        assert entity.type in KINDS
        assert entity.length > 0
        assert entity.offset >= 0
        assert entity.offset + entity.length <= page.size
        raw[2 * entity.offset : 2 * (entity.offset + entity.length)].decode("utf-16-le")  # raises in half a pair
        assert (entity.url is not None) == (entity.type == "text_link")
        if entity.url is not None:
            assert re.match(r"https?://|mailto:|tg://", entity.url, re.IGNORECASE)
            assert not entity.url.lower().startswith("tg://user")
        assert entity.language is None or entity.type == "pre"
    _check_nesting(page.entities)


def _check_nesting(entities: Sequence[Entity]) -> None:
    for n, one in enumerate(entities):
        for two in entities[n + 1 :]:
            first, last = max(one.offset, two.offset), min(one.offset + one.length, two.offset + two.length)
            if first >= last:
                continue
            assert last - first in (one.length, two.length), f"{one} and {two} overlap"
            assert one.type != two.type, f"{one} within its like"
            kinds = {one.type, two.type}
            if kinds & {"code", "pre"}:
                assert kinds <= {"code", "pre", "blockquote"}, f"{one} and {two}"
                assert kinds != {"code", "pre"}


_CODE = re.compile(r"\\.|```.*?```|``.*?``|`[^`]*`", re.DOTALL)  # a backslash takes the next sign out of play
_LIVE = re.compile(r"@everyone|@here|<@[!&]?\d+>|<#\d+>|</[^\s>]+:\d+>|<id:\w+>", re.IGNORECASE)


def mentions(text: str) -> list[str]:
    """Return what Discord could read as mentions, in code too."""
    return _LIVE.findall(text)


def live_mentions(text: str) -> list[str]:
    """Return the mentions outside code that Discord would act on."""
    return _LIVE.findall(_CODE.sub("", text))


class _Page(HTMLParser):
    allowed: ClassVar[dict[str, set[str]]] = {
        "p": {"dir"}, "blockquote": {"dir"}, "ul": {"dir"}, "ol": {"dir", "start"}, "li": {"dir", "class"},
        "pre": {"dir"},
        "code": {"class"}, "strong": set(), "em": set(), "del": set(), "br": set(), "hr": set(), "span": {"class"},
        "a": {"href", "target", "rel"}, "table": {"dir"}, "tr": set(), "th": {"class"}, "td": {"class"}, "div": set(),
        **{f"h{n}": {"dir"} for n in range(1, 7)},
    }  # fmt: skip

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.allowed, tag
        assert {name for name, _ in attrs} <= self.allowed[tag], attrs
        found = dict(attrs)
        if tag == "a":
            assert re.match(r"https?://|mailto:", found["href"] or "", re.IGNORECASE)
            assert found["rel"] == "noopener noreferrer nofollow"
            assert found["target"] == "_blank"
            assert "a" not in self.open
        if tag not in ("br", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def handle_pi(self, data: str) -> None:
        raise AssertionError(data)


def checked_html(html: str) -> str:
    """Assert that the HTML is well formed and holds only what is allowed; return its text."""
    page = _Page()
    page.feed(html)
    page.close()
    assert not page.open
    return "".join(page.words)
