"""The webhook: updates pushed to our web server, answered 200 only once they are stored."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable

from aiohttp import web
from telegram import Bot
from telegram.error import InvalidToken, TelegramError

from bot.clock import Clock
from bot.telegram.errors import TokenRejected, Unreachable
from bot.telegram.intake import Intake
from bot.telegram.pulse import Pulse
from bot.telegram.receive import ALLOWED_UPDATES
from bot.telegram.transport import AiohttpRequest

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105  a header's name: Bot API, setWebhook
CONNECTIONS = 40  # at once, Telegram's default
LOOK_S = 300.0  # between two looks whether the webhook is still ours

_log = logging.getLogger(__name__)


class Webhook:
    """Keeps the webhook set, and takes what comes."""

    def __init__(self, bot: Bot, url: str, secret: str, clock: Clock, pulse: Pulse) -> None:
        self._bot, self._url, self._secret, self._clock, self._pulse = bot, url, secret, clock, pulse
        self._intake: Intake | None = None

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        """Set the webhook and keep it set until cancelled. It stays set afterwards: updates then wait at Telegram.

        Raises `TokenRejected`, or `Unreachable` where it cannot be set.
        """
        self._intake = intake
        try:
            await self._set()
            self._pulse.connected = True
            ready()
            while True:
                await self._clock.sleep(LOOK_S)
                await self._look()
        finally:
            self._intake = None
            self._pulse.connected = False

    async def _set(self) -> None:
        failure: Exception
        try:
            await self._bot.set_webhook(
                self._url,
                secret_token=self._secret,
                allowed_updates=ALLOWED_UPDATES,
                max_connections=CONNECTIONS,
                drop_pending_updates=False,
            )
            return
        except InvalidToken:
            failure = TokenRejected()
        except TelegramError as error:
            failure = Unreachable(f"Telegram does not take TELEGRAM_WEBHOOK_URL: {error.message}")
        raise failure

    async def _look(self) -> None:
        try:
            known = await self._bot.get_webhook_info()
        except TelegramError as error:
            _log.warning("telegram: the webhook could not be looked at: %s", type(error).__name__)
            return
        self._pulse.progress_at = self._clock.monotonic()
        self._pulse.webhook_error = known.last_error_message or ""
        if known.url != self._url:
            _log.error("telegram: the webhook was changed by someone else, it is set again")
            await self._set()

    async def receive(self, request: web.Request) -> web.Response:
        """Answer one call: 403 for a wrong secret, 503 while nothing can be stored (Telegram repeats), else 200."""
        given = request.headers.get(SECRET_HEADER, "")
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._secret.encode()):
            return web.Response(status=403)
        if self._intake is None:
            return web.Response(status=503)
        try:
            update: object = AiohttpRequest.parse_json_payload(await request.read())
        except TelegramError:
            _log.warning("telegram: a webhook call without JSON is ignored")
            return web.Response()
        return web.Response(status=200 if await self._stored(self._intake, update) else 503)

    async def _stored(self, intake: Intake, update: object) -> bool:
        try:
            await intake.take([update])
        except Exception as error:  # the database is away: Telegram keeps the update and repeats it
            _log.error("telegram: an update could not be stored: %s", type(error).__name__)
            self._pulse.stored = False
            return False
        self._pulse.stored = True
        self._pulse.progress_at = self._clock.monotonic()
        return True
