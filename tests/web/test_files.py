"""Files in both directions: bounded, under clean names, and only for the browser they belong to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ports import Edited, Page, Said, Upload
from bot.web.spool import KEEP_S, NAME_AT_MOST, clean_name
from handlers.turn import Attachment, CannotFetch, Kind, TooLarge
from tests.clock import FakeClock
from tests.web.house import House, RecordingInbox, opened

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100


async def test_an_uploaded_file_goes_along_with_the_words_and_can_be_fetched(house: House, tmp_path: Path) -> None:
    _, sent = await house.upload("cat.png", PNG, "image/png")
    assert (await house.say("look", files=[sent]))[0] == 200
    said = house.inbox.events[0].what
    assert isinstance(said, Said)
    assert said.attachments == (Attachment(Kind.IMAGE, "cat.png", "image/png", len(PNG), sent["handle"]),)
    into = tmp_path / "fetched"
    assert await house.adapter.download(said.attachments[0], into, at_most=1000) == len(PNG)
    assert into.read_bytes() == PNG
    # Taken up again after a crash, the turn fetches it once more.
    assert await house.adapter.download(said.attachments[0], into, at_most=1000) == len(PNG)


@pytest.mark.parametrize(
    ("media_type", "kind", "told"),
    [
        ("audio/ogg; codecs=opus", Kind.AUDIO, "audio/ogg"),
        ("video/mp4", Kind.VIDEO, "video/mp4"),
        ("application/pdf", Kind.DOCUMENT, "application/pdf"),
        ("<script>", Kind.DOCUMENT, "application/octet-stream"),
        ("image/" + "x" * 500, Kind.DOCUMENT, "application/octet-stream"),
    ],
)
async def test_the_kind_follows_the_media_type(house: House, media_type: str, kind: Kind, told: str) -> None:
    _, sent = await house.upload("x", b"1", media_type)
    assert (sent["kind"], sent["type"]) == (kind, told)


async def test_files_alone_need_no_words(house: House) -> None:
    _, sent = await house.upload("a.txt", b"1", "text/plain")
    assert (await house.say("", files=[sent]))[0] == 200


async def test_a_file_over_the_limit_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path, file_bytes=1 << 20) as house:
        status, answer = await house.upload("big.bin", b"x" * ((1 << 20) + 1), "application/octet-stream")
        assert (status, answer["error"]) == (413, "big.bin is larger than 1 MB.")

        async def endless() -> object:
            for _ in range(100):
                yield b"x" * 100_000

        # Without a length it is noticed on the way.
        headers = {"Origin": house.address}
        url = f"{house.address}/api/upload"
        async with house.session.post(url, params={"name": "s"}, data=endless(), headers=headers) as streamed:
            assert streamed.status == 413
        assert list((tmp_path / "spool").iterdir()) == []
        assert (await house.upload("small.bin", b"x", "text/plain"))[0] == 200


async def test_all_uploads_together_are_bounded(tmp_path: Path) -> None:
    async with opened(tmp_path, spool_bytes=1000) as house:
        assert (await house.upload("a", b"x" * 900, "text/plain"))[0] == 200
        status, answer = await house.upload("b", b"x" * 900, "text/plain")
        assert (status, answer["error"]) == (507, "There is no room for more files right now.")
        assert (await house.upload("c", b"x" * 50, "text/plain"))[0] == 200


async def test_old_uploads_are_swept_and_their_room_is_free_again(tmp_path: Path) -> None:
    clock = FakeClock()
    async with opened(tmp_path, clock=clock, spool_bytes=1000) as house:
        _, sent = await house.upload("a", b"x" * 900, "text/plain")
        path = tmp_path / "spool" / sent["handle"]
        os.utime(path, (clock.now(), clock.now()))
        await clock.advance(KEEP_S - 10)
        assert path.exists()
        await clock.advance(3700)
        async with house.session.get(f"{house.address}/api/here"):
            pass
        for _ in range(200):
            if not path.exists():
                break
            async with house.session.get(f"{house.address}/healthz"):
                pass
        assert not path.exists()
        assert (await house.say("x", files=[sent]))[1]["error"] == "a is no longer here. Send it again."
        assert (await house.upload("b", b"x" * 900, "text/plain"))[0] == 200


async def test_a_file_of_another_browser_is_not_here(house: House, tmp_path: Path) -> None:
    _, sent = await house.upload("a", PNG, "image/png")
    house.session.cookie_jar.clear()
    await house.enter()
    assert (await house.say("mine?", files=[sent]))[0] == 410
    what = {"type": "edit", "message": "m", "text": "x", "files": [sent]}
    assert (await house.post("/api/post", {"event": "a" * 32, "chat": house.chat, "what": what}))[0] == 410
    async with house.session.get(f"{house.address}/uploads/{sent['handle']}?type=image/png") as answer:
        assert answer.status == 404


@pytest.mark.parametrize("handle", ["", "..", "../x", "/etc/passwd", "x" * 53, "\0"])
async def test_a_made_up_handle_reaches_no_file(house: House, tmp_path: Path, handle: str) -> None:
    assert (await house.say("x", files=[{"handle": handle, "name": "x"}]))[0] == 410
    with pytest.raises(CannotFetch):
        await house.adapter.download(
            Attachment(Kind.DOCUMENT, "x", "text/plain", 1, handle), tmp_path / "into", at_most=10
        )


async def test_a_download_larger_than_wanted_is_not_made(house: House, tmp_path: Path) -> None:
    _, sent = await house.upload("a", b"x" * 11, "text/plain")
    attachment = Attachment(Kind.DOCUMENT, "a", "text/plain", 11, sent["handle"])
    with pytest.raises(TooLarge):
        await house.adapter.download(attachment, tmp_path / "into", at_most=10)
    assert not (tmp_path / "into").exists()


async def test_an_edit_keeps_the_files_of_the_question_also_when_they_are_swept(house: House, tmp_path: Path) -> None:
    _, sent = await house.upload("a", b"1", "text/plain")
    (tmp_path / "spool" / sent["handle"]).unlink()
    what = {"type": "edit", "message": "m", "text": "x", "files": [sent]}
    await house.post("/api/post", {"event": "a" * 32, "chat": house.chat, "what": what})
    edited = house.inbox.events[0].what
    assert isinstance(edited, Edited)
    assert edited.attachments[0].handle == sent["handle"]


async def test_a_sent_picture_can_be_looked_at_but_nothing_that_runs(house: House) -> None:
    _, sent = await house.upload("a.png", PNG, "image/png")
    for media_type, status in (("image/png", 200), ("image/svg+xml", 404), ("text/html", 404), ("", 404)):
        url = f"{house.address}/uploads/{sent['handle']}"
        async with house.session.get(url, params={"type": media_type}) as answer:
            assert answer.status == status


# ---------------------------------------------------------------- files of the bot


def offered(path: Path, name: str, media_type: str) -> Page:
    return Page("", "", 0, upload=Upload(name, media_type, str(path), path.stat().st_size))


async def test_a_file_of_the_bot_is_downloaded_under_its_name(house: House, tmp_path: Path) -> None:
    path = tmp_path / "digest"
    path.write_bytes(b"content")
    await house.adapter.post(house.place, offered(path, "报告 1.md", "text/markdown"), nonce="1")
    async with house.stream() as stream:
        file = (await stream.next("snapshot"))[1]["messages"][0]["file"]
    assert (file["name"], file["size"], file["shown"]) == ("报告 1.md", 7, None)
    async with house.session.get(f"{house.address}{file['url']}") as answer:
        assert await answer.read() == b"content"
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''%E6%8A%A5%E5%91%8A%201.md"


@pytest.mark.parametrize(
    ("media_type", "shown"),
    [
        ("image/png", "image"),
        ("audio/ogg", "audio"),
        ("video/mp4", "video"),
        ("image/svg+xml", None),
        ("text/html", None),
    ],
)
async def test_only_what_cannot_run_is_shown_inline(
    house: House, tmp_path: Path, media_type: str, shown: str | None
) -> None:
    path = tmp_path / "digest"
    path.write_bytes(b"content")
    await house.adapter.post(house.place, offered(path, "x", media_type), nonce="1")
    async with house.stream() as stream:
        file = (await stream.next("snapshot"))[1]["messages"][0]["file"]
    assert file["shown"] == shown
    async with house.session.get(f"{house.address}{file['url']}") as answer:
        assert answer.headers["Content-Disposition"].startswith("inline" if shown else "attachment")
        assert "sandbox" in answer.headers["Content-Security-Policy"]
    async with house.session.get(f"{house.address}{file['url']}", params={"download": "1"}) as answer:
        assert answer.headers["Content-Disposition"].startswith("attachment")


async def test_a_file_of_the_bot_is_found_after_a_restart_and_only_by_its_person(tmp_path: Path) -> None:
    path = tmp_path / "digest"
    path.write_bytes(b"content")
    inbox = RecordingInbox()
    async with opened(tmp_path, inbox=inbox) as house:
        await house.say("a file, please")
        inbox.ended(inbox.events[0], ("b1", offered(path, "a.md", "text/markdown")))
        url = f"/files/{house.chat}/b1"
        async with house.session.get(f"{house.address}{url}") as answer:
            assert await answer.read() == b"content"
        async with house.session.get(f"{house.address}/files/{house.chat}/b2") as answer:
            assert answer.status == 404
        path.unlink()
        async with house.session.get(f"{house.address}{url}") as answer:
            assert answer.status == 404
        house.session.cookie_jar.clear()
        await house.enter()
        async with house.session.get(f"{house.address}{url}") as answer:
            assert answer.status == 403


# ---------------------------------------------------------------- names


@given(st.text(max_size=300))
def test_a_cleaned_name_is_a_plain_file_name(name: str) -> None:
    cleaned = clean_name(name)
    assert 0 < len(cleaned) <= NAME_AT_MOST
    assert not set(cleaned) & set("/\\\0\n\r\u202e")
    assert not cleaned.startswith(".") and cleaned not in {".", ".."}
    assert clean_name(cleaned) == cleaned


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a.txt", "a.txt"),
        (".hidden", "hidden"),
        ("photo\u202egnp.exe", "photognp.exe"),
        ("", "file"),
        ("/", "file"),
        ("猫.png", "猫.png"),
        ("x" * 300 + ".png", "x" * 116 + ".png"),
    ],
)
def test_names_are_cleaned_as_people_expect(name: str, cleaned: str) -> None:
    assert clean_name(name) == cleaned
