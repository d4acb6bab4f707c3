"""From a page to what the browser is told: JSON in Server-Sent Events, newest looks only, changes as patches.

The stream is one-way, so plain HTTP does: it passes proxies and the guard like every other request, browsers resume
it by themselves with `Last-Event-ID`, and what the browser says is a POST that can be repeated under its own id. A
WebSocket would need its own guard, ping, resume and acknowledgements for the same result.

Every event that changes what is shown has the id `epoch.revision`. Messages are sent in the order of their last
change, so a browser that has seen a revision has seen everything up to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec
from aiohttp import web

from bot.ports import Page, PastTurn
from bot.web.rooms import Entry, Listener, Room
from handlers.turn import Attachment

Wire = dict[str, Any]
BEAT_S = 15.0  # proxies cut what is silent for a minute; mobile networks sooner
RETRY_MS = 1000
WRITING_DOWN_S = 5.0  # between the last look of an answer and its place in the history
WAITING_S = 120.0  # a question that others have overtaken: it waits, or went into another turn
PATCH_FROM = 400  # characters; below that the whole text is as short

INLINE_TYPES = frozenset(
    {"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"}
    | {"audio/mpeg", "audio/ogg", "audio/wav", "audio/x-wav", "audio/mp4", "audio/webm", "audio/aac", "audio/flac"}
    | {"video/mp4", "video/webm"}
)  # what a browser shows without running anything in it (so no SVG, no HTML, no PDF)


# ---------------------------------------------------------------- one message


def wire(chat: str, entry: Entry) -> Wire:
    """Return a message as the browser gets it. A bot's `html` is safe by the renderer's construction."""
    said: Wire = {"id": entry.id, "at": entry.at, "by": "bot" if entry.page else "you"}
    if entry.page is None:
        return said | {"text": entry.asked_text, "files": [_sent(file) for file in entry.attachments]}
    return said | {"html": entry.page.text, **_around(chat, entry)}


def _around(chat: str, entry: Entry) -> Wire:
    page = entry.page
    assert page is not None  # noqa: S101 -- callers have looked
    rows = [[{"label": b.label, "id": b.id, "style": b.style} for b in row] for row in page.buttons]
    # What is copied is the Markdown itself; while it grows nobody copies it, and it would be sent with every look.
    plain = "" if entry.growing else page.plain
    return {"buttons": rows, "growing": entry.growing, "plain": plain, "file": _offered(chat, entry.id, page)}


def _offered(chat: str, message: str, page: Page) -> Wire | None:
    upload = page.upload
    if upload is None:
        return None
    url = f"/files/{quote(chat)}/{quote(message)}"
    shown = upload.media_type.partition("/")[0] if upload.media_type in INLINE_TYPES else None
    return {"url": url, "name": upload.name, "size": upload.size, "type": upload.media_type, "shown": shown}


def _sent(file: Attachment) -> Wire:
    picture = file.kind == "image" and file.media_type in INLINE_TYPES
    url = f"/uploads/{quote(file.handle)}" if picture else None
    about = {"handle": file.handle, "name": file.name, "type": file.media_type, "size": file.size}
    return about | {"kind": file.kind, "url": url}


def patch(before: str, after: str) -> Wire:
    """Return how `before` becomes `after`: what stays at both ends, and the text between.

    Positions count UTF-16 code units, as the browser's strings do.
    """
    head = _same_ends(before, after, from_start=True)
    before_rest, after_rest = before[head:], after[head:]
    tail = _same_ends(before_rest, after_rest, from_start=False)
    middle = after_rest[: len(after_rest) - tail]
    return {
        "was": _utf16(before),
        "keep": _utf16(before[:head]),
        "tail": _utf16(after[len(after) - tail :]),
        "text": middle,
    }


def _same_ends(one: str, other: str, *, from_start: bool) -> int:
    """Count the characters that two texts share at an end: by halves, so that comparing is done in C."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if from_start:
            same = one[low:middle] == other[low:middle]
        else:
            same = one[len(one) - middle : len(one) - low] == other[len(other) - middle : len(other) - low]
        low, high = (middle, high) if same else (low, middle - 1)
    return low


