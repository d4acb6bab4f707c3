"""A reply while it grows: the first words as soon as they exist, then at the pace the platform allows, the end first.

`LiveReply` owns the messages that show one turn's reply. A feature adds text, a pump shows it; `finish` makes the
platform look exactly like the final reply, whatever was shown before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import TypeVar

import structlog
from msgspec.structs import replace

from bot.desk import Desk, assembled
from bot.ports import (
    DeliveryError,
    MessageGone,
    NoDrafts,
    Page,
    Parked,
    Refused,
    ShownButton,
    Unclear,
    Urgency,
)
from bot.prepared import Prepared
from bot.rendering.cut import cut
from handlers.reply import File, Text
from handlers.turn import Place
from handlers.words import Words

log = structlog.get_logger(__name__)
T = TypeVar("T")

TYPING_AFTER_S = 0.5
TYPING_EVERY_S = 4.5  # Telegram shows it for 5 s, Discord for 10 s
NOTE_AFTER_S = 2.0  # a quick answer needs no word about waiting
PARTIAL_EVERY_S = 5.0  # how much of a half answer a crash may lose
UNCLEAR_TRIES = 4
FAR_TOO_LONG = 4  # times a page: no Markdown shrinks that much when it is rendered
GIVE_UP_S = 15 * 60.0  # a final text is tried that long against a platform that says "later"

STOP = Words(en="Stop", zh="停止")
STOP_PREFIX = "stop:"  # a button of a running turn: its id says all, so that it costs no row
GOES_ON = Words(en="The answer is long: all of it comes as a file.", zh="回答很长，完整内容见附件。")
UNSURE = Words(
    en="(I lost the connection while sending; this may stand above already.)",
    zh="（发送时连接中断，上面可能已有同样的内容。）",
)


@dataclass(slots=True)
class Slot:
    """One message of the reply; `page` None: what it shows is not known."""

    message: str
    page: Page | None


Remember = Callable[[Sequence[str], str], Awaitable[None]]
"""(message ids, text so far): write down which messages show a reply that is not finished."""


class LiveReply:
    """The growing reply of one turn at one place. Used as a context manager: leaving it ends the pump."""

    def __init__(
        self,
        desk: Desk,
        place: Place,
        *,
        turn: int,
        language: str,
        remember: Remember,
        replacing: Sequence[str] = (),
        asked_at: float | None = None,
    ) -> None:
        self._desk, self._place, self._turn, self.language = desk, place, turn, language
        self._remember = remember
        self._asked_at = desk.clock.monotonic() if asked_at is None else asked_at
        self._slots = [Slot(message, None) for message in replacing]
        self._heads: list[Page] = []
        self._said: list[str] = []
        self._tail: list[str] = []
        self._note: Words | None = None
        self._drafting = place.private and not replacing
        self._wake = asyncio.Event()
        self._text_came = asyncio.Event()
        self._looked_at = -1e9
        self._not_before = -1e9
        self._kept_at = -1e9
        self._calling = False
        self._finishing = False
        self._seen = False
        self._tasks: list[asyncio.Task[None]] = []

    # ------------------------------------------------------------ while it grows

    async def __aenter__(self) -> LiveReply:
        self._tasks = [asyncio.create_task(self._pump()), asyncio.create_task(self._type())]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def platform(self) -> str:
        """The platform on which it is shown."""
        return self._desk.adapter.platform

    @property
    def text(self) -> str:
        """All Markdown said so far."""
        return "".join(self._said)

    @property
    def messages(self) -> tuple[str, ...]:
        """The ids of the messages that show the reply."""
        return tuple(slot.message for slot in self._slots)

    def grow(self, text: str) -> None:
        """Add Markdown to the end."""
        if text:
            self._said.append(text)
            self._tail.append(text)
            self._wake.set()
            self._text_came.set()

    def instead_of(self, message: str) -> None:
        """Let the reply take the place of a message that stands there, unless something of it is shown already."""
        if not self._slots:
            self._slots = [Slot(message, None)]

    def note(self, words: Words | None) -> None:
        """Show a line below the text; None takes it away."""
        if words != self._note:
            self._note = words
            self._wake.set()

    async def _type(self) -> None:
        """Show "typing" from half a second of silence on, until something of the reply can be seen."""
        clock, place = self._desk.clock, self._place
        await clock.sleep(TYPING_AFTER_S)
        while not self._seen:
            if self._desk.pacer.spare(place.chat, private=place.private):
                with suppress(DeliveryError):  # nobody misses it, and the reply itself will tell what is wrong
                    await self._desk.adapter.typing(place)
            await clock.sleep(TYPING_EVERY_S)

    async def _pump(self) -> None:
        while not self._finishing:
            await self._wake.wait()
            self._wake.clear()
            if not self._said:
                await self._text_within(NOTE_AFTER_S)
            await self._until_next_look()
            try:
                await self._look()
            except Parked as parked:
                self._park(parked)
                self._wake.set()
            except DeliveryError as error:
                # The final text will be tried in full; what merely grows is not worth a second attempt.
                log.info("growing reply not shown", turn=self._turn, error=type(error).__name__)
                return

    async def _text_within(self, seconds: float) -> None:
        pause = asyncio.ensure_future(self._desk.clock.sleep(seconds))
        text = asyncio.ensure_future(self._text_came.wait())
        try:
            await asyncio.wait({pause, text}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            pause.cancel()
            text.cancel()

    async def _until_next_look(self) -> None:
        pace, place = self._desk.adapter.pace, self._place
        every = pace.edit_every_s if place.private else pace.group_edit_every_s
        if self._drafting:
            every = pace.draft_every_s
        wait = max(self._looked_at + every, self._not_before) - self._desk.clock.monotonic()
        if wait > 0:
            await self._desk.clock.sleep(wait)

    async def _look(self) -> None:
        """Make the platform look like what has been said so far."""
        pages = self._pages(growing=True)
        if not pages or self._finishing:
            return
        for index, page in enumerate(pages[:-1]):
            await self._put(index, page, Urgency.GROWING)
        if not await self._put_last(len(pages) - 1, pages[-1]):
            return
        self._looked_at = self._desk.clock.monotonic()
        self._first_seen()
        if self._slots and self._looked_at - self._kept_at >= PARTIAL_EVERY_S:
            self._kept_at = self._looked_at
            await self._remember(self.messages, self.text)

    async def _put_last(self, index: int, page: Page) -> bool:
        """Show the page that grows; False where it has to wait."""
        if self._drafting and index >= len(self._slots):
            try:
                urgency = Urgency.GROWING if self._seen else Urgency.NEW
                await self._call(urgency, lambda: self._desk.adapter.draft(self._place, self._turn, page), draft=True)
                return True
            except NoDrafts:
                self._drafting = False
            except Parked as parked:
                if parked.everywhere:
                    raise
                # Only previews were too fast: they pause, and no message of this chat has to wait with them.
                self._desk.metrics.parked(self._desk.adapter.platform, parked.seconds)
                self._not_before = self._desk.clock.monotonic() + parked.seconds
                self._wake.set()
                return False
        stop = ShownButton(STOP.in_language(self.language), f"{STOP_PREFIX}{self._turn}", "plain")
        await self._put(index, replace(page, buttons=((stop,),)), Urgency.GROWING)
        return True

    def _first_seen(self) -> None:
        if not self._seen and self._said:
            self._seen = True
            self._desk.metrics.first_text(self._desk.adapter.platform, self._desk.clock.monotonic() - self._asked_at)

    # ------------------------------------------------------------ the pages

    def _pages(self, *, growing: bool) -> list[Page]:
        """Return the pages that show the text: settled ones first, then the one that still grows."""
        tail = "".join(self._tail)
        if len(self._heads) >= self._desk.messages_at_most and len(tail) > FAR_TOO_LONG * self._limit:
            return [*self._heads, self._plain_page(GOES_ON)]  # it cannot fit: no need to render it to know
        page = self._render(tail, growing=growing)
        while page.size > self._limit and len(self._heads) < self._desk.messages_at_most:
            head, tail = cut(tail, self._fits)
            self._heads.append(self._render(head, growing=False, note=False))
            self._tail = [tail]
            page = self._render(tail, growing=growing)
        if page.size > self._limit:
            page = self._plain_page(GOES_ON)
        return [*self._heads, page] if page.size else list(self._heads)

    def _render(self, markdown: str, *, growing: bool, note: bool = True) -> Page:
        if note and self._note is not None:
            line = self._note.in_language(self.language)
            markdown = f"{markdown.rstrip()}\n\n_{line}_" if markdown.strip() else line
        return self._desk.adapter.render(markdown, growing=growing)

    def _plain_page(self, words: Words) -> Page:
        return self._desk.adapter.render(words.in_language(self.language), growing=False)

    def _fits(self, markdown: str) -> bool:
        return self._desk.adapter.render(markdown, growing=False).size <= self._limit

    @property
    def _limit(self) -> int:
        return self._desk.adapter.pace.limit

    # ------------------------------------------------------------ the end

    async def finish(self, prepared: Prepared, *, unsure: bool = False) -> tuple[str, ...]:
        """Make the platform show exactly this, and return the ids of the messages that do, in order.

        `unsure`: it may stand there already (delivery was under way when the process died); the person is told.
        Raises `Gone` where the chat is closed, another `DeliveryError` where the platform will not take it.
        """
        await self._end_pump()
        self._note = None
        self._take_final("".join(part.markdown for part in prepared.parts if isinstance(part, Text)), unsure)
        pages = await self._final_pages(prepared)
        began = self._desk.clock.monotonic()
        give_up_at = began + GIVE_UP_S
        for index, page in enumerate(pages):
            await self._deliver(index, page, give_up_at)
            if index < len(pages) - 1:  # after the last one the whole turn is written down as done
                await self._remember(self.messages, self.text)
        await self._remove_from(len(pages))
        self._first_seen()
        self._desk.metrics.final_edit(self._desk.adapter.platform, self._desk.clock.monotonic() - began)
        return self.messages

    async def _end_pump(self) -> None:
        """Stop showing growth: at once while it waits, after the call where one is under way."""
        self._finishing = True
        for task in self._tasks:
            if task is not self._tasks[0] or not self._calling:
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _take_final(self, final: str, unsure: bool) -> None:
        said = self.text
        if said and final.startswith(said):
            self._tail.append(final[len(said) :])
        else:
            self._heads, self._tail = [], [final]
        self._said = [final]
        if unsure:
            self._heads, self._tail = [], [f"_{UNSURE.in_language(self.language)}_\n\n{final}"]

    async def _final_pages(self, prepared: Prepared) -> list[Page]:
        pages = self._pages(growing=False)
        files = [part for part in prepared.parts if isinstance(part, File)]
        if len(pages) > self._desk.messages_at_most:
            whole = await self._desk.files.put(self.text.encode(), name="answer.md", media_type="text/markdown")
            files.insert(0, File(whole.name, whole.media_type, whole.digest, whole.size))
            pages = [*pages[: self._desk.messages_at_most - 1], self._plain_page(GOES_ON)]
        return assembled(self._desk, pages, files, prepared)

    async def _deliver(self, index: int, page: Page, give_up_at: float) -> None:
        """Put one final page in its place, through everything that a later moment or a plainer text can cure."""
        unclear = 0
        while True:
            try:
                await self._put(index, page, Urgency.FINAL)
                return
            except Parked as parked:
                if self._desk.clock.monotonic() + parked.seconds > give_up_at:
                    raise
                self._park(parked)
            except Unclear:
                unclear += 1
                if unclear == UNCLEAR_TRIES:
                    raise
                if index >= len(self._slots):
                    page = self._marked(page)
                await self._desk.clock.sleep(2.0**unclear)
            except Refused:
                if page.text == page.plain and not page.entities:
                    raise
                self._desk.metrics.fell_back_to_plain(self._desk.adapter.platform)
                page = replace(page, text=page.plain, entities=())

    def _marked(self, page: Page) -> Page:
        """Return the page with the words that it may be a repetition, where they still fit."""
        marked = self._plain_page(UNSURE)
        if page.upload or page.size + marked.size + 2 > self._limit or page.plain.startswith(marked.plain):
            return page
        text = f"{marked.plain}\n\n{page.plain}"
        return replace(page, text=text, plain=text, size=page.size + marked.size + 2, entities=())

    async def _remove_from(self, count: int) -> None:
        """Take away messages that the final text no longer needs."""
        for slot in self._slots[count:]:
            with suppress(MessageGone):  # one that may not be deleted any more stays: there is nothing else to try
                await self._call(Urgency.FINAL, partial(self._desk.adapter.delete, self._place, slot.message))
        del self._slots[count:]

    # ------------------------------------------------------------ one call

    async def _put(self, index: int, page: Page, urgency: Urgency) -> None:
        """Make message number `index` of the reply look like `page`; nothing is sent where it does already."""
        adapter, place = self._desk.adapter, self._place
        if index < len(self._slots):
            slot = self._slots[index]
            if slot.page == page:
                return
            if slot.page is None or slot.page.upload == page.upload:
                try:
                    await self._call(urgency, lambda: adapter.edit(place, slot.message, page))
                    self._desk.metrics.edited(adapter.platform)
                    slot.page = page
                    return
                except MessageGone:
                    slot.page = None
            slot.message = await self._post(index, page, urgency)
            slot.page = page
        else:
            grows = urgency is not Urgency.FINAL
            if grows and not self._slots:  # a crash during the post must not look as if nothing had been seen
                await self._remember((), self.text)
            self._slots.append(Slot(await self._post(index, page, urgency), page))
            if grows:
                self._kept_at = self._desk.clock.monotonic()
                await self._remember(self.messages, self.text)

    async def _post(self, index: int, page: Page, urgency: Urgency) -> str:
        wanted = Urgency.NEW if urgency is Urgency.GROWING else urgency
        nonce = f"{self._turn}-{index}"
        return await self._call(wanted, lambda: self._desk.adapter.post(self._place, page, nonce=nonce))

    async def _call(self, urgency: Urgency, call: Callable[[], Awaitable[T]], *, draft: bool = False) -> T:
        place = self._place
        await self._desk.pacer.wait(place.chat, private=place.private, urgency=urgency, draft=draft)
        self._calling = True
        try:
            return await call()
        finally:
            self._calling = False

    def _park(self, parked: Parked) -> None:
        self._desk.metrics.parked(self._desk.adapter.platform, parked.seconds)
        self._desk.pacer.park(self._place.chat, parked.seconds, everywhere=parked.everywhere)
