"""The Telegram adapter: what dispatch sees of Telegram."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from telegram import User
from telegram.error import InvalidToken, TelegramError

from bot.clock import Clock
from bot.ports import Inbox, Pace, Page
from bot.telegram.admins import Admins
from bot.telegram.download import CLOUD_LIMIT, download
from bot.telegram.errors import CannotGoOn, TokenRejected, Unreachable
from bot.telegram.examine import Examination, examine
from bot.telegram.gather import Gatherer
from bot.telegram.greeting import greet
from bot.telegram.intake import Intake
from bot.telegram.menu import menus, publish
from bot.telegram.notes import Notes
from bot.telegram.polling import Backoff, Poller
from bot.telegram.pulse import Pulse
from bot.telegram.receive import PLATFORM, Me
from bot.telegram.render import render
from bot.telegram.send import Sender
from bot.telegram.transport import OFFICIAL_ROOT, Line
from bot.telegram.webhook import Webhook
from handlers.command import Command
from handlers.turn import Attachment, Person, Place

START_TRIES = 6  # with pauses of 1, 2, 4, 8 and 16 s between them

PACE = Pace(
    limit=4096,  # UTF-16 units after entities: Bot API, sendMessage
    private_per_s=1.0,  # this and the next two: core.telegram.org/bots/faq
    group_per_minute=20.0,
    overall_per_s=30.0,
    edit_every_s=1.0,
    group_edit_every_s=3.0,  # 20 a minute
    draft_every_s=0.5,  # Telegram documents no rate
)

_log = logging.getLogger(__name__)


class TelegramAdapter:
    """One Telegram bot. Implements `bot.ports.Adapter`.

    `api_base_url`: root of the Bot API server. `proxy`: an http(s) address, used for calls and files alike.
    `webhook_url` and `webhook_secret`: both, or long polling. `plain_fallback` is called whenever Telegram refused
    a page's format and it was sent plain. Raises ValueError for a proxy of another kind or a webhook without secret.
    """

    platform = PLATFORM
    pace = PACE
    windows = False  # forms are asked field by field

    def __init__(
        self,
        *,
        token: str,
        commands: Sequence[Command],
        clock: Clock,
        notes: Notes,
        api_base_url: str = OFFICIAL_ROOT,
        proxy: str | None = None,
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
        default_language: str = "en",
        plain_fallback: Callable[[], None] = lambda: None,
        download_limit: int | None = None,
    ) -> None:
        if proxy and urlsplit(proxy).scheme not in {"http", "https"}:
            raise ValueError("the proxy for Telegram must be an http:// or https:// address")
        if webhook_url and not webhook_secret:
            raise ValueError("a webhook for Telegram needs a secret")
        self._token, self._root, self._proxy = token, api_base_url, proxy
        self._commands, self._clock, self._notes, self._language = tuple(commands), clock, notes, default_language
        self._line = Line(token, api_base_url, proxy)
        self._download_limit = download_limit or (CLOUD_LIMIT if self._line.official else None)
        self._sender = Sender(self._line, plain_fallback)
        self._pulse = Pulse()
        self._webhook = (
            Webhook(self._line.bot, webhook_url, webhook_secret, clock, self._pulse)
            if webhook_url and webhook_secret
            else None
        )
        self._me: Me | None = None
        self._intake: Intake | None = None
        self._gatherer: Gatherer | None = None

    # ------------------------------------------------------------ in

    async def run(self, inbox: Inbox, ready: Callable[[], None]) -> None:
        """Receive until cancelled. Raises `TokenRejected`, `Unreachable` or `PollingStalled`.

        Sends work while this runs; otherwise they raise `Parked`, since nothing has been sent.
        """
        await self._line.open()
        try:
            self._me = me = await self._log_in()
            await self._receive(inbox, me, ready)
        finally:
            self._sender.on_moved(None)
            self._pulse.connected = False
            self._intake = None
            await self._line.close()

    async def _receive(self, inbox: Inbox, me: Me, ready: Callable[[], None]) -> None:
        self._gatherer = Gatherer(self._clock, self._notes, f"{PLATFORM}:{me.id}:pieces")
        await self._gatherer.restore()
        self._intake = intake = Intake(
            bot=self._line.bot,
            me=me,
            inbox=inbox,
            gatherer=self._gatherer,
            admins=Admins(self._line.bot, self._clock),
            manners=self,
            clock=self._clock,
        )
        self._sender.on_moved(intake.moved)
        failure: CannotGoOn
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(intake.run())
                tasks.create_task(self._publish_menu(me))
                await self._listen(intake, ready)
        except* CannotGoOn as group:
            failure = _first(group)
        else:
            return
        raise failure

    async def _listen(self, intake: Intake, ready: Callable[[], None]) -> None:
        if self._webhook is not None:
            await self._webhook.run(intake, ready)
        else:
            await self._drop_webhook()
            await Poller(self._line, intake, self._clock, self._pulse).run(ready)

    async def _log_in(self) -> Me:
        """Ask who we are, with some patience for a network that is not up yet."""
        pauses = Backoff(1.0, 16.0)
        for again in range(START_TRIES, 0, -1):
            try:
                return self._introduced(await self._line.bot.get_me())
            except InvalidToken:
                raise TokenRejected from None
            except TelegramError as error:
                said = self._line.secrets.hide(f"{type(error).__name__}: {error.message}")
                _log.warning("telegram: getMe failed: %s", said)
            if again > 1:
                await self._clock.sleep(pauses.next_s())
        raise Unreachable(f"The Telegram Bot API does not answer: {said}")

    def _introduced(self, user: User) -> Me:
        names = frozenset(command.name for command in self._commands)
        return Me(user.id, user.username or "", names, bool(user.can_read_all_group_messages))

    async def _drop_webhook(self) -> None:
        """Polling and a webhook exclude each other; what waits at Telegram is kept."""
        try:
            known = await self._line.bot.get_webhook_info()
            if known.url:
                _log.warning("telegram: a webhook was set for this bot; it is deleted, since we poll")
                await self._line.bot.delete_webhook(drop_pending_updates=False)
        except TelegramError as error:  # then the first getUpdates says 409, and it is tried again there
            _log.warning("telegram: the webhook could not be looked at: %s", type(error).__name__)

    async def _publish_menu(self, me: Me) -> None:
        wanted = menus(self._commands, self._language)
        await publish(self._line.bot, self._notes, f"{PLATFORM}:{me.id}:menu", wanted)

    async def webhook(self, request: web.Request) -> web.Response:
        """Take a webhook call; to be mounted as POST at the path of `webhook_url`. 404 where we poll."""
        return web.Response(status=404) if self._webhook is None else await self._webhook.receive(request)

    def health(self) -> Mapping[str, str | float | bool]:
        """Tell how it is. `silent_s`: seconds since Telegram last answered."""
        pulse, me = self._pulse, self._me
        return {
            "connected": pulse.connected,
            "mode": "polling" if self._webhook is None else "webhook",
            "bot": f"@{me.username}" if me else "",
            "reads_all_group_messages": me.reads_all if me else False,
            "silent_s": round(self._clock.monotonic() - pulse.progress_at, 1),
            "conflict": pulse.conflict,
            "storing": pulse.stored,
            "sessions_renewed": float(pulse.renewed),
            "updates": float(self._intake.seen) if self._intake else 0.0,
            "collecting": float(len(self._gatherer)) if self._gatherer else 0.0,
            "webhook_error": pulse.webhook_error,
        }

    async def examine(self, *, probe: bool = True) -> Examination:
        """Look at the bot from outside, with connections of its own: see `bot.telegram.examine`."""
        return await examine(self._token, self._root, self._proxy, probe=probe)

    # ------------------------------------------------------------ manners, for the intake

    async def acknowledge(self, query: str) -> None:
        """Take the spinner off a pressed button."""
        await self._sender.acknowledge(query)

    async def greet(self, chat: str, language: str) -> None:
        """Say once in a group what works there."""
        if self._me is not None:
            await greet(self._line, self._notes, self._me, chat, language or self._language)

    def redirect(self, old: str, new: str) -> None:
        """Send to `new` what is addressed to the chat `old`."""
        self._sender.redirect(old, new)

    # ------------------------------------------------------------ out

    def render(self, markdown: str, *, growing: bool) -> Page:
        """Turn Markdown into text with entities."""
        return render(markdown, growing=growing)

    async def post(self, place: Place, page: Page, *, nonce: str) -> str:
        """Send a page and return its message's id."""
        return await self._sender.post(place, page, nonce=nonce)

    async def edit(self, place: Place, message: str, page: Page) -> None:
        """Make a message look like `page`."""
        await self._sender.edit(place, message, page)

    async def draft(self, place: Place, draft: int, page: Page) -> None:
        """Show a draft, in private chats; its buttons are Telegram's own: stop."""
        await self._sender.draft(place, draft, page)

    async def delete(self, place: Place, message: str) -> None:
        """Take a message away."""
        await self._sender.delete(place, message)

    async def typing(self, place: Place) -> None:
        """Show for about 5 s that an answer is being made."""
        await self._sender.typing(place)

    async def tell(self, place: Place, person: Person, text: str) -> bool:
        """Return False: Telegram has no way that is safe.

        A server that does not know `ephemeral_message_parameters` (Bot API 10.2) yet would ignore it, and show
        everyone what is meant for one; and a press can be answered once only, which is done at once.
        """
        return False

    async def download(self, attachment: Attachment, into: Path, *, at_most: int) -> int:
        """Fetch an attachment; 20 MB at most from Telegram's own server."""
        return await download(self._line, attachment, into, at_most=at_most, limit=self._download_limit)


def _first(group: BaseExceptionGroup[CannotGoOn]) -> CannotGoOn:
    leaves = group.exceptions[0]
    return _first(leaves) if isinstance(leaves, BaseExceptionGroup) else leaves
