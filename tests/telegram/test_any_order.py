"""Whatever comes, in whatever order, with a kill at any point: nothing is lost, nothing doubled, nothing crashes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from telegram import Bot

from bot.ports import Incoming, Said
from bot.telegram.admins import Admins
from bot.telegram.gather import Gatherer
from bot.telegram.intake import Intake
from bot.telegram.receive import Heard, Me
from bot.telegram.transport import AiohttpRequest, Secrets
from handlers.turn import Attachment, Kind, Person, Place
from tests.clock import FakeClock
from tests.telegram.stage import MemoryNotes, Recorder

LONG = "x" * 4000


@dataclass
class Dispatch:
    """Drops events that it knows, as dispatch does."""

    accepted: dict[str, Incoming] = field(default_factory=dict)

    def accept(self, events: list[Incoming]) -> None:
        for event in events:
            self.accepted.setdefault(event.event, event)

    def marks(self) -> list[str]:
        """Return the mark of every piece that arrived: attachments' names, and the marks within texts."""
        found: list[str] = []
        for event in self.accepted.values():
            assert isinstance(event.what, Said)
            found += [attachment.name for attachment in event.what.attachments]
            found += [word for word in event.what.text.replace("x", " ").split() if word.startswith("t")]
        return sorted(found)


def heard(number: int, kind: str, who: int) -> Heard:
    """Return message `number` of a person: a part of their album, a long or a short text, a single photo."""
    photo = Attachment(Kind.IMAGE, f"p{number}", "image/jpeg", 1, "{}")
    text = {"long": f"t{number} {LONG}", "short": f"t{number} "}.get(kind, "")
    said = Said(text, str(number), () if text else (photo,))
    place = Place("telegram", "1", message=str(number))
    incoming = Incoming(f"telegram:9:{number}", place, Person(f"telegram:{who}", "A"), said)
    return Heard(incoming, meant=True, album="7" if kind == "part" else None, paste=kind == "long")


messages = st.tuples(st.sampled_from(["part", "long", "short", "photo"]), st.sampled_from([1, 1, 2]))
steps = st.tuples(
    messages, st.sampled_from([0.0, 0.5, 1.0, 6.0]), st.sampled_from(["", "", "", "secured", "accepted", "settled"])
)


@settings(max_examples=200, deadline=None)
@given(st.lists(steps, min_size=2, max_size=14))
@example([(("long", 1), 0.0, ""), (("short", 1), 0.0, "settled")])
@example([(("part", 1), 0.5, "accepted"), (("part", 1), 0.0, "secured")])
def test_every_piece_arrives_exactly_once_whatever_the_order_and_the_kills(
    said: list[tuple[tuple[str, int], float, str]],
) -> None:
    async def live() -> list[str]:
        clock, notes, dispatch = FakeClock(), MemoryNotes(), Dispatch()
        gatherer = Gatherer(clock, notes, "note")

        async def hand_over(ready: list[Incoming], kill: str = "") -> bool:
            await gatherer.secure()
            if kill == "secured":
                return False
            dispatch.accept(ready)
            if kill == "accepted":
                return False
            await gatherer.settle()
            return kill != "settled"

        for number, ((kind, who), pause_s, kill) in enumerate(said):
            message = heard(number, kind, who)
            if not await hand_over(gatherer.offer(message), kill):
                gatherer = Gatherer(clock, notes, "note")  # killed: the update was not confirmed and comes again
                await gatherer.restore()
                await hand_over(gatherer.offer(message))
            await clock.advance(pause_s)
            await hand_over(gatherer.due())
        await clock.advance(10)
        await hand_over(gatherer.due())
        assert len(gatherer) == 0
        return dispatch.marks()

    wanted = [f"t{n}" if kind in {"long", "short"} else f"p{n}" for n, ((kind, _), _, _) in enumerate(said)]
    assert asyncio.run(live()) == sorted(wanted)


FIELDS = [
    *("message", "edited_message", "callback_query", "my_chat_member", "stopped_message_generation", "chat", "from"),
    *("text", "caption", "entities", "photo", "date", "message_id", "id", "type", "offset", "length", "is_bot", "data"),
    *("first_name", "reply_to_message", "sender_chat", "sticker", "document", "file_id", "media_group_id", "poll"),
    *("migrate_to_chat_id", "old_chat_member", "new_chat_member", "status", "draft_id", "user", "quote", "location"),
]
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
words = st.sampled_from(["private", "supergroup", "mention", "bot_command", "kicked", "member"])
junk = st.recursive(
    scalars | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=7),
    max_leaves=25,
)


class Still:
    """Manners that need no network."""

    async def acknowledge(self, query: str) -> None: ...

    async def greet(self, chat: str, language: str) -> None: ...

    def redirect(self, old: str, new: str) -> None: ...


@settings(max_examples=300, deadline=None)
@given(st.lists(junk | st.dictionaries(st.sampled_from(FIELDS[:5]), junk, max_size=2), max_size=3))
def test_no_update_however_broken_raises(updates: list[Any]) -> None:
    async def take() -> None:
        clock, request = FakeClock(), AiohttpRequest(Secrets(), proxy=None, connections=1)
        bot = Bot("1:x", request=request, get_updates_request=request)
        intake = Intake(
            bot=bot,
            me=Me(1, "polo_test_bot", frozenset()),
            inbox=Recorder(),
            gatherer=Gatherer(clock, MemoryNotes(), "note"),
            admins=Admins(bot, clock),
            manners=Still(),
            clock=clock,
        )
        await intake.take([{"update_id": 1, **update} if isinstance(update, dict) else update for update in updates])

    asyncio.run(take())
