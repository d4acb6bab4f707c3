"""Settings, people and open questions."""

from __future__ import annotations

import asyncio

import pytest

from storage.database import Database
from storage.records import Question
from tests.storage.talk import ANN, HOME


async def test_the_nearest_scope_wins(database: Database) -> None:
    settings = database.settings
    await settings.put("topic", "model", "near")
    await settings.put("chat", "model", "far")
    await settings.put("chat", "persona", {"name": "吟遊詩人", "rank": [1, None]})

    assert await settings.lookup(["topic", "chat"]) == {
        "model": "near",
        "persona": {"name": "吟遊詩人", "rank": [1, None]},
    }
    assert (await settings.lookup(["chat", "topic"]))["model"] == "far"
    assert await settings.lookup(["nowhere"]) == {}
    assert await settings.lookup([]) == {}


@pytest.mark.parametrize("count", [4, 5, 9])
async def test_any_number_of_scopes_can_be_asked_for(database: Database, count: int) -> None:
    scopes = [f"s{n}" for n in range(count)]
    for scope in scopes:
        await database.settings.put(scope, "all", scope)
        await database.settings.put(scope, scope, True)

    assert await database.settings.lookup(scopes) == {"all": "s0"} | dict.fromkeys(scopes, True)


async def test_a_change_is_seen_at_once_and_none_removes(database: Database) -> None:
    settings = database.settings
    assert await settings.lookup(["s"]) == {}

    await settings.put("s", "a", 1)
    assert await settings.lookup(["s"]) == {"a": 1}
    await settings.put("s", "a", 2)
    assert await settings.lookup(["s"]) == {"a": 2}
    await settings.put("s", "a", None)
    assert await settings.lookup(["s"]) == {}


async def test_changes_amid_lookups_are_never_overlooked(database: Database) -> None:
    settings = database.settings
    for n in range(50):
        await asyncio.gather(settings.lookup(["s"]), settings.put("s", "a", n), settings.lookup(["s", "t"]))
        assert await settings.lookup(["s"]) == {"a": n}


async def test_what_a_caller_does_with_a_value_changes_no_setting(database: Database) -> None:
    await database.settings.put("s", "list", [1])
    value = (await database.settings.lookup(["s"]))["list"]
    assert isinstance(value, list)
    value.append(2)

    assert await database.settings.lookup(["s"]) == {"list": [1]}


async def test_a_persona_with_half_a_surrogate_pair_is_kept(database: Database) -> None:
    await database.settings.put("s", "persona", "half \ud83d pair")

    assert await database.settings.lookup(["s"]) == {"persona": "half \ufffd pair"}


async def test_many_scopes_do_not_grow_in_memory_without_end(database: Database) -> None:
    await database.settings.put("s0", "a", 1)
    for n in range(4100):
        await database.settings.lookup([f"s{n}"])

    assert await database.settings.lookup(["s0"]) == {"a": 1}


async def test_people_are_remembered_and_their_changes_too(database: Database) -> None:
    for name in ("Ann", "Ann", "Anna"):
        await database.people.seen(ANN, name, "en")

    assert await database.people.known(ANN) == ("Anna", "en")
    assert await database.people.known("telegram:none") is None


async def test_a_person_has_one_open_question_in_a_place(database: Database) -> None:
    questions = database.questions
    first = Question(HOME, ANN, "a1", {"name": "x"}, None, 1.0)
    second = Question(HOME, ANN, "a2", {}, "55", 2.0)
    await questions.ask(first)
    assert await questions.pending(HOME, ANN) == first

    await questions.ask(second)
    assert await questions.pending(HOME, ANN) == second
    assert await questions.pending(HOME, "telegram:2") is None

    await questions.close(HOME, ANN)
    assert await questions.pending(HOME, ANN) is None
