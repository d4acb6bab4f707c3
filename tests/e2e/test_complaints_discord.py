"""What people complain about in Discord bots of this kind, driven through the whole bot."""

from __future__ import annotations

import json
from functools import partial

import pytest

from tests.e2e.conftest import Town
from tests.e2e.test_discord import answer
from tests.e2e.test_telegram import PNG
from tests.fakes.discord import Channel, User

HOUR_S = 3600.0


@pytest.fixture
def dora(town: Town) -> User:
    return town.discord.person("Dora")


@pytest.fixture
def channel(town: Town) -> Channel:
    return town.discord.guild("Team").channel("general")


def holding(channel: Channel, words: str) -> bool | None:
    """Tell, once it is so, that the bot's messages show these words."""
    return True if any(words in seen.text for seen in channel.answers) else None


async def test_an_answer_that_grows_past_the_tokens_end_is_finished_in_the_same_message(
    town: Town, channel: Channel, dora: User
) -> None:
    async with town.running(telegram_token=None):
        gate = town.relay.hold()
        town.relay.will_say("one two three four")
        interaction = await channel.slash(dora, "ask", question="slow one")
        await gate.release(2)
        await town.sees(lambda: [seen for seen in channel.answers if "one" in seen.text] or None)
        interaction.made_at -= 16 * 60  # for Discord the quarter of an hour is over, for the bot it is not
        await gate.open()
        assert await answer(town, channel, "four") == "one two three four"
        assert len(channel.answers) == 1


async def test_a_channel_that_closes_meanwhile_gets_its_answer_as_a_direct_message(
    town: Town, channel: Channel, dora: User
) -> None:
    async with town.running(telegram_token=None):
        gate = town.relay.hold()
        town.relay.will_say("At last.")
        interaction = await channel.slash(dora, "ask", question="slow one")
        await gate.waiting()
        interaction.made_at -= 16 * 60
        channel.room.bot_reads = channel.room.bot_writes = False
        await gate.open()
        assert await answer(town, town.discord.dm(dora), "At last") == "At last."


async def test_buttons_work_after_a_month_and_a_restart(town: Town, channel: Channel, dora: User) -> None:
    town.relay.will_say("First try.", "Second try.")
    async with town.running(telegram_token=None):
        await channel.slash(dora, "ask", question="Tell me something")
        await answer(town, channel, "First")
    await town.clock.advance(30 * 24 * HOUR_S)
    async with town.running(telegram_token=None):
        await channel.presses(dora, "Regenerate")
        await answer(town, channel, "Second")
        assert [seen.text for seen in channel.answers] == ["Second try."]


async def test_a_long_answer_is_several_messages_of_2000_characters_with_nothing_lost(
    town: Town, channel: Channel, dora: User
) -> None:
    code = "\n".join(f"line_{number} = {number}" for number in range(250))
    words = " ".join(f"word{number}" for number in range(300))
    async with town.running(telegram_token=None):
        town.relay.will_say(f"{words}\n\n```python\n{code}\n```\n\nThe end.")
        await channel.slash(dora, "ask", question="go on")
        await answer(town, channel, "The end")
        texts = [seen.text for seen in channel.answers]
    assert len(texts) > 2
    assert all(len(text) <= 2000 for text in texts)
    assert all(text.count("```") % 2 == 0 for text in texts)
    together = "\n".join(texts).replace("```python", "").replace("```", "").split()
    assert together == [*words.split(), *code.split(), "The", "end."]


async def test_pictures_are_known_after_their_links_have_ended(town: Town, channel: Channel, dora: User) -> None:
    eve = town.discord.person("Eve")
    town.relay.will_say("A square.", "White.", "Another square.")
    async with town.running(telegram_token=None):
        await channel.says(dora, "@bot what is this?", files=[("one.png", PNG, "image/png")])
        await answer(town, channel, "A square")
        unasked = await channel.says(eve, "my picture", files=[("two.png", PNG, "image/png")])
    await town.clock.advance(25 * HOUR_S)
    async with town.running(telegram_token=None):
        await channel.says(dora, "@bot and its colour?")
        await answer(town, channel, "White")
        assert "image_url" in json.dumps(town.relay.chats[-1])  # out of memory
        await channel.replies(dora, unasked, "@bot and this?")
        await answer(town, channel, "Another")
    [*_, asked] = town.relay.chats[-1]["messages"]
    assert "image_url" in json.dumps(asked)
    assert town.discord.url not in json.dumps(town.relay.chats)


