"""What has to be tidied now and then: what is past its time, and files that nothing refers to any more."""

from __future__ import annotations

import structlog

from bot.clock import Clock
from storage.database import Database

log = structlog.get_logger(__name__)

EVERY_S = 3600.0
DAY_S = 86400.0
FILES_AT_MOST = 5 << 30  # bytes in the file store; the oldest go first
UNREFERENCED_S = DAY_S  # a file may be written before the message that refers to it


async def keep_house(storage: Database, clock: Clock, retention_days: int | None) -> None:
    """Tidy up at start and every hour, until cancelled. `retention_days` None: everything is kept."""
    while True:
        if retention_days is not None:
            before = clock.now() - retention_days * DAY_S
            turns, messages = await storage.turns.prune(before), await storage.memory.prune(before)
            if turns or messages:
                log.info("past the retention time", turns=turns, messages=messages)
        swept = await storage.files.sweep(at_most_bytes=FILES_AT_MOST, older_than=clock.now() - UNREFERENCED_S)
        if swept:
            log.info("unused files deleted", count=swept)
        await storage.tidy()
        await clock.sleep(EVERY_S)
