"""Discord, from a person's finger to the answer on the screen."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.e2e.conftest import Town
from tests.fakes.discord import Channel, User


@pytest.fixture
def dora(town: Town) -> User:
    return town.discord.person("Dora")


@pytest.fixture
def channel(town: Town) -> Channel:
    return town.discord.guild("Team").channel("general")


async def answer(town: Town, channel: Channel, holding: str) -> str:
    """Wait for the bot's newest message to hold some words, and to be finished."""

    def look() -> str | None:
        if not channel.answers:
            return None
        newest = channel.answers[-1]
        growing = newest.thinking or any(label in {"Stop", "停止"} for row in newest.buttons for label in row)
        return newest.text if holding in newest.text and not growing else None

    return await town.sees(look)


async def test_ask_answers_in_the_place_of_the_thinking_message(town: Town, channel: Channel, dora: User) -> None:
    async with town.running(telegram_token=None):
        town.relay.will_say("**Paris**, of course.")
        await channel.slash(dora, "ask", question="Capital of France?")
        assert await answer(town, channel, "Paris") == "**Paris**, of course."
        [only] = channel.answers
        assert only.buttons == (("Regenerate", "Continue"),)


async def test_a_mention_is_answered_as_a_reply_and_the_reply_to_that_is_remembered(
    town: Town, channel: Channel, dora: User
) -> None:
    async with town.running(telegram_token=None):
        town.relay.will_say("Hello Dora.", "You are Dora.")
        asked = await channel.says(dora, "@bot I am Dora")
        await answer(town, channel, "Hello")
        assert channel.answers[-1].reply_to == asked.id
        await channel.replies(dora, channel.answers[-1].note, "Who am I?")
        await answer(town, channel, "You are")
    told = [message["content"] for message in town.relay.chats[-1]["messages"][1:]]
    assert told == ["Dora: I am Dora", "Hello Dora.", "Dora: Who am I?"]


async def test_a_direct_message_needs_no_mention(town: Town, dora: User) -> None:
    direct = town.discord.dm(dora)
    async with town.running(telegram_token=None):
        town.relay.will_say("Hi.")
        await direct.says(dora, "hello")
        assert await answer(town, direct, "Hi") == "Hi."


async def test_a_thread_has_a_memory_of_its_own_and_its_channels_model(town: Town, dora: User) -> None:
    guild = town.discord.guild("Team")
    channel = guild.channel("general")
    thread = guild.thread("side talk", channel)
    guild.admin(dora)
    async with town.running(telegram_token=None):
        await channel.slash(dora, "model", name="deepseek-chat")
        await answer(town, channel, "deepseek-chat")
        town.relay.will_say("In the channel.", "In the thread.")
        await channel.says(dora, "@bot one")
        await answer(town, channel, "In the channel")
        await thread.says(dora, "@bot two")
        await answer(town, thread, "In the thread")
    asked = town.relay.chats[-1]
    assert asked["model"] == "deepseek-chat"
    assert "one" not in str(asked["messages"][1:])


async def test_the_stop_button_is_for_the_one_who_asked(town: Town, channel: Channel, dora: User) -> None:
    eve = town.discord.person("Eve")
    async with town.running(telegram_token=None):
        gate = town.relay.hold()
        town.relay.will_say("one two three four")
        await channel.says(dora, "@bot count")
        await gate.release(2)
        await town.sees(lambda: channel.answers or None)
        await channel.presses(eve, "Stop")
        await town.sees(lambda: [seen for seen in channel.seen_by(eve) if "Only the person" in seen.text] or None)
        assert not [seen for seen in channel.seen_by(dora) if "Only the person" in seen.text]
        await channel.presses(dora, "Stop")
        assert "four" not in await answer(town, channel, "(stopped)")


async def test_the_model_is_completed_while_typing_and_chosen_for_the_channel(
    town: Town, channel: Channel, dora: User
) -> None:
    async with town.running(telegram_token=None):
        assert "deepseek-chat" in await channel.completes(dora, "model", "name", "deep")


