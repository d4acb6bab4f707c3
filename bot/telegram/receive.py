"""What an update means: pure functions from a Bot API update to an event for dispatch, or to nothing, by decision.

Ignored by decision: channel posts, other bots, reactions, polls, payments, business, guest and inline updates, and in
groups everything that is not a command of ours, a mention of the bot, or a reply to it.
"""

from __future__ import annotations

import logging
import re

import msgspec
from telegram import CallbackQuery, Chat, ChatMemberUpdated, Message, MessageEntity, Update, User
from telegram.constants import ChatType

from bot.ports import Edited, Incoming, Pressed, Said
from bot.telegram.attachments import attachments_of, stand_in_text
from bot.telegram.utf16 import clean, units
from handlers.turn import Person, Place, Quoted

PLATFORM = "telegram"
PASTE_UNITS = 4000  # UTF-16 units: a text this long may be one piece of a paste that the client cut at 4096
STOPPED = "stopped_message_generation"  # Bot API 10.3; newer than python-telegram-bot 22.8
STOP_ACTION = "draft-stop"
ALLOWED_UPDATES = ["message", "edited_message", "callback_query", "my_chat_member", STOPPED]
GROUPS = {ChatType.GROUP, ChatType.SUPERGROUP}
OUT = {"left", "kicked"}

_log = logging.getLogger(__name__)


class Me(msgspec.Struct, frozen=True):
    """Who the bot is there, and which plain commands of a group it answers to."""

    id: int
    username: str
    commands: frozenset[str]
    reads_all: bool = False  # getMe.can_read_all_group_messages: group privacy mode is off

    def event(self, update_id: int) -> str:
        """Return an update's event id."""
        return f"{PLATFORM}:{self.id}:{update_id}"


class Heard(msgspec.Struct, frozen=True):
    """A new message. `meant` for the bot; `album`: its media_group_id; `paste`: it may belong to a cut paste."""

    incoming: Incoming
    meant: bool
    album: str | None = None
    paste: bool = False
    command: bool = False

    @property
    def speaker(self) -> str:
        """One person in one conversation."""
        return f"{self.incoming.place.conversation} {self.incoming.person.id}"


class Happened(msgspec.Struct, frozen=True):
    """An event that is complete as it is; `query` is a callback query to be answered."""

    incoming: Incoming | None
    query: str | None = None


class Migrated(msgspec.Struct, frozen=True):
    """A group has become a supergroup with a new id."""

    old: str
    new: str


class Closed(msgspec.Struct, frozen=True):
    """The bot was blocked or removed."""

    chat: str


class Joined(msgspec.Struct, frozen=True):
    """The bot was added to a group by someone of this language."""

    chat: str
    language: str


Happening = Heard | Happened | Migrated | Closed | Joined


def read(update: Update, me: Me) -> Happening | None:
    """Tell what an update means for the bot, None for what it ignores."""
    event = me.event(update.update_id)
    if update.message is not None:
        return _message(update.message, event, me)
    if update.edited_message is not None:
        return _edited(update.edited_message, event, me)
    if update.callback_query is not None:
        return _pressed(update.callback_query, event)
    if update.my_chat_member is not None:
        return _member(update.my_chat_member)
    if (stopped := update.api_kwargs.get(STOPPED)) is not None:
        return _stopped(stopped, event)
    return None


def _message(message: Message, event: str, me: Me) -> Happening | None:
    if message.migrate_to_chat_id is not None:
        return Migrated(str(message.chat.id), str(message.migrate_to_chat_id))
    if message.migrate_from_chat_id is not None:
        return Migrated(str(message.migrate_from_chat_id), str(message.chat.id))
    person = _person(message)
    if person is None:
        return None
    words = Words(message, me)
    attachments = attachments_of(message)
    if not (words.text or attachments or words.mentioned):
        return None
    said = Said(words.text, str(message.message_id), attachments, _quoted(message, me))
    return Heard(
        Incoming(event, _place(message), person, said),
        meant=words.meant,
        album=message.media_group_id,
        paste=not attachments and not words.command and units(words.text) >= PASTE_UNITS,
        command=words.command,
    )


def _edited(message: Message, event: str, me: Me) -> Happening | None:
    if message.location is not None:  # a live location is edited every few seconds
        return None
    person = _person(message)
    words = Words(message, me)
    if person is None or not words.meant:
        return None
    attachments = attachments_of(message)
    if not (words.text or attachments):
        return None
    return Happened(Incoming(event, _place(message), person, Edited(words.text, str(message.message_id), attachments)))


def _pressed(query: CallbackQuery, event: str) -> Happened:
    if query.message is None:  # a button of an inline message: we make none
        return Happened(None, query.id)
    chat, message = query.message.chat, query.message.message_id
    place = Place(
        PLATFORM,
        str(chat.id),
        thread=_thread(query.message) if isinstance(query.message, Message) else None,
        private=chat.type == ChatType.PRIVATE,
        message=str(message),
    )
    person = _human(query.from_user)
    return Happened(Incoming(event, place, person, Pressed(clean(query.data or ""), str(message))), query.id)


def _member(changed: ChatMemberUpdated) -> Happening | None:
    was, now = changed.old_chat_member.status, changed.new_chat_member.status
    if now in OUT:
        return Closed(str(changed.chat.id))
    if was in OUT and changed.chat.type in GROUPS:
        return Joined(str(changed.chat.id), changed.from_user.language_code or "")
    return None


class _StoppedChat(msgspec.Struct):
    id: int
    first_name: str = ""


