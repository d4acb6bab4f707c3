"""What is known of interactions being answered: is the waiting message filled, how many messages followed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

from bot.discord.address import Via
from bot.ports import Upload

FOLLOW_UPS_ALONE = 5  # where only the person installed the app: Discord docs, receiving-and-responding
_KNOWN_MESSAGES = 4096


@dataclass(slots=True)
class Answer:
    """One interaction. `thinking` None: this process did not see it being acknowledged (it was restarted)."""

    until: float  # Unix seconds
    thinking: bool | None
    followed: int = 0
    dead: bool = False
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def used_up(self, via: Via) -> bool:
        """Tell whether Discord takes no further message by this token."""
        return not via.member and self.followed >= FOLLOW_UPS_ALONE


@dataclass(frozen=True, slots=True)
class Standing:
    """How a message can be edited, and the file that it carries."""

    hook: bool  # by the interaction's token, else by the bot's
    upload: Upload | None


class Answers:
    """Interactions by token, forgotten when the token is over; messages by id, the newest few thousand."""

    def __init__(self) -> None:
        self._answers: dict[str, Answer] = {}
        self._standing: OrderedDict[str, Standing] = OrderedDict()

    def acknowledged(self, via: Via, now: float) -> None:
        """Remember an interaction that has just been acknowledged."""
        self._answers = {token: answer for token, answer in self._answers.items() if answer.until > now}
        self._answers[via.token] = Answer(via.until, via.kind == "thinking")

    def of(self, via: Via) -> Answer:
        """Return what is known of an interaction."""
        answer = self._answers.get(via.token)
        if answer is None:
            unknown = None if via.kind == "thinking" else False
            answer = self._answers[via.token] = Answer(via.until, unknown)
        return answer

    def stands(self, message: str, standing: Standing) -> None:
        """Remember how a message stands."""
        self._standing[message] = standing
        self._standing.move_to_end(message)
        if len(self._standing) > _KNOWN_MESSAGES:
            self._standing.popitem(last=False)

    def standing(self, message: str) -> Standing | None:
        """Return how a message stands, None where this process does not know."""
        return self._standing.get(message)

    def fell(self, message: str) -> None:
        """Forget a message that was taken away."""
        self._standing.pop(message, None)
