"""The conversation's tree: what a model is told, where replies branch, what a summary stands for."""

from __future__ import annotations

from storage.records import Exchange, NewMessage, Recall, Role, StoredFile
from tests.clock import FakeClock
from tests.storage.talk import ANN, GROUP, HOME, Talk, words

BIG = 1_000_000


async def test_an_empty_conversation_recalls_nothing(talk: Talk) -> None:
    assert await talk.database.memory.recall(HOME, budget=BIG) == Recall(None, None, ())


async def test_recall_gives_messages_oldest_first(talk: Talk) -> None:
    await talk.say("one", "two")
    _, last = await talk.say("three", "four")

    recall = await talk.database.memory.recall(HOME, budget=BIG)

    assert words(recall) == ["one", "two", "three", "four"]
    assert (recall.head, recall.left_out) == (last, False)
    assert [message.parent for message in recall.messages] == [None, *(m.id for m in recall.messages[:-1])]


async def test_recall_keeps_to_its_budget_and_says_what_it_left_out(talk: Talk) -> None:
    for n in range(3):
        await talk.say(f"q{n}", f"a{n}", tokens=10)
    memory = talk.database.memory

    assert words(await memory.recall(HOME, budget=30)) == ["a1", "q2", "a2"]
    assert words(await memory.recall(HOME, budget=29)) == ["q2", "a2"]
    assert (await memory.recall(HOME, budget=30)).left_out
    assert not (await memory.recall(HOME, budget=60)).left_out
    assert words(await memory.recall(HOME, budget=60)) == ["q0", "a0", "q1", "a1", "q2", "a2"]


async def test_the_newest_message_is_recalled_whatever_its_size(talk: Talk) -> None:
    await talk.say("short", "endless", tokens=5000)

    recall = await talk.database.memory.recall(HOME, budget=10)

    assert words(recall) == ["endless"]
    assert recall.left_out


async def test_recall_gives_at_most_so_many_messages(talk: Talk) -> None:
    for n in range(3):
        await talk.say(f"q{n}", f"a{n}")

    assert words(await talk.database.memory.recall(HOME, budget=BIG, at_most=2)) == ["q2", "a2"]


async def test_a_reply_to_an_older_message_branches_there(talk: Talk) -> None:
    _, first = await talk.say("q1", "a1")
    _, second = await talk.say("q2", "a2")
    await talk.say("q2 again", "a2 again", below=first)
    memory = talk.database.memory

    assert words(await memory.recall(HOME, budget=BIG)) == ["q1", "a1", "q2 again", "a2 again"]
    assert words(await memory.recall(HOME, at=second, budget=BIG)) == ["q1", "a1", "q2", "a2"]


async def test_a_message_of_another_conversation_is_not_recalled(talk: Talk) -> None:
    _, theirs = await talk.say("secret", "told", conversation=GROUP)
    await talk.say("q", "a")

    assert await talk.database.memory.recall(HOME, at=theirs, budget=BIG) == Recall(None, None, ())


async def test_an_exchange_below_a_message_that_is_gone_begins_a_new_tree(talk: Talk) -> None:
    _, theirs = await talk.say("secret", "told", conversation=GROUP)

    await talk.say("q", "a", below=theirs)

    assert words(await talk.database.memory.recall(HOME, budget=BIG)) == ["q", "a"]


async def test_reset_starts_anew_and_deletes_nothing(talk: Talk) -> None:
    _, old = await talk.say("q1", "a1")
    memory = talk.database.memory

    await memory.reset(HOME)
    assert await memory.recall(HOME, budget=BIG) == Recall(None, None, ())
    await talk.say("q2", "a2")

    assert words(await memory.recall(HOME, budget=BIG)) == ["q2", "a2"]
    assert words(await memory.recall(HOME, at=old, budget=BIG)) == ["q1", "a1"]
    assert [message.text for message in await memory.export(HOME)] == ["q1", "a1", "q2", "a2"]


async def test_a_summary_ends_the_walk_and_stands_for_all_above(talk: Talk) -> None:
    await talk.say("q1", "a1")
    _, upto = await talk.say("q2", "a2")
    await talk.say("q3", "a3")
    memory = talk.database.memory

    await memory.summarise(HOME, upto, "they said hello", 4)
    recall = await memory.recall(HOME, budget=BIG)

    assert recall.summary == "they said hello"
    assert words(recall) == ["q3", "a3"]
    assert not recall.left_out


async def test_a_summary_right_above_the_budget_is_still_given(talk: Talk) -> None:
    _, upto = await talk.say("q1", "a1", tokens=100)
    await talk.say("q2", "a2", tokens=10)
    await talk.database.memory.summarise(HOME, upto, "short", 1)

    recall = await talk.database.memory.recall(HOME, budget=20)

    assert (recall.summary, words(recall), recall.left_out) == ("short", ["q2", "a2"], False)


async def test_a_summary_out_of_reach_is_left_out(talk: Talk) -> None:
    _, upto = await talk.say("q1", "a1")
    await talk.say("q2", "a2", tokens=10)
    await talk.say("q3", "a3", tokens=10)
    await talk.database.memory.summarise(HOME, upto, "short", 1)

    recall = await talk.database.memory.recall(HOME, budget=20)

    assert (recall.summary, words(recall), recall.left_out) == (None, ["q3", "a3"], True)


async def test_a_summarised_head_is_told_by_its_summary_alone(talk: Talk) -> None:
    _, head = await talk.say("q1", "a1")
    await talk.database.memory.summarise(HOME, head, "short", 1)

    assert await talk.database.memory.recall(HOME, budget=BIG) == Recall(head, "short", ())


