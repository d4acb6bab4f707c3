"""A platform in memory: what a person would see, and the faults a platform can have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from bot.ports import Inbox, MessageGone, NoDrafts, Pace, Page
from handlers.turn import Attachment, Person, Place

PACE = Pace(
    limit=100,
    private_per_s=1,
    group_per_minute=20,
    overall_per_s=30,
    edit_every_s=1,
    group_edit_every_s=3,
    draft_every_s=0.5,
)


class Screen:
    """Implements `bot.ports.Adapter`. `faults`: exceptions raised by the next calls of a method, one each."""

    platform = "screen"
    windows = False

    def __init__(self, pace: Pace = PACE, *, drafts: bool = False) -> None:
        self.pace = pace
        self.messages: dict[str, Page] = {}
        self.drafts: list[Page] = []
        self.calls: list[str] = []
        self.nonces: list[str] = []
        self.faults: dict[str, list[Exception]] = {}
        self._with_drafts = drafts

    @property
    def texts(self) -> list[str]:
        """What stands there now, from top to bottom."""
        return [page.text for page in self.messages.values()]

    async def run(self, inbox: Inbox, ready: Callable[[], None]) -> None:
        """Nothing comes in by itself."""
        ready()

    def health(self) -> Mapping[str, str | float | bool]:
        """Always well."""
        return {}

    def render(self, markdown: str, *, growing: bool) -> Page:
        """Show Markdown as it is."""
        return Page(markdown, markdown, len(markdown))

    async def post(self, place: Place, page: Page, *, nonce: str) -> str:
        """Add a message."""
        self._take("post")
        self.nonces.append(nonce)
        message = f"m{len(self.nonces)}"
        self.messages[message] = page
        return message

    async def edit(self, place: Place, message: str, page: Page) -> None:
        """Change a message."""
        self._take("edit")
        if message not in self.messages:
            raise MessageGone
        assert self.messages[message] != page, "an edit that changes nothing"
        self.messages[message] = page

    async def draft(self, place: Place, draft: int, page: Page) -> None:
        """Show a draft."""
        if not self._with_drafts:
            raise NoDrafts
        self._take("draft")
        self.drafts.append(page)

    async def delete(self, place: Place, message: str) -> None:
        """Take a message away."""
        self._take("delete")
        self.messages.pop(message, None)

    async def typing(self, place: Place) -> None:
        """Show that somebody types."""
        self._take("typing")

    async def tell(self, place: Place, person: Person, text: str) -> bool:
        """There is no such way here."""
        return False

    async def download(self, attachment: Attachment, into: Path, *, at_most: int) -> int:
        """Give the handle's own text as the file."""
        return into.write_bytes(attachment.handle.encode())

    def _take(self, name: str) -> None:
        self.calls.append(name)
        if self.faults.get(name):
            raise self.faults[name].pop(0)
