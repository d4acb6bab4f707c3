"""What Discord limits and its specification does not say: message sizes, components, and calls in a time."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import Any

from bot.clock import Clock
from tests.fakes.discord.problems import Problem, invalid

CONTENT_LIMIT = 2000
FILE_LIMIT = 10 << 20  # bytes
CHANNEL_CALLS, CHANNEL_WINDOW_S = 5, 5.0
GLOBAL_CALLS, GLOBAL_WINDOW_S = 50, 1.0


def check_message(body: dict[str, Any], *, files: int) -> None:
    """Refuse a message body that real Discord refuses."""
    content = body.get("content") or ""
    if len(content) > CONTENT_LIMIT:
        raise invalid("content", "BASE_TYPE_MAX_LENGTH", f"Must be {CONTENT_LIMIT} or fewer in length.")
    if not content.strip() and not body.get("embeds") and not files:
        raise Problem(400, 50006)
    check_components(body.get("components") or [])


def check_components(rows: list[dict[str, Any]]) -> None:
    """Refuse more than five rows, more than five buttons in one, and ids used twice."""
    if len(rows) > 5:
        raise invalid("components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
    seen: set[str] = set()
    for at, row in enumerate(rows):
        if not 1 <= len(row["components"]) <= 5:
            raise invalid(f"components.{at}.components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
        for place, component in enumerate(row["components"]):
            path = f"components.{at}.components.{place}"
            identity = component.get("custom_id", "")
            if identity in seen:
                words = "Component custom id cannot be duplicated"
                raise invalid(f"{path}.custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", words)
            seen.add(identity)
            if not 1 <= len(identity) <= 100:
                raise invalid(f"{path}.custom_id", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
            if len(component.get("label", "")) > 80:
                raise invalid(f"{path}.label", "BASE_TYPE_MAX_LENGTH", "Must be 80 or fewer in length.")


class RateLimiter:
    """Sliding windows: five calls in five seconds for each route of a channel, fifty a second over all."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._taken: dict[str, deque[float]] = defaultdict(deque)
        self.exceeded = 0
        self.fail_next: tuple[float, bool] | None = None  # (retry after, global): refuse the next call

    def take(self, bucket: str, *, exempt: bool) -> dict[str, str]:
        """Count a call and return its headers. Raises `TooFast`."""
        if self.fail_next is not None:
            (after, everywhere), self.fail_next = self.fail_next, None
            raise TooFast(after, everywhere=everywhere)
        if not exempt:
            self._count("", GLOBAL_CALLS, GLOBAL_WINDOW_S, everywhere=True)
        left, after = self._count(bucket, CHANNEL_CALLS, CHANNEL_WINDOW_S, everywhere=False)
        return {
            "X-RateLimit-Limit": str(CHANNEL_CALLS),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": f"{self._clock.now() + after:.3f}",
            "X-RateLimit-Reset-After": f"{after:.3f}",
            "X-RateLimit-Bucket": bucket.split(" ", 1)[0],
        }

    def _count(self, bucket: str, calls: int, window_s: float, *, everywhere: bool) -> tuple[int, float]:
        now, taken = self._clock.monotonic(), self._taken[bucket]
        while taken and taken[0] + window_s <= now + 1e-6:  # sums of tenths are no exact numbers
            taken.popleft()
        if len(taken) >= calls:
            self.exceeded += 1
            raise TooFast(taken[0] + window_s - now, everywhere=everywhere)
        taken.append(now)
        return calls - len(taken), taken[0] + window_s - now


class TooFast(Exception):
    """429, with Discord's body."""

    def __init__(self, after: float, *, everywhere: bool) -> None:
        super().__init__(f"{after} s")
        self.body = {
            "message": "You are being rate limited.",
            "code": 0,
            "retry_after": round(after, 3),
            "global": everywhere,
        }
        self.headers = {
            "Retry-After": str(int(after) + 1),
            "Via": "1.1 google",
            "X-RateLimit-Scope": "global" if everywhere else "user",
        }
        if everywhere:
            self.headers["X-RateLimit-Global"] = "true"
