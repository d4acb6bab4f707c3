"""The Telegram adapter: updates become events for dispatch, pages become Bot API calls.

The only place that imports python-telegram-bot. `adapter` puts the parts together: `transport` (HTTP), `polling` and
`webhook` (where updates come from), `receive` and `intake` (update -> event), `send` (page -> call), `menu`.
"""

from bot.telegram.adapter import TelegramAdapter
from bot.telegram.errors import PollingStalled, TokenRejected, Unreachable
from bot.telegram.examine import Examination
from bot.telegram.notes import Notes

__all__ = ["Examination", "Notes", "PollingStalled", "TelegramAdapter", "TokenRejected", "Unreachable"]
