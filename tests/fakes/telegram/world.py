"""The people and chats of the fake: what happens in a chat, what the bot is told of it, and what a person sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.fakes.telegram.look import Shown, entities_of, pieces_of, shown, stretch_of, words_of
from tests.fakes.telegram.rules import bad

if TYPE_CHECKING:
    from tests.fakes.telegram.server import FakeTelegram

Json = dict[str, Any]
GROUP_BOT = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
# What people say; the rest are service messages, which privacy mode lets through.
CONTENT = {
    *("text", "caption", "photo", "voice", "document", "video", "audio", "sticker", "video_note", "animation"),
    *("location", "venue", "contact", "poll", "dice"),
}
DRAFT_S = 30.0  # a draft lives so long: Bot API, sendMessageDraft


@dataclass(frozen=True)
class Member:
    """A person. `language`: the IETF tag of their app."""

    id: int
    name: str
    language: str | None = None
    is_bot: bool = False
    username: str | None = None

    def raw(self) -> Json:
        """Return the Bot API's User."""
        user: Json = {"id": self.id, "is_bot": self.is_bot, "first_name": self.name}
        if self.language:
            user["language_code"] = self.language
        return user | ({"username": self.username} if self.username else {})


class Chat:
    """A private chat or a group. Actions of people are coroutines; without `person` the first member acts."""

    def __init__(
        self,
        telegram: FakeTelegram,
        chat_id: int,
        kind: str,
        title: str,
        members: Sequence[Member],
        *,
        forum: bool = False,
    ) -> None:
        self.telegram, self.id, self.kind, self.title, self.forum = telegram, chat_id, kind, title, forum
        self.members = {member.id: member for member in members}
        self.admins: set[int] = set()
        self.bot_is_admin = False
        self.privacy = True  # group privacy mode of the bot, as it holds here
        self.other_bot_spoke_last = False  # then a plain /command does not reach this bot
        self.closed = ""  # the 403 that the bot gets here
        self.migrated_to: Chat | None = None
        self.topics: dict[int, str] = {}
        self.closed_topics: set[int] = set()
        self.drafts: dict[int, tuple[float, Json]] = {}
        self._raw: dict[int, Json] = {}
        self._last_id = 0

    # ------------------------------------------------------------ what is seen

    @property
    def private(self) -> bool:
        """Tell whether this is a private chat."""
        return self.kind == "private"

    @property
    def messages(self) -> list[Shown]:
        """All messages that stand there now, oldest first."""
        return [shown(raw, self.telegram.bot.id) for raw in self._raw.values()]

    @property
    def answers(self) -> list[Shown]:
        """The bot's messages only."""
        return [message for message in self.messages if message.by_bot]

    @property
    def draft(self) -> str | None:
        """The text of the growing answer shown now, None where there is none."""
        now = self.telegram.clock.monotonic()
        live = [draft["text"] for until, draft in self.drafts.values() if until > now]
        return live[-1] if live else None

    def raw(self) -> Json:
        """Return the Bot API's Chat."""
        chat: Json = {"id": self.id, "type": self.kind}
        chat |= {"first_name": self.title} if self.private else {"title": self.title}
        return chat | ({"is_forum": True} if self.forum else {})

    # ------------------------------------------------------------ people act

    async def says(
        self,
        text: str,
        *,
        person: Member | None = None,
        reply_to: int | None = None,
        topic: int | None = None,
        entities: list[Json] | None = None,
    ) -> Shown:
        """Write a text; one over 4096 is cut by the person's app, as apps do. Returns the (last) message."""
        said = [self._said({"text": piece}, person, reply_to, topic, entities) for piece in pieces_of(text)]
        for raw in said:
            self.telegram.deliver(self, "message", raw)
        return shown(said[-1], self.telegram.bot.id)

    async def replies(
        self, text: str, to: Shown | int, *, person: Member | None = None, topic: int | None = None
    ) -> Shown:
        """Reply to a message."""
        return await self.says(text, person=person, reply_to=to if isinstance(to, int) else to.id, topic=topic)

    async def sends(self, *, person: Member | None = None, topic: int | None = None, **content: Any) -> Shown:
        """Send a message of any content, in the Bot API's own fields."""
        reply_to = content.pop("reply_to", None)
        raw = self._said(content, person, reply_to, topic, None)
        self.telegram.deliver(self, "message", raw)
        return shown(raw, self.telegram.bot.id)

    async def sends_photo(self, content: bytes = b"\xff\xd8jpeg", *, caption: str = "", **more: Any) -> Shown:
        """Send a photo, in two sizes."""
        words: Json = {"caption": caption} if caption else {}
        return await self.sends(photo=self._photo(content), **words, **more)

    async def sends_album(self, *contents: bytes, caption: str = "", caption_on: int = 0, **more: Any) -> list[Shown]:
        """Send several photos at once; the caption is one part's."""
        group = f"1{self.telegram.serial():014}"
        sent = []
        for number, content in enumerate(contents):
            words: Json = {"caption": caption} if caption and number == caption_on else {}
            sent.append(await self.sends(photo=self._photo(content), media_group_id=group, **words, **more))
        return sent

    async def sends_document(
        self,
        content: bytes,
        *,
        name: str = "notes.txt",
        media_type: str = "text/plain",
        size: int | None = None,
        **more: Any,
    ) -> Shown:
        """Send a file. `size` pretends one that is not there."""
        stored = self.telegram.store(content, f"documents/{name}", size)
        return await self.sends(document={**stored, "file_name": name, "mime_type": media_type}, **more)

    async def sends_voice(self, content: bytes = b"OggS", *, seconds: int = 2, **more: Any) -> Shown:
        """Send a voice note."""
        stored = self.telegram.store(content, "voice/voice.oga")
        return await self.sends(voice={**stored, "duration": seconds, "mime_type": "audio/ogg"}, **more)

    async def edits(self, message: Shown | int, text: str, *, entities: list[Json] | None = None) -> Shown:
        """Change one's own message; a caption where it has a file."""
        raw = self._raw[message if isinstance(message, int) else message.id]
        field_name, entities_name = ("text", "entities") if "text" in raw else ("caption", "caption_entities")
        raw[field_name] = text
        raw["edit_date"] = self._now()
        raw.pop(entities_name, None)
        if found := entities or entities_of(text):
            raw[entities_name] = found
        self.telegram.deliver(self, "edited_message", raw)
        return shown(raw, self.telegram.bot.id)

    async def presses(self, label: str, *, message: Shown | None = None, person: Member | None = None) -> str:
        """Press the newest button with that label (or on that message) and return the query's id."""
        for raw in reversed(list(self._raw.values())):
            if message is not None and raw["message_id"] != message.id:
                continue
            for row in raw.get("reply_markup", {}).get("inline_keyboard", []):
                for button in row:
                    if button["text"] == label:
                        return await self.presses_data(button["callback_data"], raw["message_id"], person=person)
        raise AssertionError(f"nobody sees a button {label!r}")

    async def presses_data(self, data: str | None, message: int | None, *, person: Member | None = None) -> str:
        """Press a button with whatever data, as a forged or an old client can."""
        query: Json = {
            "id": str(7_000_000 + self.telegram.serial()),
            "from": self._who(person).raw(),
            "chat_instance": "1",
        }
        if data is not None:
            query["data"] = data
        if message is not None:
            standing = self._raw.get(message)
            query["message"] = standing or {"chat": self.raw(), "message_id": message, "date": 0}
        self.telegram.queries[query["id"]] = self.telegram.clock.monotonic()
        self.telegram.deliver(self, "callback_query", query)
        return str(query["id"])

    async def stops_draft(self) -> None:
        """Press Telegram's own stop button below the growing answer."""
        [*_, draft] = self.drafts
        stopped: Json = {"chat": self.raw(), "draft_id": draft}
        if thread := self.drafts[draft][1].get("message_thread_id"):
            stopped["message_thread_id"] = thread
        self.telegram.deliver(self, "stopped_message_generation", stopped)

    async def speaks_anonymously(self, text: str) -> Shown:
        """Write as an anonymous admin of the group."""
        raw = self._said({"text": text}, None, None, None, None)
        raw |= {"from": GROUP_BOT, "sender_chat": self.raw()}
        self.telegram.deliver(self, "message", raw)
        return shown(raw, self.telegram.bot.id)

    async def deletes(self, message: Shown | int) -> None:
        """Delete a message; the bot is not told."""
        self.forget(message if isinstance(message, int) else message.id)

    # ------------------------------------------------------------ the chat changes

    async def blocks(self, *, person: Member | None = None) -> None:
        """Block the bot (private chat)."""
        self.closed = "Forbidden: bot was blocked by the user"
        self._membership("member", "kicked", person)

    async def unblocks(self, *, person: Member | None = None) -> None:
        """Let the bot write again."""
        self.closed = ""
        self._membership("kicked", "member", person)

    async def removes_bot(self, *, person: Member | None = None) -> None:
        """Kick the bot out of the group."""
        self.closed = f"Forbidden: bot was kicked from the {self.kind} chat"
        self._membership("member", "kicked", person)

    async def adds_bot(self, *, person: Member | None = None) -> None:
        """Add the bot to the group."""
        self.closed = ""
        self._membership("left", "member", person)

    async def migrates(self) -> Chat:
        """Become a supergroup with a new id, as basic groups do when topics are turned on."""
        new = self.telegram.group(self.title, members=list(self.members.values()), privacy=self.privacy)
        new.admins, new.bot_is_admin = set(self.admins), self.bot_is_admin
        self.migrated_to = new
        old_tells = self._said({"migrate_to_chat_id": new.id}, None, None, None, None)
        self.telegram.deliver(self, "message", old_tells)
        new_tells = new._said({"migrate_from_chat_id": self.id}, None, None, None, None)
        self.telegram.deliver(new, "message", new_tells)
        return new

    async def makes_topic(self, name: str, *, person: Member | None = None) -> int:
        """Open a topic and return its thread id: the id of the service message that begins it."""
        content: Json = {"forum_topic_created": {"name": name, "icon_color": 7322096}, "is_topic_message": True}
        raw = self._said(content, person, None, None, None)
        raw["message_thread_id"] = raw["message_id"]
        self.topics[raw["message_id"]] = name
        self.telegram.deliver(self, "message", raw)
        return int(raw["message_id"])

    def loses_topic(self, topic: int) -> None:
        """Delete a topic and all that was said there; the bot is not told."""
        del self.topics[topic]
        for number in [number for number, raw in self._raw.items() if raw.get("message_thread_id") == topic]:
            self.forget(number)

    # ------------------------------------------------------------ for the server

    def add(self, raw: Json) -> Json:
        """Let a message stand in the chat."""
        self._raw[raw["message_id"]] = raw
        if self.telegram.history is not None and len(self._raw) > self.telegram.history:
            del self._raw[next(iter(self._raw))]
        return raw

    def find(self, message: int) -> Json | None:
        """Return a standing message."""
        return self._raw.get(message)

    def forget(self, message: int) -> None:
        """Take a message away."""
        self._raw.pop(message, None)

    def next_id(self) -> int:
        """Return the next message id."""
        self._last_id += 1
        return self._last_id

    def thread_for(self, thread: int | None) -> int | None:
        """Return the thread that a bot may send to. Raises `Refusal`."""
        if thread is None:
            return None
        if thread not in self.topics:
            raise bad("message thread not found")
        if thread in self.closed_topics:
            raise bad("TOPIC_CLOSED")
        return thread

    def bot_sees(self, raw: Json) -> bool:
        """Tell whether Telegram tells the bot of a message: group privacy mode."""
        if self.private or self.bot_is_admin or not self.privacy or not CONTENT & raw.keys():
            return True
        bot = self.telegram.bot
        text, found = words_of(raw)
        commands = [stretch_of(text, entity) for entity in found if entity["type"] == "bot_command"]
        mine = any(command.endswith(f"@{bot.username}") for command in commands)
        plain = not self.other_bot_spoke_last and any("@" not in command for command in commands)
        return mine or plain or raw.get("reply_to_message", {}).get("from", {}).get("id") == bot.id

    def _said(
        self, content: Json, person: Member | None, reply_to: int | None, topic: int | None, entities: list[Json] | None
    ) -> Json:
        raw: Json = {
            "message_id": self.next_id(),
            "date": self._now(),
            "chat": self.raw(),
            "from": self._who(person).raw(),
        }
        raw |= content
        for name, entities_name in (("text", "entities"), ("caption", "caption_entities")):
            if name in raw and (found := entities or entities_of(raw[name])):
                raw[entities_name] = found
        self._thread(raw, reply_to, topic)
        return self.add(raw)

    def _thread(self, raw: Json, reply_to: int | None, topic: int | None) -> None:
        """In a topic everything replies to its beginning; in a plain supergroup a reply has a thread id too."""
        if topic is not None:
            raw |= {"message_thread_id": topic, "is_topic_message": True}
            reply_to = reply_to or (topic if self.forum else None)
        elif reply_to is not None and self.kind == "supergroup":
            raw["message_thread_id"] = reply_to
        if reply_to is not None and (earlier := self._raw.get(reply_to)) is not None:
            raw["reply_to_message"] = {name: value for name, value in earlier.items() if name != "reply_to_message"}

    def _who(self, person: Member | None) -> Member:
        return person or next(iter(self.members.values()))

    def _now(self) -> int:
        return int(self.telegram.clock.now())

    def _photo(self, content: bytes) -> list[Json]:
        small = self.telegram.store(content[:10], "photos/small.jpg")
        large = self.telegram.store(content, "photos/large.jpg")
        return [{**small, "width": 90, "height": 60}, {**large, "width": 1280, "height": 853}]

    def _membership(self, was: str, now: str, person: Member | None) -> None:
        kinds = {"member": "ChatMemberMember", "kicked": "ChatMemberBanned", "left": "ChatMemberLeft"}
        old, new = (
            self.telegram.schema.filled(
                kinds[status], user=self.telegram.bot.raw(), **({"until_date": 0} if status == "kicked" else {})
            )
            for status in (was, now)
        )
        changed = {"chat": self.raw(), "from": self._who(person).raw(), "date": self._now()}
        self.telegram.deliver(self, "my_chat_member", changed | {"old_chat_member": old, "new_chat_member": new})
