"""Files that people send are fetched when wanted, also when their link is long over."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.discord.adapter import DiscordAdapter
from bot.ports import Invoked, Said
from handlers.turn import Attachment, CannotFetch, Kind, TooLarge
from tests.clock import FakeClock
from tests.discord.conftest import RecordingInbox
from tests.fakes.discord import FakeDiscord, Note, User

PICTURE = bytes(range(256)) * 2000


@pytest.fixture
def ann(discord: FakeDiscord) -> User:
    """A person."""
    return discord.person("Ann")


async def sent(discord: FakeDiscord, ann: User, inbox: RecordingInbox) -> tuple[Note, Attachment]:
    """Send a picture and return it as it came in."""
    note = await discord.dm(ann).says(ann, "look", files=[("cat.png", PICTURE, "image/png")])
    event = await inbox.next()
    assert isinstance(event.what, Said)
    [attachment] = event.what.attachments
    return note, attachment


async def test_a_file_arrives_whole(
    discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox, ann: User, tmp_path: Path
) -> None:
    _, attachment = await sent(discord, ann, inbox)

    size = await bot.download(attachment, tmp_path / "cat", at_most=len(PICTURE))

    assert size == len(PICTURE)
    assert (tmp_path / "cat").read_bytes() == PICTURE
    assert discord.made("GET /channels/{id}/messages/{id}") == []


async def test_a_link_that_is_over_is_renewed_from_the_message(
    discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox, ann: User, tmp_path: Path, clock: FakeClock
) -> None:
    _, attachment = await sent(discord, ann, inbox)
    await clock.advance(40 * 24 * 3600)

    await bot.download(attachment, tmp_path / "cat", at_most=1 << 20)

    assert (tmp_path / "cat").read_bytes() == PICTURE
    assert len(discord.made("GET /channels/{id}/messages/{id}")) == 1


async def test_a_file_whose_message_is_deleted_cannot_be_fetched(
    discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox, ann: User, tmp_path: Path, clock: FakeClock
) -> None:
    note, attachment = await sent(discord, ann, inbox)
    await discord.dm(ann).deletes(note)
    await clock.advance(40 * 24 * 3600)

    with pytest.raises(CannotFetch):
        await bot.download(attachment, tmp_path / "cat", at_most=1 << 20)


async def test_too_large_a_file_is_refused_before_and_while_it_comes(
    discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox, ann: User, tmp_path: Path
) -> None:
    _, attachment = await sent(discord, ann, inbox)
    lying = Attachment(attachment.kind, attachment.name, attachment.media_type, None, attachment.handle)

    for one in (attachment, lying):
        with pytest.raises(TooLarge) as refused:
            await bot.download(one, tmp_path / "cat", at_most=1000)
        assert refused.value.limit == 1000


async def test_an_attachment_option_is_fetched_and_over_with_its_link(
    discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox, ann: User, tmp_path: Path, clock: FakeClock
) -> None:
    await discord.dm(ann).slash(ann, "ask", question="what?", picture=("cat.png", PICTURE, "image/png"))
    event = await inbox.next()
    assert isinstance(event.what, Invoked)
    [attachment] = event.what.attachments

    assert await bot.download(attachment, tmp_path / "cat", at_most=1 << 20) == len(PICTURE)
    await clock.advance(40 * 24 * 3600)
    with pytest.raises(CannotFetch, match=r"cat\.png"):
        await bot.download(attachment, tmp_path / "cat", at_most=1 << 20)


async def test_a_file_that_an_edit_took_out_of_its_message_cannot_be_fetched(
    discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox, ann: User, tmp_path: Path, clock: FakeClock
) -> None:
    note, attachment = await sent(discord, ann, inbox)
    note.files.clear()
    await clock.advance(40 * 24 * 3600)

    with pytest.raises(CannotFetch, match="carries it no more"):
        await bot.download(attachment, tmp_path / "cat", at_most=1 << 20)


async def test_a_connection_that_breaks_leaves_no_half_file(
    discord: FakeDiscord, bot: DiscordAdapter, inbox: RecordingInbox, ann: User, tmp_path: Path
) -> None:
    _, attachment = await sent(discord, ann, inbox)
    discord.files_break_after = 1000

    with pytest.raises(CannotFetch):
        await bot.download(attachment, tmp_path / "cat", at_most=1 << 20)

    assert list(tmp_path.iterdir()) == []


async def test_a_handle_of_another_make_cannot_be_fetched(bot: DiscordAdapter, tmp_path: Path) -> None:
    with pytest.raises(CannotFetch):
        await bot.download(Attachment(Kind.IMAGE, "x", "image/png", 1, "{}"), tmp_path / "x", at_most=10)
