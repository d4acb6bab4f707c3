"""What an answered turn leaves behind, as scripts: messages in the tree, links, files, actions, usage."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, select

from storage.door import Script
from storage.records import Exchange, NewAction, NewMessage, Spent
from storage.schema import (
    ACTIONS,
    CONVERSATIONS,
    LINKS,
    MESSAGE_FILES,
    MESSAGES,
    MESSAGES_OF_A_TURN,
    PRESENCE,
    USAGE,
    Id,
)
from storage.statement import Statement, Step, insert, insert_new, upsert

M = MESSAGES.c

ADD_MESSAGE = insert(MESSAGES)
ADD_FILE = insert(MESSAGE_FILES)
LINK = upsert(LINKS, on=("conversation", "platform_message"), update=("message",))
MOVE_HEAD = upsert(CONVERSATIONS, on=("key",), update=("head",))
STORE_ACTION = insert(ACTIONS)
BOOK = insert(USAGE, generated=("id",))
STANDS = Statement(
    # On PostgreSQL the parent cannot be forgotten between this look and the commit; SQLite has one writer anyway.
    select(M.id)
    .where(M.id == bindparam("message", type_=Id), M.conversation == bindparam("conversation_"))
    .with_for_update(read=True, key_share=True)
)
OF_TURN = Statement(
    select(M.id).where(M.id >= bindparam("first", type_=Id), M.id < bindparam("after", type_=Id)).order_by(M.id)
)
SEE = insert_new(PRESENCE, on=("conversation", "person"))


def add_exchange(
    turn: int, seen: tuple[str, str] | None, exchange: Exchange | None, now: float
) -> Script[tuple[int, ...]]:
    """Hang the messages and book what was spent; return the new ids in order.

    `seen`: the turn's conversation and person; None: it may leave nothing but what it spent, and namelessly.
    """
    if exchange is None:
        return ()
    person, conversation = (seen[1], exchange.conversation) if seen else (None, None)
    for spent in exchange.spent:
        yield book(spent, turn, person, conversation, now)
    if not seen or not exchange.messages:
        return ()
    for who in {message.person for message in exchange.messages} - {None}:
        if (exchange.conversation, who) != tuple(seen):  # that one was written down when the turn was accepted
            yield SEE(conversation=exchange.conversation, person=who)
    parent = exchange.parent
    if parent is not None and not (yield STANDS(message=parent, conversation_=exchange.conversation)):
        parent = None  # forgotten while the answer was being made
    ids: list[int] = []
    for place, message in enumerate(exchange.messages):
        ids.append((yield from add_message(place, message, exchange.conversation, parent, turn, now)))
        parent = ids[-1]
    yield MOVE_HEAD(key=exchange.conversation, head=parent)
    return tuple(ids)


def add_message(
    place: int, message: NewMessage, conversation: str, parent: int | None, turn: int, now: float
) -> Script[int]:
    """Hang one message with its files and links; return its id."""
    if place >= MESSAGES_OF_A_TURN:
        raise ValueError(f"a turn adds at most {MESSAGES_OF_A_TURN} messages")
    added = turn * MESSAGES_OF_A_TURN + place
    yield ADD_MESSAGE(
        id=added,
        conversation=conversation,
        parent=parent,
        role=message.role.value,
        text=message.text,
        tokens=message.tokens,
        files=len(message.files),
        person=message.person,
        model=message.model,
        said_at=now,
        summary=None,
        summary_tokens=None,
    )
    for position, file in enumerate(message.files):
        yield ADD_FILE(
            message=added,
            position=position,
            digest=file.digest,
            name=file.name,
            media_type=file.media_type,
            size=file.size,
        )
    for shown in message.platform_ids:
        yield link(conversation, shown, added)
    return added


def of_turn(turn: int) -> dict[str, object]:
    """Return the values that bound the ids of a turn's messages."""
    return {"first": turn * MESSAGES_OF_A_TURN, "after": (turn + 1) * MESSAGES_OF_A_TURN}


def link(conversation: str, platform_message: str, message: int) -> Step:
    """Say that a chat message shows a remembered one; the newest saying wins."""
    return LINK(conversation=conversation, platform_message=platform_message, message=message)


def book(spent: Spent, turn: int | None, person: str | None, conversation: str | None, now: float) -> Step:
    """Write a row of usage."""
    return BOOK(
        turn=turn,
        person=person,
        conversation=conversation,
        model=spent.model,
        prompt_tokens=spent.prompt_tokens,
        completion_tokens=spent.completion_tokens,
        cost=None if spent.cost is None else str(spent.cost),
        estimated=spent.estimated,
        relay_request=spent.relay_request,
        spent_at=now,
    )


def store_actions(actions: Sequence[NewAction], now: float) -> Script[None]:
    """Write actions down before their buttons are shown."""
    for action in actions:
        yield STORE_ACTION(
            id=action.id,
            conversation=action.conversation,
            person=action.person,
            turn=action.turn,
            action=action.action,
            used_at=None,
            used_by=None,
            created_at=now,
        )
