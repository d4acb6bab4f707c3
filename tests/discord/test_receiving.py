"""What people write becomes events: which messages are meant for the bot, and what they carry."""

from __future__ import annotations

from pathlib import Path

import msgspec

from bot.discord.adapter import DiscordAdapter
from bot.ports import Edited, Said
from handlers.turn import Kind
from tests.clock import FakeClock
from tests.discord.conftest import RecordingInbox, Starter, page
from tests.fakes.discord import FakeDiscord


async def test_a_mention_in_a_server_is_meant_for_the_bot_and_cut_off(
    discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox
) -> None:
    guild = discord.guild("Team")
    channel, ann = guild.channel("general"), discord.person("Ann")
    await guild.invites_bot()

    said = await channel.says(ann, "@bot what is `<@1>` here?")

    event = await inbox.next()
    assert event.event == f"discord:{said.id}"
    assert isinstance(event.what, Said)
    assert event.what.text == "what is `<@1>` here?"
    assert event.place.conversation == f"discord:{channel.id}"
    assert (event.place.private, event.place.message, event.place.server) == (False, said.id, guild.id)
    assert (event.person.id, event.person.name, event.person.admin) == (f"discord:{ann.id}", "Ann", False)


async def test_everything_in_a_direct_message_is_meant_for_the_bot(
    discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox
) -> None:
    ann = discord.person("Ann")

    await discord.dm(ann).says(ann, "hello")

    event = await inbox.next()
    assert isinstance(event.what, Said)
    assert event.what.text == "hello"
    assert event.place.private
    assert not event.person.admin


async def test_chatter_role_mentions_bots_and_webhooks_are_ignored(
    discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox
) -> None:
    guild = discord.guild("Team")
    channel, ann, robot = guild.channel("general"), discord.person("Ann"), discord.person("Robot", bot=True)
    await guild.invites_bot()

    await channel.says(ann, "just talking")
    await channel.says(ann, "@role anyone?")
    await channel.says(ann, "@everyone look", everyone=True)
    await channel.says(robot, "@bot hello, fellow bot")
    await channel.says(ann, "@bot by webhook", webhook=True)
    await channel.says(ann, "@bot last")

    last = await inbox.next()
    assert isinstance(last.what, Said)
    assert last.what.text == "last"
    assert len(inbox.accepted) == 1


async def test_what_the_bot_itself_says_is_ignored(
    discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox
) -> None:
    ann = discord.person("Ann")
    dm = discord.dm(ann)
    await dm.says(ann, "one")
    event = await inbox.next()

    await bot.post(event.place, page(f"<@{discord.bot.id}> me"), nonce="1")
    await dm.says(ann, "two")

    following = await inbox.next()
    assert isinstance(following.what, Said)
    assert following.what.text == "two"


async def test_a_reply_to_the_bot_needs_no_mention_and_brings_what_it_replies_to(
    discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox
) -> None:
    guild = discord.guild("Team")
    channel, ann = guild.channel("general"), discord.person("Ann")
    await guild.invites_bot()
    await channel.says(ann, "@bot hi")
    answer = await bot.post((await inbox.next()).place, page("hello there"), nonce="1")

    await channel.replies(ann, channel.room.notes[answer], "and then?", ping=False)

    event = await inbox.next()
    assert isinstance(event.what, Said)
    assert event.what.text == "and then?"
    assert event.what.quoted is not None
    assert event.what.quoted.message == answer
    assert event.what.quoted.text == "hello there"
    assert event.what.quoted.by_bot


async def test_a_mention_in_reply_to_somebody_elses_picture_brings_the_picture(
    discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox
) -> None:
    guild = discord.guild("Team")
    channel, ann, bob = guild.channel("general"), discord.person("Ann"), discord.person("Bob")
    await guild.invites_bot()
    picture = await channel.says(bob, "my cat", files=[("cat.png", b"PNG", "image/png")])

    await channel.replies(ann, picture, "@bot what breed?")

    event = await inbox.next()
    assert isinstance(event.what, Said)
    assert event.what.quoted is not None
    assert event.what.quoted.text == "my cat"
    assert not event.what.quoted.by_bot
    [attachment] = event.what.quoted.attachments
    assert (attachment.kind, attachment.name, attachment.media_type, attachment.size) == (
        Kind.IMAGE,
        "cat.png",
        "image/png",
        3,
    )


