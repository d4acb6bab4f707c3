"""From a page to Bot API calls, and from Telegram's answers to the contract's errors.

Nothing here waits for rate limits or repeats after 429: the pacer does. Repeated once, at once, are calls that were
clearly refused and are mended: without a format, without a topic that is gone, to a group's new id.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO, TypeVar

import msgspec
from telegram import InputFile
from telegram.error import BadRequest, ChatMigrated, InvalidToken, TelegramError

from bot.ports import Entity, NoDrafts, Page, Refused, ShownButton, Upload
from bot.telegram.attachments import safe_name
from bot.telegram.outcome import TOPIC_GONE, UNCHANGED, delivery_error, is_about_format, says
from bot.telegram.recent import Recent
from bot.telegram.transport import Line
from bot.telegram.utf16 import units
from handlers.turn import Place

CAPTION_UNITS = 1024  # UTF-16 units after entities: Bot API, sendDocument
ENTITIES = 100  # more lose their format: python-telegram-bot, MessageLimit.MESSAGE_ENTITIES
STYLES = {"primary": "primary", "danger": "danger"}  # Bot API 9.4, InlineKeyboardButton.style
NO_PREVIEW = {"is_disabled": True}

Json = dict[str, object]
T = TypeVar("T")
Moved = Callable[[str, str], Awaitable[None]]

_log = logging.getLogger(__name__)


class Sender:
    """Everything the bot says. `plain_fallback` is called for each page that Telegram took only without its format."""

    def __init__(self, line: Line, plain_fallback: Callable[[], None]) -> None:
        self._line, self._bot, self._plain_fallback = line, line.bot, plain_fallback
        self._redirected: Recent[str, str] = Recent(1000)
        self._replied: Recent[tuple[str, str], bool] = Recent(2000)
        self._attached: Recent[str, bool] = Recent(500)  # nonces whose file is sent while the text is not
        self._without_drafts: Recent[str, bool] = Recent(2000)
        self._server_has_drafts = True
        self._moved: Moved | None = None

    def on_moved(self, moved: Moved | None) -> None:
        """Tell whom to tell when an answer says that a group has a new id."""
        self._moved = moved

    def redirect(self, old: str, new: str) -> None:
        """Send to `new` what is addressed to the chat `old`."""
        self._redirected.put(old, new)

    async def post(self, place: Place, page: Page, *, nonce: str) -> str:
        """Send a page and return its message's id.

        A file whose words exceed a caption goes first, without them; a repetition with the same nonce sends it no
        second time. Telegram itself knows no nonces.
        """
        if page.upload is not None and not _is_caption(page):
            if nonce not in self._attached:
                await self._post(place, msgspec.structs.replace(page, text="", plain="", entities=(), buttons=()))
                self._attached.put(nonce, True)
            page = msgspec.structs.replace(page, upload=None)
        message = await self._post(place, page)
        self._attached.drop(nonce)
        return message

    async def _post(self, place: Place, page: Page) -> str:
        reply = self._reply_to(place)

        async def send(at: Place, look: Page) -> str:
            if look.upload is not None:
                return await self._send_document(at, look, look.upload, reply)
            words = {"text": look.text, "entities": _entities(look), "link_preview_options": NO_PREVIEW}
            rest = {"reply_markup": _keyboard(look), "reply_parameters": reply}
            sent = await self._line.call("sendMessage", _address(at) | words | rest)
            return str(sent["message_id"])

        message = await self._mended(place, page, send, repeatable=False)
        if reply is not None and place.message is not None:
            self._replied.put((place.chat, place.message), True)
        return message

    async def _send_document(self, place: Place, page: Page, upload: Upload, reply: Json | None) -> str:
        file = await asyncio.to_thread(_opened, upload)
        try:
            document = InputFile(file, filename=safe_name(upload.name), read_file_handle=False)
            document.mimetype = upload.media_type or document.mimetype
            sent = await self._bot.send_document(
                _chat(place),
                document,
                caption=page.text or None,
                message_thread_id=_thread(place),
                api_kwargs={
                    "caption_entities": _entities(page),
                    "reply_markup": _keyboard(page),
                    "reply_parameters": reply,
                },
            )
        finally:
            file.close()
        return str(sent.message_id)

    def _reply_to(self, place: Place) -> Json | None:
        """In a group the first message that answers shows to what; in a private chat that is plain to see."""
        if place.private or place.message is None or (place.chat, place.message) in self._replied:
            return None
        return {"message_id": int(place.message), "allow_sending_without_reply": True}

    async def edit(self, place: Place, message: str, page: Page) -> None:
        """Change a message's words and buttons; the file of one that has a file stays."""

        async def change(at: Place, look: Page) -> None:
            standing = {"chat_id": _chat(at), "message_id": int(message), "reply_markup": _keyboard(look)}
            if look.upload is not None and _is_caption(look):
                words: Json = {"caption": look.text, "caption_entities": _entities(look)}
                await self._line.call("editMessageCaption", standing | words)
            else:
                words = {"text": look.text, "entities": _entities(look), "link_preview_options": NO_PREVIEW}
                await self._line.call("editMessageText", standing | words)

        await self._mended(place, page, change, repeatable=True)

    async def draft(self, place: Place, draft: int, page: Page) -> None:
        """Show a draft with Telegram's stop button. Raises `NoDrafts` for groups, and where the server has refused."""
        if not place.private or not self._server_has_drafts or place.chat in self._without_drafts:
            raise NoDrafts(place.chat)

        async def show(at: Place, look: Page) -> None:
            words = {"draft_id": draft, "text": look.text, "entities": _entities(look), "can_stop": True}
            await self._line.call("sendMessageDraft", _address(at) | words)

        try:
            await self._mended(place, page, show, repeatable=True)
        except Refused as error:
            if isinstance(error.__cause__, InvalidToken):  # 404: a server older than drafts
                self._server_has_drafts = False
            else:
                self._without_drafts.put(place.chat, True)
            raise NoDrafts(str(error)) from None

    async def delete(self, place: Place, message: str) -> None:
        """Take a message away. Raises `MessageGone` where Telegram lets it stand (older than 48 hours)."""
        failure: TelegramError
        try:
            at = self._directed(place)
            await self._line.call("deleteMessage", {"chat_id": _chat(at), "message_id": int(message)})
            return
        except TelegramError as error:
            if says(error, "message to delete not found", "message_id_invalid"):
                return
            failure = error
        raise delivery_error(failure, repeatable=True) from None

    async def typing(self, place: Place) -> None:
        """Show for about 5 s that an answer is being made."""

        async def show(at: Place, _: Page) -> None:
            await self._line.call("sendChatAction", _address(at) | {"action": "typing"})

        await self._mended(place, _NOTHING, show, repeatable=True)

    async def acknowledge(self, query: str) -> None:
        """Take the spinner off a pressed button; that it is too late is no matter."""
        try:
            await self._line.call("answerCallbackQuery", {"callback_query_id": query})
        except TelegramError as error:
            if not says(error, "query is too old", "query id is invalid"):
                _log.info("telegram: a press was not acknowledged: %s", self._line.secrets.hide(error.message))

    async def _mended(
        self, place: Place, page: Page, call: Callable[[Place, Page], Awaitable[T]], *, repeatable: bool
    ) -> T:
        """Make a call; where it is clearly refused for a reason that can be mended, mend each reason once."""
        place = self._directed(place)
        for _ in range(4):
            try:
                return await call(place, page)
            except ChatMigrated as error:
                failure: TelegramError = error
                if place.chat == str(error.new_chat_id):
                    break
                place = await self._follow(place, str(error.new_chat_id))
            except BadRequest as error:
                failure = error
                if says(error, UNCHANGED):
                    return None  # type: ignore[return-value]  # only edits are answered so, and they return nothing
                if place.thread is not None and says(error, *TOPIC_GONE):
                    place = msgspec.structs.replace(place, thread=None)
                elif page.entities and is_about_format(error):
                    self._plain_fallback()
                    page = msgspec.structs.replace(page, text=page.plain, entities=())
                else:
                    break
            except TelegramError as error:
                failure = error
                break
        raise delivery_error(failure, repeatable=repeatable) from failure

    def _directed(self, place: Place) -> Place:
        new = self._redirected.get(place.chat)
        return place if new is None else msgspec.structs.replace(place, chat=new)

    async def _follow(self, place: Place, new: str) -> Place:
        self.redirect(place.chat, new)
        if self._moved is not None:
            await self._moved(place.chat, new)
        return self._directed(place)


