"""Forgetting, as scripts: a conversation, or a person in all conversations. What is deleted is gone for good.

A turn's row stays without anything that was said or who said it, so that the platform's repetition of an old event
is still known as one; `Turns.prune` takes it away in time.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Table,
    bindparam,
    delete,
    exists,
    literal_column,
    null,
    or_,
    select,
    union,
    update,
)

from storage.door import Script
from storage.files import FILES_HAD
from storage.schema import (
    ACTIONS,
    CONVERSATIONS,
    MESSAGE_FILES,
    MESSAGES,
    PEOPLE,
    QUESTIONS,
    SETTINGS,
    TURNS,
    USAGE,
    Id,
)
from storage.statement import Statement

T, M, F = TURNS.c, MESSAGES.c, MESSAGE_FILES.c

_AT = bindparam("at", type_=M.conversation.type)
_WHO = bindparam("who", type_=M.person.type)
_MESSAGE = bindparam("message", type_=Id)
_NOTHING: ColumnElement[str] = literal_column("''")

_SCRUBBED = {
    "event": _NOTHING,
    "conversation": _NOTHING,
    "person": _NOTHING,
    "message": null(),
    "state": literal_column("'done'"),
    "outcome": literal_column("'forgotten'"),
    "merged_into": null(),
    "shown": literal_column("'[]'"),
    "incoming": bindparam("nothing", type_=T.incoming.type),
    "reply": null(),
}
_OTHERS = T.id != bindparam("keep", type_=Id)
SCRUB_CONVERSATION = Statement(update(TURNS).where(T.conversation == _AT, _OTHERS).values(_SCRUBBED))
SCRUB_PERSON = Statement(update(TURNS).where(T.person == _WHO, _OTHERS).values(_SCRUBBED))

FILES_IN = Statement(select(F.digest).distinct().join(MESSAGES, M.id == F.message).where(M.conversation == _AT))


def _delete(table: Table, where: Any) -> Statement:
    return Statement(delete(table).where(where))


DELETE_CONVERSATION = (
    _delete(CONVERSATIONS, CONVERSATIONS.c.key == _AT),
    _delete(MESSAGES, M.conversation == _AT),  # takes links and file rows along
    _delete(ACTIONS, ACTIONS.c.conversation == _AT),
    _delete(QUESTIONS, QUESTIONS.c.conversation == _AT),
    _delete(SETTINGS, SETTINGS.c.scope == _AT),
)
DELETE_PERSON = (
    _delete(ACTIONS, ACTIONS.c.person == _WHO),
    _delete(QUESTIONS, QUESTIONS.c.person == _WHO),
    _delete(PEOPLE, PEOPLE.c.id == _WHO),
    Statement(update(USAGE).where(USAGE.c.person == _WHO).values(person=null())),
)
DELETE_SCOPE = _delete(SETTINGS, SETTINGS.c.scope == bindparam("scope_", type_=SETTINGS.c.scope.type))
UNNAME_USAGE = Statement(update(USAGE).where(USAGE.c.conversation == _AT).values(conversation=null()))

_BY_PERSON = (TURNS, MESSAGES, ACTIONS, QUESTIONS, USAGE)
WHERE_SEEN = Statement(
    union(*(select(t.c.conversation).where(t.c.person == _WHO, t.c.conversation.is_not(None)) for t in _BY_PERSON))
)
SHARED = Statement(
    select(or_(*(exists().where(t.c.conversation == _AT, t.c.person != _WHO) for t in _BY_PERSON)).label("shared"))
)


def _theirs() -> Statement:
    """Find a person's messages in one conversation, and the answers right below them, newest first."""
    found = select(M.id).where(M.conversation == _AT, M.person == _WHO).cte("found", recursive=True)
    answer = MESSAGES.alias("answer").c
    found = found.union(
        select(answer.id).where(answer.parent == found.c.id, answer.role == literal_column("'assistant'"))
    )
    return Statement(select(found.c.id).order_by(found.c.id.desc()))


THEIRS = _theirs()
_ABOVE = select(M.parent).where(M.id == _MESSAGE).scalar_subquery()
REHANG = Statement(update(MESSAGES).where(M.parent == _MESSAGE).values(parent=_ABOVE))
LOWER_HEAD = Statement(update(CONVERSATIONS).where(CONVERSATIONS.c.head == _MESSAGE).values(head=_ABOVE))
DELETE_MESSAGE = _delete(MESSAGES, M.id == _MESSAGE)
# A summary may tell what was said in the messages that go.
DROP_SUMMARIES = Statement(
    update(MESSAGES)
    .where(M.conversation == _AT, M.summary_tokens.is_not(None))
    .values(summary=null(), summary_tokens=null())
)


def forget_conversation(conversation: str, keep: int) -> Script[set[str]]:
    """Delete a conversation but the turn `keep`; return the digests of the files that it had."""
    digests = {row[0] for row in (yield FILES_IN(at=conversation))}
    for statement in DELETE_CONVERSATION:
        yield statement(at=conversation)
    yield SCRUB_CONVERSATION(at=conversation, keep=keep, nothing=b"")
    return digests


def forget_person(person: str, keep: int) -> Script[set[str]]:
    """Delete a person but the turn `keep`; return the digests of the files that their messages had."""
    digests: set[str] = set()
    for (conversation,) in (yield WHERE_SEEN(who=person)):
        [(shared,)] = yield SHARED(at=conversation, who=person)
        if shared:
            digests |= yield from _forget_messages(conversation, person)
        else:
            digests |= yield from forget_conversation(conversation, keep)
            yield UNNAME_USAGE(at=conversation)
    yield SCRUB_PERSON(who=person, keep=keep, nothing=b"")
    for statement in DELETE_PERSON:
        yield statement(who=person)
    yield DELETE_SCOPE(scope_=f"person:{person}")
    return digests


def _forget_messages(conversation: str, person: str) -> Script[set[str]]:
    """Take a person's messages and the answers to them out of a shared tree; what hung below hangs higher."""
    digests: set[str] = set()
    theirs = yield THEIRS(at=conversation, who=person)
    for (message,) in theirs:
        digests.update(row[0] for row in (yield FILES_HAD(message=message)))
        yield REHANG(message=message)
        yield LOWER_HEAD(message=message)
        yield DELETE_MESSAGE(message=message)
    if theirs:
        yield DROP_SUMMARIES(at=conversation)
    return digests
