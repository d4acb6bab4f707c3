"""Forgetting, as scripts: a conversation, or a person in all conversations. What is deleted is gone for good.

A turn's row stays without anything that was said or who said it, so that the platform's repetition of an old event
is still known as one; `Turns.prune` takes it away in time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, delete, exists, literal_column, null, select, update

from storage.door import Script
from storage.exchange import SEE
from storage.files import FILES_HAD
from storage.memory import DELETE, SWEEP_LINKS
from storage.records import Role
from storage.schema import (
    ACTIONS,
    CONVERSATIONS,
    LINKS,
    MESSAGE_FILES,
    MESSAGES,
    PEOPLE,
    PRESENCE,
    QUESTIONS,
    SETTINGS,
    TURNS,
    USAGE,
    Id,
)
from storage.statement import Statement

T, M, F, P = TURNS.c, MESSAGES.c, MESSAGE_FILES.c, PRESENCE.c

_AT = bindparam("at", type_=M.conversation.type)
_WHO = bindparam("who", type_=M.person.type)
_KEEP = bindparam("keep", type_=Id)
_NOTHING: ColumnElement[str] = literal_column("''")

_SCRUBBED = {
    "event": _NOTHING,
    "conversation": _NOTHING,
    "person": _NOTHING,
    "message": null(),
    "state": literal_column("'done'"),
    "outcome": literal_column("'forgotten'"),
    "merged_into": null(),
    "ended_at": T.accepted_at,
    "shown": literal_column("'[]'"),
    "incoming": bindparam("nothing", type_=T.incoming.type),
    "reply": null(),
    "via": null(),
}
SCRUB_ALL = Statement(update(TURNS).where(T.conversation == _AT, T.id != _KEEP).values(_SCRUBBED))
SCRUB_THEIRS = Statement(update(TURNS).where(T.conversation == _AT, T.person == _WHO, T.id != _KEEP).values(_SCRUBBED))
KEPT = Statement(select(T.conversation, T.person).where(T.id == _KEEP))

FILES_IN = Statement(select(F.digest).distinct().join(MESSAGES, M.id == F.message).where(M.conversation == _AT))


def _delete(table: Table, *where: Any) -> Statement:
    return Statement(delete(table).where(*where))


DELETE_ALL = (
    _delete(CONVERSATIONS, CONVERSATIONS.c.key == _AT),
    _delete(MESSAGES, M.conversation == _AT),  # takes file rows along
    _delete(LINKS, LINKS.c.conversation == _AT),
    _delete(ACTIONS, ACTIONS.c.conversation == _AT),
    _delete(QUESTIONS, QUESTIONS.c.conversation == _AT),
    _delete(SETTINGS, SETTINGS.c.scope == _AT),
    _delete(PRESENCE, P.conversation == _AT),
)
DELETE_THEIRS = (
    _delete(ACTIONS, ACTIONS.c.conversation == _AT, ACTIONS.c.person == _WHO),
    _delete(QUESTIONS, QUESTIONS.c.conversation == _AT, QUESTIONS.c.person == _WHO),
    _delete(PRESENCE, P.conversation == _AT, P.person == _WHO),
)
DELETE_PERSON = (
    _delete(PEOPLE, PEOPLE.c.id == _WHO),
    Statement(update(USAGE).where(USAGE.c.person == _WHO).values(person=null())),
)
DELETE_SCOPE = _delete(SETTINGS, SETTINGS.c.scope == bindparam("scope_", type_=SETTINGS.c.scope.type))
UNNAME_USAGE = Statement(update(USAGE).where(USAGE.c.conversation == _AT).values(conversation=null()))

WHERE_SEEN = Statement(select(P.conversation).where(P.person == _WHO))
SHARED = Statement(select(exists().where(P.conversation == _AT, P.person != _WHO)))

TREE = Statement(select(M.id, M.parent, M.role, M.person).where(M.conversation == _AT).order_by(M.id))
HANG = Statement(
    update(MESSAGES).where(M.id == bindparam("message", type_=Id)).values(parent=bindparam("below", type_=Id))
)
HEAD = Statement(select(CONVERSATIONS.c.head).where(CONVERSATIONS.c.key == _AT))
MOVE_HEAD = Statement(
    update(CONVERSATIONS).where(CONVERSATIONS.c.key == _AT).values(head=bindparam("message", type_=Id))
)
# A summary may tell what was said in the messages that go.
DROP_SUMMARIES = Statement(
    update(MESSAGES)
    .where(M.conversation == _AT, M.summary_tokens.is_not(None))
    .values(summary=null(), summary_tokens=null())
)


def forget_conversation(conversation: str, keep: int) -> Script[set[str]]:
    """Delete a conversation but the turn `keep`; return the digests of the files that it had."""
    digests = {row[0] for row in (yield FILES_IN(at=conversation))}
    for statement in DELETE_ALL:
        yield statement(at=conversation)
    yield SCRUB_ALL(at=conversation, keep=keep, nothing=b"")
    yield from _keep_presence(keep)
    return digests


def forget_person(person: str, keep: int) -> Script[set[str]]:
    """Delete a person but the turn `keep`; return the digests of the files that their messages had."""
    digests: set[str] = set()
    for (conversation,) in (yield WHERE_SEEN(who=person)):
        [(shared,)] = yield SHARED(at=conversation, who=person)
        if shared:
            digests |= yield from _leave(conversation, person, keep)
        else:
            digests |= yield from forget_conversation(conversation, keep)
            yield UNNAME_USAGE(at=conversation)
    for statement in DELETE_PERSON:
        yield statement(who=person)
    yield DELETE_SCOPE(scope_=f"person:{person}")
    yield from _keep_presence(keep)
    return digests


def _keep_presence(keep: int) -> Script[None]:
    """The kept turn may still write down something of its person there."""
    for conversation, person in (yield KEPT(keep=keep)):
        yield SEE(conversation=conversation, person=person)


def _leave(conversation: str, person: str, keep: int) -> Script[set[str]]:
    """Take a person out of a conversation that others share; what hung below their words hangs higher."""
    tree = yield TREE(at=conversation)
    parents = {message: parent for message, parent, _, _ in tree}
    gone = said_by(person, tree)
    for message, parent in parents.items():
        if message not in gone and parent in gone:
            yield HANG(message=message, below=nearest(parent, parents, gone))
    for (head,) in (yield HEAD(at=conversation)):
        if head in gone:
            yield MOVE_HEAD(at=conversation, message=nearest(head, parents, gone))
    digests: set[str] = set()
    for message in gone:
        digests.update(row[0] for row in (yield FILES_HAD(message=message)))
        yield DELETE(message=message)
    if gone:
        yield SWEEP_LINKS(conversation_=conversation)
        yield DROP_SUMMARIES(at=conversation)
    for statement in DELETE_THEIRS:
        yield statement(at=conversation, who=person)
    yield SCRUB_THEIRS(at=conversation, who=person, keep=keep, nothing=b"")
    return digests


def said_by(person: str, tree: Collection[tuple[int, int | None, str, str | None]]) -> set[int]:
    """Return the ids of a person's messages and of the answers below them; rows are (id, parent, role, person)."""
    gone = {message for message, _, _, who in tree if who == person}
    answers = [(message, parent) for message, parent, role, _ in tree if role == Role.ASSISTANT.value]
    while more := {message for message, parent in answers if parent in gone and message not in gone}:
        gone |= more
    return gone


def nearest(message: int | None, parents: Mapping[int, int | None], gone: Collection[int]) -> int | None:
    """Return the first message from this one upwards that stays; None where all above go."""
    while message is not None and message in gone:
        message = parents.get(message)
    return message
