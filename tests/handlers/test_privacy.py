"""What is kept of a person can be seen, taken along, and is gone when they say so."""

from __future__ import annotations

import io
import json
import zipfile
from decimal import Decimal
from typing import Any

import pytest

from handlers.errors import ForPerson
from handlers.export import FORMAT, Kept, written
from handlers.registry import action_named
from handlers.reply import File, Presser
from storage.records import Message, Role, Totals
from tests.handlers.world import ADA, BEN, GROUP, HOME, Seen, World


async def exported(world: World, seen: Seen) -> tuple[Any, str]:
    """Return the two files of an export."""
    files = {part.name: part for part in seen.reply.parts if isinstance(part, File)}
    assert set(files) == {"export.json", "export.md"}
    contents = {name: await world.storage.files.read(file.digest) for name, file in files.items()}
    return json.loads(contents["export.json"]), contents["export.md"].decode()


async def test_privacy_says_what_is_kept(world: World) -> None:
    world.relay.will_say("Two.", usage=(31, 7))
    await world.says("Moons of Mars?")

    seen = await world.says("/privacy")

    assert "so far 1 calls, 38 tokens" in seen.text
    assert seen.reply.only_for_person
    assert seen.labels == [["Export", "Stop remembering me"], ["Forget this conversation…", "Forget me…"]]


async def test_export_holds_everything_as_json_and_as_markdown(world: World, png: bytes) -> None:
    world.relay.will_say("A dot.")
    await world.says("What is this?", files=(world.file("photo.png", "image/png", png),))
    await world.says("/language zh")

    seen = await world.presses(await world.says("/privacy"), "导出")

    data, markdown = await exported(world, seen)
    assert data["format"] == FORMAT
    assert data["person"] == ADA.id
    assert data["settings"] == {"language": "zh"}
    [conversation] = data["conversations"]
    assert conversation["conversation"] == HOME.conversation
    question, answer = conversation["messages"]
    assert (question["role"], question["text"]) == ("user", "What is this?")
    assert question["files"][0]["name"] == "photo.png"
    assert question["said_at"].startswith("2027-01-15T")
    assert (answer["text"], answer["model"], answer["parent"]) == ("A dot.", "gpt-4.1-mini", question["id"])
    assert "What is this?\n\n- photo.png (image/png" in markdown
    assert "A dot." in markdown
    assert seen.reply.only_for_person


async def test_export_in_a_group_holds_only_ones_own_words_there(world: World) -> None:
    world.relay.will_say("To Ada.", "To Ben.", "Secret answer.")
    await world.says("From Ada", at=GROUP)
    await world.says("From Ben", at=GROUP, by=BEN)
    await world.says("Secret question")

    seen = await world.presses(await world.says("/privacy", at=GROUP), "Export")

    data, markdown = await exported(world, seen)
    assert [message["text"] for each in data["conversations"] for message in each["messages"]] == [
        "Ada: From Ada",
        "To Ada.",
    ]
    assert "Ben" not in markdown
    assert "Secret" not in markdown
    assert data["settings"] == {}


async def test_a_large_export_is_packed() -> None:
    long = Message(1, None, Role.USER, "x" * 6_000_000, 1, (), "p", None, 0.0)
    kept = Kept(FORMAT, "p", "P", "now", {}, Totals(0, 0, 0, Decimal(0), 0), {"c": [long]})

    [packed] = await written(kept)

    assert packed.name == "export.zip"
    assert len(packed.content) < 100_000
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        assert archive.namelist() == ["export.json", "export.md"]


async def test_an_export_is_deleted_by_the_next_and_by_forgetting(world: World) -> None:
    await world.says("Hello")
    first = await world.presses(await world.says("/privacy"), "Export")
    await world.says("Hello again")
    second = await world.presses(await world.says("/privacy"), "Export")
    paths = {
        which: [world.storage.files.path(part.digest) for part in seen.reply.parts if isinstance(part, File)]
        for which, seen in (("first", first), ("second", second))
    }

    assert [path.exists() for path in paths["first"]] == [False, False]
    assert [path.exists() for path in paths["second"]] == [True, True]
    await world.presses(await world.presses(await world.says("/privacy"), "Forget me…"), "Yes")
    assert [path.exists() for path in paths["second"]] == [False, False]


