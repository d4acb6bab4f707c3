"""What the Bot API server refuses, in its own words: texts, entities, buttons, floods."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

from bot.clock import Clock

TEXT_UNITS = 4096  # UTF-16 units
CAPTION_UNITS = 1024
CALLBACK_BYTES = 64
BUTTONS = 100
ENTITIES = 100
ENTITY_TYPES = {
    *("mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "bold", "italic", "underline"),
    *("strikethrough", "spoiler", "blockquote", "expandable_blockquote", "code", "pre", "text_link", "text_mention"),
    *("custom_emoji", "date_time"),
}
STYLES = {"danger", "success", "primary"}
ACTIONS = {
    *("typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document"),
    *("choose_sticker", "find_location", "record_video_note", "upload_video_note"),
}
PRIVATE_BURST = 5
DRAFTS_PER_S = 4.0
DRAFT_BURST = 8


class Refusal(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status, self.description, self.parameters = status, description, parameters

    def body(self) -> dict[str, Any]:
        """Return the answer's JSON."""
        body: dict[str, Any] = {"ok": False, "error_code": self.status, "description": self.description}
        return body | ({"parameters": self.parameters} if self.parameters else {})


def bad(text: str, **parameters: int) -> Refusal:
    """Return a refusal with status 400."""
    return Refusal(400, f"Bad Request: {text}", **parameters)


def units(text: str) -> int:
    """Return the length in UTF-16 code units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def checked_text(
    text: str, entities: list[dict[str, Any]], *, caption: bool = False
) -> tuple[str, list[dict[str, Any]]]:
    """Return a text as Telegram keeps it. Raises `Refusal`."""
    if not text.strip() and not caption:
        raise bad("message text is empty")
    if units(text) > (CAPTION_UNITS if caption else TEXT_UNITS):
        raise bad("message caption is too long" if caption else "message is too long")
    _check_entities(text, entities)
    return text.rstrip(), entities[:ENTITIES]


def _check_entities(text: str, entities: list[dict[str, Any]]) -> None:
    length = units(text)
    within = {at for at, unit in enumerate(_utf16(text)) if 0xDC00 <= unit <= 0xDFFF}  # between two halves
    for entity in entities:
        start, end = entity["offset"], entity["offset"] + entity["length"]
        if entity["type"] not in ENTITY_TYPES:
            raise bad("can't parse MessageEntity: Unsupported type specified")
        if start < 0 or start >= length:
            raise bad(f"entity begins after the end of the text at UTF-16 offset {start}")
        if end > length:
            raise bad(
                f"entity beginning at UTF-16 offset {start} ends after the end of the text at UTF-16 offset {end}"
            )
        if start in within:
            raise bad(f"entity begins in a middle of a UTF-16 symbol at byte offset {2 * start}")
        if end in within:
            raise bad(f"entity beginning at UTF-16 offset {start} ends in a middle of a UTF-16 symbol")
        if entity["type"] == "text_link" and not entity.get("url"):
            raise bad("can't parse MessageEntity: Can't find field \"url\"")


def _utf16(text: str) -> list[int]:
    raw = text.encode("utf-16-le")
    return [raw[at] | raw[at + 1] << 8 for at in range(0, len(raw), 2)]


def check_keyboard(markup: dict[str, Any] | None) -> None:
    """Raise `Refusal` for buttons that Telegram would not take."""
    buttons = [button for row in (markup or {}).get("inline_keyboard", []) for button in row]
    if len(buttons) > BUTTONS:
        raise bad("reply markup is too long")
    for button in buttons:
        if not button["text"].strip():
            raise bad("can't parse inline keyboard button: Text must be non-empty")
        if button.get("style") not in {None, *STYLES}:
            raise bad("BUTTON_STYLE_INVALID")
        data = button.get("callback_data")
        if data is None and not {"url", "web_app", "copy_text", "switch_inline_query"} & button.keys():
            raise bad("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
        if data is not None and not 1 <= len(data.encode()) <= CALLBACK_BYTES:
            raise bad("BUTTON_DATA_INVALID")


class Bucket:
    """So many at once, then so many a second."""

    def __init__(self, clock: Clock, per_s: float, burst: float) -> None:
        self._clock, self._per_s, self._burst = clock, per_s, burst
        self._level, self._at = burst, clock.monotonic()

    def wait_s(self) -> float:
        """Return 0 where one more passes now."""
        now = self._clock.monotonic()
        self._level = min(self._burst, self._level + (now - self._at) * self._per_s)
        self._at = now
        return 0.0 if self._level > 1 - 1e-6 else (1 - self._level) / self._per_s

    def take(self) -> None:
        """Count one."""
        self._level -= 1


class Window:
    """So many in any stretch of time."""

    def __init__(self, clock: Clock, at_most: int, within_s: float) -> None:
        self._clock, self._at_most, self._within_s = clock, at_most, within_s
        self._times: deque[float] = deque()

    def wait_s(self) -> float:
        """Return 0 where one more passes now."""
        now = self._clock.monotonic()
        while self._times and self._times[0] + self._within_s <= now + 1e-6:
            self._times.popleft()
        return 0.0 if len(self._times) < self._at_most else self._times[0] + self._within_s - now

    def take(self) -> None:
        """Count one."""
        self._times.append(self._clock.monotonic())


class Floods:
    """1 a second in a private chat (small bursts pass), 20 a minute in a group, 30 a second over all; edits count."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._overall = Bucket(clock, 30.0, 30.0)
        self._chats: dict[int, Bucket | Window] = {}
        self._drafts: dict[int, Bucket] = {}

    def check(self, chat: int, *, draft: bool = False) -> None:
        """Count a message, edit or draft. Raises the `Refusal` with status 429 where it is one too many."""
        gates = (self._draft(chat) if draft else self._chat(chat), self._overall)
        wait_s = max(gate.wait_s() for gate in gates)
        if wait_s > 0:
            seconds = max(1, math.ceil(wait_s))
            raise Refusal(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
        for gate in gates:
            gate.take()

    def _chat(self, chat: int) -> Bucket | Window:
        if chat not in self._chats:
            private = chat > 0
            self._chats[chat] = Bucket(self._clock, 1.0, PRIVATE_BURST) if private else Window(self._clock, 20, 60.0)
        return self._chats[chat]

    def _draft(self, chat: int) -> Bucket:
        return self._drafts.setdefault(chat, Bucket(self._clock, DRAFTS_PER_S, DRAFT_BURST))
