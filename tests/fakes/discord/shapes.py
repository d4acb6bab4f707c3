"""The world as Discord's JSON: complete objects, as REST answers and gateway events carry them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tests.fakes.discord.world import (
    ADMINISTRATOR,
    MEMBER_PERMISSIONS,
    TEXT,
    THREAD,
    VOICE,
    File,
    Guild,
    Interaction,
    Note,
    Room,
    User,
)

JOINED = "2024-01-01T00:00:00.000000+00:00"


def user(one: User) -> dict[str, Any]:
    """Return a user object."""
    return {
        "id": one.id,
        "username": one.name.lower().replace(" ", "."),
        "global_name": None if one.bot else one.name,
        "discriminator": "0",
        "avatar": None,
        "avatar_decoration_data": None,
        "collectibles": None,
        "primary_guild": None,
        "bot": one.bot,
        "public_flags": 0,
        "flags": 0,
    }


def member(guild: Guild, one: User) -> dict[str, Any]:
    """Return a member without its user."""
    return {
        "roles": [guild.role] if one.bot else [f"{int(guild.id) + 7}"] if one.id in guild.admins else [],
        "nick": None,
        "avatar": None,
        "banner": None,
        "joined_at": JOINED,
        "premium_since": None,
        "deaf": False,
        "mute": False,
        "pending": False,
        "flags": 0,
        "communication_disabled_until": None,
    }


def permissions(guild: Guild, one: User) -> int:
    """Return what a member may do."""
    if one is guild.owner or one.id in guild.admins:
        return MEMBER_PERMISSIONS | ADMINISTRATOR
    return MEMBER_PERMISSIONS


def _role(identity: str, name: str, allowed: int, position: int) -> dict[str, Any]:
    return {
        "id": identity,
        "name": name,
        "permissions": str(allowed),
        "position": position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": False,
        "mentionable": True,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }


def guild(one: Guild, bot: User) -> dict[str, Any]:
    """Return a GUILD_CREATE event's data."""
    everybody = [*one.members.values(), bot]
    return {
        "id": one.id,
        "name": one.name,
        "icon": None,
        "splash": None,
        "discovery_splash": None,
        "owner_id": one.owner.id,
        "afk_channel_id": None,
        "afk_timeout": 300,
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "roles": [
            _role(one.id, "@everyone", MEMBER_PERMISSIONS, 0),
            _role(one.role, "Polo", MEMBER_PERMISSIONS, 1),
            _role(f"{int(one.id) + 7}", "Admins", MEMBER_PERMISSIONS | ADMINISTRATOR, 2),
        ],
        "emojis": [],
        "features": [],
        "mfa_level": 0,
        "application_id": None,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "vanity_url_code": None,
        "description": None,
        "banner": None,
        "premium_tier": 0,
        "preferred_locale": "en-US",
        "public_updates_channel_id": None,
        "nsfw_level": 0,
        "stickers": [],
        "premium_progress_bar_enabled": False,
        "safety_alerts_channel_id": None,
        "joined_at": JOINED,
        "large": False,
        "unavailable": False,
        "member_count": len(everybody),
        "voice_states": [],
        "members": [member(one, person) | {"user": user(person)} for person in everybody],
        "channels": [channel(room) for room in one.channels if room.type == TEXT and not room.deleted],
        "threads": [channel(room) for room in one.channels if room.type == THREAD and not room.deleted],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def channel(room: Room) -> dict[str, Any]:
    """Return a channel object of the room's kind."""
    said: dict[str, Any] = {"id": room.id, "type": room.type, "flags": 0, "last_message_id": None}
    if room.guild is None:
        said["recipients"] = [user(one) for one in room.recipients if not one.bot]
        return said | ({"name": room.name, "icon": None, "owner_id": room.recipients[0].id} if room.type == 3 else {})
    said |= {"guild_id": room.guild.id, "name": room.name, "rate_limit_per_user": 0, "nsfw": False}
    if room.parent is not None:
        return said | {
            "parent_id": room.parent.id,
            "owner_id": room.guild.owner.id,
            "message_count": len(room.notes),
            "member_count": 1,
            "total_message_sent": len(room.notes),
            "thread_metadata": {
                "archived": False,
                "archive_timestamp": JOINED,
                "auto_archive_duration": 1440,
                "locked": False,
                "create_timestamp": JOINED,
            },
        }
    return said | {"parent_id": None, "position": 0, "permission_overwrites": [], "topic": None}


def link(base: str, file: File) -> str:
    """Return a signed link to the file that ends when the file says."""
    signed = f"ex={int(file.expires_at):x}&is=0&hm=00"
    return f"{base}/attachments/{file.room.id}/{file.id}/{quote(file.name)}?{signed}"


def attachment(base: str, file: File) -> dict[str, Any]:
    """Return an attachment object."""
    said = {
        "id": file.id,
        "filename": file.name,
        "size": len(file.content),
        "url": link(base, file),
        "proxy_url": link(base, file),
        "content_type": file.content_type,
    }
    return said | ({} if file.seconds is None else {"duration_secs": file.seconds, "waveform": "AAAA"})


def components(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return components as a message carries them: numbered."""
    number = 0
    said = []
    for row in rows:
        number += 1
        own, inner = number, []
        for one in row["components"]:
            number += 1
            inner.append({"id": number, "disabled": False} | one)
        said.append({"type": row["type"], "id": own, "components": inner})
    return said


def message(note: Note, base: str, *, readable: bool = True, quoting: bool = True) -> dict[str, Any]:
    """Return a message object. `readable` False: as a bot without the message content intent sees it."""
    said: dict[str, Any] = {
        "id": note.id,
        "channel_id": note.room.id,
        "author": user(note.author),
        "type": 19 if note.reply_to else 20 if note.interaction else 0,
        "content": note.text if readable else "",
        "timestamp": note.at,
        "edited_timestamp": note.edited_at,
        "tts": False,
        "mention_everyone": note.mentions_everyone,
        "mentions": [user(one) for one in note.mentions],
        "mention_roles": note.mentioned_roles,
        "attachments": [attachment(base, file) for file in note.files] if readable else [],
        "embeds": [],
        "components": components(note.components) if readable else [],
        "pinned": False,
        "flags": note.flags | (VOICE if any(file.seconds is not None for file in note.files) else 0),
    }
    if note.nonce is not None:
        said["nonce"] = note.nonce
    if note.webhook is not None:
        said["webhook_id"] = note.webhook
    if note.reply_to is not None:
        reference = {"type": 0, "channel_id": note.room.id, "message_id": note.reply_to}
        said["message_reference"] = reference | ({"guild_id": note.room.guild.id} if note.room.guild else {})
        if quoting and note.told_of_original:
            original = note.room.notes.get(note.reply_to)
            said["referenced_message"] = message(original, base, quoting=False) if original else None
    if note.forwarded is not None:
        origin = note.forwarded
        said["message_reference"] = {"type": 1, "channel_id": origin.room.id, "message_id": origin.id}
        said["message_snapshots"] = [{"message": _snapshot(origin, base)}]
    if note.interaction is not None:
        said["interaction_metadata"] = _metadata(note.interaction)
    return said


def _snapshot(note: Note, base: str) -> dict[str, Any]:
    whole = message(note, base, quoting=False)
    kept = ("content", "timestamp", "edited_timestamp", "mentions", "mention_roles", "attachments", "embeds", "type")
    return {name: whole[name] for name in (*kept, "flags", "components")}


def _metadata(one: Interaction) -> dict[str, Any]:
    owner = {"1": one.user.id} if one.user_installed else {"0": one.room.guild.id if one.room.guild else "0"}
    said = {"id": one.id, "type": one.type, "user": user(one.user), "authorizing_integration_owners": owner}
    if one.type == 3 and one.message is not None:
        said["interacted_message_id"] = one.message.id
    if one.type == 5:
        said["triggering_interaction_metadata"] = said | {"type": 2}
    return said


def message_event(note: Note, base: str, *, readable: bool) -> dict[str, Any]:
    """Return a MESSAGE_CREATE or MESSAGE_UPDATE event's data."""
    said = message(note, base, readable=readable) | {"channel_type": note.room.type}
    if note.room.guild is not None:
        said["guild_id"] = note.room.guild.id
        if note.webhook is None:
            said["member"] = member(note.room.guild, note.author)
    return said


def interaction(one: Interaction, application: str, data: dict[str, Any], base: str) -> dict[str, Any]:
    """Return an INTERACTION_CREATE event's data."""
    guild_of, room = one.room.guild, one.room
    context = 0 if guild_of is not None else 1 if room.with_bot else 2
    owner = {"1": one.user.id} if one.user_installed else {"0": guild_of.id if guild_of else "0"}
    said: dict[str, Any] = {
        "id": one.id,
        "application_id": application,
        "type": one.type,
        "data": data,
        "channel": channel(room),
        "channel_id": room.id,
        "token": one.token,
        "version": 1,
        "app_permissions": str(MEMBER_PERMISSIONS),
        "locale": one.user.locale,
        "entitlements": [],
        "authorizing_integration_owners": owner,
        "context": context,
        "attachment_size_limit": 10 << 20,
    }
    if guild_of is not None:
        allowed = str(permissions(guild_of, one.user))
        said |= {
            "guild_id": guild_of.id,
            "guild_locale": "en-US",
            "guild": {"id": guild_of.id, "locale": "en-US", "features": []},
            "member": member(guild_of, one.user) | {"user": user(one.user), "permissions": allowed},
        }
    else:
        said["user"] = user(one.user)
    if one.message is not None:
        said["message"] = message(one.message, base)
    return said


def application(identity: str, bot: User, owner: User, *, flags: int, guilds: int) -> dict[str, Any]:
    """Return the application as its own token sees it."""
    return {
        "id": identity,
        "name": bot.name,
        "icon": None,
        "description": "",
        "type": None,
        "bot": user(bot),
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "00" * 32,
        "flags": flags,
        "flags_new": str(flags),
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "owner": user(owner),
        "approximate_guild_count": guilds,
        "approximate_user_install_count": 1,
        "approximate_user_authorization_count": 1,
        "explicit_content_filter": 0,
        "team": None,
        "eligible_oauth2_scopes": [],
    }
