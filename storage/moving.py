"""A chat gets a new id (Telegram's supergroups), as a script: its keys change in every table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, Table, bindparam, delete, exists, func, literal, or_, select, update

from storage.door import Script
from storage.schema import ACTIONS, CONVERSATIONS, LINKS, MESSAGES, PRESENCE, QUESTIONS, SETTINGS, TURNS, USAGE, Id, Key
from storage.statement import Statement

_OLD = bindparam("old", type_=Key)
# The threads and topics of a chat: keys that go on with a colon. A semicolon is the character after it.
_FIRST, _AFTER = bindparam("first", type_=Key), bindparam("after", type_=Key)


def _old(key: Column[Any]) -> Any:
    return or_(key == _OLD, (key >= _FIRST) & (key < _AFTER))


def _new(key: Column[Any]) -> Any:
    return bindparam("new", type_=Key).concat(func.substr(key, bindparam("rest", type_=CONVERT)))


CONVERT = MESSAGES.c.tokens.type  # an ordinary integer, as `substr` wants it


def _rename(key: Column[Any]) -> Statement:
    return Statement(update(key.table).where(_old(key)).values({key.name: _new(key)}))


def _give_way(table: Table, key: Column[Any], other: str) -> Statement:
    """Delete the old rows for which the new chat has one already: it is the newer."""
    there = table.alias("there").c
    taken = exists().where(there[key.name] == _new(key), there[other] == table.c[other])
    return Statement(delete(table).where(_old(key), taken))


RENAMES = (
    _give_way(LINKS, LINKS.c.conversation, "platform_message"),
    _give_way(QUESTIONS, QUESTIONS.c.conversation, "person"),
    _give_way(PRESENCE, PRESENCE.c.conversation, "person"),
    _give_way(SETTINGS, SETTINGS.c.scope, "name"),
    *(
        _rename(key)
        for key in (
            LINKS.c.conversation,
            QUESTIONS.c.conversation,
            PRESENCE.c.conversation,
            SETTINGS.c.scope,
            TURNS.c.conversation,
            MESSAGES.c.conversation,
            ACTIONS.c.conversation,
            USAGE.c.conversation,
        )
    ),
)
C = CONVERSATIONS.c
_NEW_KEY = _new(C.key).label("new_key")
HEADS = Statement(select(C.key, C.head, _NEW_KEY).where(_old(C.key)))
HEAD = Statement(select(C.head).where(C.key == bindparam("key_", type_=Key)))
RENAME_CONVERSATION = Statement(
    update(CONVERSATIONS).where(C.key == bindparam("key_", type_=Key)).values(key=bindparam("key_after", type_=Key))
)
SET_HEAD = Statement(
    update(CONVERSATIONS).where(C.key == bindparam("key_", type_=Key)).values(head=bindparam("message", type_=Id))
)
DELETE_CONVERSATION = Statement(delete(CONVERSATIONS).where(C.key == bindparam("key_", type_=Key)))


def _path() -> Statement:
    """Find a message and all above it, the topmost last."""
    m = MESSAGES.c
    up = (
        select(m.id, m.parent, literal(0, Id).label("steps"))
        .where(m.id == bindparam("message", type_=Id))
        .cte("up", recursive=True)
    )
    above = MESSAGES.alias("above").c
    up = up.union_all(select(above.id, above.parent, up.c.steps + 1).where(above.id == up.c.parent))
    return Statement(select(up.c.id).order_by(up.c.steps))


PATH = _path()
HANG = Statement(
    update(MESSAGES).where(MESSAGES.c.id == bindparam("message", type_=Id)).values(parent=bindparam("below", type_=Id))
)


def move(platform: str, old_chat: str, new_chat: str) -> Script[None]:
    """Change `platform:old_chat` and all its threads to `platform:new_chat`."""
    old, new = f"{platform}:{old_chat}", f"{platform}:{new_chat}"
    if old == new:
        return
    keys = {"old": old, "first": f"{old}:", "after": f"{old};", "new": new, "rest": len(old) + 1}
    yield from _move_heads(keys)
    for statement in RENAMES:
        yield statement(**keys)


def _move_heads(keys: Mapping[str, object]) -> Script[None]:
    """Rename conversations; where the new chat has talked already, its talk goes on from the old one."""
    for old, old_head, new in (yield HEADS(**keys)):
        there = yield HEAD(key_=new)
        if not there:
            yield RENAME_CONVERSATION(key_=old, key_after=new)
            continue
        [(head,)] = there
        yield DELETE_CONVERSATION(key_=old)
        if head is None:
            yield SET_HEAD(key_=new, message=old_head)
        elif old_head is not None and (path := (yield PATH(message=head))):
            yield HANG(message=path[-1][0], below=old_head)
