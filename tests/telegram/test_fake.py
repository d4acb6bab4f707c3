"""The fake refuses what Telegram refuses, tells only what Telegram tells, and notices what is against the tables."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import aiohttp
import pytest

from tests.clock import FakeClock
from tests.fakes.telegram import Chat, FakeTelegram, Member
from tests.fakes.telegram.rules import Refusal, checked_text
from tests.fakes.telegram.schema import bot_api


class Client:
    """A bare bot: a method, parameters, the answer."""

    def __init__(self, telegram: FakeTelegram, session: aiohttp.ClientSession) -> None:
        self._telegram, self._session = telegram, session

    async def call(self, method: str, *, token: str | None = None, **parameters: Any) -> tuple[int, Any]:
        url = f"{self._telegram.url}/bot{token or self._telegram.token}/{method}"
        async with self._session.post(url, json=parameters) as answer:
            body = await answer.json()
            return answer.status, body.get("result", body.get("description"))


@pytest.fixture
async def client(telegram: FakeTelegram) -> Any:
    async with aiohttp.ClientSession() as session:
        yield Client(telegram, session)


async def test_what_is_against_the_tables_is_a_violation(telegram: FakeTelegram, client: Client, chat: Chat) -> None:
    await client.call("sendMessage", chat_id=chat.id, text="x", disable_web_page_preview=True)
    await client.call("sendMessage", chat_id=chat.id, text="x", entities=[{"type": "bold", "offset": "0", "length": 1}])
    await client.call("getFile", file_id=7)

    first, *more = telegram.violations
    assert "disable_web_page_preview" in first
    assert any("entities[0].offset" in violation for violation in more)
    assert any("getFile.file_id" in violation for violation in more)
    telegram.violations.clear()


async def test_an_update_that_telegram_would_not_send_is_a_violation(telegram: FakeTelegram) -> None:
    telegram.push("message", {"message_id": 1, "date": 1})

    assert telegram.violations == ["update: Update.message.chat: is required"]
    telegram.violations.clear()


async def test_a_violation_fails_the_test_at_its_end(clock: FakeClock) -> None:
    with pytest.raises(AssertionError):
        async with FakeTelegram(clock) as telegram:
            telegram.push("message", {})


async def test_forms_and_queries_are_read_like_json(telegram: FakeTelegram, chat: Chat) -> None:
    url = f"{telegram.url}/bot{telegram.token}/sendMessage"
    entities = json.dumps([{"type": "bold", "offset": 0, "length": 1}])
    async with aiohttp.ClientSession() as session:
        form = {"chat_id": str(chat.id), "text": "by form", "entities": entities}
        async with session.post(url, data=form) as answer:
            assert answer.status == 200
        async with session.get(url, params=form | {"text": "by query"}) as answer:
            assert answer.status == 200

    assert [shown.text for shown in chat.messages] == ["by form", "by query"]


@pytest.mark.parametrize(
    ("text", "entities", "words"),
    [
        ("", [], "message text is empty"),
        (" \n ", [], "message text is empty"),
        ("x" * 4097, [], "message is too long"),
        ("😀" * 2049, [], "message is too long"),
        ("abc", [("bold", 1, 5)], "ends after the end of the text"),
        ("abc", [("bold", 3, 1)], "begins after the end of the text"),
        ("a😀", [("bold", 2, 1)], "in a middle of a UTF-16 symbol"),
        ("a😀", [("bold", 0, 2)], "in a middle of a UTF-16 symbol"),
        ("abc", [("glitter", 0, 1)], "Unsupported type"),
        ("abc", [("text_link", 0, 1)], "url"),
    ],
)
def test_a_text_that_telegram_refuses(text: str, entities: list[tuple[str, int, int]], words: str) -> None:
    given = [{"type": kind, "offset": offset, "length": length} for kind, offset, length in entities]

    with pytest.raises(Refusal, match=words):
        checked_text(text, given)


async def test_buttons_that_telegram_refuses(client: Client, chat: Chat) -> None:
    def keyboard(**button: str) -> dict[str, Any]:
        return {"inline_keyboard": [[button]]}

    for button, words in (
        ({"text": "x", "callback_data": "€" * 22}, "BUTTON_DATA_INVALID"),
        ({"text": "x", "callback_data": ""}, "BUTTON_DATA_INVALID"),
        ({"text": "x"}, "Text buttons are unallowed"),
        ({"text": "x", "callback_data": "1", "style": "rainbow"}, "STYLE"),
    ):
        status, said = await client.call("sendMessage", chat_id=chat.id, text="x", reply_markup=keyboard(**button))
        assert status == 400
        assert words in said


async def test_floods_are_answered_429_and_pass_with_time(
    clock: FakeClock, client: Client, telegram: FakeTelegram, chat: Chat, group: Chat
) -> None:
    statuses = [(await client.call("sendMessage", chat_id=chat.id, text=f"{number}"))[0] for number in range(6)]
    assert statuses == [200] * 5 + [429]
    await clock.advance(1.0)
    assert (await client.call("sendMessage", chat_id=chat.id, text="again"))[0] == 200

    for number in range(20):
        await client.call("sendMessage", chat_id=group.id, text=f"{number}")
    status, said = await client.call("sendMessage", chat_id=group.id, text="21")
    assert (status, said) == (429, "Too Many Requests: retry after 60")
    await clock.advance(60.0)
    assert (await client.call("sendMessage", chat_id=group.id, text="21"))[0] == 200


async def test_thirty_a_second_over_all_chats(client: Client, telegram: FakeTelegram) -> None:
    chats = [telegram.private(telegram.person(f"P{number}")) for number in range(31)]
    statuses = [(await client.call("sendMessage", chat_id=chat.id, text="x"))[0] for chat in chats]

    assert statuses == [200] * 30 + [429]


async def test_the_older_of_two_polls_gets_the_conflict(client: Client, telegram: FakeTelegram, chat: Chat) -> None:
    older = asyncio.create_task(client.call("getUpdates", timeout=30))
    await telegram.until(lambda: telegram.asked or None)
    newer = asyncio.create_task(client.call("getUpdates", timeout=30))
    status, said = await older
    assert (status, said.startswith("Conflict: terminated by other getUpdates")) == (409, True)

    await chat.says("hi")
    status, updates = await newer
    assert (status, len(updates)) == (200, 1)


async def test_an_empty_poll_ends_with_its_time(clock: FakeClock, client: Client, telegram: FakeTelegram) -> None:
    poll = asyncio.create_task(client.call("getUpdates", timeout=30))
    await telegram.until(lambda: telegram.asked or None)
    await asyncio.sleep(0)
    await clock.advance(30)

    assert await poll == (200, [])


async def test_unnamed_kinds_of_updates_are_not_sent(client: Client, telegram: FakeTelegram, chat: Chat) -> None:
    await client.call("getUpdates", allowed_updates=["callback_query"])
    await chat.says("not wanted")
    await chat.presses_data("x", 1)

    _, updates = await client.call("getUpdates")
    assert [sorted(update) for update in updates] == [["callback_query", "update_id"]]


async def test_wrong_tokens_and_methods_are_answered_like_telegram(client: Client, telegram: FakeTelegram) -> None:
    assert await client.call("getMe", token="1:x") == (401, "Unauthorized")
    assert await client.call("getMe", token="nonsense") == (404, "Not Found")
    assert await client.call("makeCoffee") == (404, "Not Found")


async def test_privacy_mode_hides_what_telegram_hides(telegram: FakeTelegram, ann: Member) -> None:
    group = telegram.group("Quiet", members=[ann], privacy=True)
    await group.says("hello all")
    await group.says("@polo_test_bot hello")
    await group.sends_photo()
    assert len(telegram.waiting) == 0

    await group.says("/ask")
    await group.says("/ask@polo_test_bot")
    assert len(telegram.waiting) == 2
    group.other_bot_spoke_last = True
    await group.says("/ask")
    assert len(telegram.waiting) == 2
    group.bot_is_admin = True
    await group.says("hello all")
    assert len(telegram.waiting) == 3


async def test_a_bot_can_neither_edit_others_messages_nor_media_as_text(client: Client, chat: Chat) -> None:
    human = await chat.says("mine")
    status, said = await client.call("editMessageText", chat_id=chat.id, message_id=human.id, text="yours")
    assert (status, said) == (400, "Bad Request: message can't be edited")

    await client.call("sendMessage", chat_id=chat.id, text="same")
    again = await client.call("editMessageText", chat_id=chat.id, message_id=chat.answers[0].id, text="same")
    assert again[1].startswith("Bad Request: message is not modified")


async def test_a_draft_is_seen_for_thirty_seconds(clock: FakeClock, client: Client, chat: Chat) -> None:
    await client.call("sendMessageDraft", chat_id=chat.id, draft_id=1, text="growing")
    assert chat.draft == "growing"
    await clock.advance(30)

    assert chat.draft is None


def test_the_tables_know_unions_arrays_and_constants() -> None:
    tables = bot_api()

    owner = tables.filled("ChatMemberOwner", user={"id": 1, "is_bot": False, "first_name": "A"})
    assert tables.value("ChatMember", owner) == []
    assert tables.value("ChatMember", owner | {"status": "king"}) != []
    assert tables.answer("getUpdates", [{"update_id": True}]) != []
    assert tables.answer("deleteMessage", True) == []


async def test_it_runs_alone_and_is_driven_by_http() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.telegram", "--port", "0"), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20), aiohttp.ClientSession() as session:
            url, token = [(await process.stdout.readline()).decode().strip().partition("=")[2] for _ in range(2)]
            async with session.post(f"{url}/fake/say", json={"person": "Ann", "text": "hi"}) as answer:
                assert await answer.json() == {"message": 1}
            async with session.post(f"{url}/bot{token}/getUpdates") as answer:
                [update] = (await answer.json())["result"]
            reply = {"chat_id": update["message"]["chat"]["id"], "text": "hello"}
            async with session.post(f"{url}/bot{token}/sendMessage", json=reply) as answer:
                assert answer.status == 200
            assert b"sendMessage" in await process.stdout.readline()
            async with session.get(f"{url}/fake/chat", params={"person": "Ann"}) as answer:
                assert [one["text"] for one in (await answer.json())["messages"]] == ["hi", "hello"]
    finally:
        process.terminate()
        await process.wait()
