"""The small commands, and what every command has in common."""

from __future__ import annotations

import dataclasses
import re

import pytest

from handlers.command import OptionKind, Where, Who
from handlers.errors import ForPerson
from handlers.registry import CHAT, COMMANDS, action_named, command_named
from handlers.turn import Person, Place, Quoted
from tests.handlers.world import ADA, BEN, GROUP, HOME, World

ADMIN = Person("telegram:3", "Cyd", "en", admin=True)
TOPIC = Place("telegram", "-100", thread="7", private=False)


def test_every_declaration_fits_the_platforms() -> None:
    names = [each.name for each in COMMANDS]
    assert len(set(names)) == len(names) <= 100
    for each in COMMANDS:
        assert re.fullmatch(r"[a-z0-9_]{1,32}", each.name)  # Bot API, BotCommand; Discord takes the same
        for words in (each.hint, *(option.hint for option in each.options)):
            assert all(1 <= len(words.in_language(language)) <= 100 for language in ("en", "zh"))
        assert len(each.options) <= 25
        required = [option.required for option in each.options]
        assert required == sorted(required, reverse=True)  # Discord: required ones first
        assert all(
            len(option.choices) <= 25 and re.fullmatch(r"[a-z0-9_]{1,32}", option.name) for option in each.options
        )
        assert not any(option.complete and option.choices for option in each.options)


def test_commands_and_actions_are_found_by_name() -> None:
    assert command_named("ask") is CHAT
    assert command_named("nonsense") is None
    assert action_named("ask.nonsense") is None
    found = [action_named(name) for each in COMMANDS for name in each.actions]
    assert all(found)
    assert len({action.name for action in found if action}) == len(found)


async def test_start_greets_in_the_persons_language(world: World) -> None:
    assert (await world.says("/start")).text.startswith("Hello! Write to me")
    assert (await world.says("/start ref_123", by=BEN)).text.startswith("您好！")
    assert "mention me" in (await world.says("/start", at=GROUP)).text


async def test_help_lists_what_is_offered_here_from_the_declarations(world: World) -> None:
    private = (await world.says("/help")).text
    assert [name for each in COMMANDS if f"`/{each.name}" not in private for name in [each.name]] == []
    assert "`/ask [your question]` Ask the model a question" in private
    assert "`/ask [您的问题]` 向模型提问" in (await world.says("/help", by=BEN)).text


async def test_help_in_a_group_says_what_works_there_and_leaves_out_what_one_may_not(world: World) -> None:
    group = (await world.says("/help", at=GROUP)).text
    assert "mention me, reply to one of my messages, or use /ask" in group
    assert "/model" not in group
    assert "/privacy" in group
    assert "/model" in (await world.says("/help", at=GROUP, by=ADMIN)).text


async def test_help_hides_what_is_for_owners_or_for_another_kind_of_chat(world: World) -> None:
    owners = dataclasses.replace(CHAT, name="cost", who=Who.OWNERS)
    private = dataclasses.replace(CHAT, name="diary", where=Where.PRIVATE)
    world.services = dataclasses.replace(world.services, commands=(owners, private))

    assert "/cost" not in (await world.says("/help")).text
    assert "/diary" in (await world.says("/help")).text
    assert "/diary" not in (await world.says("/help", at=GROUP)).text
    assert "/cost" in (await world.says("/help", by=Person("telegram:4", "Dot", owner=True))).text


async def test_stop_ends_everything_in_a_private_chat(world: World) -> None:
    assert (await world.says("/stop")).text == "Nothing is running here."
    world.control.running = 1

    assert (await world.says("/stop now, please")).text == "Stopped."
    assert world.control.stopped == [(HOME.conversation, None)] * 2


async def test_stop_in_a_group_ends_ones_own_work_only(world: World) -> None:
    await world.says("/stop", at=GROUP)
    await world.says("/stop", at=GROUP, by=ADMIN)

    assert world.control.stopped == [(GROUP.conversation, ADA.id), (GROUP.conversation, None)]


async def test_reset_stops_what_runs_and_starts_afresh(world: World) -> None:
    first = await world.says("Moons of Mars?")

    seen = await world.says("/reset")

    assert world.control.stopped == [(HOME.conversation, None)]
    assert seen.text.startswith("A fresh start")
    await world.says("Hello")
    assert world.asked() == [("user", "Hello")]
    await world.says("Back to Mars", quoted=Quoted(first.shown, "…", by_bot=True))
    assert world.asked()[0] == ("user", "Moons of Mars?")


def test_what_wins_over_running_work_does_not_wait_for_it() -> None:
    assert {each.name for each in COMMANDS if each.urgent} == {"stop", "reset"}


def test_what_changes_a_group_is_for_its_admins() -> None:
    assert {each.name for each in COMMANDS if each.who is Who.ADMINS} == {"model", "persona", "language"}
    assert all(each.where is Where.ANYWHERE for each in COMMANDS)


