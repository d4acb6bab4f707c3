"""The fake's REST calls: what each does to the world, and what it answers."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from tests.fakes.discord import shapes
from tests.fakes.discord.limits import FILE_LIMIT, check_components, check_message
from tests.fakes.discord.problems import Problem
from tests.fakes.discord.world import EPHEMERAL, LOADING, File, Interaction, Note, Room

if TYPE_CHECKING:
    from tests.fakes.discord.fake import Call, FakeDiscord

ACK_WITHIN_S = 3.0
TOKEN_LIVES_S = 15 * 60.0
FOLLOW_UPS_ALONE = 5

Answer = tuple[int, Any]
Handler = Callable[["Rest", "Call", dict[str, str]], Awaitable[Answer]]
_HANDLERS: list[tuple[str, re.Pattern[str], str, Handler]] = []


def _on(method: str, path: str) -> Callable[[Handler], Handler]:
    """Register a handler; earlier ones win, and of stacked ones the lower is the earlier."""

    def register(handler: Handler) -> Handler:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
        _HANDLERS.append((method, re.compile(pattern + "$"), f"{method} {path}", handler))
        return handler

    return register


def find(method: str, path: str) -> tuple[str, Handler, dict[str, str]] | None:
    """Return a call's route, its handler and the names in its path."""
    for known, pattern, route, handler in _HANDLERS:
        if known == method and (match := pattern.match(path)):
            return route, handler, match.groupdict()
    return None