async def test_a_message_replied_to_that_did_not_come_along_is_asked_for(
    discord: FakeDiscord, start: Starter, inbox: RecordingInbox
) -> None:
    guild = discord.guild("Team")
    channel, ann = guild.channel("general"), discord.person("Ann")
    original = await channel.says(discord.person("Bob"), "from long ago")
    async with start():
        await channel.replies(ann, original, "@bot explain", told=False)
        told = await inbox.next()
        del channel.room.notes[original.id]
        await channel.replies(ann, original, "@bot explain again", told=False)
        deleted = await inbox.next()

    assert isinstance(told.what, Said)
    assert told.what.quoted is not None
    assert told.what.quoted.text == "from long ago"
    assert isinstance(deleted.what, Said)
    assert deleted.what.quoted is not None
    assert (deleted.what.quoted.message, deleted.what.quoted.text) == (original.id, "")


async def test_a_reply_to_a_message_that_is_known_to_be_deleted_quotes_nothing(
    discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox
) -> None:
    guild = discord.guild("Team")
    channel, ann = guild.channel("general"), discord.person("Ann")
    original = await channel.says(ann, "oops")
    del channel.room.notes[original.id]
    await guild.invites_bot()

    await channel.replies(ann, original, "@bot what did I say?")

    event = await inbox.next()
    assert isinstance(event.what, Said)
    assert event.what.quoted is None


async def test_a_forwarded_message_is_what_is_talked_about(
    discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox, tmp_path: Path, clock: FakeClock
) -> None:
    ann, bob = discord.person("Ann"), discord.person("Bob")
    note = await discord.dm(bob).says(bob, "read this", files=[("a.txt", b"text", "text/plain")])

    await inbox.next()

    await discord.dm(ann).forwards(ann, note)

    event = await inbox.next()
    assert isinstance(event.what, Said)
    assert event.what.quoted is not None
    assert (event.what.text, event.what.quoted.text, event.what.quoted.message) == ("", "read this", note.id)
    [attachment] = event.what.quoted.attachments
    assert await bot.download(attachment, tmp_path / "a", at_most=10) == 4


async def test_a_thread_is_a_conversation_of_its_own_with_its_channels_settings(
    discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox
) -> None:
    guild = discord.guild("Team")
    channel, ann = guild.channel("general"), discord.person("Ann")
    thread = guild.thread("ideas", channel)
    await guild.invites_bot()

    await thread.says(ann, "@bot hi")

    event = await inbox.next()
    assert event.place.conversation == f"discord:{thread.id}"
    assert event.place.scopes == (f"discord:{thread.id}", f"discord:{channel.id}")


async def test_admins_are_those_who_manage_the_server(
    discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox
) -> None:
    owner, ann, bob = discord.person("Owner"), discord.person("Ann"), discord.person("Bob")
    guild = discord.guild("Team", owner=owner)
    guild.admin(ann)
    channel = guild.channel("general")
    await guild.invites_bot()

    admins = {}
    for person in (owner, ann, bob):
        await channel.says(person, "@bot hi")
        event = await inbox.next()
        admins[event.person.name] = event.person.admin

    assert admins == {"Owner": True, "Ann": True, "Bob": False}


async def test_a_server_that_is_not_described_yet_is_not_taken_for_a_private_chat(
    discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox
) -> None:
    guild = discord.guild("Not yet told of")
    channel, ann = guild.channel("general"), discord.person("Ann")

    await channel.says(ann, "just talking")
    await channel.says(ann, "@bot hi")

    event = await inbox.next()
    assert isinstance(event.what, Said)
    assert event.what.text == "hi"
    assert (event.place.private, event.place.server, event.person.admin) == (False, guild.id, False)


async def test_other_peoples_mentions_are_read_as_their_names(
    discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox
) -> None:
    guild = discord.guild("Team")
    channel, ann, bob = guild.channel("general"), discord.person("Ann"), discord.person("Bob")
    await guild.invites_bot()

    await channel.says(ann, f"@bot greet <@{bob.id}>\nnicely")

    event = await inbox.next()
    assert isinstance(event.what, Said)
    assert event.what.text == "greet @Bob\nnicely"


async def test_a_voice_message_is_an_attachment_of_its_kind(
    discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox
) -> None:
    ann = discord.person("Ann")

    await discord.dm(ann).sends_voice(ann, b"OggS", seconds=1.5)

    event = await inbox.next()
    assert isinstance(event.what, Said)
    [attachment] = event.what.attachments
    assert (attachment.kind, attachment.media_type) == (Kind.VOICE, "audio/ogg")


