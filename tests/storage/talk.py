"""Turns as tests need them: asked, answered and done in one line."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from decimal import Decimal

from storage.database import Database
from storage.records import (
    Exchange,
    NewAction,
    NewMessage,
    NewTurn,
    Recall,
    Role,
    Spent,
    StoredFile,
)

HOME = "telegram:1"
ANN = "telegram:1"
BOB = "telegram:2"
GROUP = "telegram:-100"

_numbers = itertools.count(1)


def new_turn(
    event: str | None = None,
    *,
    conversation: str = HOME,
    person: str = ANN,
    message: str | None = None,
    incoming: bytes = b"{}",
) -> NewTurn:
    """Return a turn to be accepted, by default of an event of its own."""
    return NewTurn(event or f"event-{next(_numbers)}", conversation, person, incoming, message)


def new_action(action: str, *, conversation: str = HOME, person: str = ANN, turn: int | None = None) -> NewAction:
    """Return an action to be stored."""
    return NewAction(action, conversation, person, turn, b"do it")


def spent(cost: str | None = "0.01") -> Spent:
    """Return what a call took."""
    return Spent("gpt", 10, 20, None if cost is None else Decimal(cost))


def words(recall: Recall) -> list[str]:
    """Return what was said, oldest first."""
    return [message.text for message in recall.messages]


class Talk:
    """Asks and answers."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def accept(self, turn: NewTurn | None = None) -> int:
        """Accept one new turn and return its id."""
        [accepted] = await self.database.turns.accept([turn or new_turn()])
        assert accepted is not None
        return accepted

    async def say(
        self,
        question: str,
        answer: str,
        *,
        below: int | None = None,
        fresh: bool = False,
        conversation: str = HOME,
        person: str = ANN,
        tokens: int = 10,
        files: tuple[StoredFile, ...] = (),
        message: str | None = None,
        shown: Sequence[str] = (),
    ) -> tuple[int, int]:
        """Go through a whole turn below a message (by default the head; `fresh`: none); return both messages' ids."""
        turn = await self.accept(new_turn(conversation=conversation, person=person, message=message))
        parent = None if fresh else below or await self.database.memory.head(conversation)
        asked = NewMessage(Role.USER, question, tokens, files, person, platform_ids=(message,) if message else ())
        said = NewMessage(Role.ASSISTANT, answer, tokens, model="gpt")
        ids = await self.database.turns.answered(
            turn, answer.encode(errors="replace"), exchange=Exchange(conversation, parent, (asked, said), (spent(),))
        )
        await self.database.turns.done(turn, "answered", shown)
        first, second = ids or (0, 0)  # nothing stays of a turn that was forgotten meanwhile
        return first, second
