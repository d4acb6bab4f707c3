"""The menu that Discord shows: from the declared commands, in each language, sent only when it changed."""

from __future__ import annotations

from typing import Any

import pytest

from bot.discord.menu import completes, completion_of, menu_of
from handlers.command import Choice, Option, OptionKind
from handlers.words import Words
from tests.discord.conftest import ASK, COMMANDS, MODEL, MemoryNotes, Starter
from tests.fakes.discord import FakeDiscord


async def test_the_menu_is_sent_once_and_not_again_until_it_changes(
    discord: FakeDiscord, start: Starter, notes: MemoryNotes
) -> None:
    async with start():
        assert discord.syncs == 1
        await discord.gateway.invalidate()
    async with start():
        assert discord.syncs == 1
    async with start(commands=(ASK,)):
        assert discord.syncs == 2

    assert [one["name"] for one in discord.commands] == ["ask", "Ask about this"]


async def test_a_menu_that_discord_does_not_take_leaves_the_old_one_and_the_bot_running(
    discord: FakeDiscord, start: Starter, notes: MemoryNotes
) -> None:
    async with start(commands=(ASK,)):
        pass
    discord.fail_next("PUT /applications/{id}/commands", status=503)

    async with start() as adapter:
        assert adapter.health()["connected"]
        assert len(discord.commands) == 2
    async with start():
        assert len(discord.commands) == 4


def test_commands_are_offered_everywhere_and_to_carry_along_or_in_private_only() -> None:
    menu = {str(one["name"]): one for one in menu_of(COMMANDS)}

    assert (menu["ask"]["contexts"], menu["ask"]["integration_types"]) == ([0, 1, 2], [0, 1])
    assert (menu["privacy"]["contexts"], menu["privacy"]["integration_types"]) == ([1], [0, 1])


def test_words_are_said_in_english_and_both_chinese() -> None:
    ask, *_, on_message = menu_of(COMMANDS)

    assert ask["description"] == "Ask something"
    assert ask["description_localizations"] == {"zh-CN": "提问", "zh-TW": "提问"}
    assert on_message["name_localizations"] == {"zh-CN": "问问这条", "zh-TW": "问问这条"}


def test_required_options_come_first_and_keep_their_types_and_bounds() -> None:
    [ask, *_] = menu_of([ASK])

    options = {one["name"]: one for one in ask["options"]}  # type: ignore[attr-defined]
    assert list(options) == ["question", "picture", "times", "aloud"]
    assert [one["type"] for one in options.values()] == [3, 11, 4, 5]
    assert (options["times"]["min_value"], options["times"]["max_value"]) == (1, 4)


def test_choices_are_fixed_up_to_25_and_completed_beyond() -> None:
    [model, *_] = menu_of([MODEL])
    options: Any = model["options"]
    name, tone, city = options

    assert (name.get("autocomplete"), city.get("autocomplete"), "choices" in city) == (True, True, False)
    [dry] = tone["choices"]
    assert (dry["name"], dry["value"], dry["name_localizations"]["zh-TW"]) == ("Dry", "dry", "干")


@pytest.mark.parametrize("kind", [OptionKind.ATTACHMENT, OptionKind.BOOLEAN])
def test_only_what_is_typed_is_completed(kind: OptionKind) -> None:
    assert not completes(Option("x", Words(en="x", zh="x"), kind, choices=tuple(Choice(str(n), "") for n in range(30))))


def test_a_completion_holds_25_choices_of_the_options_type() -> None:
    shown = completion_of([Choice(str(n), "x" * 200) for n in range(30)], OptionKind.INTEGER, "en")

    assert len(shown) == 25
    assert shown[3]["value"] == 3
    assert len(str(shown[3]["name"])) == 100