def _utf16(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


# ---------------------------------------------------------------- everything at once


def merge(history: Sequence[PastTurn], room: Room, *, at_most: int, monotonic: float) -> tuple[list[Entry], list[str]]:
    """Return what a newly opened page shows, oldest first, and the ids in memory that are no longer true.

    The history (its newest `at_most` turns) knows what has ended; memory has the newest looks and what is running.
    """
    times, shown = _ended(history, room)
    live = _still_true(room, set(shown), history[-1].asked_at if history else 0.0, monotonic)
    # What is older than a full page of history comes when that is asked for.
    since = history[0].asked_at if len(history) >= at_most else 0.0
    dead = [entry for entry in room.entries.values() if entry.id not in shown and entry.id not in live]
    stale = [entry.id for entry in dead if entry.at >= since]
    for message in room.entries:
        if live.get(message, -1.0) >= since:
            times[message], shown[message] = live[message], room.entries[message]
    return sorted(shown.values(), key=lambda entry: times[entry.id]), stale


def _ended(history: Sequence[PastTurn], room: Room) -> tuple[dict[str, float], dict[str, Entry]]:
    """Return when each message of the history was asked for, and its newest look.

    An edited question and a regenerated answer are in the history twice: they stand where they first stood, as they
    were last.
    """
    times: dict[str, float] = {}
    shown: dict[str, Entry] = {}
    for number, turn in enumerate(history):
        entries = [Entry(message, turn.asked_at, page) for message, page in turn.shown]
        if turn.asked or turn.attachments:
            question = turn.message or f"asked-{turn.asked_at:.6f}-{number}"
            entries.insert(0, Entry(question, turn.asked_at, None, turn.asked, turn.attachments))
        for entry in entries:
            entry.at = times.setdefault(entry.id, turn.asked_at)
            shown[entry.id] = _newest(room, entry)
    return times, shown


def _newest(room: Room, past: Entry) -> Entry:
    entry = room.entries.get(past.id)
    if entry is None or (entry.page is None) != (past.page is None):
        return past
    entry.in_history = True
    return entry


def _still_true(room: Room, known: set[str], newest_at: float, monotonic: float) -> dict[str, float]:
    """Return the messages that only memory has, by what happened to them, with the time at which each was asked for.

    Messages of one turn stay or go together. What the history had and has no more was forgotten; so was, but for the
    moment in which its end is being written down, what has ended and is not there.
    """
    turns: dict[str, list[Entry]] = {}
    for entry in room.entries.values():
        turns.setdefault(entry.request or entry.id, []).append(entry)
    return {
        entry.id: min(each.at for each in turn)
        for turn in turns.values()
        if _lives(turn, known, newest_at, monotonic)
        for entry in turn
        if entry.id not in known
    }


def _lives(turn: Sequence[Entry], known: set[str], newest_at: float, monotonic: float) -> bool:
    if any(entry.in_history and entry.id not in known for entry in turn):
        return False
    answers = [entry for entry in turn if entry.page is not None]
    if any(entry.growing for entry in answers) or any(entry.id in known for entry in answers):
        return True
    still = min(monotonic - entry.changed_at for entry in turn)
    if answers:
        return still < WRITING_DOWN_S
    return still < WAITING_S or any(entry.at >= newest_at for entry in turn)


# ---------------------------------------------------------------- the stream


def event(name: str, data: Wire, position: str | None = None) -> bytes:
    """Return one Server-Sent Event. JSON has no line break of its own, so one `data` line does."""
    head = f"id: {position}\n" if position else ""
    return head.encode() + b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"


def snapshot(room: Room, entries: Sequence[Entry], listener: Listener, **more: object) -> bytes:
    """Return the event that makes a page show exactly `entries`; whatever the page missed is in it."""
    listener.unseen.clear()
    listener.seen = {entry.id: entry.page.text for entry in entries if entry.page and entry.growing}
    data = {"messages": [wire(room.chat, entry) for entry in entries], **more}
    return event("snapshot", data, f"{room.epoch}.{room.revision}")


def pending(room: Room, listener: Listener, *, monotonic: float) -> bytes:
    """Return everything that a page has not been told yet, b"" where that is nothing."""
    chunks: list[bytes] = []
    for revision, message in sorted((_revision(room, message), message) for message in listener.unseen):
        chunks.append(_news(room, listener, message, f"{room.epoch}.{revision}"))
    listener.unseen.clear()
    if listener.typing:
        seconds = room.typing_until - monotonic
        chunks += [event("typing", {"for_s": round(seconds, 3)})] if seconds > 0 else []
    chunks += [event("notice", {"text": text}) for text in listener.notices]
    listener.notices.clear()
    if listener.beat and not chunks:
        chunks.append(b": still here\n\n")
    listener.beat = listener.typing = False
    return b"".join(chunks)


def _revision(room: Room, message: str) -> int:
    entry = room.entries.get(message)
    return entry.revision if entry else room.gone.get(message, room.revision)


def _news(room: Room, listener: Listener, message: str, position: str) -> bytes:
    entry = room.entries.get(message)
    if entry is None:
        listener.seen.pop(message, None)
        # What only fell out of memory still stands on the page.
        return event("gone", {"id": message}, position) if message in room.gone else b""
    before = listener.seen.pop(message, None)
    if entry.page is None:
        return event("message", wire(room.chat, entry), position)
    if entry.growing:
        listener.seen[message] = entry.page.text
    if before is None or len(entry.page.text) < PATCH_FROM:
        return event("message", wire(room.chat, entry), position)
    change = patch(before, entry.page.text)
    return event("patch", {"id": message, **change, **_around(room.chat, entry)}, position)


async def write(response: web.StreamResponse, chunk: bytes, *, within_s: float) -> None:
    """Write to a browser. Raises `TimeoutError` where it does not read, `ConnectionError` where it is gone."""
    async with asyncio.timeout(within_s):
        await response.write(chunk)
