"""Files in a conversation: looked at, read, bounded, or refused with one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.attachments import Content, content_of, decoded
from handlers.errors import ForPerson
from handlers.registry import CHAT
from handlers.turn import Attachment, CannotFetch, Kind, TooLarge
from storage.records import Spent
from tests.handlers.world import BEN, World, a_world


async def test_a_picture_is_sent_to_the_model_and_still_seen_a_turn_later(world: World, png: bytes) -> None:
    photo = world.file("photo.jpg", "image/jpeg", png, Kind.IMAGE)  # a wrong name and type: the bytes count
    await world.says("What is this?", files=(photo,))

    assert world.asked() == [("user", "<image>What is this?")]
    sent = world.relay.chats[-1]["messages"][-1]["content"]
    assert any("data:image/png;base64," in str(part) for part in sent)
    await world.says("And its colour?")
    assert world.asked()[0] == ("user", "<image>What is this?")


async def test_an_album_is_one_question(world: World, png: bytes) -> None:
    album = tuple(world.file(f"{n}.png", "image/png", png + bytes([n])) for n in range(3))

    await world.says("Compare them", files=album)

    assert world.asked() == [("user", "<image><image><image>Compare them")]


async def test_a_picture_alone_is_a_question(world: World, png: bytes) -> None:
    for words in ("", "/ask"):
        await world.says(words, files=(world.file("photo.png", "image/png", png),))
        assert world.asked()[-1] == ("user", "<image>")


@pytest.mark.parametrize(
    ("name", "media_type", "content", "text"),
    [
        ("notes.txt", "text/plain", "Grüße".encode(), "Grüße"),
        ("main.rs", "application/octet-stream", b"fn main() {}", "fn main() {}"),
        ("app.ts", "video/mp2t", b"let x = 1;", "let x = 1;"),
        ("table.csv", "", "城市,温度\n北京,3\n".encode("gb18030"), "城市,温度\n北京,3\n"),
        ("data.json", "application/json", '\ufeff{"a": 1}'.encode(), '{"a": 1}'),
        ("Makefile", "application/octet-stream", b"all:\n\ttrue\n", "all:\n\ttrue\n"),
        ("windows.log", "text/plain; charset=utf-16", "ok".encode("utf-16"), "ok"),
    ],
)
async def test_text_files_are_read_with_their_name(
    world: World, name: str, media_type: str, content: bytes, text: str
) -> None:
    await world.says("Explain", files=(world.file(name, media_type, content),))

    assert world.asked() == [("user", f'<file name="{name}">\n{text}\n</file>\n\nExplain')]
    await world.says("More")
    assert text in world.asked()[0][1]


@pytest.mark.parametrize(
    ("name", "media_type", "kind"),
    [
        ("paper.pdf", "application/pdf", Kind.DOCUMENT),
        ("voice.ogg", "audio/ogg", Kind.VOICE),
        ("clip.mp4", "video/mp4", Kind.VIDEO),
        ("photo.heic", "image/heic", Kind.IMAGE),
        ("tool.exe", "application/octet-stream", Kind.DOCUMENT),
    ],
)
async def test_other_files_are_refused_before_anything_is_fetched_or_asked(
    world: World, name: str, media_type: str, kind: Kind
) -> None:
    turn, stage = await world.begins(
        text="What is this?", by=BEN, attachments=(Attachment(kind, name, media_type, 9, "h"),)
    )

    with pytest.raises(ForPerson) as caught:
        await CHAT.run(turn, world.services)

    assert caught.value.words.in_language("zh").startswith(f"无法读取 {name}。")
    assert stage.did == []
    assert world.relay.chats == []


@pytest.mark.parametrize(
    ("name", "media_type", "content", "said"),
    [
        ("photo.png", "image/png", b"no picture", "damaged or no real picture"),
        ("photo.png", "image/png", b"", "is empty"),
        ("notes.txt", "text/plain", b"\x00\x01\x02binary", "does not hold text"),
        ("notes.txt", "text/plain", bytes(range(1, 9)) * 40, "does not hold text"),
    ],
)
async def test_files_that_are_not_what_they_claim_are_refused(
    world: World, name: str, media_type: str, content: bytes, said: str
) -> None:
    with pytest.raises(ForPerson, match=said):
        await world.says("What is this?", files=(world.file(name, media_type, content),))

    assert world.relay.chats == []


async def test_too_large_and_vanished_files_are_the_platforms_errors(tmp_path: Path, png: bytes) -> None:
    async with a_world(tmp_path, attachment_bytes=50) as world:
        with pytest.raises(TooLarge):
            await world.says("What is this?", files=(world.file("photo.png", "image/png", png),))
        with pytest.raises(CannotFetch):
            await world.says("What?", files=(Attachment(Kind.IMAGE, "p.png", "image/png", 9, "nowhere"),))
        assert world.relay.chats == []


async def test_too_many_files_are_refused(world: World, png: bytes) -> None:
    many = tuple(world.file(f"{n}.png", "image/png", png) for n in range(11))

    with pytest.raises(ForPerson, match="11 files; I take 10"):
        await world.says("Compare", files=many)


async def test_of_a_long_text_the_beginning_is_read_and_that_is_said(tmp_path: Path) -> None:
    async with a_world(tmp_path, history_tokens=4000) as world:
        long = world.file("long.txt", "text/plain", b"A line of text that goes on.\n" * 4000)

        seen = await world.says("Sum it up", files=(long,))

        [(_, first)] = world.asked()
        assert 20_000 < len(first) < 50_000
        assert "[The rest of the file is left out.]" in first
        assert seen.text.endswith("_Of long.txt only the beginning was read: it is too long._")
        await world.says("More")
        assert 5000 < len(world.asked()[0][1]) < len(first) / 3


async def test_a_long_file_is_halved_where_the_model_finds_it_too_long(world: World) -> None:
    world.relay.will_fail(400, {"error": {"message": "too much", "code": "context_length_exceeded"}})
    long = world.file("long.txt", "text/plain", b"A line of text that goes on.\n" * 4000)

    await world.says("Sum it up", files=(long,))

    assert len(world.asked(-1)[0][1]) < 0.6 * len(world.asked(-2)[0][1])


async def test_a_file_swept_from_the_store_is_named_in_words(world: World, png: bytes) -> None:
    seen = await world.says("What is this?", files=(world.file("photo.png", "image/png", png),))
    [question, _] = await world.storage.memory.of_turn(seen.id)
    world.storage.files.path(question.files[0].digest).unlink()

    await world.says("And its colour?")

    assert world.asked()[0] == ("user", "[A file that is no longer kept: photo.png]\nWhat is this?")


async def test_pictures_beyond_an_albums_number_are_named_in_words(world: World, png: bytes) -> None:
    for turn in range(2):
        album = tuple(world.file(f"{turn}-{n}.png", "image/png", png + bytes([turn, n])) for n in range(8))
        await world.says(f"Look {turn}", files=album)

    assert world.asked()[-1] == ("user", "<image>" * 8 + "Look 1")
    assert world.asked()[0][1].count("<image>") == 2
    assert world.asked()[0][1].count("[An earlier picture, not shown again: 0-") == 6


async def test_a_picture_counts_in_the_estimate(world: World, png: bytes) -> None:
    world.relay.will_break(after=2, how="reset")

    seen = await world.says("What?", files=(world.file("photo.png", "image/png", png),))

    assert seen.reply.exchange is not None
    [spent] = seen.reply.exchange.spent
    assert isinstance(spent, Spent)
    assert spent.prompt_tokens > 255


@given(st.binary(max_size=200), st.integers(0, 200))
def test_any_bytes_are_text_or_not_without_failing(data: bytes, looked_at: int) -> None:
    text = decoded(data, looked_at=looked_at)

    assert text is None or len(text) <= looked_at


@given(st.text(max_size=50), st.integers(0, 200))
def test_a_character_cut_in_two_does_not_change_the_encoding(text: str, looked_at: int) -> None:
    encoded = ("中文" + text.replace("\x00", "")).encode()

    found = decoded(encoded, looked_at=looked_at)

    assert found is None or ("中文" + text.replace("\x00", "")).startswith(found)


@given(st.text(max_size=30), st.text(max_size=30), st.sampled_from(Kind))
def test_any_name_and_type_can_be_judged(name: str, media_type: str, kind: Kind) -> None:
    assert content_of(name, media_type, kind) in {Content.PICTURE, Content.TEXT, None}
