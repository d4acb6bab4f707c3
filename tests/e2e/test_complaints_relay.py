"""What people complain about where a bot meets its relay: addresses, streams, thoughts, keys, lengths."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.log import configure
from tests.e2e.conftest import Town
from tests.fakes.telegram import Chat
from tests.polo.replays import sample

EMPTY_KEY: Any = json.loads(sample("relay/errors/403_token_quota.json"))


@pytest.mark.parametrize("form", ["", "/", "/v1", "/v1/", "/v1/chat/completions"])
async def test_every_way_to_write_the_relays_address_works(town: Town, chat: Chat, form: str) -> None:
    async with town.running(discord_token=None, polo_base_url=town.relay_url + form):
        town.relay.will_say("Found.")
        await chat.says("hello")
        assert await town.answer(chat) == "Found."


STREAMS = {
    "relay/streams/empty_choices_first.sse": "Phobos.",
    "relay/streams/usage_every_chunk.sse": "Phobos.",
    "relay/streams/no_done.sse": "Phobos.",
    "relay/streams/ping_comments.sse": "Phobos.",
    "openai/chat_text.stream.sse": "Phobos.",
    "openai/chat_think_tag.stream.sse": "391",
    "openai/chat_reasoning_content.stream.sse": "391",
    "anthropic/compat_thinking.stream.sse": "391",
    "gemini/compat_thinking.stream.sse": "391",
}


@pytest.mark.parametrize("name", STREAMS)
async def test_a_recorded_stream_is_shown_as_its_answer_without_its_thoughts(town: Town, chat: Chat, name: str) -> None:
    async with town.running(discord_token=None):
        town.relay.will_send(sample(name))
        await chat.says("question")
        assert await town.answer(chat, STREAMS[name]) == STREAMS[name]
    shown = [str(call.parameters) for call in town.telegram.calls]
    assert not any(thought in text for text in shown for thought in ("17*20", "17 by 20", "think>"))


async def test_thoughts_that_come_slowly_show_as_a_word_and_never_as_text(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None):
        gate = town.relay.hold()
        town.relay.will_say("Forty-two.", thinking="The user wants a number.")
        await chat.says("question")
        await gate.release(3)
        assert await town.sees(lambda: chat.draft) == "Thinking…"
        await gate.open()
        assert await town.answer(chat, "Forty") == "Forty-two."
    assert "wants" not in str([call.parameters for call in town.telegram.calls])
    assert "wants" not in str(town.relay.chats)


async def test_an_error_in_the_middle_of_a_stream_keeps_the_text_and_says_so(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None):
        town.relay.will_send(sample("relay/streams/error_event_data.sse"))
        await chat.says("question")
        text = await town.answer(chat, "cut off here")
        assert text.startswith("Mars has")
        assert chat.answers[-1].buttons == [["Regenerate", "Continue"]]


async def test_an_empty_key_gives_way_to_the_next_one_and_is_left_alone_for_a_while(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None, polo_api_key="sk-empty-11,sk-funded-22"):
        town.relay.will_fail(403, EMPTY_KEY)
        town.relay.will_say("Paid for.", "And again.")
        await chat.says("one")
        assert await town.answer(chat, "Paid") == "Paid for."
        await chat.says("two")
        await town.answer(chat, "And again")
    asked = [seen for seen in town.relay.received if seen.path.endswith("/chat/completions")]
    assert [seen.key_ending for seen in asked] == ["11", "22", "22"]
    assert {seen.body["model"] for seen in asked} == {"gpt-4.1-mini"}  # another key is no other price class


async def test_when_every_key_is_empty_the_person_is_told_who_can_help(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None, polo_api_key="sk-empty-11,sk-empty-22"):
        town.relay.will_fail(403, EMPTY_KEY)
        town.relay.will_fail(403, EMPTY_KEY)
        await chat.says("hello")
        text = await town.answer(chat, "only its owner can top it up")
        assert "0.001" not in text
        await town.clock.advance(61)
        town.relay.will_say("Topped up.")
        await chat.presses("Try again")
        assert await town.answer(chat, "Topped") == "Topped up."


async def test_a_model_that_is_gone_gives_way_to_a_fallback_and_that_is_said(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None, chat_model="gpt-gone", fallback_models="gpt-gone-too,deepseek-chat"):
        town.relay.will_say("Here I am.")
        await chat.says("hello")
        text = await town.answer(chat, "Here I am")
        assert "Answered by deepseek-chat: gpt-gone is not available" in text


async def test_without_a_fallback_no_other_model_is_asked(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None, chat_model="gpt-gone"):
        await chat.says("hello")
        assert "/model" in await town.answer(chat, "does not offer this model")
    assert {asked["model"] for asked in town.relay.chats} == {"gpt-gone"}


async def test_a_conversation_too_long_for_the_model_is_shortened_by_itself(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None):
        town.relay.will_say("First.", "Second.")
        for words in ("one", "two"):
            await chat.says(words)
            await town.answer(chat, {"one": "First", "two": "Second"}[words])
        town.relay.will_fail(400, json.loads(sample("relay/errors/400_context_length.json")))
        town.relay.will_say("Third.", "A summary.")
        await chat.says("three")
        assert await town.answer(chat, "Third") == "Third."
    refused, taken = town.relay.chats[2:4]
    assert len(taken["messages"]) < len(refused["messages"])
    assert taken["messages"][-1]["content"] == "three"


async def test_a_long_conversation_stays_within_its_budget_for_ever(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None, history_tokens="300"):
        for number in range(12):
            town.relay.will_say(f"Answer {number}. " + "and so on " * 12)
            await chat.says(f"question {number} " + "with many words " * 8)
            await town.answer(chat, f"Answer {number}.")
    lengths = [len(str(asked["messages"][1:])) for asked in town.relay.chats if asked.get("stream")]
    assert len(lengths) == 12
    assert max(lengths) < 300 * 12  # characters: far above what 300 tokens and a question take, far below all of it


async def test_what_was_said_is_known_after_a_restart_and_not_told_where_history_is_off(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None):
        town.relay.will_say("Hello Ann.")
        await chat.says("I am Ann")
        await town.answer(chat, "Hello")
    for chosen, known in (({}, True), ({"history_tokens": "0"}, False)):
        async with town.running(discord_token=None, **chosen):
            town.relay.will_say(f"Known: {known}.")
            await chat.says("Who am I?")
            await town.answer(chat, f"Known: {known}")
        assert ("I am Ann" in str(town.relay.chats[-1]["messages"])) is known
        assert town.relay.chats[-1]["messages"][-1]["content"] == "Who am I?"


async def test_a_start_names_the_address_it_uses_and_the_models_that_are_not_offered(
    town: Town, chat: Chat, capfd: pytest.CaptureFixture[str]
) -> None:
    configure(form="json", level="info")
    async with town.running(discord_token=None, chat_model="gpt-4.1-mini", fallback_models="gpt-4.1-mimi"):
        town.relay.will_say("Here all the same.")
        await chat.says("hello")
        await town.answer(chat, "Here")
    configure(form="json", level="warning")
    log = capfd.readouterr().err
    assert f'"address": "{town.relay_url}/v1"' in log
    [warning] = [line for line in log.splitlines() if "does not offer" in line]
    assert "gpt-4.1-mimi" in warning
    assert "gpt-4.1-mini" in warning


async def test_the_largest_file_is_the_operators_choice(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None, attachment_mb="1"):
        await chat.sends_document(b"words " * 200_000, name="big.txt", caption="read this")
        assert "up to 1 MB" in await town.answer(chat)
    assert town.relay.chats == []
