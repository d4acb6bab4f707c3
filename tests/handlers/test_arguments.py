"""Options typed as text."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.arguments import parse, usage
from handlers.command import Choice, Command, Option, OptionKind, command
from handlers.errors import BadOption
from handlers.reply import Reply
from handlers.services import Services
from handlers.turn import Turn
from handlers.words import Words

HINT = Words(en="What to draw", zh="想画什么")


async def nothing(turn: Turn, services: Services) -> Reply:
    """Stand where a handler stands; it is never run here."""
    return Reply()


DRAW: Command = command(
    "draw",
    hint=HINT,
    options=(
        Option("prompt", HINT, required=True),
        Option("seed", Words(en="Number", zh="数字"), OptionKind.INTEGER, minimum=0, maximum=99),
        Option("tile", Words(en="Tile", zh="平铺"), OptionKind.BOOLEAN),
        Option(
            "size",
            Words(en="Size", zh="尺寸"),
            choices=(Choice("small", Words(en="Small", zh="小")), Choice("large", Words(en="Large", zh="大"))),
        ),
        Option("style", Words(en="Style", zh="风格")),
        Option("reference", Words(en="A picture", zh="图片"), OptionKind.ATTACHMENT),
    ),
)(nothing)
ROLL: Command = command(
    "roll", hint=HINT, options=(Option("sides", Words(en="Sides", zh="面数"), OptionKind.INTEGER, minimum=2),)
)(nothing)
STOP: Command = command("stop", hint=HINT)(nothing)
ASK: Command = command("ask", hint=HINT, options=(Option("question", Words(en="Your question", zh="问题")),))(nothing)


def test_the_text_option_takes_the_line_as_typed() -> None:
    assert parse(DRAW, "a cat\n  on  a mat --ar 16:9 x=1") == {"prompt": "a cat\n  on  a mat --ar 16:9 x=1"}


def test_named_options_are_taken_out_of_the_text_wherever_they_stand() -> None:
    assert parse(DRAW, "a cat --seed 3 on the moon --ar 1:1 size=large") == {
        "prompt": "a cat on the moon --ar 1:1",
        "seed": 3,
        "size": "large",
    }


@pytest.mark.parametrize("typed", ["--seed 7 a cat", "seed=7 a cat", "a cat --seed=7", "a cat —seed 7", "a cat SEED=7"])
def test_an_option_can_be_written_in_several_ways(typed: str) -> None:
    assert parse(DRAW, typed) == {"prompt": "a cat", "seed": 7}


def test_an_equals_sign_in_the_middle_of_a_sentence_is_text() -> None:
    assert parse(DRAW, "a poster that says seed=7 in red") == {"prompt": "a poster that says seed=7 in red"}


def test_what_is_quoted_in_the_text_is_text() -> None:
    assert parse(DRAW, 'the words "use --seed 7 please" on a wall') == {
        "prompt": 'the words "use --seed 7 please" on a wall'
    }


@pytest.mark.parametrize("quoted", ['--style "oil on canvas"', "style=“oil on canvas”", "--style=‘oil on canvas’"])
def test_a_value_in_quotes_may_hold_blanks(quoted: str) -> None:
    assert parse(DRAW, f"a cat {quoted}") == {"prompt": "a cat", "style": "oil on canvas"}


@pytest.mark.parametrize(
    ("typed", "tile"),
    [("--tile a cat", True), ("a cat --tile", True), ("a cat --tile no", False), ("a cat tile=是", True)],
)
def test_a_switch_needs_no_value(typed: str, tile: bool) -> None:
    assert parse(DRAW, typed) == {"prompt": "a cat", "tile": tile}


def test_a_switch_does_not_swallow_the_option_after_it() -> None:
    assert parse(DRAW, "a cat --tile seed=3 size=大") == {"prompt": "a cat", "tile": True, "seed": 3, "size": "large"}
    assert parse(DRAW, "a cat --tile --seed 3") == {"prompt": "a cat", "tile": True, "seed": 3}


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("", ("prompt", "/draw <what to draw>")),
        ("--seed 3", ("prompt", "/draw")),
        ("a cat --seed x", ("seed", "0", "99", "x")),
        ("a cat --seed 100", ("seed", "0", "99", "100")),
        ("a cat --seed " + "9" * 5000, ("seed", "99")),
        ("a cat --seed", ("seed",)),
        ("a cat --size huge", ("size", "huge", "small, large")),
        ("a cat tile=perhaps", ("tile", "perhaps")),
    ],
)
def test_a_wrong_option_is_named_with_what_would_work(typed: str, names: tuple[str, ...]) -> None:
    with pytest.raises(BadOption) as caught:
        parse(DRAW, typed)

    for language in ("en", "zh"):
        said = caught.value.words.in_language(language)
        assert len(said) < 300
        assert all(name in said for name in names if name.isascii() and "<" not in name)
    assert all(name in caught.value.words.in_language("en") for name in names)


def test_a_command_of_one_number_takes_it_without_its_name() -> None:
    assert parse(ROLL, " 6 ") == {"sides": 6}
    with pytest.raises(BadOption, match="dice"):
        parse(ROLL, "6 dice")
    with pytest.raises(BadOption, match="2 or more"):
        parse(ROLL, "1")


def test_words_after_a_command_without_options_are_no_mistake() -> None:
    assert parse(STOP, "please, at once") == {}


def test_an_optional_text_may_be_left_out() -> None:
    assert parse(ASK, "  \n ") == {}
    assert parse(ASK, "--question why?") == {"question": "why?"}


def test_usage_says_how_to_write_it_in_the_persons_language() -> None:
    assert usage(DRAW, "en") == "/draw <what to draw> [--seed number] [--tile] [--size small|large] [--style style]"
    assert usage(DRAW, "zh").startswith("/draw <想画什么> [--seed 数字]")
    assert usage(ROLL, "en") == "/roll [sides]"
    assert usage(ASK, "zh") == "/ask [问题]"


@given(st.text())
def test_text_without_option_names_comes_back_as_it_was(typed: str) -> None:
    assert parse(ASK, typed) == ({"question": typed.strip()} if typed.strip() else {})


@given(st.text(alphabet="seed=-— \n\"“”'3x", max_size=60))
def test_any_line_is_parsed_or_refused_with_a_sentence(typed: str) -> None:
    try:
        values = parse(DRAW, typed)
    except BadOption as bad:
        assert bad.words.in_language("zh")
    else:
        assert isinstance(values["prompt"], str)
        assert set(values["prompt"]) <= set(typed)


@given(
    words=st.lists(st.text(alphabet="abc画🙂.,!?", min_size=1), min_size=1, max_size=6),
    seed=st.integers(0, 99),
    at=st.integers(0, 6),
)
def test_a_dashed_option_is_found_at_every_place(words: list[str], seed: int, at: int) -> None:
    typed = " ".join([*words[:at], f"--seed {seed}", *words[at:]])

    assert parse(DRAW, typed) == {"prompt": " ".join(words), "seed": seed}


@pytest.mark.parametrize("unit", ['"', "“", '"\\', "--seed 1 ", "seed=", "-", "a ", "‘x"])
def test_a_huge_line_takes_linear_time(unit: str) -> None:
    def seconds(size: int) -> float:
        begun = time.perf_counter()
        with contextlib.suppress(BadOption):
            parse(DRAW, "x " + unit * (size // len(unit)))
        return time.perf_counter() - begun

    assert seconds(400_000) < max(1.0, 40 * seconds(40_000))


def test_words_may_be_missing_where_a_picture_or_a_quoted_message_comes_along() -> None:
    assert parse(DRAW, "--seed 3", attached=True) == {"seed": 3}
