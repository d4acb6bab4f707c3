"""Long polling that confirms nothing before it is stored, notices its own silent death, and lives with a rival."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from telegram.error import Conflict, InvalidToken, TelegramError

from bot.clock import Clock
from bot.telegram.errors import PollingStalled, TokenRejected
from bot.telegram.intake import Intake
from bot.telegram.pulse import Pulse
from bot.telegram.receive import ALLOWED_UPDATES
from bot.telegram.transport import Line, TooFast

POLL_S = 25
STALL_S = 120.0  # without an answered getUpdates
CONFLICT_S = (5.0, 60.0)  # first and longest pause after a 409
FAILURE_S = (1.0, 30.0)  # the same after any other failure

_log = logging.getLogger(__name__)


class Backoff:
    """Pauses that double from the first to the longest."""

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s, self._longest_s, self._next_s = first_s, longest_s, first_s

    def reset(self) -> None:
        """Begin with the first pause again."""
        self._next_s = self._first_s

    def next_s(self) -> float:
        """Return the pause to make now."""
        pause_s, self._next_s = self._next_s, min(2 * self._next_s, self._longest_s)
        return pause_s


class Poller:
    """Asks for updates for ever."""

    def __init__(self, line: Line, intake: Intake, clock: Clock, pulse: Pulse) -> None:
        self._line, self._intake, self._clock, self._pulse = line, intake, clock, pulse
        self._offset: int | None = None
        self._conflict = Backoff(*CONFLICT_S)
        self._failure = Backoff(*FAILURE_S)
        self._storing = Backoff(*FAILURE_S)
        self._alive_at = clock.monotonic()  # last answer, or last renewal
        self._renewed = False

    async def run(self, ready: Callable[[], None]) -> None:
        """Receive until cancelled. Raises `TokenRejected`, or `PollingStalled` when nothing comes any more.

        `ready` is called right before the first question: from then on nothing said to the bot is missed.
        """
        self._pulse.connected = True
        ready()
        while True:
            updates = await self._ask()
            if updates is not None:
                await self._store(updates)

    async def _ask(self) -> list[Any] | None:
        try:
            updates = await self._in_time(self._line.get_updates(
                offset=self._offset, timeout_s=POLL_S, allowed=ALLOWED_UPDATES
            ))  # fmt: skip
        except InvalidToken:
            self._pulse.connected = False
            raise TokenRejected from None
        except Conflict as error:
            await self._yield_to_rival(error)
        except TooFast as error:
            self._progress()
            await self._clock.sleep(error.seconds)
        except TelegramError as error:
            await self._recover(self._line.secrets.hide(f"{type(error).__name__}: {error.message}"))
        else:
            if isinstance(updates, list):
                self._answered()
                return updates
            await self._recover("an answer without updates")
        return None

    async def _in_time(self, asking: Any) -> Any:
        """Await an answer, for as long as the silence may last; then begin anew with other connections."""
        call = asyncio.ensure_future(asking)
        alarm = asyncio.ensure_future(self._clock.sleep(self._alive_at + STALL_S - self._clock.monotonic()))
        try:
            await asyncio.wait({call, alarm}, return_when=asyncio.FIRST_COMPLETED)
            if call.done():
                return call.result()
        finally:
            await _ended(call, alarm)
        await self._renew()
        raise TelegramError("no answer")

    async def _renew(self) -> None:
        if self._renewed:
            self._pulse.connected = False
            raise PollingStalled(
                f"Telegram has not answered for {2 * STALL_S:.0f} s, and a new HTTP session did not help."
            )
        _log.warning("telegram: no getUpdates has completed for %.0f s, the HTTP session is built anew", STALL_S)
        self._renewed, self._alive_at = True, self._clock.monotonic()
        self._pulse.renewed += 1
        await self._line.renew()

    async def _recover(self, said: str) -> None:
        self._pulse.connected = False
        if self._clock.monotonic() - self._alive_at >= STALL_S:
            await self._renew()
        pause_s = self._failure.next_s()
        _log.warning("telegram: getUpdates failed (%s), again in %.0f s", said, pause_s)
        await self._clock.sleep(pause_s)

    async def _yield_to_rival(self, error: Conflict) -> None:
        """Another process polls with the same token, or a webhook was set: say so and go easy, but go on."""
        self._progress()
        self._pulse.conflict = True
        pause_s = self._conflict.next_s()
        if "webhook" in error.message.lower():
            _log.error("telegram: someone has set a webhook for this bot, it is deleted again")
            await self._delete_webhook()
        else:
            _log.error(
                "telegram: 409 Conflict: another process polls with the same TELEGRAM_TOKEN; stop one of the two. "
                "Again in %.0f s",
                pause_s,
            )
        await self._clock.sleep(pause_s)

    async def _delete_webhook(self) -> None:
        try:
            await self._line.bot.delete_webhook(drop_pending_updates=False)
        except TelegramError as error:
            _log.warning("telegram: the webhook could not be deleted: %s", type(error).__name__)

    async def _store(self, updates: list[Any]) -> None:
        """Store, and only then move the offset with which the next question confirms."""
        if not updates:
            return
        try:
            await self._intake.take(updates)
        except Exception as error:  # the database is away: the updates stay with Telegram, and are asked for again
            self._pulse.stored = False
            pause_s = self._storing.next_s()
            _log.error("telegram: updates could not be stored (%s), again in %.0f s", type(error).__name__, pause_s)
            await self._clock.sleep(pause_s)
            return
        self._pulse.stored = True
        self._storing.reset()
        self._offset = max(update["update_id"] for update in updates) + 1

    def _answered(self) -> None:
        self._progress()
        self._pulse.conflict = False
        self._pulse.connected = True
        self._conflict.reset()
        self._failure.reset()

    def _progress(self) -> None:
        self._alive_at = self._pulse.progress_at = self._clock.monotonic()
        self._renewed = False


async def _ended(*tasks: asyncio.Future[Any]) -> None:
    """Cancel what still runs and wait for its end, so that nothing is left behind."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
