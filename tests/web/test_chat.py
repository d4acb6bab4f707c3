"""What the browser posts becomes one event; what is posted to a place reaches the browser, whatever breaks between."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from yarl import URL

from bot.ports import Edited, Invoked, MessageGone, NoDrafts, Pressed, Said, ShownButton, Submitted
from bot.web.adapter import WebAdapter
from bot.web.send import BEAT_S
from handlers.command import Choice
from handlers.turn import Person, Place, Quoted
from tests.clock import FakeClock, until
from tests.web.house import STOP, House, RecordingInbox, form, opened, page

EVENT = "f" * 32


async def test_what_is_said_arrives_as_one_event_with_its_person_and_place(house: House) -> None:
    assert (await house.say("hello\r\nthere", language="zh"))[0] == 200
    (event,) = house.inbox.events
    assert event.what == Said("hello\nthere", "e" * 32)
    assert event.place == Place("web", house.chat, message="e" * 32)
    assert event.place.conversation == f"web:{house.chat}"
    assert event.person.id == f"web:{house.browser}"
    assert event.person.admin and not event.person.owner


async def test_the_language_of_the_page_is_the_persons(house: House) -> None:
    what = {"type": "say", "text": "你好"}
    await house.post("/api/post", {"event": EVENT, "chat": house.chat, "what": what, "language": "zh"})
    assert house.inbox.events[0].person.language == "zh"


async def test_a_repeated_post_is_the_same_event(house: House) -> None:
    async with house.stream() as stream:
        await stream.next("snapshot")
        assert await house.say("once") == await house.say("once")
        await house.say("twice", event=EVENT)
        seen = [(await stream.next("message"))[1]["text"] for _ in range(2)]
    assert [event.event for event in house.inbox.events] == [f"{house.browser}:{'e' * 32}", f"{house.browser}:{EVENT}"]
    assert [event.event for event in house.inbox.repeated] == [f"{house.browser}:{'e' * 32}"]
    assert seen == ["once", "twice"]


async def test_what_could_not_be_stored_is_not_confirmed_and_not_left_on_the_page(house: House) -> None:
    house.inbox.failures = 1
    async with house.stream() as stream:
        await stream.next("snapshot")
        status, answer = await house.say("hello")
        assert (status, answer) == (500, {"error": "That went wrong on our side."})
        await stream.next("gone")
        assert (await house.say("hello"))[0] == 200
        assert (await stream.next("message"))[1]["text"] == "hello"


async def test_an_answer_that_comes_before_the_confirmation_stands_below_its_question(house: House) -> None:
    inbox = house.inbox

    async def at_once(events: object) -> None:
        await house.adapter.post(house.place, page("answer"), nonce="1")

    inbox.accept = at_once  # type: ignore[method-assign]
    await house.say("question")
    async with house.stream() as stream:
        _, snapshot = await stream.next("snapshot")
    assert [message["by"] for message in snapshot["messages"]] == ["you", "bot"]


async def test_buttons_forms_edits_and_the_stop_control_become_their_events(house: House) -> None:
    posts: list[dict[str, object]] = [
        {"type": "press", "action": "a:x", "message": "b1"},
        {"type": "submit", "action": "f:x", "fields": {"name": "Ada"}, "message": "b1"},
        {"type": "edit", "message": "q1", "text": "better"},
        {"type": "invoke", "command": "stop"},
    ]
    for number, what in enumerate(posts):
        await house.post("/api/post", {"event": f"{number}" * 32, "chat": house.chat, "what": what})
    assert [event.what for event in house.inbox.events] == [
        Pressed("a:x", "b1"),
        Submitted("f:x", {"name": "Ada"}, "b1"),
        Edited("better", "q1"),
        Invoked("stop", {}),
    ]
    assert {event.place.message for event in house.inbox.events} == {f"{number}" * 32 for number in range(4)}


async def test_a_reply_to_an_older_message_quotes_it(house: House) -> None:
    message = await house.adapter.post(house.place, page("an older answer"), nonce="1")
    await house.say("why?", quote=message)
    await house.say("and this?", quote="b" * 33, event=EVENT)
    quoted = [event.what.quoted for event in house.inbox.events if isinstance(event.what, Said)]
    assert quoted == [Quoted(message, "an older answer", by_bot=True), Quoted("b" * 33, by_bot=True)]


async def test_a_form_is_shown_in_the_pages_language_and_null_where_there_is_none(house: House) -> None:
    house.inbox.forms["f:1"] = form()
    house.session.cookie_jar.update_cookies({"polobot_language": "zh"})
    _, answer = await house.post("/api/form", {"chat": house.chat, "action": "f:1"})
    assert answer["form"]["title"] == "自定义人设"
    assert [field["name"] for field in answer["form"]["fields"]] == ["name", "prompt", "note"]
    assert await house.post("/api/form", {"chat": house.chat, "action": "f:2"}) == (200, {"form": None})


async def test_completion_asks_the_inbox(house: House) -> None:
    house.inbox.choices = [Choice("gpt-4o", "GPT-4o"), Choice("claude", "Claude")]
    wanted = {"chat": house.chat, "command": "model", "option": "name", "typed": "gpt"}
    _, answer = await house.post("/api/complete", wanted)
    assert answer == {"choices": [{"value": "gpt-4o", "label": "GPT-4o"}]}
    assert house.inbox.completions == [("model", "name", "gpt")]


# ---------------------------------------------------------------- what the browser is told


async def test_a_growing_answer_ends_as_the_final_text_with_its_buttons(house: House) -> None:
    async with house.stream() as stream:
        await stream.next("snapshot")
        await house.adapter.typing(house.place)
        assert 0 < (await stream.next())[1]["for_s"] <= 6
        message = await house.adapter.post(house.place, page("one", STOP), nonce="1")
        _, first = await stream.next("message")
        await house.adapter.edit(house.place, message, page("one two", ShownButton("Again", "a:1", "primary")))
        _, last = await stream.next("message")
    assert (first["id"], first["growing"], first["plain"]) == (message, True, "")
    assert (last["html"], last["growing"], last["plain"]) == ("<p>one two</p>", False, "one two")
    assert last["buttons"] == [[{"label": "Again", "id": "a:1", "style": "primary"}]]


async def test_a_broken_stream_resumes_with_what_was_missed_and_nothing_else(house: House) -> None:
    message = await house.adapter.post(house.place, page("one", STOP), nonce="1")
    async with house.stream() as stream:
        await stream.next("snapshot")
        seen = stream.seen
    await house.adapter.edit(house.place, message, page("one two three", STOP))
    other = await house.adapter.post(house.place, page("gone soon"), nonce="2")
    await house.adapter.delete(house.place, other)
    async with house.stream(seen) as stream:
        assert (await stream.next())[0] == "resumed"
        assert (await stream.next())[1]["html"] == "<p>one two three</p>"
        assert await stream.next() == ("gone", {"id": other})


async def test_a_position_of_an_earlier_process_brings_the_whole_conversation(tmp_path: Path) -> None:
    inbox = RecordingInbox()
    async with opened(tmp_path, inbox=inbox) as before:
        await before.say("what was it?")
        message = await before.adapter.post(before.place, page("this"), nonce="1")
        async with before.stream() as stream:
            await stream.next("snapshot")
            seen = stream.seen
        inbox.ended(inbox.events[0], (message, page("this")))
        cookies, chat = {cookie.key: cookie.value for cookie in before.session.cookie_jar}, before.chat
    async with opened(tmp_path, inbox=inbox) as after:
        after.session.cookie_jar.update_cookies(cookies, URL(after.address))
        await after.enter()
        assert after.chat == chat
        async with after.stream(seen) as stream:
            _, snapshot = await stream.next("snapshot")
    assert [message.get("text") or message["html"] for message in snapshot["messages"]] == [
        "what was it?",
        "<p>this</p>",
    ]
    assert [message["id"] for message in snapshot["messages"]] == ["e" * 32, message]


async def test_the_same_nonce_is_the_same_message_also_in_the_next_process(tmp_path: Path) -> None:
    place = Place("web", "0" * 20 + "-main")
    ids = []
    for _ in range(2):
        async with opened(tmp_path) as house:
            ids += [await house.adapter.post(place, page("x"), nonce="7-0") for _ in range(2)]
            ids.append(await house.adapter.post(Place("web", "1" * 20 + "-main"), page("x"), nonce="7-0"))
    assert len(set(ids)) == 2
    assert ids[:3] == ids[3:]


async def test_a_message_of_an_earlier_process_can_be_edited_and_deleted(house: House) -> None:
    async with house.stream() as stream:
        await stream.next("snapshot")
        await house.adapter.edit(house.place, "b" * 33, page("finished after the crash"))
        assert (await stream.next("message"))[1]["html"] == "<p>finished after the crash</p>"
        await house.adapter.delete(house.place, "b" * 33)
        assert await stream.next() == ("gone", {"id": "b" * 33})
        await house.adapter.delete(house.place, "b" * 33)
    with pytest.raises(MessageGone):
        await house.adapter.edit(house.place, "b" * 33, page("too late"))


async def test_a_deleted_message_can_be_posted_again_under_its_nonce(house: House) -> None:
    message = await house.adapter.post(house.place, page("one"), nonce="1")
    await house.adapter.delete(house.place, message)
    assert await house.adapter.post(house.place, page("two"), nonce="1") == message
    await house.adapter.edit(house.place, message, page("three"))


async def test_an_edit_that_changes_nothing_sends_nothing(house: House) -> None:
    message = await house.adapter.post(house.place, page("same"), nonce="1")
    async with house.stream() as stream:
        await stream.next("snapshot")
        await house.adapter.edit(house.place, message, page("same"))
        await house.adapter.edit(house.place, message, page("other"))
        assert (await stream.next("message"))[1]["html"] == "<p>other</p>"


async def test_drafts_are_left_to_edits(house: House) -> None:
    with pytest.raises(NoDrafts):
        await house.adapter.draft(house.place, 1, page("x"))


async def test_a_sentence_for_one_person_is_told_where_his_page_is_open(house: House) -> None:
    person = Person(f"web:{house.browser}", "web")
    assert not await house.adapter.tell(house.place, person, "nobody is looking")
    async with house.stream() as stream:
        await stream.next("snapshot")
        assert not await house.adapter.tell(house.place, Person("web:" + "0" * 20, "other"), "not for you")
        assert await house.adapter.tell(house.place, person, "Only you see this.")
        assert await stream.next() == ("notice", {"text": "Only you see this."})


async def test_only_so_many_turns_come_at_first_and_more_when_asked_for(house: House) -> None:
    for number in range(5):
        await house.say(f"question {number}", event=f"{number}" * 32)
        house.inbox.ended(house.inbox.events[-1], (f"b{number}", page(f"answer {number}")), at=2e9 + number)
    async with house.stream(turns="2") as stream:
        _, few = await stream.next("snapshot")
    async with house.stream(turns="100") as stream:
        _, all_of_them = await stream.next("snapshot")
    assert ([m.get("text") for m in few["messages"]][::2], few["more"]) == (["question 3", "question 4"], True)
    assert (len(all_of_them["messages"]), all_of_them["more"]) == (10, False)


async def test_a_connection_says_that_it_lives_and_a_closed_one_is_forgotten(tmp_path: Path) -> None:
    clock = FakeClock()
    async with opened(tmp_path, clock=clock) as house:
        async with house.stream() as stream:
            await stream.next("snapshot")
            assert house.adapter.health()["pages"] == 1
            await clock.advance(BEAT_S)
            assert "still here" in await stream.comment()
        await until(lambda: True if house.adapter.health()["pages"] == 0 else None, clock)


async def test_a_browser_that_does_not_read_is_dropped_and_resumes_later(tmp_path: Path) -> None:
    async with opened(tmp_path, write_timeout_s=0.3) as house:
        host, port = house.address.removeprefix("http://").split(":")
        cookie = next(cookie for cookie in house.session.cookie_jar if cookie.key == "polobot_browser")
        _paused, writer = await asyncio.open_connection(host, int(port), limit=1024)
        writer.write(
            f"GET /api/stream?chat={house.chat} HTTP/1.1\r\nHost: {host}:{port}\r\n"
            f"Cookie: polobot_browser={cookie.value}\r\n\r\n".encode()
        )
        await until(lambda: True if house.adapter.health()["pages"] == 1 else None)
        message = await house.adapter.post(house.place, page("start", STOP), nonce="1")

        def fills_the_pipe() -> bool | None:
            return True if house.adapter.health()["pages"] == 0 else None

        async def grow() -> None:
            for number in range(10_000):
                await house.adapter.edit(house.place, message, page(f"{number} " * 60_000, STOP))
                await asyncio.sleep(0.005)

        growing = asyncio.create_task(grow())
        await until(fills_the_pipe, within_s=20)
        growing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await growing
        writer.close()
        await house.adapter.edit(house.place, message, page("the end"))
        async with house.stream() as stream:
            _, snapshot = await stream.next("snapshot")
        assert snapshot["messages"][0]["html"] == "<p>the end</p>"


async def test_before_dispatch_is_ready_the_chat_says_so_and_afterwards_again(tmp_path: Path) -> None:
    async with opened(tmp_path, ready=False) as house:
        await house.enter()
        assert await house.say("hello") == (503, {"error": "The bot is still starting."})
        async with house.session.get(f"{house.address}/api/here") as answer:
            assert answer.status == 503
        started = asyncio.Event()
        chat = asyncio.create_task(house.adapter.run(house.inbox, started.set))
        await asyncio.wait_for(started.wait(), 5)
        assert (await house.say("hello"))[0] == 200
        async with house.stream() as stream:
            await stream.next("snapshot")
            chat.cancel()
            await asyncio.gather(chat, return_exceptions=True)
            with pytest.raises(ConnectionError):
                await stream.next()
        assert (await house.say("hello"))[0] == 503


async def test_the_chat_does_not_run_without_its_server(tmp_path: Path) -> None:
    adapter = WebAdapter(
        host="127.0.0.1",
        port=0,
        password=None,
        key=b"x" * 16,
        commands=(),
        clock=FakeClock(),
        health=dict,
        metrics=lambda: (b"", "text/plain"),
        spool=tmp_path,
    )
    with pytest.raises(RuntimeError, match="has not been started"):
        await adapter.run(RecordingInbox(), lambda: None)
