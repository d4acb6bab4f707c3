"""Who may ask, how much, how many at once: each limit is driven through a platform."""

from __future__ import annotations

import pytest

from storage.database import DatabaseProblem
from storage.turns import Turns
from tests.e2e.conftest import Town
from tests.fakes.telegram import Chat, Member


async def test_a_person_over_the_limit_a_minute_is_told_when_to_come_back(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None, limit_per_minute="2"):
        town.relay.will_say("One.", "Two.", "Three.")
        for question, holding in (("a", "One."), ("b", "Two."), ("c", "limit")):
            await chat.says(question)
            text = await town.answer(chat, holding)
        assert "2 requests a minute" in text
        assert len(town.relay.chats) == 2
        await town.clock.advance(61)
        await chat.says("d")
        assert await town.answer(chat, "Three") == "Three."


async def test_a_persons_day_ends_the_calls_before_they_are_made(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None, limit_per_day="1"):
        town.relay.will_say("One.")
        await chat.says("a")
        await town.answer(chat, "One.")
        await chat.says("b")
        assert "used up" in await town.answer(chat, "today")
    assert len(town.relay.chats) == 1


async def test_a_persons_tokens_of_a_day_are_a_hard_stop(town: Town, chat: Chat, bob: Member) -> None:
    other = town.telegram.private(bob)
    async with town.running(discord_token=None, limit_tokens_per_day="100"):
        town.relay.will_say("One.", usage=(90, 20))
        town.relay.will_say("For Bob.")
        await chat.says("a")
        await town.answer(chat, "One.")
        await chat.says("b")
        await town.answer(chat, "100 tokens")
        await other.says("a")
        assert await town.answer(other, "Bob") == "For Bob."


async def test_only_those_who_are_allowed_are_served_and_others_learn_their_id(
    town: Town, chat: Chat, ann: Member, bob: Member
) -> None:
    other = town.telegram.private(bob)
    async with town.running(discord_token=None, allow=f"telegram:{ann.id}"):
        town.relay.will_say("Welcome.")
        await other.says("hello")
        assert f"telegram:{bob.id}" in await town.answer(other)
        await chat.says("hello")
        assert await town.answer(chat) == "Welcome."
    assert len(town.relay.chats) == 1


async def test_whoever_has_to_wait_sees_how_many_are_before(town: Town, chat: Chat, bob: Member) -> None:
    other = town.telegram.private(bob)
    async with town.running(discord_token=None, max_running="1"):
        gate = town.relay.hold()
        town.relay.will_say("For Ann.", "For Bob.")
        await chat.says("hi")
        await gate.waiting()
        await other.says("hi")
        await town.sees(lambda: "0 before you" in (other.draft or "") or None)
        await gate.open()
        await town.answer(chat, "For Ann")
        await town.answer(other, "For Bob")


async def test_a_flood_is_refused_once_and_politely_and_what_fits_is_answered(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None):
        gate = town.relay.hold()
        town.relay.will_say("First.", "The rest.")
        await chat.says("first")
        await gate.waiting()
        for number in range(60):
            await chat.says(f"flood {number}")
        await town.sees(lambda: not town.telegram.waiting or None)
        await town.sees(lambda: [m for m in chat.answers if "more than I can see to" in m.text] or None)
        await gate.open()
        await town.answer(chat, "The rest")
        assert len([m for m in chat.answers if "more than I can see to" in m.text]) == 1
    assert len(town.relay.chats) == 2
    assert "flood 0" in str(town.relay.chats[-1]["messages"][-1])


async def test_one_slow_conversation_slows_no_other(town: Town, chat: Chat, bob: Member) -> None:
    other = town.telegram.private(bob)
    async with town.running(discord_token=None):
        town.relay.will_hang()
        await chat.says("slow")
        await town.sees(lambda: town.relay.chats or None)
        town.relay.will_say("Quick.")
        await other.says("quick")
        assert await town.answer(other) == "Quick."
        await chat.says("/stop")
        await town.answer(chat)


async def test_odd_input_is_answered_or_ignored_and_stops_nobody(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None):
        town.relay.will_say("Still here.")
        await chat.presses_data("a:forged", None)
        await chat.presses_data("\x00\ufffd", None)
        await chat.presses_data("stop:999999999999999999999999", None)
        await chat.says("/model no-such-model-anywhere")
        await chat.says("\u202eright to left\u0000 and \u0007 bells")
        await town.answer(chat, "Still here")


async def test_a_text_of_a_megabyte_is_refused_with_a_sentence_before_it_costs_anything(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None):
        await chat.sends_document(b"word " * 250_000, name="big.txt", caption="read this")
        await town.sees(lambda: chat.answers or None)
        assert len(town.relay.chats) <= 1


async def test_another_persons_button_is_not_ones_own(town: Town, ann: Member, bob: Member) -> None:
    group = town.telegram.group("Team", members=[ann, bob], privacy=False)
    async with town.running(discord_token=None):
        town.relay.will_say("An answer.")
        await group.says("/ask something", person=ann)
        await town.answer(group, "An answer")
        await group.presses("Regenerate", person=bob)
        await town.sees(lambda: "Only the person who asked" in group.answers[-1].text or None)
    assert len(town.relay.chats) == 1


async def test_a_database_that_fails_is_an_error_said_and_not_a_silence(
    town: Town, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object, **__: object) -> None:
        raise DatabaseProblem("The disk is full.")

    async with town.running(discord_token=None):
        monkeypatch.setattr(Turns, "answered", full)
        town.relay.will_say("An answer.")
        await chat.says("hello")
        text = await town.answer(chat)
        assert "our side" in text
        assert "disk" not in text


async def test_an_owner_may_do_what_admins_may(town: Town, ann: Member, bob: Member) -> None:
    group = town.telegram.group("Team", members=[ann, bob], privacy=False)
    async with town.running(discord_token=None, owners=f"telegram:{ann.id}"):
        await group.says("/model deepseek-chat", person=bob)
        assert "Only the admins" in await town.answer(group)
        await group.says("/model deepseek-chat", person=ann)
        assert "deepseek-chat" in await town.answer(group, "deepseek-chat")
