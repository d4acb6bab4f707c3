"""What people complain about in Telegram bots of this kind, driven through the whole bot.

docs/tests.md lists every complaint with its test; Discord's, the relay's and those about secrets stand beside this.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from tests.e2e.conftest import Town
from tests.fakes.telegram import Chat, Member

MB = 1 << 20


def too_fast(seconds: int) -> dict[str, Any]:
    """Return the body of Telegram's 429."""
    words = f"Too Many Requests: retry after {seconds}"
    return {"ok": False, "error_code": 429, "description": words, "parameters": {"retry_after": seconds}}


def count_of(town: Town, status: int) -> int:
    """Return how many calls Telegram answered with this status."""
    return len([call for call in town.telegram.calls if call.status == status])


def labels(chat: Chat) -> list[str]:
    """Return the labels of the newest message's buttons."""
    return [label for row in chat.answers[-1].buttons for label in row]


def other_labels(chat: Chat, than: list[str]) -> list[str] | None:
    """Return the labels of the newest message's buttons once they have changed."""
    return labels(chat) if labels(chat) != than else None


# ---------------------------------------------------------------- text and streaming


async def test_formatting_that_telegram_cannot_parse_is_sent_again_plain_once(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None):
        town.telegram.will_answer("sendMessage", 400, "Bad Request: can't parse entities: byte offset 7")
        town.relay.will_say("**bold** and `code`")
        await chat.says("show off")
        await town.answer(chat, "bold")
        [only] = chat.answers
        assert "code" in only.text
        assert only.entities == []
        assert len([call for call in town.telegram.calls if call.method == "sendMessage"]) == 2


async def test_an_answer_of_very_many_messages_comes_whole_as_a_file(town: Town, chat: Chat) -> None:
    words = " ".join(f"word{number}" for number in range(6000))
    async with town.running(discord_token=None, answer_messages_max="2"):
        town.relay.will_say(words)
        await chat.says("go on for ever")
        await town.sees(lambda: town.telegram.sent("sendDocument") or None)
        await town.answer(chat)
        [sent] = town.telegram.sent("sendDocument")
        assert sent["document"].content.decode().split() == words.split()
        assert len(chat.answers) <= 3


async def test_code_that_goes_on_in_the_next_message_is_code_there_too(town: Town, chat: Chat) -> None:
    code = "\n".join(f"value_{number} = function_of_{number}()" for number in range(300))
    async with town.running(discord_token=None):
        town.relay.will_say(f"Here it is:\n\n```python\n{code}\n```\n\nThat was all.")
        await chat.says("write code")
        await town.answer(chat, "That was all")
        shown = [(one.text, entity) for one in chat.answers for entity in one.entities if entity["type"] == "pre"]
    assert len(shown) > 1
    assert {entity["language"] for _, entity in shown} == {"python"}
    pieces = [text[entity["offset"] : entity["offset"] + entity["length"]] for text, entity in shown]
    assert "\n".join(piece.strip("\n") for piece in pieces) == code


@pytest.mark.parametrize("seconds", [30, 250])
async def test_a_penalty_while_an_answer_grows_is_waited_out_and_then_the_whole_answer_stands(
    town: Town, ann: Member, bob: Member, seconds: int
) -> None:
    group, other = town.telegram.group("Team", members=[ann], privacy=False), town.telegram.private(bob)
    async with town.running(discord_token=None):
        gate = town.relay.hold()
        town.relay.will_say("one two three four", "For Bob.")
        await group.says("/ask count")
        await gate.release()
        await town.sees(lambda: group.answers or None)
        town.telegram.will_answer("editMessageText", 429, too_fast(seconds))
        await gate.release()
        await town.sees(lambda: count_of(town, 429) or None)
        await gate.open()
        await other.says("hi")
        assert await town.answer(other, "For Bob") == "For Bob."  # nobody else waits with it
        assert [message.text for message in group.answers] != ["one two three four"]
        await town.clock.advance(seconds)
        assert await town.answer(group, "four") == "one two three four"
    [refused] = [call for call in town.telegram.calls if call.status == 429]
    later = [c.at for c in town.telegram.calls if c.parameters.get("chat_id") == group.id and c.at > refused.at]
    assert min(later) >= refused.at + seconds
    assert len(group.answers) == 1


async def test_a_penalty_on_the_final_message_only_delays_it(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None):
        town.telegram.will_answer("sendMessage", 429, too_fast(200))
        town.relay.will_say("At last.")
        await chat.says("hurry")
        await town.sees(lambda: count_of(town, 429) or None)
        await town.clock.advance(200)
        assert await town.answer(chat) == "At last."
        assert len(chat.answers) == 1


