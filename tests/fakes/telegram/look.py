"""How a message looks to a person, and what Telegram finds in a text by itself."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.telegram.rules import TEXT_UNITS, units

Json = dict[str, Any]
COMMAND = re.compile(r"(?<!\S)/[A-Za-z0-9_]{1,32}(?:@[A-Za-z0-9_]+)?")
MENTION = re.compile(r"(?<![\w@])@[A-Za-z0-9_]{3,}")


@dataclass(frozen=True)
class Shown:
    """A message as a person sees it now. `buttons`: labels by row."""

    id: int
    text: str
    by_bot: bool
    buttons: list[list[str]]
    entities: list[Json]
    document: str | None
    reply_to: int | None
    thread: int | None
    raw: Json = field(repr=False)


def words_of(raw: Json) -> tuple[str, list[Json]]:
    text: str = raw.get("text") or raw.get("caption") or ""
    entities: list[Json] = raw.get("entities") or raw.get("caption_entities") or []
    return text, entities


def pieces_of(text: str) -> list[str]:
    pieces = []
    while units(text) > TEXT_UNITS:
        head = text[:TEXT_UNITS]
        while units(head) > TEXT_UNITS:
            head = head[:-1]
        pieces.append(head)
        text = text[len(head) :]
    return [*pieces, text]


def stretch_of(text: str, entity: Json) -> str:
    raw = text.encode("utf-16-le", "surrogatepass")
    return raw[2 * entity["offset"] : 2 * (entity["offset"] + entity["length"])].decode("utf-16-le", "replace")


def entities_of(text: str) -> list[Json]:
    """Return the commands and mentions that Telegram finds in a text."""
    found = [
        (match, kind)
        for pattern, kind in ((COMMAND, "bot_command"), (MENTION, "mention"))
        for match in pattern.finditer(text)
    ]
    commands = [match.span() for match, kind in found if kind == "bot_command"]
    inside = [m for m, kind in found if kind == "mention" and any(a <= m.start() < b for a, b in commands)]
    return [
        {"type": kind, "offset": units(text[: match.start()]), "length": units(match.group())}
        for match, kind in sorted(found, key=lambda pair: pair[0].start())
        if match not in inside
    ]


def shown(raw: Json, bot: int) -> Shown:
    """Return what a person sees of a message."""
    keyboard = raw.get("reply_markup", {}).get("inline_keyboard", [])
    text, entities = words_of(raw)
    return Shown(
        id=raw["message_id"],
        text=text,
        by_bot=raw.get("from", {}).get("id") == bot,
        buttons=[[button["text"] for button in row] for row in keyboard],
        entities=entities,
        document=raw.get("document", {}).get("file_name"),
        reply_to=raw.get("reply_to_message", {}).get("message_id"),
        thread=raw.get("message_thread_id") if raw.get("is_topic_message") else None,
        raw=raw,
    )
