"""The key ring: which key to use next, and which ones rest after a refusal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from polo.errors import KeyRejected, OutOfCredit, PoloError, RelayBusy

# How long a key rests, in seconds. Short enough that a mended account is noticed without a restart.
_LONGEST_REST_S = 3600.0  # whatever the relay asks for: its operator may mend it sooner
REST_S: dict[type[PoloError], float] = {KeyRejected: 300, OutOfCredit: 60, RelayBusy: 1}


class Key:
    """One key and how it fares."""

    __slots__ = ("error", "rests_until", "secret")

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.rests_until = 0.0
        self.error: PoloError | None = None  # why it rests, or rested last

    def __repr__(self) -> str:
        """Show nothing of the secret."""
        return f"Key(***, rests_until={self.rests_until})"


class KeyRing:
    """Several keys in the operator's order of preference: the first one that does not rest is used.

    A relay without keys (a local server) is a ring with the one key "".
    """

    def __init__(self, secrets: Sequence[str], monotonic: Callable[[], float]) -> None:
        self._keys = [Key(secret) for secret in dict.fromkeys(secrets)] or [Key("")]
        self._monotonic = monotonic

    def __len__(self) -> int:
        """Return how many different keys there are."""
        return len(self._keys)

    def pick(self, passing_over: frozenset[Key] = frozenset()) -> Key | None:
        """Return the first key that neither rests nor is to be passed over."""
        now = self._monotonic()
        return next((key for key in self._keys if key.rests_until <= now and key not in passing_over), None)

    def soonest(self) -> tuple[PoloError, float]:
        """Return why the key that wakes first rests, and for how many seconds still. All keys must be resting."""
        until, error = min(((key.rests_until, key.error) for key in self._keys if key.error), key=lambda pair: pair[0])
        return error, max(0.0, until - self._monotonic())

    def note(self, key: Key, error: PoloError) -> None:
        """Let a key rest if the error is the key's own.

        A lone key rests only where the relay is busy: there is nothing to fall back on, a refusal costs nothing,
        and an account that is too poor for one call may do for a cheaper one.
        """
        rest = REST_S.get(type(error))
        if rest is not None and (len(self) > 1 or isinstance(error, RelayBusy)):
            asked = rest if error.retry_after_s is None else min(error.retry_after_s, _LONGEST_REST_S)
            key.error, key.rests_until = error, self._monotonic() + asked
