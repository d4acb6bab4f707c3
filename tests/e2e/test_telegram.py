"""Telegram, from a person's finger to the answer on the screen."""

from __future__ import annotations

from tests.e2e.conftest import Town
from tests.fakes.telegram import Chat, Member


def last_words(town: Town) -> str:
    """Return the text of the last message of the last chat that the relay was sent."""
    content = town.relay.chats[-1]["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


async def test_words_in_a_private_chat_are_answered_and_remembered(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None):
        town.relay.will_say("Nice to meet you, **Ann**!", "You are Ann.")
        await chat.says("My name is Ann.")
        assert await town.answer(chat, "Nice") == "Nice to meet you, Ann!"
        await chat.says("Who am I?")
        assert await town.answer(chat, "You are") == "You are Ann."
    said = [(message["role"], message["content"]) for message in town.relay.chats[-1]["messages"]][1:]
    assert said == [
        ("user", "My name is Ann."),
        ("assistant", "Nice to meet you, **Ann**!"),
        ("user", "Who am I?"),
    ]


async def test_an_answer_grows_as_a_draft_in_a_private_chat_before_it_is_a_message(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None):
        gate = town.relay.hold()
        town.relay.will_say("one two three four")
        await chat.says("count")
        await gate.release(2)
        draft = await town.sees(lambda: chat.draft)
        assert "one two three four".startswith(draft.strip())
        assert chat.answers == []
        await gate.open()
        assert await town.answer(chat, "four") == "one two three four"
        assert [row for message in chat.answers for row in message.buttons] == [["Regenerate", "Continue"]]


async def test_telegrams_own_stop_button_ends_the_answer_and_keeps_what_was_said(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None):
        gate = town.relay.hold()
        town.relay.will_say("one two three four")
        await chat.says("count")
        await gate.release(2)
        await town.sees(lambda: chat.draft)
        await chat.stops_draft()
        text = await town.answer(chat, "(stopped)")
        assert text.startswith("one")
        assert "four" not in text
        await town.sees(lambda: town.relay.dropped or None)


async def test_regenerate_replaces_the_answer_and_continue_adds_to_it(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None):
        town.relay.will_say("First try.", "Second try.", "And more.")
        await chat.says("Tell me something")
        await town.answer(chat, "First")
        await chat.presses("Regenerate")
        await town.answer(chat, "Second")
        assert [message.text for message in chat.answers] == ["Second try."]
        await chat.presses("Continue")
        await town.answer(chat, "more")
        assert [message.text for message in chat.answers] == ["Second try.", "And more."]
    told = [message["content"] for message in town.relay.chats[-1]["messages"]]
    assert "First try." not in told
    assert "Second try." in told


async def test_editing_ones_last_question_asks_it_again_in_the_same_place(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None):
        town.relay.will_say("Paris.", "Rome.")
        asked = await chat.says("Capital of France?")
        await town.answer(chat, "Paris")
        await chat.edits(asked, "Capital of Italy?")
        await town.answer(chat, "Rome")
        assert [message.text for message in chat.answers] == ["Rome."]
    assert [m["content"] for m in town.relay.chats[-1]["messages"][1:]] == ["Capital of Italy?"]


async def test_editing_a_question_while_its_answer_grows_ends_that_answer(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None):
        gate = town.relay.hold()
        town.relay.will_say("Paris is the capital of France.", "Rome.")
        asked = await chat.says("Capital of France?")
        await gate.release(2)
        await town.sees(lambda: chat.draft)
        await chat.edits(asked, "Capital of Italy?")
        await town.sees(lambda: town.relay.dropped or None)
        await gate.open()
        await town.answer(chat, "Rome")
        assert [message.text for message in chat.answers] == ["Rome."]


async def test_quick_messages_sent_while_an_answer_grows_are_answered_together(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None):
        gate = town.relay.hold()
        town.relay.will_say("First answer.", "Second answer.")
        await chat.says("one")
        await gate.waiting()
        await chat.says("two")
        await chat.says("three")
        await town.sees(lambda: town.house.dispatch.waiting == 2 or None)
        await gate.open()
        await town.answer(chat, "Second")
    assert len(town.relay.chats) == 2
    assert last_words(town) == "two\nthree"


async def test_stop_ends_what_runs_and_what_waits(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None):
        gate = town.relay.hold()
        town.relay.will_say("one two three four")
        await chat.says("count")
        await gate.release(2)
        await town.sees(lambda: chat.draft)
        await chat.says("and then?")
        await town.sees(lambda: town.house.dispatch.waiting or None)
        await chat.says("/stop")
        await town.sees(lambda: (any("(stopped)" in m.text for m in chat.answers) and len(chat.answers) == 2) or None)
    assert len(town.relay.chats) == 1


async def test_reset_forgets_the_conversation_so_far(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None):
        town.relay.will_say("Hello Ann.", "I do not know.")
        await chat.says("I am Ann")
        await town.answer(chat, "Hello")
        await chat.says("/reset")
        await town.sees(lambda: len(chat.answers) == 2 or None)
        await chat.says("Who am I?")
        await town.answer(chat, "do not know")
    assert [m["content"] for m in town.relay.chats[-1]["messages"][1:]] == ["Who am I?"]


async def test_a_group_is_answered_on_mention_reply_and_command_and_names_who_speaks(
    town: Town, ann: Member, bob: Member
) -> None:
    group = town.telegram.group("Team", members=[ann, bob], privacy=False)
    async with town.running(discord_token=None):
        town.relay.will_say("To the mention.", "To the reply.", "To the command.")
        await group.says("nobody asked you", person=bob)
        await group.says(f"@{town.telegram.bot.username} hello", person=ann)
        await town.answer(group, "mention")
        await group.replies("and me?", group.answers[-1], person=bob)
        await town.answer(group, "reply")
        await group.says("/ask what time is it", person=ann)
        await town.answer(group, "command")
    assert len(town.relay.chats) == 3
    assert last_words(town) == "Ann: what time is it"
    assert any("Bob: and me?" in str(m["content"]) for m in town.relay.chats[1]["messages"])


async def test_each_forum_topic_has_a_memory_of_its_own_and_is_answered_in_it(town: Town, ann: Member) -> None:
    forum = town.telegram.group("Forum", members=[ann], privacy=False, forum=True)
    async with town.running(discord_token=None):
        cats, dogs = await forum.makes_topic("Cats"), await forum.makes_topic("Dogs")
        town.relay.will_say("About cats.", "About dogs.")
        await forum.says("/ask cats?", person=ann, topic=cats)
        await town.answer(forum, "cats")
        await forum.says("/ask dogs?", person=ann, topic=dogs)
        await town.answer(forum, "dogs")
        assert [message.thread for message in forum.answers] == [cats, dogs]
    assert "cats?" not in str(town.relay.chats[-1]["messages"])


async def test_a_group_that_becomes_a_supergroup_keeps_its_memory(town: Town, ann: Member) -> None:
    group = town.telegram.group("Team", members=[ann], privacy=False)
    async with town.running(discord_token=None):
        town.relay.will_say("Noted.", "Blue.")
        await group.says("/ask the colour is blue", person=ann)
        await town.answer(group, "Noted")
        moved = await group.migrates()
        await moved.says("/ask which colour?", person=ann)
        await town.answer(moved, "Blue")
    assert "the colour is blue" in str(town.relay.chats[-1]["messages"])


async def test_an_album_is_one_question_with_all_its_pictures(town: Town, chat: Chat) -> None:
    async with town.running(discord_token=None):
        town.relay.will_say("Two pictures.")
        await chat.sends_album(PNG, PNG, caption="What are these?", caption_on=1)
        await town.answer(chat, "Two")
    [asked] = town.relay.chats
    kinds = [part["type"] for part in asked["messages"][-1]["content"]]
    assert sorted(kinds) == ["image_url", "image_url", "text"]


async def test_a_reply_to_an_old_picture_brings_the_picture_along(town: Town, chat: Chat, ann: Member) -> None:
    group = town.telegram.group("Team", members=[ann], privacy=False)
    async with town.running(discord_token=None):
        town.relay.will_say("A white square.")
        picture = await group.sends_photo(PNG, person=ann)
        await group.replies(f"@{town.telegram.bot.username} what is this?", picture, person=ann)
        await town.answer(group, "white")
    assert "image_url" in str(town.relay.chats[-1]["messages"][-1]["content"])


async def test_chinese_is_spoken_to_people_whose_telegram_is_chinese(town: Town) -> None:
    li = town.telegram.private(town.telegram.person("李", language="zh-hans"))
    async with town.running(discord_token=None):
        await li.says("/nonsense")
        assert await town.answer(li) == "没有 /nonsense 这个命令。发送 /help 查看功能。"


async def test_a_person_who_blocked_the_bot_harms_nobody_else(town: Town, chat: Chat, bob: Member) -> None:
    other = town.telegram.private(bob)
    async with town.running(discord_token=None):
        gate = town.relay.hold()
        town.relay.will_say("For Ann.", "For Bob.")
        await chat.says("hi")
        await gate.waiting()
        await chat.blocks()
        await gate.open()
        await other.says("hi")
        assert await town.answer(other, "For Bob") == "For Bob."


async def test_a_very_long_answer_goes_on_in_further_messages_without_a_429(town: Town, chat: Chat) -> None:
    words = " ".join(f"word{number}" for number in range(1800))
    async with town.running(discord_token=None):
        town.relay.will_say(words)
        await chat.says("go on")
        await town.answer(chat, "word1799")
        assert " ".join(message.text for message in chat.answers).split() == words.split()
        assert [call for call in town.telegram.calls if call.status == 429] == []


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8ffff3f0005fe02fe"
    "a739ab510000000049454e44ae426082"
)