async def test_no_edit_repeats_what_stands_there_though_the_preview_is_full(town: Town, ann: Member) -> None:
    group = town.telegram.group("Team", members=[ann], privacy=False)
    async with town.running(discord_token=None, answer_messages_max="1"):
        gate = town.relay.hold()
        town.relay.will_say(" ".join(f"word{number}" for number in range(2000)))
        await group.says("/ask go on")
        for _ in range(6):
            await gate.release(300)
            await town.clock.advance(4)
        await gate.open()
        await town.sees(lambda: town.telegram.sent("sendDocument") or None)
        await town.answer(group)
    looks = defaultdict(list)
    for call in town.telegram.calls:
        if call.method in {"sendMessage", "editMessageText"} and call.status == 200:
            shown = {name: call.parameters.get(name) for name in ("text", "entities", "reply_markup")}
            looks[call.parameters.get("message_id") or call.answer["result"]["message_id"]].append(shown)
    assert max(len(each) for each in looks.values()) > 2
    assert all(before != after for each in looks.values() for before, after in pairwise(each))
    assert count_of(town, 400) == 0


async def test_rich_answers_are_plain_messages_with_entities(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None):
        town.relay.will_say("# Title\n\n**粗体** text\n\n| a | b |\n| --- | --- |\n| 1 | 2 |")
        await chat.says("show off")
        await town.answer(chat, "Title")
        kinds = {entity["type"] for entity in chat.answers[-1].entities}
    assert "bold" in kinds
    written = [call for call in town.telegram.calls if "text" in call.parameters]
    assert {call.method for call in written} <= {"sendMessage", "sendMessageDraft", "editMessageText"}
    assert all("parse_mode" not in call.parameters for call in written)


# ---------------------------------------------------------------- groups and topics


async def test_with_group_privacy_the_bot_says_what_works_and_that_works(town: Town, ann: Member) -> None:
    group = town.telegram.group("Team", members=[ann], privacy=True)
    async with town.running(discord_token=None):
        town.relay.will_say("To the command.", "To the reply.")
        await group.adds_bot()
        assert "/ask" in await town.answer(group, "privacy mode")
        await group.says("/ask hello")
        await town.answer(group, "To the command")
        await group.replies("and me?", group.answers[-1])
        await town.answer(group, "To the reply")


async def test_all_of_a_topic_stays_in_it_and_general_has_no_thread_id(town: Town, ann: Member) -> None:
    forum = town.telegram.group("Forum", members=[ann], privacy=False, forum=True)
    async with town.running(discord_token=None):
        town.relay.will_say("First.", "Second.", "More.", "In General.")
        topic = await forum.makes_topic("Cats")
        await forum.says("/ask cats?", topic=topic)
        for label, answer in (("Regenerate", "First"), ("Continue", "Second"), ("", "More")):
            await town.answer(forum, answer)
            if label:
                await forum.presses(label)
        assert {message.thread for message in forum.answers} == {topic}
        await forum.says("/ask here?")
        await town.answer(forum, "In General")
        assert forum.answers[-1].thread is None
    threads = {call.parameters.get("message_thread_id") for call in town.telegram.calls}
    assert threads == {None, topic}
    assert "cats?" not in str(town.relay.chats[-1]["messages"])


async def test_a_group_that_moves_while_an_answer_grows_gets_it_and_keeps_its_model(town: Town, ann: Member) -> None:
    group = town.telegram.group("Team", members=[ann], basic=True, privacy=False)
    group.admins.add(ann.id)
    async with town.running(discord_token=None):
        await group.says("/model deepseek-chat")
        await town.answer(group, "deepseek-chat")
        gate = town.relay.hold()
        town.relay.will_say("The answer.", "The next.")
        await group.says("/ask something")
        await gate.waiting()
        moved = await group.migrates()
        await gate.open()
        await town.answer(moved, "The answer")
        await moved.says("/ask something else")
        await town.answer(moved, "The next")
    assert [asked["model"] for asked in town.relay.chats] == ["deepseek-chat"] * 2


async def test_every_model_is_in_the_menu_and_every_button_fits(town: Town, chat: Chat) -> None:
    named = [f"gpt-4.1-experimental-with-a-name-longer-than-64-bytes-preview-{number:02}" for number in range(60)]
    town.relay.models += named
    seen: set[str] = set()
    async with town.running(discord_token=None):
        await chat.says("/model")
        await town.answer(chat, "Which one")
        for arrow in ("◀", "▶"):
            while turning := [label for label in labels(chat) if arrow in label]:
                before = labels(chat)
                await chat.presses(*turning)
                await town.sees(partial(other_labels, chat, before))
                seen |= {label.removeprefix("✓ ") for label in labels(chat)}
        await chat.presses(next(label for label in labels(chat) if label in town.relay.models))
        await town.answer(chat, "From now on")
    assert set(town.relay.models) <= seen
    keyboards = [call.parameters.get("reply_markup") or {} for call in town.telegram.calls]
    buttons = [button for one in keyboards for row in one.get("inline_keyboard", []) for button in row]
    assert all(len(button["callback_data"].encode()) <= 64 for button in buttons)


