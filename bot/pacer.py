"""When a platform may be written to: its limits kept before it has to answer 429, and obeyed when it does.

One pacer a platform. Every message, edit and draft asks it first. What must arrive (a final text, a new message)
may use the whole allowance; what merely grows leaves a part of it free, so that the end never waits behind a middle.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from bot.clock import Clock
from bot.ports import Pace, Urgency

# Shares of an allowance that growing text leaves to what must arrive.
RESERVE = 0.2
MODEST = frozenset({Urgency.GROWING, Urgency.TYPING})
CHATS_REMEMBERED = 5000
PRIVATE_BURST = 4  # "short bursts pass" (Telegram's FAQ); what they allow is not said
PRIVATE_KEPT = 2  # of it growing text leaves for the end and for the next beginning


@dataclass(slots=True)
class Bucket:
    """So many calls at once, then so many a second: an average with short bursts."""

    per_s: float
    burst: float
    level: float
    at: float  # when `level` was right

    def free_in(self, now: float, *, keep: int) -> float:
        """Return the seconds until a call may pass that leaves `keep` further ones free; 0 when it may now."""
        level = min(self.burst, self.level + (now - self.at) * self.per_s)
        missing = min(keep + 1, self.burst) - level
        return 0.0 if missing <= 1e-9 else max(missing / self.per_s, 0.001)

    def take(self, now: float) -> None:
        """Note that a call passes now."""
        self.level = min(self.burst, self.level + (now - self.at) * self.per_s) - 1
        self.at = now

    def idle(self, now: float) -> bool:
        """Tell whether nothing of its past matters any more."""
        return self.level + (now - self.at) * self.per_s >= self.burst


@dataclass(slots=True)
class Window:
    """At most `count` calls in any `seconds`: a sliding window, since a bucket lets twice as many pass at first."""

    count: int
    seconds: float
    passed: deque[float] = field(default_factory=deque)

    def free_in(self, now: float, *, keep: int) -> float:
        """Return the seconds until a call may pass that leaves `keep` places free; 0 when it may now."""
        while self.passed and self.passed[0] <= now - self.seconds:
            self.passed.popleft()
        over = len(self.passed) - max(self.count - keep, 1)
        return 0.0 if over < 0 else max(self.passed[over] + self.seconds - now, 0.001)

    def take(self, now: float) -> None:
        """Note that a call passes now."""
        self.passed.append(now)

    def idle(self, now: float) -> bool:
        """Tell whether nothing of its past matters any more."""
        return not self.passed or self.passed[-1] <= now - self.seconds


class Pacer:
    """The allowance of one platform, per chat and overall. Seconds are the clock's."""

    def __init__(self, pace: Pace, clock: Clock) -> None:
        self._pace, self._clock = pace, clock
        self._overall = Window(max(int(pace.overall_per_s), 1), 1.0)
        self._chats: dict[str, Bucket | Window] = {}
        self._parked: dict[str, float] = {}
        self._parked_everywhere = 0.0
        self._modest_waiting = 0

    async def wait(self, chat: str, *, private: bool, urgency: Urgency, draft: bool = False) -> None:
        """Wait until a call to `chat` may pass, and count it.

        A `draft` is a preview and no message: only the allowance of the whole bot counts it.
        """
        modest = urgency in MODEST
        self._modest_waiting += modest
        try:
            while (delay := self._delay(chat, private, urgency, draft)) > 0:
                # With many waiting, waking all of them for every free place would cost their number squared.
                crowd = self._modest_waiting / self._pace.overall_per_s if modest else 0.0
                await self._clock.sleep(max(delay, crowd / 2))
        finally:
            self._modest_waiting -= modest
        self._take(chat, private, draft)

    def spare(self, chat: str, *, private: bool) -> bool:
        """Tell whether a call that nobody would miss (typing) may pass now, and count it if so."""
        if self._delay(chat, private, Urgency.TYPING, draft=False) > 0:
            return False
        self._take(chat, private, draft=False)
        return True

    def park(self, chat: str, seconds: float, *, everywhere: bool = False) -> None:
        """Let nothing pass to `chat` (or to the whole platform) for `seconds`: it has answered 429."""
        until = self._clock.monotonic() + seconds
        if everywhere:
            self._parked_everywhere = max(self._parked_everywhere, until)
        else:
            self._parked[chat] = max(self._parked.get(chat, 0.0), until)

    def _delay(self, chat: str, private: bool, urgency: Urgency, draft: bool) -> float:
        now = self._clock.monotonic()
        parked = max(self._parked_everywhere, self._parked.get(chat, 0.0)) - now
        if parked > 0:
            return parked
        self._parked.pop(chat, None)
        modest = urgency in MODEST
        overall = self._overall.free_in(now, keep=_reserve(self._overall) if modest else 0)
        if draft:
            return overall
        allowance = self._allowance(chat, private)
        kept = PRIVATE_KEPT if isinstance(allowance, Bucket) else _reserve(allowance)
        return max(overall, allowance.free_in(now, keep=kept if modest else 0))

    def _take(self, chat: str, private: bool, draft: bool) -> None:
        now = self._clock.monotonic()
        if not draft:
            self._allowance(chat, private).take(now)
        self._overall.take(now)

    def _allowance(self, chat: str, private: bool) -> Bucket | Window:
        allowance = self._chats.get(chat)
        if allowance is None:
            if len(self._chats) >= CHATS_REMEMBERED:
                self._forget_idle()
            allowance = self._chats[chat] = self._new(private)
        return allowance

    def _new(self, private: bool) -> Bucket | Window:
        if not private:
            return Window(max(int(self._pace.group_per_minute), 1), 60.0)
        burst = max(float(PRIVATE_BURST), self._pace.private_per_s)
        return Bucket(self._pace.private_per_s, burst, burst, self._clock.monotonic())

    def _forget_idle(self) -> None:
        now = self._clock.monotonic()
        self._chats = {chat: allowance for chat, allowance in self._chats.items() if not allowance.idle(now)}
        self._parked = {chat: until for chat, until in self._parked.items() if until > now}


def _reserve(window: Window) -> int:
    """Return how many places of a window growing text leaves free: at least one where there are more than one."""
    return max(int(window.count * RESERVE), 1) if window.count > 1 else 0
