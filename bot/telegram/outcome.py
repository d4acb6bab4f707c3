"""What became of a call: python-telegram-bot's errors as the adapter contract's.

A `BadRequest` is a `NetworkError` there, so it is looked at first. The texts are those of the Bot API server.
"""

from __future__ import annotations

from telegram.error import BadRequest, Forbidden, NetworkError, TelegramError

from bot.ports import DeliveryError, Gone, MessageGone, Parked, Refused, Unclear
from bot.telegram.transport import NotSent, TooFast

PAUSE_S = 2.0  # after a failure of the connection

UNCHANGED = "message is not modified"
TOPIC_GONE = ("message thread not found", "topic_closed", "topic_deleted", "topic_id_invalid")
MESSAGE_GONE = (
    "message to edit not found",
    "message to delete not found",
    "message can't be edited",
    "message can't be deleted",
    "message_id_invalid",
    "there is no text in the message to edit",
    "there is no caption in the message to edit",
)
CHAT_CLOSED = (
    "chat not found",
    "user not found",
    "peer_id_invalid",
    "chat_write_forbidden",
    "not enough rights to send",
    "have no rights to send",
    "user_is_blocked",
)


def says(error: TelegramError, *texts: str) -> bool:
    """Tell whether Telegram's description holds one of `texts` (lower case)."""
    said = error.message.lower()
    return any(text in said for text in texts)


def is_about_format(error: BadRequest) -> bool:
    """Tell whether Telegram refused the entities: they are then left out."""
    return says(error, "can't parse entities", "can't parse messageentity", "entity ", "entities", "entity_")


def delivery_error(error: TelegramError, *, repeatable: bool) -> DeliveryError:  # noqa: PLR0911  a table
    """Translate an error. `repeatable`: doing it twice shows nothing twice, so no answer means only to wait."""
    match error:
        case TooFast():
            return Parked(error.seconds)
        case NotSent():
            return Parked(PAUSE_S, everywhere=True)
        case Forbidden():
            return Gone(error.message)
        case BadRequest():
            return _refusal(error)
        case NetworkError() if repeatable:
            return Parked(PAUSE_S)
        case NetworkError():
            return Unclear(error.message)
        case _:
            return Refused(error.message)


def _refusal(error: BadRequest) -> DeliveryError:
    if says(error, *MESSAGE_GONE):
        return MessageGone(error.message)
    return Gone(error.message) if says(error, *CHAT_CLOSED) else Refused(error.message)
