"""Discord's messages and interactions become `Incoming`: who said what, where, and was it meant for the bot."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import discord
import msgspec

from bot.discord.address import Via
from bot.ports import Edited, Incoming, Invoked, Pressed, Said, Submitted
from handlers.turn import Attachment, Kind, Person, Place, Quoted

PLATFORM = "discord"
_SPOKEN = (discord.MessageType.default, discord.MessageType.reply)
_ATTACHMENT_OPTION = 11
_MESSAGE_COMMAND = 3


class Handle(msgspec.Struct, frozen=True, omit_defaults=True):
    """`Attachment.handle`: the link, which expires, and where a fresh one is to be had. `message` "": nowhere."""

    url: str
    attachment: str
    channel: str = ""
    message: str = ""


# ---------------------------------------------------------------- who and where


def person_of(user: discord.abc.User, *, admin: bool, locale: str = "") -> Person:
    """Return who it was; a message of Discord tells no language, an interaction does."""
    return Person(f"{PLATFORM}:{user.id}", user.display_name, locale, admin)


def author_of(message: discord.Message) -> Person:
    """Return who wrote a message; an admin may manage the server."""
    author = message.author
    admin = False
    if isinstance(author, discord.Member) and message.guild is not None:
        admin = _manages(author.guild_permissions, author)
    return person_of(author, admin=admin)


def actor_of(interaction: discord.Interaction) -> Person:
    """Return who acted, with the language of their Discord."""
    user = interaction.user
    admin = isinstance(user, discord.Member) and _manages(interaction.permissions, user)
    return person_of(user, admin=admin, locale=str(interaction.locale))


def _manages(permissions: discord.Permissions, member: discord.Member) -> bool:
    return permissions.administrator or permissions.manage_guild or member.guild.owner_id == member.id


def _parent(channel: object) -> str | None:
    return str(channel.parent_id) if isinstance(channel, discord.Thread) else None


def is_private(message: discord.Message) -> bool:
    """Tell whether it was said to the bot alone. `message.guild` is None also for servers not yet described."""
    return isinstance(message.channel, discord.DMChannel)


def _server(message: discord.Message) -> str | None:
    channel = message.channel
    server = channel.guild_id if isinstance(channel, discord.PartialMessageable) else None
    server = message.guild.id if message.guild is not None else server
    return str(server) if server is not None else None


def place_of(message: discord.Message) -> Place:
    """Return where a message was said; the reply belongs to that message."""
    return Place(
        platform=PLATFORM,
        chat=str(message.channel.id),
        private=is_private(message),
        message=str(message.id),
        parent=_parent(message.channel),
        server=_server(message),
    )


def place_of_interaction(interaction: discord.Interaction, via: Via) -> Place:
    """Return where an interaction happened. Private is only the direct message with the bot itself: in another
    person's direct message (an app that its user carries along) others read along."""
    channel = interaction.channel
    return Place(
        platform=PLATFORM,
        chat=str(interaction.channel_id),
        private=interaction.guild_id is None and interaction.context.dm_channel is True,
        parent=_parent(channel),
        server=str(interaction.guild_id) if interaction.guild_id is not None else None,
        via=via.encoded(),
    )


def via_of_interaction(interaction: discord.Interaction, *, kind: str, until: float) -> Via:
    """Return what answers the interaction; `kind` is how it was acknowledged, see `Via`."""
    return Via(
        app=str(interaction.application_id),
        token=interaction.token,
        until=until,
        person=str(interaction.user.id),
        kind=kind,
        member=interaction.is_guild_integration() or interaction.context.dm_channel is True,
        pressed=str(interaction.message.id) if interaction.message is not None else "",
    )


# ---------------------------------------------------------------- messages


def is_from_person(message: discord.Message) -> bool:
    """Tell whether a human wrote it: bots and webhooks are ignored, so that two bots never talk in circles."""
    return not message.author.bot and message.webhook_id is None and message.type in _SPOKEN


def mentions(message: discord.Message, me: int) -> bool:
    """Tell whether the bot itself is mentioned; a role or @everyone does not count."""
    return any(user.id == me for user in message.mentions)


def replied_to(message: discord.Message) -> int | None:
    """Return the id of the message that this one replies to."""
    if message.type is not discord.MessageType.reply or message.reference is None:
        return None
    return message.reference.message_id


def quoted_of(message: discord.Message, me: int) -> Quoted:
    """Return a message as one that was replied to, or chosen in its menu."""
    return Quoted(str(message.id), text_of(message, me), attachments_of(message), by_bot=message.author.id == me)


def forwarded_of(message: discord.Message) -> Quoted | None:
    """Return what a person forwarded, None where nothing was; its files are to be had from the forwarding message."""
    if not message.message_snapshots:
        return None
    [snapshot, *_] = message.message_snapshots
    origin = message.reference.message_id if message.reference is not None else message.id
    return Quoted(str(origin), snapshot.content, _attachments(snapshot.attachments, message))


def text_of(message: discord.Message, me: int) -> str:
    """Return the words without the bot's mention, and other people's mentions as their names."""
    text = re.sub(rf"[ \t]*<@!?{me}>[ \t]*", " ", message.content)
    for user in message.mentions:
        text = re.sub(rf"<@!?{user.id}>", lambda _, name=user.display_name: f"@{name}", text)  # type: ignore[misc]
    return text.strip()


