"""Why the adapter cannot go on. None of these carries the token."""

from __future__ import annotations

from bot import ports


class CannotGoOn(Exception):
    """The adapter's `run` ended; the text is one sentence for the operator."""


class TokenRejected(CannotGoOn, ports.TokenRejected):
    """Telegram does not know the token: nothing helps but another one, so this is not worth a retry."""

    def __init__(self) -> None:
        ports.TokenRejected.__init__(self, "TELEGRAM_TOKEN")


class Unreachable(CannotGoOn):
    """No connection to the Bot API at the start; worth a retry later."""


class PollingStalled(CannotGoOn):
    """No getUpdates has completed for long, and a new HTTP session did not help; worth a restart."""