class Rest:
    """Calls, on one fake."""

    def __init__(self, fake: FakeDiscord) -> None:
        self.fake = fake

    # ------------------------------------------------------------ the bot itself

    @_on("GET", "/users/@me")
    async def me(self, call: Call, names: dict[str, str]) -> Answer:
        """The bot's own account."""
        return 200, shapes.user(self.fake.bot) | {"mfa_enabled": True, "locale": "en-US", "verified": True}

    @_on("GET", "/oauth2/applications/@me")
    @_on("GET", "/applications/@me")
    async def application(self, call: Call, names: dict[str, str]) -> Answer:
        """The application."""
        guilds = sum(guild.bot_in for guild in self.fake.guilds)
        flags = self.fake.application_flags
        identity, owner = self.fake.application_id, self.fake.operator
        return 200, shapes.application(identity, self.fake.bot, owner, flags=flags, guilds=guilds)

    @_on("GET", "/gateway")
    async def gateway(self, call: Call, names: dict[str, str]) -> Answer:
        """Where the gateway is."""
        return 200, {"url": self.fake.gateway_url}

    @_on("PUT", "/applications/{app}/commands")
    async def put_commands(self, call: Call, names: dict[str, str]) -> Answer:
        """Replace the whole menu."""
        self.fake.commands = [
            {
                "id": self.fake.ids.new(),
                "application_id": self.fake.application_id,
                "version": self.fake.ids.new(),
                "default_member_permissions": None,
                "description": "",
                "nsfw": False,
            }
            | one
            for one in call.body
        ]
        self.fake.syncs += 1
        return 200, self.fake.commands

    @_on("POST", "/users/@me/channels")
    async def open_dm(self, call: Call, names: dict[str, str]) -> Answer:
        """Open a direct message."""
        person = self.fake.people.get(str(call.body["recipient_id"]))
        if person is None:
            raise Problem(400, 50035, {"recipient_id": {"_errors": [{"code": "X", "message": "Unknown"}]}})
        return 200, shapes.channel(self.fake.dm(person).room)

    # ------------------------------------------------------------ channels

    def _room(self, identity: str) -> Room:
        room = self.fake.rooms.get(identity)
        if room is None or room.deleted:
            raise Problem(404, 10003)
        if not room.with_bot or not room.bot_reads:
            raise Problem(403, 50001)
        return room

    def _writable(self, identity: str) -> Room:
        room = self._room(identity)
        if not room.bot_writes:
            raise Problem(403, 50013)
        if room.guild is None and not all(one.takes_dms for one in room.recipients):
            raise Problem(403, 50007)
        return room

    def _note(self, room: Room, identity: str) -> Note:
        note = room.notes.get(identity)
        if note is None or note.only_for is not None:
            raise Problem(404, 10008)
        return note

    @_on("GET", "/channels/{channel}")
    async def get_channel(self, call: Call, names: dict[str, str]) -> Answer:
        """Read a channel."""
        return 200, shapes.channel(self._room(names["channel"]))

    @_on("POST", "/channels/{channel}/typing")
    async def typing(self, call: Call, names: dict[str, str]) -> Answer:
        """Show that the bot types."""
        self._writable(names["channel"]).typing += 1
        return 204, None

    @_on("POST", "/channels/{channel}/messages")
    async def post(self, call: Call, names: dict[str, str]) -> Answer:
        """Send a message by the bot's token."""
        room = self._writable(names["channel"])
        nonce = call.body.get("nonce")
        if call.body.get("enforce_nonce"):
            for note in room.notes.values():
                if note.nonce == nonce and note.author is self.fake.bot:
                    return 200, shapes.message(note, self.fake.url)
        reply_to = self._reply_to(room, call.body.get("message_reference"))
        note = self._new_note(room, call, reply_to=reply_to)
        note.nonce = nonce
        await self.fake.show(note)
        return 200, shapes.message(note, self.fake.url)

    def _reply_to(self, room: Room, reference: dict[str, Any] | None) -> str | None:
        if reference is None:
            return None
        if not room.bot_reads_history:
            raise Problem(400, 160002)
        identity = str(reference["message_id"])
        if identity not in room.notes:
            if reference.get("fail_if_not_exists", True):
                errors = {"message_reference": {"_errors": [{"code": "REPLIES_UNKNOWN_MESSAGE", "message": "Unknown"}]}}
                raise Problem(400, 50035, errors)
            return None
        return identity

    def _new_note(self, room: Room, call: Call, *, reply_to: str | None = None) -> Note:
        check_message(call.body, files=len(call.files))
        note = Note(self.fake.ids.new(), room, self.fake.bot, call.body.get("content") or "", self.fake.ids.time())
        note.reply_to = reply_to
        note.components = call.body.get("components") or []
        note.files = self._files(room, call)
        note.pinged = pings_of(call.body, replying=reply_to is not None)
        return note

    def _files(self, room: Room, call: Call) -> list[File]:
        for _, content, _ in call.files:
            if len(content) > FILE_LIMIT:
                raise Problem(413, 40005)
        return [self.fake.new_file(room, name, content, kind) for name, content, kind in call.files]

    @_on("GET", "/channels/{channel}/messages/{message}")
    async def get_message(self, call: Call, names: dict[str, str]) -> Answer:
        """Read a message, with fresh links."""
        room = self._room(names["channel"])
        note = self._note(room, names["message"])
        self.fake.renew_links(note)
        return 200, shapes.message(note, self.fake.url)

    @_on("PATCH", "/channels/{channel}/messages/{message}")
    async def edit(self, call: Call, names: dict[str, str]) -> Answer:
        """Edit the bot's message by the bot's token."""
        note = self._note(self._room(names["channel"]), names["message"])
        if note.author is not self.fake.bot:
            raise Problem(403, 50005)
        return await self._edit(note, call)

    async def _edit(self, note: Note, call: Call) -> Answer:
        body = call.body
        kept = note.files
        if body.get("attachments") is not None:
            ids = {str(one["id"]) for one in body["attachments"]}
            kept = [file for file in note.files if file.id in ids]
        looks = {"content": body.get("content", note.text), "components": body.get("components", note.components)}
        check_message(looks, files=len(kept) + len(call.files))
        note.files = kept + self._files(note.room, call)
        note.text, note.components = looks["content"] or "", looks["components"] or []
        note.edits += 1
        if note.flags & LOADING:
            note.flags &= ~LOADING
            note.pinged = pings_of(body, replying=False)
        else:
            note.edited_at = self.fake.ids.time()
        await self.fake.show(note, changed=True)
        return 200, shapes.message(note, self.fake.url)

    @_on("DELETE", "/channels/{channel}/messages/{message}")
    async def delete(self, call: Call, names: dict[str, str]) -> Answer:
        """Delete the bot's message by the bot's token."""
        room = self._room(names["channel"])
        note = self._note(room, names["message"])
        if note.author is not self.fake.bot:
            raise Problem(403, 50013)
        del room.notes[note.id]
        return 204, None

    # ------------------------------------------------------------ interactions

    @_on("POST", "/interactions/{interaction}/{token}/callback")
    async def callback(self, call: Call, names: dict[str, str]) -> Answer:
        """The first answer to an interaction."""
        one = self.fake.interactions.get(names["token"])
        took = self.fake.clock.now() - one.made_at if one else 0.0
        if one is None or one.id != names["interaction"] or took > ACK_WITHIN_S:
            raise Problem(404, 10062)
        if one.answer is not None:
            raise Problem(400, 40060)
        kind, data = call.body["type"], call.body.get("data") or {}
        self._first_answer(one, kind, data)
        one.answer, one.answered_after = kind, took
        one.answered.set()
        return 204, None

    def _first_answer(self, one: Interaction, kind: int, data: dict[str, Any]) -> None:
        match kind:
            case 5:
                one.ephemeral = bool(data.get("flags", 0) & EPHEMERAL)
                one.original = self._interaction_note(one, "", one.ephemeral)
                one.original.flags |= LOADING
            case 6:
                one.original = one.message
            case 8:
                one.choices = data["choices"]
            case 9:
                check_components([{"components": [row["component"]]} for row in data["components"]])
                one.user.modal, one.user.modal_of = data, one
            case _:
                raise Problem(400, 50035, {"type": {"_errors": [{"code": "UNUSED", "message": "not in this fake"}]}})

    def _interaction_note(self, one: Interaction, text: str, ephemeral: bool) -> Note:
        note = Note(self.fake.ids.new(), one.room, self.fake.bot, text, self.fake.ids.time())
        note.interaction, note.webhook = one, self.fake.application_id
        if ephemeral:
            note.only_for, note.flags = one.user, EPHEMERAL
        one.room.notes[note.id] = note
        return note

    def _hook(self, names: dict[str, str]) -> Interaction:
        one = self.fake.interactions.get(names["token"])
        if names["app"] != self.fake.application_id or one is None or one.answer is None:
            raise Problem(404, 10015)
        if self.fake.clock.now() - one.made_at > TOKEN_LIVES_S:
            raise Problem(401, 50027)
        return one

    @_on("POST", "/webhooks/{app}/{token}")
    async def follow_up(self, call: Call, names: dict[str, str]) -> Answer:
        """Add a message; while the waiting one still waits, this fills it instead, flags or not."""
        one = self._hook(names)
        if one.thinking and one.original is not None:
            return await self._edit(one.original, call)
        if one.user_installed and one.follow_ups >= FOLLOW_UPS_ALONE:
            # The limit is documented, the code that tells it is not.
            raise Problem(400, 0, words="Maximum number of follow-up messages reached")
        check_message(call.body, files=len(call.files))
        one.follow_ups += 1
        note = self._interaction_note(one, call.body.get("content") or "", bool(call.body.get("flags", 0) & EPHEMERAL))
        note.components = call.body.get("components") or []
        note.files = self._files(one.room, call)
        note.pinged = pings_of(call.body, replying=False)
        await self.fake.show(note)
        return 200, shapes.message(note, self.fake.url)

    def _hook_note(self, names: dict[str, str]) -> Note:
        one = self._hook(names)
        wanted = names.get("message")
        for note in one.room.notes.values():
            is_its_own = note is one.original or note.interaction is one
            if note is one.original if wanted is None else note.id == wanted and is_its_own:
                return note
        raise Problem(404, 10008)

    @_on("GET", "/webhooks/{app}/{token}/messages/{message}")
    @_on("GET", "/webhooks/{app}/{token}/messages/@original")
    async def get_answer(self, call: Call, names: dict[str, str]) -> Answer:
        """Read an answer."""
        return 200, shapes.message(self._hook_note(names), self.fake.url)

    @_on("PATCH", "/webhooks/{app}/{token}/messages/{message}")
    @_on("PATCH", "/webhooks/{app}/{token}/messages/@original")
    async def edit_answer(self, call: Call, names: dict[str, str]) -> Answer:
        """Edit an answer."""
        return await self._edit(self._hook_note(names), call)

    @_on("DELETE", "/webhooks/{app}/{token}/messages/{message}")
    @_on("DELETE", "/webhooks/{app}/{token}/messages/@original")
    async def delete_answer(self, call: Call, names: dict[str, str]) -> Answer:
        """Delete an answer."""
        note, one = self._hook_note(names), self._hook(names)
        if note is one.original:
            one.original = None
        del note.room.notes[note.id]
        return 204, None


def pings_of(body: dict[str, Any], *, replying: bool) -> list[str]:
    """Return whom a message pings, by Discord's rules for `allowed_mentions`."""
    content, allowed = body.get("content") or "", body.get("allowed_mentions")
    wanted = {
        "everyone": ["everyone"] if re.search(r"@(everyone|here)", content) else [],
        "roles": re.findall(r"<@&(\d+)>", content),
        "users": re.findall(r"<@!?(\d+)>", content),
    }
    if allowed is None:
        return [one for found in wanted.values() for one in found] + ["replied user"] * replying
    pinged = [one for kind in allowed.get("parse") or [] for one in wanted[kind]]
    pinged += [one for kind in ("roles", "users") for one in wanted[kind] if one in (allowed.get(kind) or [])]
    return pinged + ["replied user"] * (replying and bool(allowed.get("replied_user")))
