"""A group becomes a supergroup: everything goes along under its new id."""

from __future__ import annotations

from storage.records import Question
from tests.storage.talk import ANN, Talk, new_action, new_turn, words

BIG = 1_000_000
OLD, NEW = "telegram:-5", "telegram:-1005"


async def test_everything_of_a_chat_and_its_topics_moves(talk: Talk) -> None:
    database = talk.database
    for topic in ("", ":7"):
        await talk.say("q" + topic, "a", conversation=OLD + topic, message="1", shown=["2"])
        await talk.accept(new_turn(conversation=OLD + topic, message="3"))
        await database.settings.put(OLD + topic, "model", "m" + topic)
        await database.actions.store([new_action("act" + topic, conversation=OLD + topic)])
        await database.questions.ask(Question(OLD + topic, ANN, "a", {}, None, 1.0))
    assert await database.settings.lookup([NEW]) == {}

    await database.moved("telegram", "-5", "-1005")

    for topic in ("", ":7"):
        here = NEW + topic
        assert words(await database.memory.recall(here, budget=BIG)) == ["q" + topic, "a"]
        assert await database.memory.linked(here, "2") is not None
        assert len(await database.turns.recent(here, at_most=9)) == 1
        assert await database.turns.by_message(here, "3") is not None
        assert await database.settings.lookup([here]) == {"model": "m" + topic}
        action = await database.actions.load("act" + topic)
        assert action is not None
        assert action.conversation == here
        assert await database.questions.pending(here, ANN) is not None
        assert (await database.usage.totals(conversation=here)).calls == 1
        assert await database.memory.export(OLD + topic) == []
        assert await database.settings.lookup([OLD + topic]) == {}
    assert await database.memory.conversations_of(ANN) == [NEW, NEW + ":7"]


async def test_chats_whose_ids_begin_alike_stay(talk: Talk) -> None:
    for place in ("telegram:-50", "telegram:-5x", "discord:-5", "telegram:-", "telegram:-5;"):
        await talk.say("q", "a", conversation=place)

    await talk.database.moved("telegram", "-5", "-1005")

    for place in ("telegram:-50", "telegram:-5x", "discord:-5", "telegram:-", "telegram:-5;"):
        assert len(await talk.database.memory.export(place)) == 2


async def test_what_the_new_chat_has_already_stays_and_its_talk_goes_on_from_the_old(talk: Talk) -> None:
    database = talk.database
    await talk.say("old", "a", conversation=OLD, message="1", shown=["2"])
    _, newest = await talk.say("new", "b", conversation=NEW, message="1")
    for place, value in ((OLD, "old"), (NEW, "new")):
        await database.settings.put(place, "model", value)
        await database.questions.ask(Question(place, ANN, value, {}, None, 1.0))
    await database.settings.put(OLD, "persona", "bard")

    await database.moved("telegram", "-5", "-1005")

    recall = await database.memory.recall(NEW, budget=BIG)
    assert (recall.head, words(recall)) == (newest, ["old", "a", "new", "b"])
    assert await database.settings.lookup([NEW]) == {"model": "new", "persona": "bard"}
    question = await database.questions.pending(NEW, ANN)
    assert question is not None
    assert question.action == "new"
    linked = await database.memory.linked(NEW, "1")
    assert linked == recall.messages[2].id


async def test_a_new_chat_that_was_reset_takes_the_old_head(talk: Talk) -> None:
    _, head = await talk.say("old", "a", conversation=OLD)
    await talk.database.memory.reset(NEW)

    await talk.database.moved("telegram", "-5", "-1005")

    assert await talk.database.memory.head(NEW) == head


async def test_moving_twice_or_nowhere_changes_nothing(talk: Talk) -> None:
    await talk.say("old", "a", conversation=OLD)
    for old, new in (("-5", "-1005"), ("-5", "-1005"), ("-1005", "-1005")):
        await talk.database.moved("telegram", old, new)

    assert words(await talk.database.memory.recall(NEW, budget=BIG)) == ["old", "a"]
