"""When a call is made again: with which key, after how long, and when no more.

What may have been billed is never repeated. What was clearly refused may be: with another key at once, or with
the same one after a pause, at most twice.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable

from polo.errors import (
    AccessDenied,
    KeyRejected,
    ModelMissing,
    OutOfCredit,
    PoloError,
    RelayBroke,
    RelayBusy,
    RelayUnreachable,
)
from polo.keys import Key, KeyRing

PAUSES_S = (1.0, 3.0)  # before the first and the second repetition, where the relay asks for nothing else
WAIT_AT_MOST_S = 60.0  # a relay that asks for more is not waited for
_JITTER = 0.25  # of the pause, on top: so that many callers do not come back at once

# Another key may fare better.
_KEYS_OWN = (KeyRejected, OutOfCredit, RelayBusy, AccessDenied, ModelMissing)
_MAY_PASS = (RelayBusy, RelayBroke, RelayUnreachable)

_log = logging.getLogger(__name__)

Sleep = Callable[[float], Awaitable[None]]


class Attempts:
    """The attempts at one call. `free`: it bills nothing, so that a break may be repeated too."""

    def __init__(self, ring: KeyRing, sleep: Sleep, *, free: bool) -> None:
        self._ring = ring
        self._sleep = sleep
        self._free = free
        self._repeated = 0
        self._tried: frozenset[Key] = frozenset()
        self._key: Key | None = None

    async def key(self) -> str:
        """Return the key for the next attempt. Raises the last real error where all keys rest too long."""
        while (key := self._ring.pick(self._tried) or self._ring.pick()) is None:
            error, seconds = self._ring.soonest()
            if not isinstance(error, RelayBusy) or not self._patient(seconds):
                raise error.again()
            await self._pause(seconds)
        self._key = key
        self._tried |= {key}
        return key.secret

    async def again(self, error: PoloError) -> None:
        """Return when the call may be made again; raise `error` when it may not."""
        if self._key is not None:
            self._ring.note(self._key, error)
        if error.may_have_cost and not (self._free and isinstance(error, RelayBroke)):
            raise error
        if isinstance(error, _KEYS_OWN) and self._ring.pick(self._tried) is not None:
            _log.info("the relay refused a key, trying the next one: %s", type(error).__name__)
            return
        if not isinstance(error, _MAY_PASS) or not self._patient(error.retry_after_s):
            raise error
        _log.info("the relay call will be repeated: %s", type(error).__name__)
        await self._pause(error.retry_after_s)

    def _patient(self, seconds: float | None) -> bool:
        """Tell whether there may be a further repetition, after `seconds`."""
        return self._repeated < len(PAUSES_S) and (seconds or 0) <= WAIT_AT_MOST_S

    async def _pause(self, seconds: float | None) -> None:
        wait = PAUSES_S[self._repeated] if seconds is None else seconds
        self._repeated += 1
        await self._sleep(wait * (1 + _JITTER * random.random()))  # noqa: S311  (spreads load, hides nothing)
