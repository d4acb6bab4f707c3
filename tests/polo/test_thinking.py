"""Thinking between tags, told apart from the answer however the text is split."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polo.thinking import Piece, ThinkingSplitter

TAGS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<REASONING_SCRATCHPAD>", "</REASONING_SCRATCHPAD>"),
    ("<mm:think>", "</mm:think>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("◁think▷", "◁/think▷"),
)


def split(*texts: str) -> list[Piece]:
    """Return the pieces of an answer that arrives as `texts`, neighbours of a kind joined."""
    splitter = ThinkingSplitter()
    pieces: list[Piece] = []
    for text in texts:
        pieces += splitter.feed(text)
    pieces += splitter.close()
    whole: list[Piece] = []
    for thinking, text in pieces:
        assert text
        before = whole.pop()[1] if whole and whole[-1][0] is thinking else ""
        whole.append((thinking, before + text))
    return whole


@pytest.mark.parametrize(("opening", "closing"), TAGS)
def test_each_form_of_tag_holds_thinking(opening: str, closing: str) -> None:
    assert split(f"{opening}\nHm.\n{closing}\n\nPhobos.") == [(True, "\nHm.\n"), (False, "Phobos.")]


@pytest.mark.parametrize(("opening", "closing"), TAGS)
def test_a_tag_may_be_split_anywhere(opening: str, closing: str) -> None:
    text = f"\n {opening}Hm.{closing} \nPhobos < Deimos."
    for at in range(len(text)):
        assert split(text[:at], text[at:]) == [(True, "Hm."), (False, "Phobos < Deimos.")]


def test_an_answer_about_the_tag_stays_whole() -> None:
    inline = "The tag `<think>` opens a thought; <think> in a line does not.\n"
    block = "```xml\n<think>\nHm.\n</think>\n```\n"

    assert split(inline + block) == [(False, inline + block)]
    assert split(*(inline + block)) == [(False, inline + block)]


def test_a_fence_is_closed_only_by_its_own_kind() -> None:
    text = "~~~~\n```\n<think>\n~~~\n<think>\n~~~~\n"

    assert split(text + "<think>Hm.</think>So.") == [(False, text), (True, "Hm."), (False, "So.")]


def test_a_thought_in_the_middle_of_an_answer_is_told_apart() -> None:
    assert split("First.\n<think>Hm.</think>\nSecond.") == [(False, "First.\n"), (True, "Hm."), (False, "Second.")]


def test_two_thoughts_in_a_row_are_both_thinking() -> None:
    assert split("<think>A</think>\n<thinking>B</thinking>\nC") == [(True, "AB"), (False, "C")]


def test_a_closing_tag_alone_is_dropped() -> None:
    assert split("Hm.\n</think>\nPhobos.") == [(False, "Hm.\nPhobos.")]


def test_a_thought_that_never_ends_is_all_thinking() -> None:
    assert split("<think>Hm. </thi") == [(True, "Hm. </thi")]


def test_what_only_looked_like_a_tag_is_shown() -> None:
    assert split("<thi") == [(False, "<thi")]
    assert split("<", "three") == [(False, "<three")]
    assert split("\n\n  <thinner") == [(False, "\n\n  <thinner")]


def test_white_space_before_the_first_word_is_kept_and_alone_is_nothing() -> None:
    assert split("\n", " then", " more") == [(False, "\n then more")]
    assert split("  \n", "\t") == []


def test_a_letter_that_grows_when_lowered_moves_no_boundary() -> None:
    assert split("<think>İİİ</THINK>İ") == [(True, "İİİ"), (False, "İ")]


@settings(max_examples=300, deadline=None)
@given(
    parts=st.lists(
        st.sampled_from(
            [
                "<think>",
                "</think>",
                "<thinking>",
                "</THINKING>",
                "\n",
                " ",
                "a",
                "b`",
                "```",
                "```py",
                "~~~",
                "<",
                "İ",
                "◁think▷",
            ]
        ),
        max_size=25,
    ),
    places=st.lists(st.integers(0, 120), max_size=12),
)
def test_any_split_gives_the_same_pieces(parts: list[str], places: list[int]) -> None:
    text = "".join(parts)
    at = sorted({min(place, len(text)) for place in places})
    cuts = [text[start:end] for start, end in zip([0, *at], [*at, len(text)], strict=True)]

    assert split(*cuts) == split(text) == split(*text)