def said_of(message: discord.Message, me: int, quoted: Quoted | None) -> Incoming:
    """Return words meant for the bot. The same message is the same event, however often the gateway replays it."""
    what = Said(text_of(message, me), str(message.id), attachments_of(message), quoted or forwarded_of(message))
    return Incoming(f"{PLATFORM}:{message.id}", place_of(message), author_of(message), what)


def edited_of(message: discord.Message, me: int) -> Incoming:
    """Return a message that was changed; each change is an event of its own, known by its time."""
    at = message.edited_at.timestamp() if message.edited_at is not None else 0.0
    what = Edited(text_of(message, me), str(message.id), attachments_of(message))
    return Incoming(f"{PLATFORM}:{message.id}:{at:.6f}", place_of(message), author_of(message), what)


# ---------------------------------------------------------------- attachments


def attachments_of(message: discord.Message) -> tuple[Attachment, ...]:
    """Return a message's files as lazy handles."""
    return _attachments(message.attachments, message)


def _attachments(attachments: Iterable[discord.Attachment], message: discord.Message) -> tuple[Attachment, ...]:
    channel, own = str(message.channel.id), str(message.id)
    return tuple(
        Attachment(
            Kind.VOICE if one.is_voice_message() else kind_of(plain_type(one.content_type)),
            one.filename,
            plain_type(one.content_type),
            one.size,
            encoded(Handle(one.url, str(one.id), channel, own)),
        )
        for one in attachments
    )


def encoded(handle: Handle) -> str:
    """Return the text for `Attachment.handle`."""
    return msgspec.json.encode(handle).decode()


def plain_type(content_type: str | None) -> str:
    """Return a media type without its parameters."""
    return (content_type or "application/octet-stream").partition(";")[0].strip().lower()


def kind_of(media_type: str) -> Kind:
    """Return what a media type is for us."""
    family = media_type.partition("/")[0]
    return {"image": Kind.IMAGE, "audio": Kind.AUDIO, "video": Kind.VIDEO}.get(family, Kind.DOCUMENT)


# ---------------------------------------------------------------- interactions


def event_of(interaction: discord.Interaction) -> str:
    """Return the event id."""
    return f"{PLATFORM}:{interaction.id}"


def invoked_of(interaction: discord.Interaction, message_commands: Mapping[str, str], me: int) -> Invoked:
    """Return the command with its options; `message_commands`: name in the menu -> command's name."""
    data: Mapping[str, Any] = interaction.data or {}
    resolved: Mapping[str, Any] = data.get("resolved") or {}
    name = str(data.get("name", ""))
    if data.get("type") == _MESSAGE_COMMAND:
        return Invoked(message_commands.get(name, name), {}, quoted=_target(interaction, data, resolved, me))
    options: Sequence[Mapping[str, Any]] = data.get("options") or ()
    attached = [
        _resolved(resolved["attachments"][str(option["value"])])
        for option in options
        if option["type"] == _ATTACHMENT_OPTION
    ]
    values = {option["name"]: option["value"] for option in options if option["type"] != _ATTACHMENT_OPTION}
    return Invoked(name, values, tuple(attached))


def _target(
    interaction: discord.Interaction, data: Mapping[str, Any], resolved: Mapping[str, Any], me: int
) -> Quoted | None:
    """Return the message on which a message command was chosen."""
    raw = (resolved.get("messages") or {}).get(str(data.get("target_id")))
    if raw is None or interaction.channel is None:
        return None
    channel: Any = interaction.channel
    message = discord.Message(state=interaction._state, channel=channel, data=raw)
    return quoted_of(message, me)


def _resolved(raw: Mapping[str, Any]) -> Attachment:
    """Return an attachment option. It belongs to no message: its link is all there is, so it is fetched at once."""
    media_type = plain_type(raw.get("content_type"))
    handle = Handle(str(raw["url"]), str(raw["id"]))
    return Attachment(kind_of(media_type), str(raw["filename"]), media_type, int(raw["size"]), encoded(handle))


def pressed_of(interaction: discord.Interaction) -> Pressed:
    """Return the button that was pressed."""
    data: Mapping[str, Any] = interaction.data or {}
    return Pressed(str(data.get("custom_id", "")), str(interaction.message.id) if interaction.message else "")


def submitted_of(interaction: discord.Interaction) -> Submitted:
    """Return a form that was filled in."""
    data: Mapping[str, Any] = interaction.data or {}
    fields = dict(_fields(data.get("components") or ()))
    message = str(interaction.message.id) if interaction.message is not None else None
    return Submitted(str(data.get("custom_id", "")), fields, message)


def _fields(components: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, str]]:
    """Read the text inputs of a modal, whether they lie in labels or in rows."""
    for component in components:
        inner = component.get("component")
        for one in [inner] if inner is not None else component.get("components") or ():
            if "value" in one:
                yield str(one.get("custom_id", "")), str(one["value"])


def focused_of(interaction: discord.Interaction) -> tuple[str, str, str]:
    """Return the command, the option being typed, and what stands there so far."""
    data: Mapping[str, Any] = interaction.data or {}
    for option in data.get("options") or ():
        if option.get("focused"):
            return str(data.get("name", "")), str(option["name"]), str(option.get("value", ""))
    return str(data.get("name", "")), "", ""