async def test_other_bots_are_not_answered_so_that_no_loop_begins(town: Town, ann: Member) -> None:
    robot = replace(town.telegram.person("Robot"), is_bot=True)
    group = town.telegram.group("Team", members=[ann, robot], privacy=False)
    async with town.running(discord_token=None):
        town.relay.will_say("For Ann.")
        await group.says("/ask again and again", person=robot)
        await group.says(f"@{town.telegram.bot.username} and again", person=robot)
        await group.says("/ask hello", person=ann)
        await town.answer(group, "For Ann")
        assert len(group.answers) == 1
    [asked] = town.relay.chats
    assert asked["messages"][-1]["content"] == "Ann: hello"


# ---------------------------------------------------------------- files


async def test_a_file_over_20_mb_is_refused_with_the_limit_before_it_is_fetched(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None):
        await chat.sends_document(b"x", name="big.txt", size=21 * MB, caption="read this")
        text = await town.answer(chat, "20 MB")
        assert text.startswith("big.txt is too large")
        assert "a part of it" in text
    assert [call for call in town.telegram.calls if call.method == "getFile"] == []
    assert town.relay.chats == []


# ---------------------------------------------------------------- delivery


async def test_an_update_that_comes_again_after_a_restart_is_not_answered_again(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None):
        town.relay.will_say("Once.", "Twice?")
        await chat.says("hello")
        update = town.telegram.waiting[-1]
        await town.answer(chat, "Once")
        await chat.presses("Regenerate")
        press = town.telegram.waiting[-1]
        await town.answer(chat, "Twice?")
    town.telegram.waiting.clear()
    town.telegram.waiting.extend([update, press])
    async with town.running(discord_token=None):
        town.relay.will_say("To the new question.")
        await town.sees(lambda: not town.telegram.waiting or None)
        await chat.says("still there?")
        await town.answer(chat, "To the new")
        assert [message.text for message in chat.answers] == ["Twice?", "To the new question."]
    assert [asked["messages"][-1]["content"] for asked in town.relay.chats] == ["hello", "hello", "still there?"]


async def test_a_reset_wins_over_the_answer_that_is_being_written(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None):
        gate = town.relay.hold()
        town.relay.will_say("one two three four", "Fresh.")
        await chat.says("count")
        await gate.release(2)
        await town.sees(lambda: chat.draft)
        await chat.says("/reset")
        await town.sees(lambda: len(chat.answers) == 2 or None)
        await gate.open()
        await chat.says("hello")
        await town.answer(chat, "Fresh")
    assert [message["content"] for message in town.relay.chats[-1]["messages"][1:]] == ["hello"]


async def test_a_person_who_blocks_the_bot_ends_their_work_and_nobody_elses(
    town: Town, chat: Chat, bob: Member
) -> None:
    other = town.telegram.private(bob)
    async with town.running(discord_token=None):
        gate = town.relay.hold()
        town.relay.will_say("one two three four", "For Bob.", "Welcome back.")
        await chat.says("count")
        await gate.release(2)
        await town.sees(lambda: chat.draft)
        await chat.says("and this?")
        await town.sees(lambda: town.house.dispatch.waiting or None)
        await chat.blocks()
        await town.sees(lambda: town.relay.dropped or None)
        await gate.open()
        await other.says("hi")
        await town.answer(other, "For Bob")
        assert len(town.relay.chats) == 2  # what waited is not asked
        await chat.unblocks()
        await chat.says("I am back")
        assert await town.answer(chat, "Welcome") == "Welcome back."


async def test_beyond_the_places_to_wait_people_are_refused_at_once(town: Town, chat: Chat, bob: Member) -> None:
    second, third = town.telegram.private(bob), town.telegram.private(town.telegram.person("Carl"))
    async with town.running(discord_token=None, max_running="1", max_waiting="1"):
        gate = town.relay.hold()
        town.relay.will_say("For Ann.", "For Bob.")
        await chat.says("hi")
        await gate.waiting()
        await second.says("hi")
        await town.sees(lambda: town.house.dispatch.waiting or None)
        await third.says("hi")
        assert "Too many people" in await town.answer(third)
        await gate.open()
        await town.answer(chat, "For Ann")
        await town.answer(second, "For Bob")
    assert len(town.relay.chats) == 2