# ---------------------------------------------------------------- language


async def test_a_persons_language_is_theirs_in_private(world: World) -> None:
    menu = await world.says("/language")
    assert menu.labels == [["English", "中文", "✓ Automatic"]]

    chosen = await world.presses(menu, "中文")

    assert chosen.text == "从现在起我说中文。"
    assert chosen.labels == [["English", "✓ 中文", "自动"]]
    assert chosen.reply.in_place
    assert (await world.says("/stop")).text == "这里没有正在进行的任务。"
    assert (await world.says("/stop", at=GROUP)).text.startswith("这里没有您的任务")


async def test_a_groups_language_is_the_groups(world: World) -> None:
    await world.says("/language zh", at=GROUP, by=ADMIN)

    assert (await world.says("/start", at=GROUP)).text.startswith("大家好")
    assert (await world.says("/start", at=HOME)).text.startswith("Hello")


async def test_automatic_follows_the_app_again(world: World) -> None:
    await world.says("/language zh")

    assert (await world.says("/language auto")).text == "从现在起我使用您的应用所设置的语言。"
    assert (await world.says("/start")).text.startswith("Hello")


# ---------------------------------------------------------------- model


async def test_model_lists_the_relays_models_in_pages(world: World) -> None:
    menu = await world.says("/model")

    assert menu.text == "`gpt-4.1-mini` answers here. Which one shall it be?"
    assert all(len(row) <= 5 for row in menu.labels)
    assert len(menu.labels) <= 5
    assert "✓ gpt-4.1-mini" in str(menu.labels)
    seen = {label.removeprefix("✓ ") for row in menu.labels[:-1] for label in row}
    while any("▶" in label for label in menu.labels[-1]):
        menu = await world.presses(menu, "▶")
        assert menu.reply.in_place
        seen |= {label.removeprefix("✓ ") for row in menu.labels[:-1] for label in row}
    assert seen == set(world.relay.models)
    assert "◀" in menu.labels[-1][0]


async def test_a_chosen_model_answers_from_then_on_in_this_channel_only(world: World) -> None:
    chosen = await world.presses(await world.says("/model"), "claude-sonnet-4-20250514")

    assert chosen.text == "From now on `claude-sonnet-4-20250514` answers here."
    assert "✓ claude-sonnet-4-20250514" in str(chosen.labels)
    await world.says("Hello")
    assert world.relay.chats[-1]["model"] == "claude-sonnet-4-20250514"
    await world.says("Hello", at=GROUP)
    assert world.relay.chats[-1]["model"] == "gpt-4.1-mini"


async def test_a_topic_has_its_chats_model_until_it_chooses_its_own(world: World) -> None:
    await world.says("/model gpt-4o", at=GROUP, by=ADMIN)
    await world.says("Hello", at=TOPIC)
    assert world.relay.chats[-1]["model"] == "gpt-4o"

    await world.says("/model gemini-2.5-pro", at=TOPIC, by=ADMIN)
    menu = await world.says("/model", at=TOPIC, by=ADMIN)
    back = await world.presses(menu, "The usual one")

    assert back.text == "From now on `gpt-4o` answers here."
    await world.says("Hello", at=TOPIC)
    assert world.relay.chats[-1]["model"] == "gpt-4o"


async def test_a_model_is_named_in_any_case(world: World) -> None:
    assert (await world.says("/model GPT-4O")).text == "From now on `gpt-4o` answers here."


async def test_an_unknown_model_is_refused_with_near_ones(world: World) -> None:
    with pytest.raises(ForPerson) as caught:
        await world.says("/model gpt-4-mini")
    assert caught.value.words.in_language("en") == (
        "The relay offers no model `gpt-4-mini`. Near to it: `gpt-4o-mini`, `gpt-4.1-mini`, `o4-mini`."
    )
    with pytest.raises(ForPerson, match="/model shows those it has"):
        await world.says("/model " + "`😀" * 500)


async def test_models_are_offered_while_typing(world: World) -> None:
    command = command_named("model")
    assert command is not None
    [option] = command.options
    assert option.complete is not None
    assert option.kind is OptionKind.TEXT

    choices = await option.complete(world.services, HOME.conversation, "claude")

    assert [choice.value for choice in choices] == ["claude-3-5-haiku-20241022", "claude-sonnet-4-20250514"]


# ---------------------------------------------------------------- persona


async def test_a_persona_speaks_from_then_on(world: World) -> None:
    menu = await world.says("/persona")
    assert menu.text.startswith("Who shall I be here? Now: **Just myself**.")
    assert len(menu.labels) <= 5

    chosen = await world.presses(menu, "Tutor")

    assert chosen.text.startswith("From now on I am **Tutor** here.")
    assert "✓ Tutor" in str(chosen.labels)
    await world.says("What is a prime?")
    assert "patient tutor" in world.system()
    myself = await world.presses(chosen, "Just myself")
    assert myself.text.startswith("From now on I am just myself here.")
    await world.says("What is a prime?")
    assert "patient tutor" not in world.system()


