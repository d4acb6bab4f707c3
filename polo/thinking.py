"""Thinking that models write into their answer between tags, told apart from the answer while it streams.

A tag opens a thought only at the beginning of a line outside a code block: an answer about `<think>` stays whole.
"""

from __future__ import annotations

import re

# The forms seen in the field: DeepSeek and Qwen, older prompts, Hermes, Kimi, Skywork, Seed, Granite and MiniMax.
_PAIRS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<thoughts>": "</thoughts>",
    "<reasoning>": "</reasoning>",
    "<reasoning_scratchpad>": "</reasoning_scratchpad>",
    "<antthinking>": "</antthinking>",
    "<mm:think>": "</mm:think>",
    "<seed:think>": "</seed:think>",
    "<|begin_of_thought|>": "<|end_of_thought|>",
    "◁think▷": "◁/think▷",
}
# A model that began to think before its first word writes the closing tag only.
_AT_LINE_START = (*_PAIRS, *_PAIRS.values())
_LONGEST = max(map(len, _AT_LINE_START))
_LINE_HEAD = 64  # characters of a line that are remembered: enough for any fence
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
# Text without any of these, in the middle of a line, needs no look at all.
_NOTABLE = re.compile(r"[\n`~]")

Piece = tuple[bool, str]
"""(is it thinking, the words)"""


class ThinkingSplitter:
    """The reader of one answer's text. Holds back one possible tag, and white space before the first word."""

    def __init__(self) -> None:
        self._held = ""  # what may become a tag
        self._blank: list[str] = []  # white space before the first word
        self._line = ""  # what the current line begins with, as far as it matters
        self._fence = ""  # the open code fence, "" outside
        self._closing: re.Pattern[str] | None = None  # what ends the thought, None outside
        self._tag = ""  # the same as plain text
        self._fresh = True  # no word yet, since the answer's or a thought's end
        self._thought_before = False

    def feed(self, text: str) -> list[Piece]:
        """Return what can be told so far: thinking and answer, in order, no piece empty."""
        if self._closing is None and not self._held and self._line.strip() and not _NOTABLE.search(text):
            self._extend_line(text)
            return [(False, text)] if text else []
        pieces: list[Piece] = []
        text = self._held + text
        self._held = ""
        while text:
            text = self._think(text, self._closing, pieces) if self._closing else self._speak(text, pieces)
        return pieces

    def close(self) -> list[Piece]:
        """Return what was held back; white space alone is no answer."""
        held, self._held = self._held, ""
        pieces: list[Piece] = []
        if held and self._closing is None:
            self._begin(pieces)
        _add(pieces, self._closing is not None, held)
        return pieces

    def _think(self, text: str, closing: re.Pattern[str], pieces: list[Piece]) -> str:
        """Take the thought from the front of `text`; return what is left to look at."""
        if found := closing.search(text):
            _add(pieces, True, text[: found.start()])
            self._closing = None
            self._start_afresh()
            return text[found.end() :]
        keep = _begins_at_the_end(text, self._tag)
        _add(pieces, True, text[: len(text) - keep])
        self._held = text[len(text) - keep :]
        return ""

    def _speak(self, text: str, pieces: list[Piece]) -> str:
        """Take one line of the answer, or the tag it begins with; return what is left to look at."""
        if not self._line.strip() and not self._fence:
            text = self._indented(text, pieces)
            look = text[:_LONGEST].lower()
            if any(len(look) < len(tag) and tag.startswith(look) for tag in _AT_LINE_START):
                self._held = text
                return ""
            if tag := next((tag for tag in _AT_LINE_START if look.startswith(tag)), ""):
                self._open(tag)
                return text[len(tag) :]
            self._begin(pieces)
        end = text.find("\n") + 1 or len(text)
        _add(pieces, False, text[:end])
        self._extend_line(text[:end])
        if text[end - 1] == "\n":
            self._end_line()
        return text[end:]

    def _indented(self, text: str, pieces: list[Piece]) -> str:
        """Take white space from the front of a line: held before the first word, shown at once later."""
        word = text.lstrip() if self._fresh else text.lstrip(" \t")
        blank = text[: len(text) - len(word)]
        if self._fresh:
            self._blank.append(blank)
        else:
            _add(pieces, False, blank)
            self._extend_line(blank)
        return word

    def _open(self, tag: str) -> None:
        """Begin the thought that `tag` opens. A closing tag alone is dropped: its thought began unseen."""
        if tag in _PAIRS:
            self._tag = _PAIRS[tag]
            self._closing = re.compile(re.escape(self._tag), re.IGNORECASE)
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._line, self._fresh, self._thought_before = "", True, True
        self._blank.clear()

    def _begin(self, pieces: list[Piece]) -> None:
        """Let the answer begin: with its own white space, but not with what follows a thought."""
        if self._fresh and not self._thought_before:
            blank = "".join(self._blank)
            _add(pieces, False, blank)
            self._line = blank.rpartition("\n")[2]
        self._fresh = False
        self._blank.clear()

    def _extend_line(self, text: str) -> None:
        if len(self._line) < _LINE_HEAD:
            self._line = (self._line + text[:_LINE_HEAD])[:_LINE_HEAD]

    def _end_line(self) -> None:
        """Note whether the line that ends opens or closes a code block."""
        found = _FENCE.match(self._line)
        rest = self._line[found.end() :] if found else ""
        if found and not self._fence and "`" not in rest:
            self._fence = found[1]
        elif found and self._fence and found[1].startswith(self._fence) and not rest.strip():
            self._fence = ""
        self._line = ""


def _add(pieces: list[Piece], thinking: bool, text: str) -> None:
    """Append a piece, joining it to one of its kind."""
    if not text:
        return
    if pieces and pieces[-1][0] is thinking:
        text = pieces.pop()[1] + text
    pieces.append((thinking, text))


def _begins_at_the_end(text: str, tag: str) -> int:
    """Return how many characters at the end of `text` could be the beginning of `tag`."""
    longest = min(len(tag) - 1, len(text))
    return next((size for size in range(longest, 0, -1) if text[len(text) - size :].lower() == tag[:size]), 0)
