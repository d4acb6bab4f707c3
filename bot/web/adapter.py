"""The page as an adapter: messages go into rooms, which tell the browsers; the server runs apart from the chat."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from bot.clock import Clock
from bot.ports import Inbox, MessageGone, NoDrafts, Pace, Page
from bot.web.assets import Assets
from bot.web.chat import Chat
from bot.web.guard import Guard
from bot.web.receive import PLATFORM
from bot.web.render import render
from bot.web.rooms import Entry, Rooms
from bot.web.send import BEAT_S
from bot.web.server import Extra, Pages, Server
from bot.web.spool import Spool
from handlers.command import Command
from handlers.turn import Attachment, Person, Place

SWEEP_S = 3600.0
# The page has no limits of its own: what is written is a state in memory, and slow browsers skip looks.
PACE = Pace(
    limit=1_000_000,
    private_per_s=1_000_000.0,
    group_per_minute=1_000_000.0,
    overall_per_s=1_000_000.0,
    edit_every_s=0.05,
    group_edit_every_s=0.05,
    draft_every_s=0.05,
)


class WebAdapter:
    """A chat in the browser. `async with adapter:` serves; `run` joins the chat to dispatch."""

    platform = PLATFORM
    pace = PACE
    windows = True  # forms are dialogs

    def __init__(
        self,
        *,
        host: str,
        port: int,
        password: str | None,
        key: bytes,
        commands: tuple[Command, ...],
        clock: Clock,
        health: Callable[[], Mapping[str, object]],
        metrics: Callable[[], tuple[bytes, str]],
        spool: Path,
        language: str = "en",
        title: str = "polobot",
        standin: bool = False,
        file_bytes: int = 20 << 20,
        spool_bytes: int = 1 << 30,
        extras: Sequence[Extra] = (),
        write_timeout_s: float = 20.0,
    ) -> None:
        """Take what the page needs; nothing listens yet.

        `key` (16 bytes or more) signs cookies and makes message ids: keep it across restarts, or every browser
        becomes a stranger. `health` is what /healthz says (`ok: false` makes it 503), `metrics` what /metrics does
        (body, content type). `spool` is a folder for what browsers send. `extras` are routes of others.
        Raises `ValueError` where `host` can be reached from outside and there is no password.
        """
        self._clock, self._key = clock, key
        guard = Guard(host=host, password=password, key=key, clock=clock)
        assets = Assets()
        self._rooms = Rooms(clock)
        self._spool = Spool(spool, file_at_most=file_bytes, total_at_most=spool_bytes)
        self._chat = Chat(
            guard=guard,
            rooms=self._rooms,
            spool=self._spool,
            assets=assets,
            clock=clock,
            commands=commands,
            title=title,
            language=language,
            standin=standin,
            write_timeout_s=write_timeout_s,
        )
        pages = Pages(guard, assets, health, metrics, title, language)
        routes = [*extras, *pages.routes(), *self._chat.routes()]
        self._server = Server(guard, routes, host=host, port=port)

    # ------------------------------------------------------------ the server

    async def __aenter__(self) -> WebAdapter:
        """Listen: pages, /healthz and /metrics answer from now on. Raises `OSError` where the address is taken."""
        await self._spool.open(self._clock.now())
        await self._server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rooms.close()
        await self._server.stop()

    @property
    def address(self) -> str:
        """The server's own address, `http://127.0.0.1:8080`; "" before it listens."""
        return self._server.address

    # ------------------------------------------------------------ what comes in

    async def run(self, inbox: Inbox, ready: Callable[[], None]) -> None:
        """Take events until cancelled. The server must be listening."""
        if not self.address:
            raise RuntimeError("the page's server has not been started")
        self._chat.inbox = inbox
        try:
            ready()
            async with asyncio.TaskGroup() as chores:
                chores.create_task(self._beat())
                chores.create_task(self._sweep())
        finally:
            self._chat.inbox = None
            self._rooms.close()

    async def _beat(self) -> None:
        while True:
            await self._clock.sleep(BEAT_S)
            self._rooms.beat()

    async def _sweep(self) -> None:
        while True:
            await self._clock.sleep(SWEEP_S)
            await self._spool.sweep(self._clock.now())

    def health(self) -> Mapping[str, str | float | bool]:
        """Tell where the page is and how many look at it."""
        conversations, pages = self._rooms.counts()
        running = self._chat.inbox is not None
        return {"ok": running, "address": self.address, "pages": pages, "conversations": conversations}

    # ------------------------------------------------------------ what goes out

    def render(self, markdown: str, *, growing: bool) -> Page:
        """Turn Markdown into safe HTML."""
        return render(markdown, growing=growing)

    async def post(self, place: Place, page: Page, *, nonce: str) -> str:
        """Show a new message. The same nonce in the same conversation is the same message, also after a restart."""
        seed = f"message\0{place.conversation}\0{nonce}".encode()
        message = "b" + hmac.new(self._key, seed, hashlib.sha256).hexdigest()[:32]
        self._show(place, message, page)
        return message

    async def edit(self, place: Place, message: str, page: Page) -> None:
        """Make a message look like `page`; one from before a restart is shown anew."""
        room = self._rooms.known(place.chat)
        if room is not None and message in room.gone:
            raise MessageGone(message)
        self._show(place, message, page)

    def _show(self, place: Place, message: str, page: Page) -> None:
        room = self._rooms.known(place.chat)
        before = room.entries.get(message) if room else None
        if before is not None and before.page == page:
            return
        self._rooms.put(place.chat, Entry(message, self._clock.now(), page, request=place.message))

    async def draft(self, place: Place, draft: int, page: Page) -> None:
        """The page edits a message as cheaply as it would show a draft."""
        raise NoDrafts

    async def delete(self, place: Place, message: str) -> None:
        """Take a message away."""
        self._rooms.remove(place.chat, message)

    async def typing(self, place: Place) -> None:
        """Show that an answer is being made."""
        self._rooms.typing(place.chat)

    async def tell(self, place: Place, person: Person, text: str) -> bool:
        """Show a passing notice on the person's open pages; False where none is open."""
        room = self._rooms.known(place.chat)
        if room is None or not room.listeners or not place.chat.startswith(f"{person.id.partition(':')[2]}-"):
            return False
        for listener in room.listeners:
            listener.notices.append(text)
            listener.wake.set()
        return True

    async def download(self, attachment: Attachment, into: Path, *, at_most: int) -> int:
        """Put a file that a browser sent at `into` and return its size in bytes."""
        return await self._spool.copy(attachment, into, at_most=at_most)