_NOTHING = Page("", "", 0)


def _is_caption(page: Page) -> bool:
    return units(page.text) <= CAPTION_UNITS and units(page.plain) <= CAPTION_UNITS


def _opened(upload: Upload) -> IO[bytes]:
    try:
        return Path(upload.path).open("rb")
    except OSError as error:
        raise Refused(f"the file to be sent cannot be read: {type(error).__name__}") from None


def _chat(place: Place) -> int:
    return int(place.chat)


def _thread(place: Place) -> int | None:
    return None if place.thread is None else int(place.thread)


def _address(place: Place) -> Json:
    return {"chat_id": _chat(place), "message_thread_id": _thread(place)}


def _entities(page: Page) -> list[Json] | None:
    return [_entity(entity) for entity in page.entities[:ENTITIES]] or None


def _entity(entity: Entity) -> Json:
    made: Json = {"type": entity.type, "offset": entity.offset, "length": entity.length}
    if entity.url is not None:
        made["url"] = entity.url
    if entity.language is not None:
        made["language"] = entity.language
    return made


def _keyboard(page: Page) -> Json | None:
    return {"inline_keyboard": [[_button(button) for button in row] for row in page.buttons]} if page.buttons else None


def _button(button: ShownButton) -> Json:
    made: Json = {"text": button.label, "callback_data": button.id}
    return made | {"style": STYLES[button.style]} if button.style in STYLES else made
