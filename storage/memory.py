"""What a conversation remembers: a tree of messages, of which a model is told the newest that fit."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, bindparam, case, delete, exists, func, literal, literal_column, or_, select, update

from storage.door import Door, Script
from storage.exchange import MOVE_HEAD, of_turn
from storage.files import FILES_HAD, FileStore
from storage.records import Message, Recall, Role, StoredFile
from storage.schema import CONVERSATIONS, LARGEST_ID, LINKS, MESSAGE_FILES, MESSAGES, PRESENCE, Id
from storage.statement import Statement

M = MESSAGES.c
F = MESSAGE_FILES.c

_COLUMNS = (M.id, M.parent, M.role, M.text, M.tokens, M.files, M.person, M.model, M.said_at)
_MESSAGE = bindparam("message", type_=Id)
_CONVERSATION = bindparam("conversation_", type_=M.conversation.type)


def _walk() -> Statement:
    """Walk up from a message until the budget is spent, a summary stands, or `at_most` are found.

    Each row looked at is a row returned: the condition is asked before the next one is taken. A summarised message
    ends the walk and comes out too, for its summary; it costs no budget.
    """
    head = select(CONVERSATIONS.c.head).where(CONVERSATIONS.c.key == _CONVERSATION).scalar_subquery()
    start = func.coalesce(bindparam("start", type_=Id), head)
    walk = (
        select(M.id, M.parent, literal(1, Id).label("steps"), M.tokens.label("total"), _summarised(M).label("ended"))
        .where(M.id == start, M.conversation == _CONVERSATION)
        .cte("walk", recursive=True)
    )
    w, above = walk.c, MESSAGES.alias("above").c
    fits = and_(w.steps < bindparam("at_most", type_=Id), w.total + above.tokens <= bindparam("budget", type_=Id))
    walk = walk.union_all(
        select(above.id, above.parent, w.steps + 1, w.total + above.tokens, _summarised(above)).where(
            above.id == w.parent, w.ended == 0, or_(above.summary_tokens.is_not(None), fits)
        )
    )
    return Statement(select(*_COLUMNS, walk.c.steps, M.summary).join_from(walk, MESSAGES, M.id == walk.c.id))


def _summarised(columns: Any) -> Any:
    return case((columns.summary_tokens.is_not(None), 1), else_=0)


RECALL = _walk()
THERE = Statement(select(M.id).where(M.id == _MESSAGE))
FILES_OF = Statement(select(F.digest, F.name, F.media_type, F.size).where(F.message == _MESSAGE).order_by(F.position))
LINKED = Statement(
    select(LINKS.c.message)
    .join(MESSAGES, M.id == LINKS.c.message)
    .where(LINKS.c.conversation == _CONVERSATION, LINKS.c.platform_message == bindparam("shown"))
)
HEAD_OF = Statement(
    select(CONVERSATIONS.c.head)
    .join(MESSAGES, M.id == CONVERSATIONS.c.head)
    .where(CONVERSATIONS.c.key == _CONVERSATION)
)
MESSAGE = Statement(select(*_COLUMNS).where(M.id == _MESSAGE))
OF_TURN = Statement(
    select(*_COLUMNS).where(M.id >= bindparam("first", type_=Id), M.id < bindparam("after", type_=Id)).order_by(M.id)
)
OF_CONVERSATION = Statement(select(*_COLUMNS).where(M.conversation == _CONVERSATION).order_by(M.id))
SUMMARISE = Statement(
    update(MESSAGES)
    .where(M.id == _MESSAGE, M.conversation == _CONVERSATION)
    .values(summary=bindparam("said", type_=M.summary.type), summary_tokens=bindparam("size", type_=M.tokens.type))
)
CONVERSATIONS_OF = Statement(
    select(PRESENCE.c.conversation).where(
        PRESENCE.c.person == bindparam("person_", type_=M.person.type),
        exists().where(M.conversation == PRESENCE.c.conversation, M.person == PRESENCE.c.person),
    )
)
_BEFORE = bindparam("before", type_=M.said_at.type)
# Ids grow with time: the first message that is young enough bounds those that are not.
PRUNE_BELOW = Statement(select(M.id).where(M.said_at >= _BEFORE).order_by(M.id).limit(literal_column("1")))
OLD = Statement(
    select(M.id, M.conversation)
    .where(M.id < bindparam("below", type_=Id), M.said_at < _BEFORE)
    .order_by(M.id)
    .limit(bindparam("at_most", type_=Id))
)
DELETE = Statement(delete(MESSAGES).where(M.id == _MESSAGE))
SWEEP_LINKS = Statement(
    delete(LINKS).where(LINKS.c.conversation == _CONVERSATION, ~exists().where(M.id == LINKS.c.message))
)
PRUNED_AT_ONCE = 200  # messages of one transaction, so that others get their turn in between


class Memory:
    """The verbs of the conversations' memory. Messages are added by `Turns.answered`."""

    def __init__(self, door: Door, files: FileStore) -> None:
        self._door = door
        self._files = files

    async def recall(self, conversation: str, *, at: int | None = None, budget: int, at_most: int = 200) -> Recall:
        """Return what a model shall know of a conversation: the newest messages up to `at` (None: the head).

        Walks up by parent while the messages' estimated tokens fit `budget`, and at most `at_most` of them; the
        newest is always among them. A summarised message ends the walk: its summary, outside of the budget, stands
        for it and all above. The cost is bounded by what is returned, however long the conversation is. Empty
        where nothing is remembered, or `at` is not of this conversation.
        """

        def script() -> Script[Recall]:
            rows = yield RECALL(conversation_=conversation, start=at, at_most=at_most, budget=budget)
            if not rows:
                return Recall(None, None, ())
            rows.sort(key=_steps, reverse=True)
            summary = rows[0][-1]
            newer = rows if summary is None else rows[1:]
            messages = yield from _with_files([row[:-2] for row in newer])
            above = rows[0][1] if summary is None else None
            left_out = above is not None and bool((yield THERE(message=above)))
            return Recall(rows[-1][0], summary, messages, left_out)

        return await self._door.look(script)

    async def linked(self, conversation: str, platform_message: str) -> int | None:
        """Return the message that a chat message shows, or None."""
        rows = await self._door.read(LINKED(conversation_=conversation, shown=platform_message))
        return int(rows[0][0]) if rows else None

    async def head(self, conversation: str) -> int | None:
        """Return the last message, below which the next one hangs; None at a fresh start."""
        rows = await self._door.read(HEAD_OF(conversation_=conversation))
        return rows[0][0] if rows else None

    async def message(self, message: int) -> Message | None:
        """Return one message, or None."""

        def script() -> Script[Message | None]:
            found = yield from _with_files((yield MESSAGE(message=message)))
            return found[0] if found else None

        return await self._door.look(script)

    async def of_turn(self, turn: int) -> tuple[Message, ...]:
        """Return the messages that a turn added, in order."""

        def script() -> Script[tuple[Message, ...]]:
            return (yield from _with_files((yield OF_TURN(**of_turn(turn)))))

        return await self._door.look(script)

    async def summarise(self, conversation: str, upto: int, text: str, tokens: int) -> None:
        """Let `text` stand for the message `upto` and everything above it. Nothing is deleted."""
        await self._door.write(SUMMARISE(conversation_=conversation, message=upto, said=text, size=tokens))

    async def reset(self, conversation: str) -> None:
        """Let the next message start a new tree; nothing is deleted."""
        await self._door.write(MOVE_HEAD(key=conversation, head=None))

    async def export(self, conversation: str) -> list[Message]:
        """Return all messages of a conversation, oldest first."""

        def script() -> Script[list[Message]]:
            return list((yield from _with_files((yield OF_CONVERSATION(conversation_=conversation)))))

        return await self._door.look(script)

    async def conversations_of(self, person: str) -> list[str]:
        """Return the keys of the conversations in which a person's messages are remembered."""
        return sorted(row[0] for row in await self._door.read(CONVERSATIONS_OF(person_=person)))

    async def prune(self, before: float) -> int:
        """Delete messages said before that time, and files only they had; return how many.

        What hangs below them becomes a tree of its own. A summary lives as long as the message at which it stands.
        """
        recent = await self._door.read(PRUNE_BELOW(before=before))
        below = recent[0][0] if recent else LARGEST_ID
        pruned, deleted = 0, PRUNED_AT_ONCE
        while deleted == PRUNED_AT_ONCE:
            deleted, digests = await self._door.transact(lambda: _prune(below, before))
            await self._files.drop(digests)
            pruned += deleted
        if pruned:
            await self._door.scrub()
        return pruned


def _prune(below: int, before: float) -> Script[tuple[int, set[str]]]:
    old = yield OLD(below=below, before=before, at_most=PRUNED_AT_ONCE)
    digests: set[str] = set()
    for message, _ in old:
        digests.update(row[0] for row in (yield FILES_HAD(message=message)))
        yield DELETE(message=message)
    for conversation in {row[1] for row in old}:
        yield SWEEP_LINKS(conversation_=conversation)
    return len(old), digests


def _steps(row: tuple[Any, ...]) -> int:
    steps: int = row[-2]
    return steps


def _with_files(rows: list[tuple[Any, ...]]) -> Script[tuple[Message, ...]]:
    messages: list[Message] = []
    for identity, parent, role, text, tokens, files, person, model, said_at in rows:
        stored = (yield FILES_OF(message=identity)) if files else []
        messages.append(
            Message(
                identity,
                parent,
                Role(role),
                text,
                tokens,
                tuple(StoredFile(*file) for file in stored),
                person,
                model,
                said_at,
            )
        )
    return tuple(messages)