async def test_ask_about_this_takes_the_message_along(town: Town, channel: Channel, dora: User) -> None:
    eve = town.discord.person("Eve")
    async with town.running(telegram_token=None):
        town.relay.will_say("It says hello in Esperanto.")
        note = await channel.says(eve, "Saluton")
        await channel.context_menu(dora, "Ask about this", note)
        await answer(town, channel, "Esperanto")
    assert "Saluton" in str(town.relay.chats[-1]["messages"][-1]["content"])


async def test_a_persona_of_ones_own_is_written_in_a_window(town: Town, dora: User) -> None:
    direct = town.discord.dm(dora)
    async with town.running(telegram_token=None):
        await direct.slash(dora, "persona")
        await answer(town, direct, "")
        await direct.presses(dora, "Write one…")
        await town.sees(lambda: dora.modal)
        await direct.submits(dora, {"name": "Pirate", "text": "Talk like a pirate."})
        await answer(town, direct, "Pirate")
        town.relay.will_say("Arr!")
        await direct.says(dora, "hello")
        await answer(town, direct, "Arr")
    assert "Talk like a pirate." in town.relay.chats[-1]["messages"][0]["content"]


async def test_models_that_write_everyone_ping_nobody(town: Town, channel: Channel, dora: User) -> None:
    async with town.running(telegram_token=None):
        town.relay.will_say(f"@everyone look, <@{dora.id}>!")
        await channel.says(dora, "@bot shout")
        await answer(town, channel, "everyone")
        assert channel.answers[-1].pinged == ()


async def test_an_answer_that_outlives_the_interactions_quarter_of_an_hour_still_arrives(
    town: Town, channel: Channel, dora: User
) -> None:
    async with town.running(telegram_token=None):
        gate = town.relay.hold()
        town.relay.will_say("At last.")
        await channel.slash(dora, "ask", question="slow one")
        await gate.waiting()
        await town.clock.advance(16 * 60)
        await gate.open()
        assert await answer(town, channel, "At last") == "At last."


async def test_a_failing_relay_is_one_sentence_with_a_code_and_a_button(
    town: Town, channel: Channel, dora: User
) -> None:
    async with town.running(telegram_token=None):
        town.relay.will_fail(401, {"error": {"message": "无效的令牌", "type": "new_api_error"}})
        await channel.slash(dora, "ask", question="hello?")
        text = await answer(town, channel, "does not accept the bot's key")
        assert "sk-" not in text
        town.relay.will_say("Back again.")
        await town.clock.advance(3600)
        await channel.presses(dora, "Try again")
        assert await answer(town, channel, "Back again") == "Back again."


async def test_an_edited_question_is_asked_again_and_its_answer_replaced(
    town: Town, channel: Channel, dora: User
) -> None:
    async with town.running(telegram_token=None):
        town.relay.will_say("Paris.", "Rome.")
        asked = await channel.says(dora, "@bot Capital of France?")
        await answer(town, channel, "Paris")
        await channel.edits(dora, asked, "@bot Capital of Italy?")
        await answer(town, channel, "Rome")
        assert len(channel.answers) == 1


async def test_both_platforms_are_served_side_by_side_and_one_that_falls_leaves_the_other_up(
    town: Town, channel: Channel, dora: User
) -> None:
    chat = town.telegram.private(town.telegram.person("Ann"))
    async with town.running():
        town.relay.will_say("For Discord.", "For Telegram.")
        await channel.says(dora, "@bot hi")
        await answer(town, channel, "For Discord")
        await town.discord.stop()
        await chat.says("hi")
        assert await town.answer(chat, "For Telegram") == "For Telegram."


async def test_the_interactions_token_leaves_the_database_with_the_turns_end(
    town: Town, channel: Channel, dora: User
) -> None:
    async with town.running(telegram_token=None):
        gate = town.relay.hold()
        town.relay.will_say("Done.")
        interaction = await channel.slash(dora, "ask", question="anything")
        await gate.waiting()
        with closing(sqlite3.connect(town.folder / "bot.db")) as database:
            [[during]] = database.execute("SELECT via FROM turns").fetchall()
        await gate.open()
        await answer(town, channel, "Done")
        with closing(sqlite3.connect(town.folder / "bot.db")) as database:
            await town.sees(lambda: database.execute("SELECT 1 FROM turns WHERE state = 'done'").fetchall() or None)
            rows = database.execute("SELECT * FROM turns").fetchall()
    assert interaction.token in during
    assert interaction.token not in str(rows)
