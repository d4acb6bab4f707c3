"""Adapters run side by side: one that fails is started again with a growing pause and takes no other down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from bot.clock import Clock
from bot.metrics import Metrics
from bot.ports import Adapter, Inbox, TokenRejected

log = structlog.get_logger(__name__)

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 300.0
SETTLED_S = 300.0  # running that long, a failure counts as the first one again


@dataclass(slots=True)
class AdapterState:
    """How one adapter is, for /healthz."""

    up: bool = False
    failures: int = 0
    said: str = "starting"


class Supervisor:
    """Runs the adapters until cancelled. `ready` hears the platform's name each time its adapter has come up."""

    def __init__(
        self, adapters: Sequence[Adapter], inbox: Inbox, clock: Clock, metrics: Metrics, *, ready: Callable[[str], None]
    ) -> None:
        self._adapters, self._inbox, self._clock, self._metrics = adapters, inbox, clock, metrics
        self._ready = ready
        self._states = {adapter.platform: AdapterState() for adapter in adapters}

    def health(self) -> Mapping[str, Mapping[str, str | float | bool]]:
        """Return how each adapter is; no secrets."""
        return {
            adapter.platform: {
                "up": self._states[adapter.platform].up,
                "failures": self._states[adapter.platform].failures,
                "state": self._states[adapter.platform].said,
                **adapter.health(),
            }
            for adapter in self._adapters
        }

    async def run(self) -> None:
        """Keep every adapter running. Raises `TokenRejected` where no adapter that people use can ever come up."""
        async with asyncio.TaskGroup() as group:
            for adapter in self._adapters:
                group.create_task(self._keep(adapter), name=f"adapter {adapter.platform}")

    async def _keep(self, adapter: Adapter) -> None:
        state = self._states[adapter.platform]
        pause = FIRST_PAUSE_S
        while True:
            started = self._clock.monotonic()
            try:
                await self._once(adapter, state)
                state.said = "ended"
            except TokenRejected as rejected:
                if self._useless_without(adapter):
                    raise
                state.said = f"{rejected.setting} is not accepted"
                log.error("token not accepted; the other platforms go on", setting=rejected.setting)
            except Exception as error:  # the last line of defence: one adapter's fault stays its own
                state.said = f"failed: {type(error).__name__}"
                log.error("adapter failed", platform=adapter.platform, exc_info=error)
            self._down(adapter, state)
            pause = FIRST_PAUSE_S if self._clock.monotonic() - started > SETTLED_S else pause
            await self._clock.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _once(self, adapter: Adapter, state: AdapterState) -> None:
        def ready() -> None:
            state.up, state.said = True, "up"
            self._metrics.adapter_up(adapter.platform, True)
            log.info("adapter up", platform=adapter.platform)
            self._ready(adapter.platform)

        await adapter.run(self._inbox, ready)

    def _down(self, adapter: Adapter, state: AdapterState) -> None:
        state.up = False
        state.failures += 1
        self._metrics.adapter_up(adapter.platform, False)

    def _useless_without(self, adapter: Adapter) -> bool:
        """Tell whether this is the only chat platform: then a wrong token is a wrong setting at start."""
        chats = [one for one in self._adapters if one.platform != "web"]
        return chats == [adapter] and self._states[adapter.platform].failures == 0