async def test_forgetting_is_asked_about_first(world: World) -> None:
    await world.says("Moons of Mars?")
    menu = await world.says("/privacy")

    for label in ("Forget this conversation…", "Forget me…"):
        really = await world.presses(menu, label)
        assert "cannot be brought back" in really.text
        back = await world.presses(really, "No, keep it")
        assert back.labels == menu.labels
    await world.says("Still there?")
    assert world.asked()[0] == ("user", "Moons of Mars?")


async def test_a_forgotten_conversation_is_gone_and_what_is_gone_is_said(world: World, png: bytes) -> None:
    asked = await world.says("Moons of Mars?", files=(world.file("photo.png", "image/png", png),))
    [question, _] = await world.storage.memory.of_turn(asked.id)
    await world.says("/model gpt-4o")
    really = await world.presses(await world.says("/privacy"), "Forget this conversation…")

    gone = await world.presses(really, "Yes, delete for good")

    assert gone.text.startswith("This conversation is gone from my memory: its messages, files, buttons and settings.")
    assert (HOME.conversation, None) in world.control.stopped
    assert not world.storage.files.path(question.files[0].digest).exists()
    await world.says("Hello")
    assert world.asked() == [("user", "Hello")]
    assert world.relay.chats[-1]["model"] == "gpt-4.1-mini"
    with pytest.raises(ForPerson, match="no longer remember"):
        await world.presses(asked, "Regenerate")


async def test_a_forgotten_person_is_gone_everywhere(world: World) -> None:
    world.relay.will_say("Yes.", "Yes.", "Yes.", "Yes.")
    await world.says("Secret of Ada")
    await world.says("Ada in the group", at=GROUP)
    await world.says("Ben in the group", at=GROUP, by=BEN)
    await world.presses(await world.says("/persona"), "Write one…", name="Cook", text="A cook of Ada's")
    really = await world.presses(await world.says("/privacy"), "Forget me…")

    gone = await world.presses(really, "Yes, delete for good")

    assert gone.text.startswith("I have forgotten you")
    assert set(world.control.stopped) == {(HOME.conversation, ADA.id), (GROUP.conversation, ADA.id)}
    assert await world.storage.memory.conversations_of(ADA.id) == []
    assert await world.storage.settings.lookup((f"person:{ADA.id}", HOME.conversation)) == {}
    assert (await world.storage.usage.totals(person=ADA.id)).calls == 0
    await world.says("What was said?", at=GROUP, by=BEN)
    assert "Ada" not in str(world.relay.chats[-1])
    assert "Ben in the group" in str(world.relay.chats[-1])


async def test_in_a_group_only_admins_forget_the_conversation(world: World) -> None:
    menu = await world.says("/privacy", at=GROUP)
    assert menu.button("Forget this").action.who is Presser.ADMINS
    really = await world.presses(menu, "Forget this")
    assert really.button("Yes").action.who is Presser.ADMINS
    assert really.button("Yes").action.once


def test_forgetting_does_not_wait_behind_running_work() -> None:
    for name in ("privacy.forget-me", "privacy.forget-conversation"):
        action = action_named(name)
        assert action is not None
        assert action.urgent


async def test_who_wants_nothing_remembered_asks_questions_that_stand_alone(world: World) -> None:
    world.relay.will_say("Hello Ada.", "A bot.", "I do not know.", "Hello again.", "You are Ada.")
    await world.says("I am Ada")
    answered = await world.says("And you?")
    off = await world.presses(await world.says("/privacy"), "Stop remembering me")
    with pytest.raises(ForPerson, match="no longer remember"):
        await world.presses(answered, "Regenerate")
    assert "remember nothing" in off.text
    seen = await world.says("Who am I?")
    assert seen.labels == []
    assert [role for role, _ in world.asked()] == ["user"]

    await world.presses(await world.says("/privacy"), "Remember me again")
    await world.says("It is me again, Ada")
    await world.says("Who am I?")
    told = str(world.asked())
    assert "It is me again, Ada" in told
    assert "I do not know" not in told