async def test_a_summary_can_be_replaced(talk: Talk) -> None:
    _, upto = await talk.say("q1", "a1")
    await talk.say("q2", "a2")
    memory = talk.database.memory

    await memory.summarise(HOME, upto, "first", 1)
    await memory.summarise(HOME, upto, "second", 1)

    assert (await memory.recall(HOME, budget=BIG)).summary == "second"


async def test_a_summary_is_not_put_into_another_conversation(talk: Talk) -> None:
    _, theirs = await talk.say("q", "a", conversation=GROUP)

    await talk.database.memory.summarise(HOME, theirs, "stray", 1)

    assert (await talk.database.memory.recall(GROUP, budget=BIG)).summary is None


async def test_chat_messages_lead_to_what_they_show_and_the_newest_link_wins(talk: Talk) -> None:
    memory = talk.database.memory
    asked, said = await talk.say("q1", "a1", message="10", shown=["11", "12"])

    assert await memory.linked(HOME, "10") == asked
    assert await memory.linked(HOME, "12") == said
    _, again = await talk.say("q1", "another a1", fresh=True, message="10", shown=["11"])
    assert await memory.linked(HOME, "11") == again
    assert await memory.linked(HOME, "12") == said
    assert await memory.linked(GROUP, "11") is None


async def test_files_come_with_their_messages_in_order(talk: Talk) -> None:
    files = tuple(StoredFile(f"{n:064x}", f"{n}.png", "image/png", n) for n in range(3))
    asked, _ = await talk.say("look", "seen", files=files)
    memory = talk.database.memory

    assert (await memory.recall(HOME, budget=BIG)).messages[0].files == files
    message = await memory.message(asked)
    assert message is not None
    assert message.files == files
    assert (await memory.export(HOME))[0].files == files


async def test_the_messages_of_a_turn_are_found_by_it(talk: Talk) -> None:
    database = talk.database
    await talk.say("before", "before")
    turn = await talk.accept()
    three = tuple(
        NewMessage(role, text, 1) for role, text in ((Role.USER, "a"), (Role.ASSISTANT, "b"), (Role.USER, "c"))
    )
    ids = await database.turns.answered(turn, b"", exchange=Exchange(HOME, None, three))
    await talk.say("after", "after")

    messages = await database.memory.of_turn(turn)

    assert [message.text for message in messages] == ["a", "b", "c"]
    assert tuple(message.id for message in messages) == ids
    assert await database.memory.of_turn(turn + 100) == ()


async def test_a_message_is_remembered_whole(talk: Talk, clock: FakeClock) -> None:
    asked, said = await talk.say("Was heißt 你好 🙂?", "a")
    message, answer = await talk.database.memory.message(asked), await talk.database.memory.message(said)

    assert message is not None
    assert answer is not None
    assert (message.text, message.role, message.person, message.said_at) == (
        "Was heißt 你好 🙂?",
        Role.USER,
        ANN,
        clock.now(),
    )
    assert (answer.model, answer.person, answer.parent) == ("gpt", None, asked)
    assert await talk.database.memory.message(said + 1) is None


async def test_text_that_no_database_takes_is_remembered_as_far_as_it_can_be(talk: Talk) -> None:
    asked, said = await talk.say("half \ud83d of a pair", "whole \ud83d\ude42 pair")
    question, answer = await talk.database.memory.message(asked), await talk.database.memory.message(said)

    assert question is not None
    assert answer is not None
    assert question.text == "half \ufffd of a pair"
    assert answer.text == "whole 🙂 pair"


async def test_nul_in_a_text_stops_nothing(talk: Talk) -> None:
    await talk.say("a\x00b", "c")

    [question, _] = (await talk.database.memory.recall(HOME, budget=BIG)).messages
    assert question.text in ("a\x00b", "a\ufffdb")  # PostgreSQL takes no NUL


async def test_retention_takes_old_messages_their_links_and_files(talk: Talk, clock: FakeClock) -> None:
    database = talk.database
    picture = await database.files.put(b"picture", name="p.png", media_type="image/png")
    _, old = await talk.say("q1", "a1", files=(picture,), message="1", shown=["2"])
    await clock.advance(100)
    cut = clock.now()
    await talk.say("q2", "a2", message="3", shown=["4"])

    assert await database.memory.prune(cut) == 2

    recall = await database.memory.recall(HOME, budget=BIG)
    assert (words(recall), recall.left_out) == (["q2", "a2"], False)
    assert await database.memory.linked(HOME, "2") is None
    assert await database.memory.linked(HOME, "4") is not None
    assert await database.memory.message(old) is None
    assert not database.files.path(picture.digest).exists()


async def test_a_conversation_whose_head_is_too_old_starts_anew(talk: Talk, clock: FakeClock) -> None:
    database = talk.database
    await talk.say("q1", "a1")
    await clock.advance(100)

    assert await database.memory.prune(clock.now()) == 2

    assert await database.memory.recall(HOME, budget=BIG) == Recall(None, None, ())
    assert await database.memory.head(HOME) is None
    await talk.say("q2", "a2")
    assert words(await database.memory.recall(HOME, budget=BIG)) == ["q2", "a2"]


async def test_retention_works_through_many_messages(talk: Talk, clock: FakeClock) -> None:
    turn = await talk.accept()
    many = tuple(NewMessage(Role.USER, str(n), 1) for n in range(450))
    await talk.database.turns.answered(turn, b"", exchange=Exchange(HOME, None, many))
    await clock.advance(1)

    assert await talk.database.memory.prune(clock.now()) == 450
