"""Puts together what Telegram delivers in pieces: albums, and long texts that a client cut at 4096.

A piece may come in another getUpdates answer, or another webhook call, than the one before. So a piece is written
into the notes before its update is confirmed, and taken out after the whole was accepted: a kill in between loses
nothing. The event id of the whole is that of its first piece; those of its pieces are noted too, since a piece that
was not confirmed before a kill comes once more, alone.
"""

from __future__ import annotations

from itertools import pairwise

import msgspec

from bot.clock import Clock
from bot.ports import Incoming, Said
from bot.telegram.notes import Notes
from bot.telegram.receive import PASTE_UNITS, Heard
from bot.telegram.recent import Recent
from bot.telegram.utf16 import units

QUIET_S = 1.0  # a whole is complete when no piece has come for so long
CAP_S = 5.0  # and at the latest so long after its first piece
ALBUM_PARTS = 10  # Bot API, sendMediaGroup
PASTE_PIECES = 20
GROUPS = 500  # wholes collected at once, whoever sends them; beyond that the oldest go as they are
JOINED = 200  # events of pieces that are remembered
FULL_UNITS = 4096  # a piece this long was cut in the middle of a line


class _Whole(msgspec.Struct):
    """What is being collected. `speaker`: whose next message of another kind completes it."""

    speaker: str
    pieces: list[Heard]
    first_at: float
    last_at: float

    @property
    def due_at(self) -> float:
        return min(self.last_at + QUIET_S, self.first_at + CAP_S)

    @property
    def meant(self) -> bool:
        return any(piece.meant for piece in self.pieces)


class _Noted(msgspec.Struct):
    """What the note holds: pieces of unfinished wholes, and the events of pieces that have been handed over."""

    held: list[list[Heard]] = []
    joined: list[str] = []


class Gatherer:
    """Holds unfinished wholes, in memory and in the notes. Not re-entrant: its owner calls it one at a time.

    The order of calls is: `offer` for each message, `secure` before anything is confirmed, `settle` once what was
    handed out has been accepted; or `take_back` where it could not be.
    """

    def __init__(self, clock: Clock, notes: Notes, note: str) -> None:
        self._clock, self._notes, self._note = clock, notes, note
        self._wholes: dict[str, _Whole] = {}
        self._handed_out: dict[str, _Whole] = {}
        self._joined: Recent[str, bool] = Recent(JOINED)
        self._written = msgspec.json.encode(_Noted()).decode()

    def __len__(self) -> int:
        return len(self._wholes)

    async def restore(self) -> None:
        """Take up what was being collected when the process ended."""
        self._written = await self._notes.get(self._note) or self._written
        noted = msgspec.json.decode(self._written, type=_Noted)
        for event in noted.joined:
            self._joined.put(event, True)
        now = self._clock.monotonic()
        for pieces in noted.held:
            whole = _Whole(pieces[0].speaker, pieces, now, now)
            self._wholes[_key(pieces[0])] = whole

    def offer(self, heard: Heard) -> list[Incoming]:
        """Take a message and return what is complete by it, in order: nothing, a whole, the message itself."""
        if heard.incoming.event in self._joined:
            return []
        key = _key(heard)
        done: list[Incoming] = []
        for other in [other for other, whole in self._wholes.items() if whole.speaker == heard.speaker]:
            if other != key or not self._continues(self._wholes[other], heard):
                done += self._hand_out(other)
        if key in self._wholes:
            return done + self._add(key, heard)
        if heard.album is None and not (heard.paste and heard.meant):
            return [*done, heard.incoming] if heard.meant else done
        now = self._clock.monotonic()
        self._wholes[key] = _Whole(heard.speaker, [heard], now, now)
        while len(self._wholes) > GROUPS:
            done += self._hand_out(next(iter(self._wholes)))
        return done

    def due(self) -> list[Incoming]:
        """Return the wholes whose time has come."""
        now = self._clock.monotonic()
        late = [key for key, whole in self._wholes.items() if whole.due_at <= now]
        return [incoming for key in late for incoming in self._hand_out(key)]

    def next_due_s(self) -> float | None:
        """Return in how many seconds the next whole is due, None where nothing is being collected."""
        if not self._wholes:
            return None
        return min(whole.due_at for whole in self._wholes.values()) - self._clock.monotonic()

    async def secure(self) -> None:
        """Write down what is being collected and meant for the bot; one write, none where nothing changed."""
        await self._write([*self._handed_out.values(), *self._wholes.values()])

    async def settle(self) -> None:
        """Forget what has been handed out: it is accepted."""
        for whole in self._handed_out.values():
            for piece in whole.pieces:
                self._joined.put(piece.incoming.event, True)
        self._handed_out.clear()
        await self._write(list(self._wholes.values()))

    def take_back(self) -> None:
        """Hold again what has been handed out, since it could not be accepted."""
        self._wholes = {**self._handed_out, **self._wholes}
        self._handed_out.clear()

    async def _write(self, wholes: list[_Whole]) -> None:
        held = [whole.pieces for whole in wholes if whole.meant]
        encoded = msgspec.json.encode(_Noted(held, list(self._joined))).decode()
        if encoded != self._written:
            await self._notes.put(self._note, encoded)
            self._written = encoded

    def _continues(self, whole: _Whole, heard: Heard) -> bool:
        if heard.album is not None:
            return True
        said = heard.incoming.what
        return isinstance(said, Said) and not said.attachments and not heard.command and not said.text.startswith("/")

    def _add(self, key: str, heard: Heard) -> list[Incoming]:
        whole = self._wholes[key]
        if all(piece.incoming.event != heard.incoming.event for piece in whole.pieces):
            whole.pieces.append(heard)
            whole.last_at = self._clock.monotonic()
        full = len(whole.pieces) >= (ALBUM_PARTS if heard.album else PASTE_PIECES)
        ended = heard.album is None and units(_said(heard).text) < PASTE_UNITS
        return self._hand_out(key) if full or ended else []

    def _hand_out(self, key: str) -> list[Incoming]:
        whole = self._wholes.pop(key)
        if not whole.meant:
            return []
        self._handed_out[key] = whole
        return [_put_together(whole.pieces)]


def _key(heard: Heard) -> str:
    return f"{heard.speaker} {heard.album or ''}"


def _said(heard: Heard) -> Said:
    assert isinstance(heard.incoming.what, Said)  # noqa: S101  receive makes no other kind of Heard
    return heard.incoming.what


def _put_together(pieces: list[Heard]) -> Incoming:
    """Return one event: all attachments, all words, at the message that carries the words."""
    said = [_said(piece) for piece in pieces]
    first = pieces[0].incoming
    worded = next((one for one in said if one.text), said[0])
    text = said[0].text
    for earlier, later in pairwise(said):
        seam = "" if not text or not later.text or units(earlier.text) >= FULL_UNITS else "\n"
        text += seam + later.text
    whole = Said(
        text,
        worded.message,
        tuple(attachment for one in said for attachment in one.attachments),
        next((one.quoted for one in said if one.quoted is not None), None),
    )
    return msgspec.structs.replace(
        first, place=msgspec.structs.replace(first.place, message=worded.message), what=whole
    )
