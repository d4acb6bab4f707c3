"""A reply made ready to be shown: its buttons have ids, its sentences are in the person's language.

This is what is stored before delivery, so that a restart shows the very same thing.
"""

from __future__ import annotations

import secrets

import msgspec

from bot.ports import FORM_PREFIX, ShownButton
from handlers.reply import Action, Button, Part, Reply
from handlers.words import Words
from storage.records import NewAction

LABEL_LIMIT = 64  # characters; Discord takes 80, Telegram shows about that many


class Prepared(msgspec.Struct, frozen=True):
    """Parts and shown buttons, in the order in which they stand."""

    parts: tuple[Part, ...] = ()
    buttons: tuple[tuple[ShownButton, ...], ...] = ()
    only_for_person: bool = False
    in_place: bool = False


def prepare(
    reply: Reply, *, conversation: str, person: str, turn: int | None, language: str
) -> tuple[Prepared, tuple[NewAction, ...]]:
    """Give every button a short id and return the reply with the actions to be stored under these ids."""
    actions: list[NewAction] = []

    def shown(button: Button) -> ShownButton:
        label = button.label.in_language(language) if isinstance(button.label, Words) else button.label
        key = new_action_id(button.action)
        actions.append(NewAction(key, conversation, person, turn, encode_action(button.action)))
        return ShownButton(label[:LABEL_LIMIT], key, button.style.value)

    rows = tuple(tuple(shown(button) for button in row) for row in reply.buttons if row)
    return Prepared(reply.parts, rows, reply.only_for_person, reply.in_place), tuple(actions)


def new_action_id(action: Action) -> str:
    """Return an id that nobody guesses: 72 random bits, `f:` in front where the press opens a form."""
    return (FORM_PREFIX if action.form else "a:") + secrets.token_urlsafe(9)


def encode_action(action: Action) -> bytes:
    """Return an action as it is stored."""
    return msgspec.json.encode(action)


def decode_action(stored: bytes) -> Action:
    """Return a stored action. Raises `msgspec.MsgspecError` for what no version of ours wrote."""
    return msgspec.json.decode(stored, type=Action)


def encode_prepared(prepared: Prepared) -> bytes:
    """Return a prepared reply as it is stored."""
    return msgspec.json.encode(prepared)


def decode_prepared(stored: bytes) -> Prepared:
    """Return a stored reply."""
    return msgspec.json.decode(stored, type=Prepared)
