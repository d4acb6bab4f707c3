"""What is forgotten is gone: from the tables, the file store, and the bytes of the database's own files."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from storage.database import Database, open_database
from storage.records import Exchange, NewMessage, Question, Recall, Role, TurnState
from tests.clock import FakeClock
from tests.storage.talk import ANN, BOB, GROUP, HOME, Talk, new_action, new_turn, spent, words

BIG = 1_000_000


async def fill(database: Database, conversation: str, person: str) -> None:
    """Leave one of everything there."""
    turn = await Talk(database).accept(new_turn(conversation=conversation, person=person))
    await database.actions.store([new_action(f"{conversation} {person}", conversation=conversation, person=person)])
    await database.questions.ask(Question(conversation, person, "a", {"name": "x"}, None, 1.0))
    await database.settings.put(conversation, "persona", "a bard")
    await database.settings.put(f"person:{person}", "language", "zh")
    await database.people.seen(person, "Ann", "en")
    await database.turns.done(turn, "answered")


async def test_a_forgotten_conversation_is_gone_and_others_stay(talk: Talk) -> None:
    database = talk.database
    for place in (HOME, GROUP):
        await fill(database, place, ANN)
        await talk.say("q", "a", conversation=place, message="1", shown=["2"])

    await database.forget_conversation(HOME)

    assert await database.memory.export(HOME) == []
    assert await database.memory.recall(HOME, budget=BIG) == Recall(None, None, ())
    assert await database.memory.linked(HOME, "2") is None
    assert await database.turns.recent(HOME, at_most=9) == []
    assert await database.turns.by_message(HOME, "1") is None
    assert await database.actions.load(f"{HOME} {ANN}") is None
    assert await database.questions.pending(HOME, ANN) is None
    assert await database.settings.lookup([HOME]) == {}
    assert await database.memory.conversations_of(ANN) == [GROUP]
    assert len(await database.memory.export(GROUP)) == 2
    assert await database.settings.lookup([GROUP, f"person:{ANN}"]) == {"persona": "a bard", "language": "zh"}
    assert (await database.usage.totals(person=ANN)).calls == 2  # what was spent stays spent


async def test_the_turn_that_asks_for_it_gets_its_reply(talk: Talk) -> None:
    turns = talk.database.turns
    asking = await talk.accept(new_turn(message="1"))

    await talk.database.forget_conversation(HOME, keep=asking)
    await turns.answered(asking, b"forgotten", actions=[new_action("undo")])
    assert [turn.id for turn in await turns.unfinished()] == [asking]
    await turns.done(asking, "answered", ["2"])

    stored = await turns.get(asking)
    assert stored is not None
    assert (stored.state, stored.reply, stored.shown) == (TurnState.DONE, b"forgotten", ("2",))
    await talk.database.forget_person(ANN)
    assert await talk.database.actions.load("undo") is None


async def test_a_turn_that_still_runs_leaves_nothing_behind(talk: Talk) -> None:
    running = await talk.accept()
    await talk.database.forget_conversation(HOME)

    exchange = Exchange(HOME, None, (NewMessage(Role.USER, "secret", 1, person=ANN),), (spent(),))
    ids = await talk.database.turns.answered(running, b"secret", exchange=exchange, actions=[new_action("a")])
    await talk.database.turns.done(running, "answered", ["5"])

    assert ids == ()
    assert await talk.database.memory.export(HOME) == []
    assert await talk.database.actions.load("a") is None
    assert await talk.database.turns.unfinished() == []
    assert (await talk.database.usage.totals()).calls == 1
    assert (await talk.database.usage.totals(person=ANN)).calls == 0


async def test_a_forgotten_event_is_still_known(talk: Talk) -> None:
    await talk.accept(new_turn("update-1"))
    await talk.database.forget_person(ANN)

    assert await talk.database.turns.accept([new_turn("update-1")]) == [None]


async def test_a_forgotten_person_is_gone_everywhere(talk: Talk) -> None:
    database = talk.database
    for place in (HOME, GROUP):
        await fill(database, place, ANN)
        await talk.say("mine", "yours", conversation=place, message="1", shown=["2"])
    await fill(database, GROUP, BOB)

    await database.forget_person(ANN)

    assert await database.memory.conversations_of(ANN) == []
    assert await database.memory.export(HOME) == []
    assert await database.memory.export(GROUP) == []
    for place in (HOME, GROUP):
        assert await database.actions.load(f"{place} {ANN}") is None
        assert await database.questions.pending(place, ANN) is None
        assert await database.memory.linked(place, "2") is None
        assert await database.turns.by_message(place, "1") is None
    assert await database.people.known(ANN) is None
    assert await database.settings.lookup([f"person:{ANN}", HOME]) == {}
    assert (await database.usage.totals(person=ANN)).calls == 0
    assert (await database.usage.totals(conversation=HOME)).calls == 0
    assert (await database.usage.totals()).calls == 2
    assert await database.people.known(BOB) == ("Ann", "en")
    assert await database.actions.load(f"{GROUP} {BOB}") is not None
    assert await database.settings.lookup([GROUP]) == {"persona": "a bard"}
    assert len(await database.turns.recent(GROUP, at_most=9)) == 1
    await database.people.seen(ANN, "Ann", "en")
    assert await database.people.known(ANN) == ("Ann", "en")


async def test_a_shared_tree_stays_whole_without_a_persons_words(talk: Talk) -> None:
    memory = talk.database.memory
    await talk.say("b1", "to b1", conversation=GROUP, person=BOB)
    await talk.say("a1", "to a1", conversation=GROUP, person=ANN)
    await talk.say("a2", "to a2", conversation=GROUP, person=ANN)
    _, last = await talk.say("b2", "to b2", conversation=GROUP, person=BOB)

    await talk.database.forget_person(ANN)

    recall = await memory.recall(GROUP, budget=BIG)
    assert words(recall) == ["b1", "to b1", "b2", "to b2"]
    assert (recall.head, recall.left_out) == (last, False)


async def test_a_head_that_is_forgotten_moves_up(talk: Talk) -> None:
    _, stays = await talk.say("b1", "to b1", conversation=GROUP, person=BOB)
    await talk.say("a1", "to a1", conversation=GROUP, person=ANN)

    await talk.database.forget_person(ANN)

    assert await talk.database.memory.head(GROUP) == stays


async def test_a_summary_of_forgotten_words_is_forgotten(talk: Talk) -> None:
    await talk.say("a1", "to a1", conversation=GROUP, person=ANN)
    _, upto = await talk.say("b1", "to b1", conversation=GROUP, person=BOB)
    await talk.say("b2", "to b2", conversation=GROUP, person=BOB)
    await talk.database.memory.summarise(GROUP, upto, "Ann said a1", 3)

    await talk.database.forget_person(ANN)

    recall = await talk.database.memory.recall(GROUP, budget=BIG)
    assert (recall.summary, words(recall)) == (None, ["b1", "to b1", "b2", "to b2"])


async def test_files_go_unless_somebody_else_has_them(talk: Talk) -> None:
    files = talk.database.files
    own = await files.put(b"own", name="a", media_type="x/y")
    both = await files.put(b"both", name="b", media_type="x/y")
    await talk.say("look", "seen", files=(own, both))
    await talk.say("look", "seen", files=(both,), conversation=GROUP, person=BOB)

    await talk.database.forget_person(ANN)
    assert not files.path(own.digest).exists()
    assert files.path(both.digest).exists()

    await talk.database.forget_conversation(GROUP)
    assert not files.path(both.digest).exists()


async def test_forgetting_what_is_not_there_is_no_error(talk: Talk) -> None:
    await talk.database.forget_person("telegram:none")
    await talk.database.forget_conversation("telegram:none")


async def test_forgotten_words_stand_in_no_file_of_the_database(
    file_url: str, clock: FakeClock, tmp_path: Path
) -> None:
    secret, long_secret = "xyzzy-plugh", "quux-" * 4000
    async with open_database(file_url, now=clock.now, files=tmp_path / "files") as database:
        talk = Talk(database)
        for n in range(150):
            person, place = (ANN, HOME) if n % 3 else (ANN, GROUP)
            text = f"{secret} {n} {long_secret if n % 10 == 0 else ''}"
            await talk.say(text, f"you said {text}", person=person, conversation=place, message=f"{secret}{n}")
            await talk.say("hello", "yes", person=BOB, conversation=GROUP)
        head = await database.memory.head(HOME)
        assert head is not None
        await database.memory.summarise(HOME, head, secret, 2)
        await database.settings.put(HOME, "persona", secret)
        await database.people.seen(ANN, secret, "en")
        turn = await talk.accept(new_turn(f"event {secret}", incoming=secret.encode()))
        await database.turns.shown(turn, [secret], secret.encode())
        await database.actions.store([new_action(f"{secret} a")])
        assert found(tmp_path, secret) > 100

        await database.forget_person(ANN)

        assert found(tmp_path, secret) == 0
        assert found(tmp_path, "quux-quux") == 0
        assert len(await database.memory.export(GROUP)) == 300
    assert found(tmp_path, secret) == 0


async def test_a_large_database_is_tidied_at_a_quiet_hour(
    file_url: str, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.sqlite.TIDY_AT_ONCE_BYTES", 0)
    size = (tmp_path / "data/bot.db").stat
    async with open_database(file_url, now=clock.now, files=tmp_path / "files") as database:
        for n in range(50):
            await Talk(database).say(f"xyzzy {n}" * 500, "plugh" * 500)
        await database.forget_person(ANN)
        before = size().st_size
    async with open_database(file_url, now=clock.now, files=tmp_path / "files") as database:
        await database.tidy()
        assert found(tmp_path, "xyzzy") == 0
        assert size().st_size < before
        written = size().st_mtime_ns
        await database.tidy()
        assert size().st_mtime_ns == written


def found(folder: Path, words: str) -> int:
    """Count the places in all files of a folder where some words stand."""
    return sum(path.read_bytes().count(words.encode()) for path in folder.rglob("*") if path.is_file())


async def test_forgetting_amid_answers_leaves_a_whole_tree(talk: Talk) -> None:
    async def chat(person: str) -> None:
        for n in range(8):
            await talk.say(f"{person} {n}", "yes", conversation=GROUP, person=person)

    await asyncio.gather(chat(ANN), chat(BOB), talk.database.forget_person(ANN), chat("telegram:3"))
    await talk.database.forget_person(ANN)

    messages = await talk.database.memory.export(GROUP)
    ids = {message.id for message in messages}
    assert not [message for message in messages if message.person == ANN]
    assert len([message for message in messages if message.person == BOB]) == 8
    assert all(message.parent is None or message.parent in ids for message in messages)
