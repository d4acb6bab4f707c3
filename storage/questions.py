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


class Questions:
    """The verbs of the open questions: at most one a person and conversation."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def ask(self, question: Question) -> None:
        """Open a question; it replaces the person's open one there."""
        await self._door.write(
            ASK(
                conversation=question.conversation,
                person=question.person,
                action=question.action,
                answers=as_json(question.answers),
                message=question.message,
                asked_at=question.asked_at,
            )
        )

    async def pending(self, conversation: str, person: str) -> Question | None:
        """Return the person's open question there, or None."""
        rows = await self._door.read(PENDING(conversation_=conversation, person_=person))
        if not rows:
            return None
        at, who, action, answers, message, asked_at = rows[0]
        return Question(at, who, action, msgspec.json.decode(answers, type=dict[str, str]), message, asked_at)

    async def close(self, conversation: str, person: str) -> None:
        """Close the person's open question there, if any."""
        await self._door.write(CLOSE(conversation_=conversation, person_=person))
