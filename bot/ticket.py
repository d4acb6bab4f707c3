"""A turn while the process has it in hand, and the register of all of them: who may stop what."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from bot.ports import Incoming
from handlers.command import Handler
from handlers.turn import Attachment, Quoted


@dataclass(slots=True)
class Route:
    """What a turn will run, and with what; see `handlers.turn.Turn` for the fields."""

    run: Handler
    urgent: bool = False
    plain: bool = False  # words for the conversation: quick successors may join it
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    quoted: Quoted | None = None
    options: dict[str, str | int | bool] = field(default_factory=dict)
    arguments: dict[str, str | int | float | bool | None] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    message: str | None = None
    replaces: int | None = None  # the earlier turn whose reply this one takes the place of
    pressed: str | None = None  # the message whose button was pressed

    def join(self, other: Route) -> None:
        """Take up the words of a quick successor: one below the other, attachments together."""
        self.text = f"{self.text}\n{other.text}".strip("\n")
        self.attachments += other.attachments
        self.quoted = self.quoted or other.quoted
        self.message = other.message


@dataclass(slots=True)
class Ticket:
    """One accepted turn in hand."""

    id: int
    incoming: Incoming
    route: Route
    accepted_at: float  # monotonic seconds
    task: asyncio.Task[object] | None = None
    stopped: bool = False
    # Set when nothing of it will be added to the conversation any more; its delivery may still be under way.
    written: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def conversation(self) -> str:
        """The key of the conversation it belongs to."""
        return self.incoming.place.conversation

    def stop(self) -> None:
        """End the work on it; what has been said so far stays."""
        self.stopped = True
        if self.task is not None:
            self.task.cancel()

    def join(self, other: Ticket) -> None:
        """Answer a successor too: its reply belongs to the last message."""
        self.route.join(other.route)
        self.incoming = other.incoming
