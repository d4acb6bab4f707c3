"""Markdown as Discord reads it, written anew from the parsed text, so that nothing is read otherwise than meant."""

from __future__ import annotations

import re

from bot.ports import Page
from bot.rendering.markdown import CONTINUED, clean, closed, events, prepared, units, visible
from bot.rendering.walker import TextWalker

_JOINER = "\u200b"  # zero-width space: shown as nothing, parts what must not be read as a mention or a fence
_MARKS = {"bold": "**", "italic": "*", "strikethrough": "~~"}
_LANGUAGE = re.compile(r"[A-Za-z0-9_+\-.#]{1,40}")
_WEB_ADDRESS = re.compile(r"https?://[^\s<>`\\]+", re.IGNORECASE)
_EVERYONE = re.compile("@(?=everyone|here)", re.IGNORECASE)
_SUSPECT = re.compile(r"[\\*`_~\]@<]")
_MENTION = re.compile(r"@(?=everyone|here)|<(?=@|#|/[^\s<>]+:\d|id:|a?:)", re.IGNORECASE)
_SPECIAL = re.compile(r"[\\*`]|~~|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|\](?=\()")
_LINE_START = re.compile(r"(?:#{1,6}|-#|>{1,3}|[-*+])(?=\s|$)|>|(\d{1,9})(?=[.)](?:\s|$))")
_ENCODED = {
    ord(" "): "%20",
    ord("("): "%28",
    ord(")"): "%29",
    ord("<"): "%3C",
    ord(">"): "%3E",
    ord("\\"): "%5C",
    ord("`"): "%60",
}


def render(markdown: str, *, growing: bool) -> Page:
    """Turn Markdown into Discord's; `size` is in UTF-16 units, 0 where nothing can be seen.

    Never fails. No mention in it is live outside code. `plain` is the source with the mentions parted, or the
    text again where the source is longer and might not fit. What a growing text leaves open is closed.
    """
    source = clean(markdown)
    walker = _Walker()
    text = prepared(source)
    walker.walk(events(closed(text) if growing else text))
    text = "".join(walker.parts)
    if not visible(text):
        return Page(text="", plain="", size=0)
    plain = without_mentions(source.replace(CONTINUED, ""))
    size = units(text)
    return Page(text=text, plain=plain if units(plain) <= size else text, size=size)


def without_mentions(text: str) -> str:
    """Part everything that Discord reads as a mention of a person, role, channel, command or everyone."""
    return _MENTION.sub(lambda found: found[0] + _JOINER, text) if "@" in text or "<" in text else text


def _escaped(text: str) -> str:
    """Escape what Discord would read as formatting; spoilers `||x||` stay, for models mean them."""
    if not _SUSPECT.search(text):
        return text
    pieces, done = [], 0
    for address in _WEB_ADDRESS.finditer(text):  # a backslash would become part of the address
        pieces += [_escaped_words(text[done : address.start()]), _EVERYONE.sub("%40", address[0])]
        done = address.end()
    pieces.append(_escaped_words(text[done:]))
    return "".join(pieces)


def _escaped_words(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", without_mentions(text))


class _Walker(TextWalker):
    """Writes Discord's Markdown."""

    bullets = "-"
    tasks = ("- ☐ ", "- ☑ ")
    quote_prefix = "> "

    def __init__(self) -> None:
        super().__init__()
        self._formats: list[str] = []
        self._links: list[tuple[str, int]] = []
        self._heading_end = ""
        self._heading_at = 0

    def write_text(self, text: str) -> None:
        at_start = self.fresh or self._owed > 0
        text = _escaped(text)
        if at_start:
            start = _LINE_START.match(text.lstrip())
            if start:
                lead = len(text) - len(text.lstrip())
                put = lead + (start.end() if start[1] else 0)
                text = f"{text[:put]}\\{text[put:]}"
        self.write(text)

    def write_code(self, code: str) -> None:
        if "`" not in code:
            self.write(f"`{code}`")
            return
        runs = max(len(run) for run in re.findall("`+", code))
        fence = "`" * (1 if runs > 1 else 2)
        self.write(f"{fence} {code} {fence}" if runs < 2 else f"`` {re.sub('`(?=`)', '`' + _JOINER, code)} ``")

    def write_block(self, code: str, language: str) -> None:
        self.begin_line(indented=False)
        prefix = "".join(prefix for prefix in self._prefixes if prefix.strip())
        lead = f"```{language if _LANGUAGE.fullmatch(language) else ''}\n"
        block = lead + code.replace("```", f"``{_JOINER}`") + "\n```"
        block = block.replace("\n", "\n" + prefix)
        self.parts.append(block)
        self.length += len(block)

    def write_rule(self) -> None:
        self.write("────────")

    def open_format(self, kind: str) -> None:
        if self._cell is None:
            if kind not in self._formats:
                self.write(_MARKS[kind])
            self._formats.append(kind)

    def close_format(self, kind: str) -> None:
        if self._cell is None:
            self._formats.pop()
            if kind not in self._formats:
                self.write(_MARKS[kind])

    def open_heading(self, level: int) -> None:
        self._heading_end = "" if level <= 3 else "bold"
        if level <= 3:
            self.write("#" * level + " ")
        else:
            self.open_format("bold")
        self._heading_at = len(self.parts)

    def close_heading(self) -> None:
        if len(self.parts) == self._heading_at:  # an empty one: its signs would be shown
            self.length -= len(self.parts.pop())
            self._formats.clear()
        elif self._heading_end:
            self.close_format("bold")

    def open_link(self, address: str) -> None:
        self.write("")
        self._links.append((address, len(self.parts)))

    def close_link(self) -> None:
        address, start = self._links.pop()
        said = "".join(self.parts[start:])
        if self._links or not address:
            return
        del self.parts[start:]
        self.length -= len(said)
        self.parts.append(_link(said, address))
        self.length += len(self.parts[-1])


def _link(said: str, address: str) -> str:
    """Write a masked link where Discord takes one: web addresses only, and words that are no address themselves."""
    if not _WEB_ADDRESS.fullmatch(address.translate(_ENCODED)):
        told = _escaped(address)
        return said if told in (said, f"mailto:{said}") else f"{said} ({told})" if said else told
    bare = _EVERYONE.sub("%40", address.translate(_ENCODED))
    if not said or said == address:
        return bare
    if "://" in said or "]" in said or "[" in said:
        return f"{said} (<{bare}>)"
    return f"[{said}]({bare})"