async def test_a_changed_question_is_an_edit_and_a_link_preview_is_not(
    discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox, clock: FakeClock
) -> None:
    ann = discord.person("Ann")
    dm = discord.dm(ann)
    note = await dm.says(ann, "https://example.org")
    await inbox.next()

    await dm.unfurls(note)
    await clock.advance(1)
    await dm.edits(ann, note, "what is 2+2?")
    event = await inbox.next()
    await dm.unfurls(note)
    await dm.says(ann, "next")

    assert isinstance(event.what, Edited)
    assert (event.what.text, event.what.message) == ("what is 2+2?", note.id)
    assert event.event.startswith(f"discord:{note.id}:")
    assert isinstance((await inbox.next()).what, Said)
    assert len(inbox.accepted) == 3


async def test_adding_the_forgotten_mention_asks_for_the_first_time(
    discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox
) -> None:
    guild = discord.guild("Team")
    channel, ann = guild.channel("general"), discord.person("Ann")
    await guild.invites_bot()
    note = await channel.says(ann, "what is 2+2?")

    await channel.edits(ann, note, "@bot what is 2+2?")

    event = await inbox.next()
    assert isinstance(event.what, Said)
    assert event.event == f"discord:{note.id}"


async def test_an_edit_of_a_message_older_than_the_process_still_counts(
    discord: FakeDiscord, start: Starter, inbox: RecordingInbox
) -> None:
    ann = discord.person("Ann")
    dm = discord.dm(ann)
    note = await dm.says(ann, "before the start")

    async with start():
        await dm.edits(ann, note, "after the start")
        event = await inbox.next()

    assert isinstance(event.what, Edited)
    assert event.what.text == "after the start"


async def test_the_gateways_replay_after_a_resume_repeats_no_event(
    discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox
) -> None:
    ann = discord.person("Ann")
    dm = discord.dm(ann)
    await dm.says(ann, "once")
    first = await inbox.next()

    await discord.gateway.replay("MESSAGE_CREATE")
    await dm.says(ann, "twice")

    second = await inbox.next()
    assert first.event != second.event
    assert [one.event for one in inbox.accepted] == [first.event, second.event]


async def test_without_the_content_intent_mentions_and_direct_messages_still_work(
    discord: FakeDiscord, start: Starter, inbox: RecordingInbox
) -> None:
    discord.message_content = False
    guild = discord.guild("Team")
    channel, ann = guild.channel("general"), discord.person("Ann")

    async with start() as adapter:
        await channel.says(ann, "@bot in a server")
        await discord.dm(ann).says(ann, "in private")
        texts = [(await inbox.next()).what for _ in range(2)]
        health = adapter.health()

    assert [one.text for one in texts if isinstance(one, Said)] == ["in a server", "in private"]
    assert health["message_content"] == "not enabled in the Developer Portal"


async def test_an_event_that_cannot_be_stored_is_answered_with_a_sentence(
    discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox
) -> None:
    inbox.refuses = True
    ann = discord.person("Ann")
    dm = discord.dm(ann)

    await dm.says(ann, "hi")

    await discord.next("POST /channels/{id}/messages")
    [answer] = dm.answers
    assert "nothing was done" in answer.text
    assert "disk" not in answer.text


async def test_an_event_that_can_neither_be_stored_nor_answered_stops_nobody_elses(
    discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox
) -> None:
    ann, bob = discord.person("Ann"), discord.person("Bob")
    ann.takes_dms = False
    inbox.refuses = True
    await discord.dm(ann).says(ann, "hi")
    await discord.next("POST /channels/{id}/messages")
    inbox.refuses = False

    await discord.dm(bob).says(bob, "hi")

    assert (await inbox.next()).person.name == "Bob"


async def test_leaving_a_server_and_losing_a_channel_close_their_chats(
    discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox
) -> None:
    guild = discord.guild("Team")
    general, spare = guild.channel("general"), guild.channel("spare")
    thread = guild.thread("ideas", general)
    await guild.invites_bot()

    await spare.is_deleted()
    await inbox.until_closed(spare.id)
    await guild.kicks_bot()

    await inbox.until_closed(thread.id)
    assert set(inbox.closed) == {spare.id, general.id, thread.id}


async def test_an_event_survives_being_stored(discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox) -> None:
    ann = discord.person("Ann", locale="zh-CN")
    await discord.dm(ann).slash(ann, "ask", question="hi")

    event = await inbox.next()

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=type(event)) == event
    assert event.person.language == "zh-CN"