class _StoppedDraft(msgspec.Struct):
    chat: _StoppedChat
    draft_id: int
    message_thread_id: int | None = None


def _stopped(stopped: object, event: str) -> Happened | None:
    """Read Telegram's own stop button; drafts exist in private chats only, where the chat is the person."""
    try:
        draft = msgspec.convert(stopped, _StoppedDraft)
    except msgspec.ValidationError:
        return None
    thread = None if draft.message_thread_id is None else str(draft.message_thread_id)
    person = Person(f"{PLATFORM}:{draft.chat.id}", clean(draft.chat.first_name))
    place = Place(PLATFORM, str(draft.chat.id), thread)
    return Happened(Incoming(event, place, person, Pressed(STOP_ACTION, str(draft.draft_id))))


def _place(message: Message) -> Place:
    return Place(
        PLATFORM,
        str(message.chat.id),
        thread=_thread(message),
        private=message.chat.type == ChatType.PRIVATE,
        message=str(message.message_id),
    )


def _thread(message: Message) -> str | None:
    """Return the topic. A reply in a group without topics carries a thread id too, which is none."""
    return str(message.message_thread_id) if message.is_topic_message and message.message_thread_id else None


def _person(message: Message) -> Person | None:
    """Tell who speaks: a human, or a chat in whose name a human writes in a group. None: a bot or a channel's copy."""
    if message.chat.type not in GROUPS | {ChatType.PRIVATE} or message.is_automatic_forward:
        return None
    if message.sender_chat is not None:
        return _in_the_name_of(message.sender_chat, message.chat)
    if message.from_user is None or message.from_user.is_bot:
        return None
    return _human(message.from_user)


def _in_the_name_of(sender: Chat, chat: Chat) -> Person:
    """An anonymous admin writes as the group itself; others may write as a channel of theirs."""
    return Person(f"{PLATFORM}:{sender.id}", clean(sender.title or str(sender.id)), admin=sender.id == chat.id)


def _human(user: User) -> Person:
    return Person(f"{PLATFORM}:{user.id}", clean(user.full_name), user.language_code or "")


def _quoted(message: Message, me: Me) -> Quoted | None:
    earlier = message.reply_to_message
    if earlier is None or earlier.forum_topic_created is not None:  # in a topic everything replies to its beginning
        return None
    part = message.quote.text if message.quote is not None and message.quote.is_manual else None
    text = part or earlier.text or earlier.caption or stand_in_text(earlier)
    return Quoted(str(earlier.message_id), clean(text), attachments_of(earlier), _by(earlier, me))


def _by(message: Message, me: Me) -> bool:
    return message.from_user is not None and message.from_user.id == me.id


class Words:
    """A message's words as the bot shall read them: without its own name, and whether they are meant for it."""

    def __init__(self, message: Message, me: Me) -> None:
        raw = message.text or message.caption or ""
        entities = message.entities if message.text else message.caption_entities
        self._raw = raw.encode("utf-16-le", "surrogatepass")
        self._me = me
        self.command = False
        self.mentioned = False
        self._foreign = False
        text = self._without_own_name(sorted(entities, key=lambda entity: entity.offset)) if entities else clean(raw)
        self.text = text or stand_in_text(message)
        self.meant = message.chat.type == ChatType.PRIVATE or self._meant_in_group(message)

    def _meant_in_group(self, message: Message) -> bool:
        if self._foreign:
            return False
        earlier = message.reply_to_message
        replies = earlier is not None and earlier.forum_topic_created is None and _by(earlier, self._me)
        return self.command or self.mentioned or replies

    def _without_own_name(self, entities: list[MessageEntity]) -> str:
        kept: list[str] = []
        at = 0
        for entity in entities:
            start, end = 2 * entity.offset, 2 * (entity.offset + entity.length)
            if not at <= start < end <= len(self._raw):
                continue
            stretch = self._decoded(start, end)
            if entity.type == MessageEntity.BOT_COMMAND and start == 0:
                kept.append(self._command(stretch))
                at = end
            elif self._names_me(entity, stretch):
                self.mentioned = True
                kept.append(self._decoded(at, start))
                at = end
        if not (self.mentioned or self.command):
            return self._decoded(0, len(self._raw))
        kept.append(self._decoded(at, len(self._raw)))
        return _joined(kept) if self.mentioned else "".join(kept)

    def _decoded(self, start: int, end: int) -> str:
        return clean(self._raw[start:end].decode("utf-16-le", "replace"))

    def _command(self, stretch: str) -> str:
        """Return the command without `@this_bot`; another bot's stays whole, and is none of ours."""
        name, _, addressee = stretch.partition("@")
        if not addressee:
            self.command = name[1:].lower() in self._me.commands
        elif addressee.lower() == self._me.username.lower():
            self.command = True
            return name
        else:
            self._foreign = True
        return stretch

    def _names_me(self, entity: MessageEntity, stretch: str) -> bool:
        if entity.type == MessageEntity.MENTION:
            return stretch[1:].lower() == self._me.username.lower()
        return entity.type == MessageEntity.TEXT_MENTION and entity.user is not None and entity.user.id == self._me.id


def _joined(kept: list[str]) -> str:
    """Put together what stood around a name, without the gap and the comma it leaves."""
    text = kept[0].rstrip(" ")
    for part in kept[1:]:
        rest = part.lstrip(" ") if text else re.sub(r"^[\s,:;，：；、]+", "", part)
        gap = (
            " " if text and rest and not text.endswith("\n") and not re.match(r"[\s.,:;!?，。：；！？、]", rest) else ""
        )
        text = (text + gap + rest).rstrip(" ")
    return text.strip()
