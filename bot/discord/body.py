"""A page as the JSON of a Discord message: content, buttons, attachment, and nobody pinged by what a model wrote."""

from __future__ import annotations

import hashlib
import logging
from itertools import chain

from bot.ports import Page, ShownButton

BUTTONS_IN_ROW = 5
ROWS = 5
LABEL_LIMIT = 80  # characters of a button's label
NONCE_LIMIT = 25  # characters: Discord docs, create-message
EPHEMERAL = 1 << 6
LOADING = 1 << 7

STYLES = {"primary": 1, "plain": 2, "danger": 4}
NOBODY = {"parse": [], "replied_user": False}
# Discord refuses an empty message: a page of buttons alone stands on a zero width space.
NOTHING = "\u200b"

_log = logging.getLogger(__name__)


def body_of(page: Page, *, keep_upload: bool = False) -> dict[str, object]:
    """Return a message's body that says all of it, so that an edit leaves nothing of the old look.

    `keep_upload`: the message carries the page's file already; leaving `attachments` out keeps it.
    """
    body: dict[str, object] = {
        "content": _sendable(page.text) or ("" if page.upload else NOTHING),
        "components": components_of(page),
        "allowed_mentions": NOBODY,
    }
    if page.upload is None:
        body["attachments"] = []
    elif not keep_upload:
        body["attachments"] = [{"id": "0", "filename": page.upload.name}]
    return body


def components_of(page: Page) -> list[dict[str, object]]:
    """Return action rows of at most five buttons; what does not fit into five rows is laid out anew, densely."""
    rows = [row[at : at + BUTTONS_IN_ROW] for row in page.buttons for at in range(0, len(row), BUTTONS_IN_ROW)]
    if len(rows) > ROWS:
        buttons = tuple(chain.from_iterable(rows))
        if len(buttons) > ROWS * BUTTONS_IN_ROW:
            _log.warning("a message of Discord holds 25 buttons; %d are left out", len(buttons) - 25)
        rows = [buttons[at : at + BUTTONS_IN_ROW] for at in range(0, len(buttons), BUTTONS_IN_ROW)][:ROWS]
    return [{"type": 1, "components": [_button(button) for button in row]} for row in rows if row]


def _button(button: ShownButton) -> dict[str, object]:
    label = shortened(_sendable(button.label.strip()), LABEL_LIMIT) or "…"
    return {"type": 2, "style": STYLES.get(button.style, 2), "label": label, "custom_id": button.id}


def _sendable(text: str) -> str:
    """Replace lone surrogates, which no JSON can carry."""
    return text.encode("utf-8", "replace").decode()


def shortened(text: str, limit: int) -> str:
    """Cut `text` to `limit` UTF-16 units, with an ellipsis where something was cut off."""
    if utf16(text) <= limit:
        return text
    room, kept = limit - 1, 0
    for character in text:
        room -= 2 if ord(character) > 0xFFFF else 1
        if room < 0:
            break
        kept += 1
    return text[:kept].rstrip() + "…"


def utf16(text: str) -> int:
    """Count UTF-16 code units."""
    return len(text) + sum(ord(character) > 0xFFFF for character in text)


def nonce_of(nonce: str) -> str:
    """Return a nonce that Discord takes: the same for the same `nonce`, at most 25 characters."""
    return nonce if len(nonce) <= NONCE_LIMIT else hashlib.sha256(nonce.encode()).hexdigest()[:NONCE_LIMIT]
