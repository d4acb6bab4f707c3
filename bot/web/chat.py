"""The chat's own routes: the page, its stream, what it posts, the files in both directions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from bot.clock import Clock
from bot.ports import Inbox, Page
from bot.web import send
from bot.web.assets import Assets
from bot.web.guard import Access, Guard
from bot.web.receive import (
    FILES_AT_MOST,
    PLATFORM,
    TEXT_AT_MOST,
    CompletionWanted,
    FormWanted,
    Post,
    Rejected,
    entry_of,
    incoming,
    own_chat,
    person,
    place,
    read,
)
from bot.web.rooms import Entry, Listener, Room, Rooms
from bot.web.server import Extra, language_of, page_response
from bot.web.spool import Spool, SpoolFull
from bot.web.words import SAYS, shown_in
from handlers.command import Command, OptionKind, Where
from handlers.reply import Field, Form
from handlers.turn import TooLarge
from handlers.words import LANGUAGES, Words

ACCEPT_S = 20.0
HISTORY_S = 10.0
ASK_S = 5.0  # forms and completions
TURNS = 40  # shown when a page opens
TURNS_AT_MOST = 500
PAGES_AT_MOST = 2000  # connections in all
PRIVATE_FILE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "Cache-Control": "private, max-age=3600",
}


class Chat:
    """What a browser can ask of the chat. `inbox` is None until dispatch is ready: then it says so with 503."""

    def __init__(
        self,
        *,
        guard: Guard,
        rooms: Rooms,
        spool: Spool,
        assets: Assets,
        clock: Clock,
        commands: tuple[Command, ...],
        title: str,
        language: str,
        standin: bool,
        write_timeout_s: float,
    ) -> None:
        self.inbox: Inbox | None = None
        self._guard, self._rooms, self._spool, self._assets, self._clock = guard, rooms, spool, assets, clock
        self._commands, self._title, self._language, self._standin = commands, title, language, standin
        self._write_timeout_s = write_timeout_s

    def routes(self) -> tuple[Extra, ...]:
        """Return the routes with their access."""
        return (
            Extra(
                [
                    web.get("/", self.show),
                    web.get("/api/here", self.here),
                    web.get("/api/stream", self.stream),
                    web.post("/api/post", self.post),
                    web.post("/api/form", self.form),
                    web.post("/api/complete", self.complete),
                    web.post("/api/upload", self.upload),
                    web.get("/uploads/{handle}", self.uploaded),
                    web.get("/files/{chat}/{message}", self.offered),
                ],
                Access.GUARDED,
            ),
        )

    # ------------------------------------------------------------ the page

    async def show(self, request: web.Request) -> web.Response:
        """Show the page and make the browser known."""
        language = language_of(request, self._language)
        response = page_response("")
        browser = self._guard.introduce(request, response)
        words = shown_in(language)
        boot = {
            "browser": browser,
            "person": f"{PLATFORM}:{browser}",
            "language": language,
            "words": words,
            "commands": [_command(command, language) for command in self._commands if Where.PRIVATE in command.where],
            "limits": {"file": self._spool.file_at_most, "files": FILES_AT_MOST, "text": TEXT_AT_MOST},
            "version": self._assets.version,
        }
        response.text = self._assets.page(
            "chat.html",
            boot=boot,
            words=words,
            language=language,
            languages=LANGUAGES,
            title=self._title,
            standin=self._standin,
            logout=self._guard.asks_password,
        )
        return response

    async def here(self, request: web.Request) -> web.Response:
        """Answer 204 where the chat is ready for this browser; a stream that breaks does not tell a page why."""
        self._browser(request)
        self._ready()
        return web.Response(status=204)

    # ------------------------------------------------------------ the stream

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Tell one page what its conversation shows, until it closes.

        GET /api/stream?chat=...&turns=40, `Last-Event-ID` where the page has seen something already.
        """
        inbox, chat = self._ready(), own_chat(self._browser(request), request.query.get("chat", ""))
        if self._rooms.counts()[1] >= PAGES_AT_MOST:
            raise Rejected(503, SAYS["too_many_pages"])
        room = self._rooms.room(chat)
        listener = room.open()
        try:
            first = await self._first(inbox, request, room, listener)
            response = web.StreamResponse(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
            response.content_type, response.charset = "text/event-stream", "utf-8"
            await response.prepare(request)
            try:
                await self._keep_telling(response, room, listener, first)
            except (TimeoutError, ConnectionError):
                # It does not read, or is gone: whoever comes back resumes, and nothing is kept for him until then.
                if request.transport is not None:
                    request.transport.abort()
        finally:
            room.close(listener)
        return response

    async def _first(self, inbox: Inbox, request: web.Request, room: Room, listener: Listener) -> bytes:
        listener.typing = room.typing_until > self._clock.monotonic()
        seen = request.headers.get("Last-Event-ID") or request.query.get("seen", "")
        if room.can_resume(seen):
            listener.unseen |= room.missed(seen)
            return send.event("resumed", {"version": self._assets.version})
        turns = _number(request.query.get("turns", ""), TURNS, TURNS_AT_MOST)
        try:
            async with asyncio.timeout(HISTORY_S):
                history = await inbox.history(place(room.chat).conversation, at_most=turns)
        except TimeoutError as error:
            raise Rejected(503, SAYS["failed"]) from error
        entries, stale = send.merge(history, room, at_most=turns, monotonic=self._clock.monotonic())
        self._rooms.drop(room, stale)
        more = len(history) >= turns and turns < TURNS_AT_MOST
        ended_at = history[-1].asked_at if history else 0.0
        about = {"more": more, "ended_at": ended_at, "version": self._assets.version}
        return send.snapshot(room, entries, listener, **about)

    async def _keep_telling(self, response: web.StreamResponse, room: Room, listener: Listener, first: bytes) -> None:
        chunk = f"retry: {send.RETRY_MS}\n\n".encode() + first
        while not listener.closed:
            if chunk:
                await send.write(response, chunk, within_s=self._write_timeout_s)
            chunk = send.pending(room, listener, monotonic=self._clock.monotonic())
            if not chunk:
                await listener.wake.wait()
                listener.wake.clear()

    # ------------------------------------------------------------ what it posts

    async def post(self, request: web.Request) -> web.Response:
        """Accept one event: 200 once it is stored. Posted again under the same id it is the same event."""
        inbox, browser = self._ready(), self._browser(request)
        post = await read(request, Post)
        room = self._rooms.known(own_chat(browser, post.chat))
        event = incoming(browser, post, room, self._spool)
        shown = entry_of(event, self._clock.now())
        # Shown first: the answer may come before `accept` returns, and belongs below the question.
        added = shown if shown and not (room and post.event in room.entries) else None
        if added is not None:
            self._rooms.put(post.chat, added)
        try:
            async with asyncio.timeout(ACCEPT_S):
                await inbox.accept([event])
        except BaseException:
            if added is not None and added.id == post.event:
                self._rooms.remove(post.chat, added.id)
            raise
        return web.json_response({"event": post.event})

    async def form(self, request: web.Request) -> web.Response:
        """Answer with the window that a button opens, `null` where it opens none for this person."""
        inbox, browser = self._ready(), self._browser(request)
        wanted = await read(request, FormWanted)
        chat = own_chat(browser, wanted.chat)
        async with asyncio.timeout(ASK_S):
            form = await inbox.form(wanted.action, place(chat), person(browser, wanted.language))
        return web.json_response({"form": _form(form, language_of(request, self._language)) if form else None})

    async def complete(self, request: web.Request) -> web.Response:
        """Answer with at most 25 choices for an option."""
        inbox, browser = self._ready(), self._browser(request)
        wanted = await read(request, CompletionWanted)
        where, who = place(own_chat(browser, wanted.chat)), person(browser, wanted.language)
        async with asyncio.timeout(ASK_S):
            choices = await inbox.complete(wanted.command, wanted.option, wanted.typed[:200], where, who)
        language = language_of(request, self._language)
        found = [{"value": choice.value, "label": _said(choice.label, language)} for choice in choices[:25]]
        return web.json_response({"choices": found})

    # ------------------------------------------------------------ files

    async def upload(self, request: web.Request) -> web.Response:
        """Take one file: its bytes are the body, its name is in the query. Answers what `post` wants back."""
        browser = self._browser(request)
        name = request.query.get("name", "")
        limit = self._spool.file_at_most
        if (request.content_length or 0) > limit:
            raise Rejected(413, SAYS["too_large"].with_values(name=name[:120], limit=limit >> 20))
        try:
            chunks = request.content.iter_chunked(256 << 10)
            kept = await self._spool.receive(browser, name, request.headers.get("Content-Type", ""), chunks)
        except TooLarge as error:
            raise Rejected(413, SAYS["too_large"].with_values(name=error.name, limit=limit >> 20)) from error
        except SpoolFull as error:
            raise Rejected(507, SAYS["spool_full"]) from error
        about = {"handle": kept.handle, "name": kept.name, "type": kept.media_type, "size": kept.size}
        return web.json_response(about | {"kind": kept.kind})

    async def uploaded(self, request: web.Request) -> web.StreamResponse:
        """Give a browser back the picture that it sent, to look at."""
        path = self._spool.path(request.match_info["handle"], self._browser(request))
        kind = request.query.get("type", "")
        if path is None or not kind.startswith("image/") or kind not in send.INLINE_TYPES:
            raise web.HTTPNotFound
        return web.FileResponse(path, headers={**PRIVATE_FILE, "Content-Type": kind})

    async def offered(self, request: web.Request) -> web.StreamResponse:
        """Give out the file that a message of the bot brought; found after a restart by the history."""
        chat = own_chat(self._browser(request), request.match_info["chat"])
        page = await self._page(chat, request.match_info["message"])
        upload = page.upload if page else None
        if upload is None or not await asyncio.to_thread(Path(upload.path).is_file):
            raise web.HTTPNotFound
        inline = upload.media_type in send.INLINE_TYPES and "download" not in request.query
        headers = PRIVATE_FILE | {
            "Content-Type": upload.media_type if inline else "application/octet-stream",
            "Content-Disposition": _disposition(upload.name, inline=inline),
        }
        return web.FileResponse(upload.path, headers=headers)

    async def _page(self, chat: str, message: str) -> Page | None:
        room = self._rooms.known(chat)
        entry: Entry | None = room.entries.get(message) if room else None
        if entry is not None:
            return entry.page
        async with asyncio.timeout(HISTORY_S):
            past = await self._ready().history(place(chat).conversation, at_most=TURNS_AT_MOST)
        return next((page for turn in past for shown, page in turn.shown if shown == message), None)

    # ------------------------------------------------------------ by hand

    def _ready(self) -> Inbox:
        if self.inbox is None:
            raise Rejected(503, SAYS["starting"])
        return self.inbox

    def _browser(self, request: web.Request) -> str:
        browser = self._guard.browser(request)
        if browser is None:
            raise Rejected(401, SAYS["no_browser"])
        return browser


def _number(text: str, default: int, at_most: int) -> int:
    return min(max(int(text), 1), at_most) if text.isdecimal() and len(text) < 6 else default


def _said(words: Words | str, language: str) -> str:
    return words.in_language(language) if isinstance(words, Words) else words


def _disposition(name: str, *, inline: bool) -> str:
    """Name the file for the browser; RFC 6266 with RFC 8187 for other than ASCII."""
    encoded = quote(name, safe="")
    return f"{'inline' if inline else 'attachment'}; filename*=UTF-8''{encoded}"


def _command(command: Command, language: str) -> dict[str, object]:
    options = [
        {
            "name": option.name,
            "hint": option.hint.in_language(language),
            "kind": option.kind,
            "required": option.required,
            "choices": [{"value": c.value, "label": _said(c.label, language)} for c in option.choices],
            "completes": option.complete is not None,
        }
        for option in command.options
    ]
    return {
        "name": command.name,
        "hint": command.hint.in_language(language),
        "options": options,
        "rest": _rest(command),
        "urgent": command.urgent,
    }


def _rest(command: Command) -> str | None:
    """Return the option that takes the rest of the line, as `handlers.arguments` reads it."""
    texts = [option for option in command.options if option.kind is OptionKind.TEXT]
    required = [option.name for option in texts if option.required]
    if required:
        return required[-1]
    return texts[0].name if len(texts) == 1 else None


def _form(form: Form, language: str) -> Mapping[str, object]:
    return {"title": form.title.in_language(language), "fields": [_field(field, language) for field in form.fields]}


def _field(field: Field, language: str) -> Mapping[str, object]:
    return {
        "name": field.name,
        "label": field.label.in_language(language),
        "placeholder": field.placeholder.in_language(language) if field.placeholder else "",
        "value": field.value,
        "long": field.long,
        "required": field.required,
        "at_most": field.at_most,
    }
