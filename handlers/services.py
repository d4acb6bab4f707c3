"""What a feature is handed: the relay, the database, and the few services that features share."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from handlers.command import Command
    from handlers.conversation import Conversations
    from handlers.models import Models
    from polo import Polo
    from storage.database import Database


class Control(Protocol):
    """What a feature may ask of the one who runs the turns."""

    async def stop(self, conversation: str, *, person: str | None = None) -> int:
        """End the running and waiting turns of a conversation (`person`: only that person's); return how many.

        Each of them keeps what it has said so far and says that it was stopped. Returns when they have ended, their
        exchanges written: what the caller changes then (a reset, a forgetting) is not undone by them.
        """


class Background(Protocol):
    """The owner of work that no turn waits for."""

    def start(self, work: Coroutine[object, object, None], *, name: str) -> None:
        """Run `work` beside the turns; its failure is logged, its end awaited when the process stops."""


@dataclass(frozen=True, slots=True)
class ChatConfig:
    """The operator's choices for conversations."""

    model: str
    fallbacks: tuple[str, ...] = ()  # asked in order where `model` cannot answer; same price class, said to the person
    system_prompt: str = ""
    history_tokens: int = 8000  # of earlier messages, by local estimate
    answer_tokens: int | None = None  # at most, None: the model's own limit
    attachment_bytes: int = 20 << 20
    compact: bool = True  # older text becomes a summary, written by the model


@dataclass(frozen=True, slots=True)
class Services:
    """Handed to every handler."""

    polo: Polo
    storage: Database
    models: Models
    conversations: Conversations
    chat: ChatConfig
    commands: tuple[Command, ...]
    control: Control
    background: Background
    now: Callable[[], float]  # Unix seconds
