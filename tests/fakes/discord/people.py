"""What people do on the fake Discord, and what they see there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.fakes.discord import shapes
from tests.fakes.discord.world import EPHEMERAL, LOADING, TEXT, THREAD, File, Guild, Interaction, Note, Room, User

if TYPE_CHECKING:
    from tests.fakes.discord.fake import FakeDiscord

SLASH, MESSAGE_COMMAND, ATTACHMENT = 1, 3, 11
Upload = tuple[str, bytes, str]  # name, bytes, media type


@dataclass(frozen=True)
class Seen:
    """A message as a person sees it now."""

    id: str
    author: str
    text: str
    buttons: tuple[tuple[str, ...], ...]  # labels, in rows
    files: tuple[str, ...]  # names
    thinking: bool
    private: bool  # "only you can see this"
    edits: int
    reply_to: str | None
    pinged: tuple[str, ...]
    note: Note


def _seen(note: Note) -> Seen:
    return Seen(
        id=note.id,
        author=note.author.name,
        text=note.text,
        buttons=tuple(tuple(one["label"] for one in row["components"]) for row in note.components),
        files=tuple(file.name for file in note.files),
        thinking=bool(note.flags & LOADING),
        private=bool(note.flags & EPHEMERAL),
        edits=note.edits,
        reply_to=note.reply_to,
        pinged=tuple(note.pinged),
        note=note,
    )


class Server:
    """A server ("guild")."""

    def __init__(self, fake: FakeDiscord, guild: Guild) -> None:
        self._fake, self.guild = fake, guild

    @property
    def id(self) -> str:
        """Its id."""
        return self.guild.id

    def channel(self, name: str) -> Channel:
        """Make a text channel."""
        return self._made(Room(self._fake.ids.new(), name, TEXT, self.guild))

    def thread(self, name: str, parent: Channel) -> Channel:
        """Make a thread in a channel."""
        return self._made(Room(self._fake.ids.new(), name, THREAD, self.guild, parent.room))

    def _made(self, room: Room) -> Channel:
        self._fake.rooms[room.id] = room
        self.guild.channels.append(room)
        return Channel(self._fake, room)

    def admin(self, person: User) -> None:
        """Make a person an administrator."""
        self.guild.admins.add(person.id)
        self.guild.members[person.id] = person

    async def invites_bot(self) -> None:
        """Let the bot in."""
        self.guild.bot_in = True
        await self._fake.tell_guilds("GUILD_CREATE", shapes.guild(self.guild, self._fake.bot))

    async def kicks_bot(self) -> None:
        """Throw the bot out."""
        self.guild.bot_in = False
        await self._fake.tell_guilds("GUILD_DELETE", {"id": self.guild.id})


class Channel:
    """A channel, thread, direct message or group; people act in it."""

    def __init__(self, fake: FakeDiscord, room: Room) -> None:
        self._fake, self.room = fake, room

    @property
    def id(self) -> str:
        """Its id."""
        return self.room.id

    # ------------------------------------------------------------ what is seen

    @property
    def messages(self) -> list[Seen]:
        """What everybody sees, oldest first."""
        return [_seen(note) for note in self.room.notes.values() if note.only_for is None]

    def seen_by(self, person: User) -> list[Seen]:
        """What one person sees: what is for them alone, too."""
        return [_seen(note) for note in self.room.notes.values() if note.only_for in {None, person}]

    @property
    def answers(self) -> list[Seen]:
        """What the bot has said to everybody."""
        return [seen for seen in self.messages if seen.note.author is self._fake.bot]

    # ------------------------------------------------------------ messages

    async def says(
        self, person: User, text: str, *, files: Sequence[Upload] = (), webhook: bool = False, everyone: bool = False
    ) -> Note:
        """Write a message; `@bot` mentions the bot, `@role` its role."""
        return await self._write(person, text, files, webhook=webhook, everyone=everyone)

    async def replies(self, person: User, to: Note, text: str, *, ping: bool = True, told: bool = True) -> Note:
        """Reply to a message; `told` False: the event does not carry that message."""
        return await self._write(person, text, (), reply_to=to, ping=ping, told=told)

    async def forwards(self, person: User, origin: Note) -> Note:
        """Forward a message to here."""
        return await self._write(person, "", (), forwarded=origin)

    async def sends_voice(self, person: User, content: bytes, *, seconds: float) -> Note:
        """Send a voice message."""
        return await self._write(person, "", [("voice-message.ogg", content, "audio/ogg")], seconds=seconds)

    async def _write(
        self,
        person: User,
        text: str,
        files: Sequence[Upload],
        *,
        reply_to: Note | None = None,
        ping: bool = True,
        told: bool = True,
        forwarded: Note | None = None,
        webhook: bool = False,
        everyone: bool = False,
        seconds: float | None = None,
    ) -> Note:
        if self.room.guild is not None and not webhook:
            self.room.guild.members.setdefault(person.id, person)
        note = Note(self._fake.ids.new(), self.room, person, "", self._fake.ids.time())
        note.reply_to = reply_to.id if reply_to is not None else None
        note.told_of_original, note.forwarded = told, forwarded
        note.webhook = self._fake.ids.new() if webhook else None
        note.mentions_everyone = everyone
        note.files = [self._fake.new_file(self.room, *file, seconds) for file in files]
        self._put(note, text)
        if reply_to is not None and ping and reply_to.author not in note.mentions:
            note.mentions.append(reply_to.author)
        await self._fake.show(note)
        return note

    def _put(self, note: Note, text: str) -> None:
        bot, guild = self._fake.bot, self.room.guild
        note.text = re.sub(r"@bot\b", f"<@{bot.id}>", text)
        if guild is not None:
            note.text = re.sub(r"@role\b", f"<@&{guild.role}>", note.text)
            note.mentioned_roles = [guild.role] if f"<@&{guild.role}>" in note.text else []
        ids = re.findall(r"<@!?(\d+)>", note.text)
        everybody = {**self._fake.people, bot.id: bot}
        note.mentions = [everybody[one] for one in dict.fromkeys(ids) if one in everybody]

    async def edits(self, person: User, note: Note, text: str) -> None:
        """Change one's own message."""
        if note.author is not person:
            raise AssertionError("people change their own messages only")
        replied = [one for one in note.mentions if f"<@{one.id}>" not in note.text]
        self._put(note, text)
        note.mentions += [one for one in replied if one not in note.mentions]
        note.edited_at = self._fake.ids.time()
        await self._fake.show(note, changed=True)

    async def unfurls(self, note: Note) -> None:
        """Let Discord update a message by itself: a link's preview came in. No words change."""
        await self._fake.show(note, changed=True)

    async def deletes(self, note: Note) -> None:
        """Take a message away."""
        del self.room.notes[note.id]
        data = {"id": note.id, "channel_id": self.room.id}
        if self.room.guild is not None:
            data["guild_id"] = self.room.guild.id
        await self._fake.gateway.tell("MESSAGE_DELETE", lambda intents: data)

    async def is_deleted(self) -> None:
        """Delete the channel itself."""
        self.room.deleted = True
        await self._fake.tell_guilds("CHANNEL_DELETE", shapes.channel(self.room))

    # ------------------------------------------------------------ interactions

    async def slash(self, person: User, name: str, /, **options: Any) -> Interaction:
        """Use a slash command of the menu; an `Upload` is an attachment."""
        command = self._offered(name, SLASH)
        declared = {option["name"]: option for option in command.get("options", [])}
        missing = [one for one, option in declared.items() if option.get("required") and one not in options]
        if missing or options.keys() - declared.keys():
            raise AssertionError(f"/{name} takes {sorted(declared)}, got {sorted(options)}, missing {missing}")
        data, files = self._command_data(command), []
        for option, value in options.items():
            kind = declared[option]["type"]
            if kind == ATTACHMENT:
                files.append(self._fake.new_file(self.room, *value))
            given = files[-1].id if kind == ATTACHMENT else value
            data["options"].append({"name": option, "type": kind, "value": given})
        if files:
            data["resolved"] = {"attachments": {one.id: self._loose(one) for one in files}}
        return await self._act(person, 2, data)

    def _loose(self, file: File) -> dict[str, Any]:
        return shapes.attachment(self._fake.url, file) | {"ephemeral": True}

    async def context_menu(self, person: User, name: str, note: Note) -> Interaction:
        """Choose a message command: Apps > `name`."""
        data = self._command_data(self._offered(name, MESSAGE_COMMAND))
        data["target_id"] = note.id
        data["resolved"] = {"messages": {note.id: shapes.message(note, self._fake.url)}}
        return await self._act(person, 2, data)

    def _offered(self, name: str, kind: int) -> dict[str, Any]:
        """Find a command in the menu that the bot gave; complain as a person would."""
        context = 0 if self.room.guild is not None else 1 if self.room.with_bot else 2
        for command in self._fake.commands:
            if command["name"] == name and command.get("type", 1) == kind:
                if context not in (command.get("contexts") or [0, 1, 2]):
                    raise AssertionError(f"{name} is not offered here")
                return command
        raise AssertionError(f"{name} is not in the menu: {[one['name'] for one in self._fake.commands]}")

    @staticmethod
    def _command_data(command: dict[str, Any]) -> dict[str, Any]:
        return {"id": command["id"], "name": command["name"], "type": command.get("type", 1), "options": []}

    async def completes(self, person: User, name: str, option: str, typed: str) -> list[str]:
        """Type into an option; return the labels that are offered."""
        command = self._offered(name, SLASH)
        declared = next(one for one in command["options"] if one["name"] == option)
        if not declared.get("autocomplete"):
            raise AssertionError(f"/{name} {option} completes nothing")
        data = self._command_data(command)
        data["options"] = [{"name": option, "type": declared["type"], "value": typed, "focused": True}]
        one = await self._act(person, 4, data)
        async with asyncio.timeout(5):
            await one.answered.wait()
        return [choice["name"] for choice in one.choices]

    def button(self, person: User, label: str) -> tuple[Note, dict[str, Any]]:
        """Find the newest button with a label that a person sees."""
        for seen in reversed(self.seen_by(person)):
            for row in seen.note.components:
                for button in row["components"]:
                    if button["label"] == label:
                        return seen.note, button
        raise AssertionError(f"{person.name} sees no button {label!r}")

    async def presses(self, person: User, label: str) -> Interaction:
        """Press the newest button with a label."""
        note, button = self.button(person, label)
        data = {"custom_id": button["custom_id"], "component_type": 2}
        return await self._act(person, 3, data, note)

    async def submits(self, person: User, fields: dict[str, str]) -> Interaction:
        """Fill in the window that stands open, by its fields' ids; the rest keeps what stood there."""
        modal, opener = person.modal, person.modal_of
        if modal is None or opener is None:
            raise AssertionError(f"no window stands open before {person.name}")
        rows = []
        for number, row in enumerate(modal["components"]):
            field = row["component"]
            value = fields.get(field["custom_id"], field.get("value", ""))
            if len(value) > field.get("max_length", 4000) or (field.get("required", True) and not value):
                raise AssertionError(f"the window does not take {value!r} for {field['custom_id']}")
            inner = {"type": 4, "id": number * 2 + 2, "custom_id": field["custom_id"], "value": value}
            rows.append({"type": 18, "id": number * 2 + 1, "component": inner})
        person.modal = person.modal_of = None
        return await self._act(person, 5, {"custom_id": modal["custom_id"], "components": rows}, opener.message)

    async def _act(self, person: User, kind: int, data: dict[str, Any], note: Note | None = None) -> Interaction:
        one = self._fake.new_interaction(kind, person, self.room, note)
        await self._fake.send_interaction(one, data)
        return one