async def test_the_menu_is_not_sent_again_at_the_next_start(town: Town, channel: Channel, dora: User) -> None:
    for _ in range(3):
        async with town.running(telegram_token=None):
            await town.sees(lambda: town.discord.commands or None)
            town.relay.will_say("Here.")
            await channel.slash(dora, "ask", question="Are you there?")
            await answer(town, channel, "Here")
    assert town.discord.syncs == 1


async def test_other_bots_and_webhooks_are_not_answered(town: Town, channel: Channel, dora: User) -> None:
    robot = town.discord.person("Robot", bot=True)
    async with town.running(telegram_token=None):
        town.relay.will_say("For Dora.")
        await channel.says(robot, "@bot again and again")
        await channel.says(dora, "@bot from a webhook", webhook=True)
        await channel.says(dora, "@bot hello")
        await answer(town, channel, "For Dora")
        assert len(channel.answers) == 1
    [asked] = town.relay.chats
    assert asked["messages"][-1]["content"] == "Dora: hello"


async def test_a_server_that_throws_the_bot_out_ends_its_work_and_nobody_elses(town: Town, dora: User) -> None:
    closing, other = town.discord.guild("Closing"), town.discord.guild("Other")
    channel, elsewhere = closing.channel("general"), other.channel("general")
    async with town.running(telegram_token=None):
        gate = town.relay.hold()
        town.relay.will_say("one two three four", "For the other.")
        await channel.says(dora, "@bot count")
        await gate.release(2)
        await town.sees(lambda: channel.answers or None)
        await closing.kicks_bot()
        await town.sees(lambda: town.relay.dropped or None)
        await gate.open()
        await elsewhere.says(dora, "@bot hello")
        assert await answer(town, elsewhere, "For the other") == "For the other."


async def test_a_growing_answer_keeps_to_discords_pace(town: Town, channel: Channel, dora: User) -> None:
    async with town.running(telegram_token=None):
        gate = town.relay.hold()
        town.relay.will_say(" ".join(f"word{number}" for number in range(600)))
        await channel.slash(dora, "ask", question="go on")
        for word in range(50, 550, 50):
            await gate.release(50)
            await town.sees(partial(holding, channel, f"word{word - 2} "))
        await gate.open()
        await answer(town, channel, "word599")
        assert max(seen.edits for seen in channel.answers) > 2
        assert [call for call in town.discord.calls if call.status == 429] == []


@pytest.mark.parametrize("event", ["MESSAGE_CREATE", "INTERACTION_CREATE"])
async def test_an_event_that_the_gateway_repeats_is_answered_once(
    town: Town, channel: Channel, dora: User, event: str
) -> None:
    async with town.running(telegram_token=None):
        gate = town.relay.hold()
        town.relay.will_say("Once.", "To the next.")
        if event == "MESSAGE_CREATE":
            await channel.says(dora, "@bot hello")
        else:
            await channel.slash(dora, "ask", question="hello")
        await gate.waiting()
        await town.discord.gateway.replay(event)
        await gate.open()
        await answer(town, channel, "Once")
        await channel.says(dora, "@bot and now?")
        await answer(town, channel, "To the next")
        assert len(channel.answers) == 2
    asked = [one["messages"][-1]["content"] for one in town.relay.chats]
    assert asked == ["Dora: hello", "Dora: and now?"]


async def test_the_acknowledgement_waits_for_neither_model_nor_others(town: Town, channel: Channel, dora: User) -> None:
    async with town.running(telegram_token=None, max_running="1"):
        gate = town.relay.hold()
        town.relay.will_say("For Dora.", "For Eve.")
        first = await channel.slash(dora, "ask", question="slow")
        await gate.waiting()
        second = await channel.slash(town.discord.person("Eve"), "ask", question="me too")
        await town.discord.until(lambda: first.answered.is_set() and second.answered.is_set())
        assert max(first.answered_after or 0.0, second.answered_after or 0.0) < 3
        await gate.open()
        await answer(town, channel, "For Eve")
