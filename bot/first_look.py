"""A look at the relay at start: which address is used, and whether it offers what is configured. It only tells."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import structlog

from handlers.models import Models
from polo import Polo

log = structlog.get_logger(__name__)


async def look_at_relay(polo: Polo, models: Models, wanted: Sequence[str]) -> None:
    """Log the relay's address and a warning for each configured model that is not in its list. Costs nothing.

    Names vanish from relays in time: that is said here, and stops neither the start nor anybody's turn.
    """
    log.info("relay", address=polo.address.v1, given_as=polo.address.form)
    offered = await models.names()  # a list that cannot be had is logged there
    for name in wanted if offered else ():
        if name not in offered:
            similar = ", ".join(difflib.get_close_matches(name, offered, n=3, cutoff=0.5))
            log.warning("the relay does not offer a configured model", model=name, similar=similar)
