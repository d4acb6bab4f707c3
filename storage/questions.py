"""Forms that are being asked field by field, where the platform has no windows."""

from __future__ import annotations

import msgspec
from sqlalchemy import bindparam, delete, select

from storage.door import Door
from storage.records import Question
from storage.schema import QUESTIONS
from storage.statement import Statement, as_json, upsert

Q = QUESTIONS.c

_HERE = (
    Q.conversation == bindparam("conversation_", type_=Q.conversation.type),
    Q.person == bindparam("person_", type_=Q.person.type),
)
ASK = upsert(QUESTIONS, on=("conversation", "person"), update=("action", "answers", "message", "asked_at"))
PENDING = Statement(select(Q.conversation, Q.person, Q.action, Q.answers, Q.message, Q.asked_at).where(*_HERE))
CLOSE = Statement(delete(QUESTIONS).where(*_HERE))


PEOPLE_KEPT = 4096  # in mind, for as many conversations


class Questions:
    """The verbs of the open questions: at most one a person and conversation."""

    def __init__(self, door: Door) -> None:
        self._door = door
        # Who is known to have no open question: every message asks, and hardly ever is there one. One process
        # alone writes them.
        self._none: dict[tuple[str, str], None] = {}
        self._changes = 0

    async def ask(self, question: Question) -> None:
        """Open a question; it replaces the person's open one there."""
        step = ASK(
            conversation=question.conversation,
            person=question.person,
            action=question.action,
            answers=as_json(question.answers),
            message=question.message,
            asked_at=question.asked_at,
        )
        try:
            await self._door.write(step)
        finally:  # a cancelled write may have been made
            self._changes += 1
            self._none.pop((question.conversation, question.person), None)

    async def pending(self, conversation: str, person: str) -> Question | None:
        """Return the person's open question there, or None; no query where there was none the last time."""
        if (conversation, person) in self._none:
            return None
        before = self._changes
        rows = await self._door.read(PENDING(conversation_=conversation, person_=person))
        if not rows and before != self._changes:  # a question may have been asked after we read
            return None
        if not rows:
            while len(self._none) >= PEOPLE_KEPT:
                self._none.pop(next(iter(self._none)))
            self._none[conversation, person] = None
            return None
        at, who, action, answers, message, asked_at = rows[0]
        return Question(at, who, action, msgspec.json.decode(answers, type=dict[str, str]), message, asked_at)

    async def close(self, conversation: str, person: str) -> None:
        """Close the person's open question there, if any."""
        await self._door.write(CLOSE(conversation_=conversation, person_=person))

    def refresh(self) -> None:
        """Ask the database again: open questions may have got other keys."""
        self._changes += 1
        self._none.clear()