async def test_a_persona_is_chosen_by_its_name_in_either_language(world: World) -> None:
    assert (await world.says("/persona tutor")).text.startswith("From now on I am **Tutor**")
    assert (await world.says("/persona 翻译", by=BEN)).text.startswith("从现在起，我在这里是**翻译**。")
    with pytest.raises(ForPerson, match="no persona “pirate”"):
        await world.says("/persona pirate")


async def test_a_person_writes_edits_and_deletes_a_persona(world: World) -> None:
    menu = await world.says("/persona")
    written = await world.presses(menu, "Write one…", name="Cook", text="You are a ship's cook.")
    assert written.text.startswith("From now on I am **Cook** here.")
    await world.says("Dinner?")
    assert "You are a ship's cook." in world.system()

    mine = await world.presses(written, "My own…")
    form = mine.button("Edit Cook").action.form
    assert form is not None
    assert [field.value for field in form.fields] == ["Cook", "You are a ship's cook."]
    mine = await world.presses(mine, "Edit Cook", name="Chef", text="You are a chef.")
    await world.says("Dinner?")
    assert "You are a chef." in world.system()

    really = await world.presses(mine, "Delete Chef")
    assert "Delete your persona **Chef**?" in really.text
    kept = await world.presses(really, "Keep it")
    assert kept.labels[0] == ["Edit Chef", "Delete Chef"]
    gone = await world.presses(really, "Delete it")
    assert gone.text.startswith("**Chef** is deleted.\nYou have written no persona yet.")
    await world.says("Dinner?")
    assert "chef" not in world.system()


async def test_a_persona_of_ones_own_works_for_others_in_the_group(world: World) -> None:
    menu = await world.says("/persona", at=GROUP, by=ADMIN)
    await world.presses(menu, "Write one…", name="Cook", text="You are a ship's cook.")

    await world.says("Dinner?", at=GROUP, by=BEN)

    assert "You are a ship's cook." in world.system()
    assert "Cook" not in (await world.says("/persona", by=BEN)).text


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [(" ", "x", "needs a name"), ("x", "\n", "needs a name"), ("x" * 41, "x", "at most 40"), ("x", "x" * 4001, "4000")],
)
async def test_a_persona_out_of_bounds_is_refused(world: World, name: str, text: str, said: str) -> None:
    menu = await world.says("/persona")

    with pytest.raises(ForPerson, match=said):
        await world.presses(menu, "Write one…", name=name, text=text)


async def test_personas_are_not_without_number(world: World) -> None:
    menu = await world.says("/persona")
    for number in range(20):
        await world.presses(menu, "Write one…", name=f"P{number}", text="x")

    with pytest.raises(ForPerson, match="20 personas already"):
        await world.presses(menu, "Write one…", name="One more", text="x")
    full = await world.says("/persona")
    assert all(len(row) <= 5 for row in full.labels)
    assert len(full.labels) <= 5


async def test_the_list_of_personas_has_pages(world: World) -> None:
    menu = await world.says("/persona")
    for number in range(4):
        menu = await world.presses(menu, "Write one…", name=f"P{number}", text="x")

    assert "✓ P3" in str(menu.labels)
    first = await world.presses(menu, "◀")
    assert "Tutor" in str(first.labels)
    assert "P3" not in str(first.labels)


async def test_a_deleted_persona_can_no_longer_be_chosen(world: World) -> None:
    menu = await world.presses(await world.says("/persona"), "Write one…", name="Cook", text="x")
    really = await world.presses(await world.presses(menu, "My own…"), "Delete Cook")
    await world.presses(really, "Delete it")

    with pytest.raises(ForPerson, match="is gone"):
        await world.presses(menu, "✓ Cook")
    with pytest.raises(ForPerson, match="is gone"):
        await world.presses(really, "Delete it")


async def test_nobody_touches_anothers_persona(world: World) -> None:
    menu = await world.presses(await world.says("/persona"), "Write one…", name="Cook", text="x")
    mine = await world.presses(menu, "My own…")

    for label, fields in (("Edit Cook", {"name": "a", "text": "b"}), ("Delete Cook", {})):
        with pytest.raises(ForPerson, match="is gone"):
            await world.presses(mine, label, by=BEN, **fields)
    assert "Cook" in (await world.says("/persona")).text


async def test_personas_are_offered_while_typing(world: World) -> None:
    command = command_named("persona")
    assert command is not None
    complete = command.options[0].complete
    assert complete is not None

    assert [choice.value for choice in await complete(world.services, HOME.conversation, "导")] == ["Tutor"]
