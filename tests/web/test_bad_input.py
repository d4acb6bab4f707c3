"""What a stranger may post: each thing gets one sentence, and the process goes on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ports import Said
from bot.web.receive import FIELD_AT_MOST, FILES_AT_MOST, TEXT_AT_MOST, clean
from tests.web.house import House

EVENT = "a" * 32


@given(st.text(alphabet=st.characters(), max_size=60))
def test_cleaned_text_is_whole_and_without_control_characters(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode()
    assert not any(ord(mark) < 32 and mark not in "\n\t" for mark in cleaned)
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize(
    "what",
    [
        {},
        {"type": "unknown"},
        {"type": "say"},
        {"type": "say", "text": 7},
        {"type": "say", "text": "x", "files": [{"handle": 1}]},
        {"type": "press", "action": "a b", "message": "m"},
        {"type": "press", "action": "x" * 200, "message": "m"},
        {"type": "submit", "action": "f:1", "fields": {"a": []}},
        {"type": "say", "text": "x", "quote": "<script>"},
        {"type": "invoke", "command": ""},
        "say",
        None,
    ],
)
async def test_what_makes_no_sense_is_refused_with_a_sentence(house: House, what: object) -> None:
    status, answer = await house.post("/api/post", {"event": EVENT, "chat": house.chat, "what": what})
    assert (status, answer["error"]) == (400, "This could not be understood. Reload the page.")
    assert house.inbox.events == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'"' + b"[" * 50_000, b"[" * 100_000, b"NaN"])
async def test_broken_bodies_are_refused_with_a_sentence(house: House, body: bytes) -> None:
    headers = {"Origin": house.address, "Content-Type": "application/json"}
    async with house.session.post(f"{house.address}/api/post", data=body, headers=headers) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"].startswith("This could not be understood")


async def test_other_than_json_is_refused(house: House) -> None:
    async with house.session.post(
        f"{house.address}/api/post", data={"event": EVENT}, headers={"Origin": house.address}
    ) as answer:
        assert answer.status == 415


@pytest.mark.parametrize("event", ["", "short", "x" * 65, "ü" * 32, "a b" * 10])
async def test_event_ids_that_could_repeat_are_refused(house: House, event: str) -> None:
    assert (await house.say("x", event=event))[0] == 400


async def test_empty_words_are_refused_in_the_persons_language(house: House) -> None:
    house.session.cookie_jar.update_cookies({"polobot_language": "zh"})
    assert await house.say(" \n\t ") == (400, {"error": "没有可发送的内容。"})


async def test_a_megabyte_of_text_passes_and_more_is_refused(house: House) -> None:
    assert (await house.say("汉" * TEXT_AT_MOST))[0] == 200
    assert await house.say("a" * (TEXT_AT_MOST + 1), event=EVENT) == (413, {"error": "This is too long to send."})
    assert await house.say("a" * (9 << 20), event=EVENT) == (413, {"error": "This is too long to send."})


async def test_lone_surrogates_and_control_characters_are_mended(house: House) -> None:
    text = '"a\\ud800b\\u0000c\\u0007\\ud83d\\ude00"'
    raw = f'{{"event":"{EVENT}","chat":"{house.chat}","what":{{"type":"say","text":{text}}}}}'
    headers = {"Origin": house.address, "Content-Type": "application/json"}
    async with house.session.post(f"{house.address}/api/post", data=raw, headers=headers) as answer:
        assert answer.status == 200
    said = house.inbox.events[0].what
    assert isinstance(said, Said)
    assert said.text == "a\ufffdbc😀"


async def test_too_many_files_and_too_long_fields_are_refused(house: House) -> None:
    files = [{"handle": "x", "name": "x"}] * (FILES_AT_MOST + 1)
    assert (await house.say("x", files=files))[1] == {"error": "At most 10 files at once."}
    what = {"type": "submit", "action": "f:1", "fields": {"a": "x" * (FIELD_AT_MOST + 1)}}
    assert (await house.post("/api/post", {"event": EVENT, "chat": house.chat, "what": what}))[0] == 413


@pytest.mark.parametrize("chat", ["", "main", "0" * 20 + "-main", "../x", "%s-", "%s-MAIN", "%s-a:b"])
async def test_another_browsers_conversation_can_be_neither_read_nor_written(house: House, chat: str) -> None:
    chat = chat.replace("%s", house.browser)
    refusal = "This conversation belongs to another browser."
    body = {"event": EVENT, "chat": chat, "what": {"type": "say", "text": "x"}}
    assert await house.post("/api/post", body) == (403, {"error": refusal})
    assert (await house.post("/api/form", {"chat": chat, "action": "f:1"}))[0] == 403
    assert (await house.post("/api/complete", {"chat": chat, "command": "c", "option": "o", "typed": ""}))[0] == 403
    async with house.session.get(f"{house.address}/api/stream", params={"chat": chat}) as answer:
        assert answer.status == 403


async def test_unknown_paths_are_not_found(house: House) -> None:
    for path in ("/nothing", "/static/x/../../guard.py", "/static/x/app.py", "/files/x", "/uploads/..%2f..%2fx"):
        async with house.session.get(f"{house.address}{path}") as answer:
            assert answer.status == 404
