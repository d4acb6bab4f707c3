"""Token estimates beside the counts of a real vocabulary."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.tokens import cut_to_tokens, picture_tokens, text_tokens

# Texts of our own, counted with OpenAI's o200k_base vocabulary.
COUNTED = json.loads((Path(__file__).parents[1] / "data" / "token_counts.json").read_text("utf-8"))


@pytest.mark.parametrize("sample", COUNTED, ids=[sample["name"] for sample in COUNTED])
def test_the_estimate_is_within_thirty_percent_of_the_true_count(sample: dict[str, str | int]) -> None:
    true = int(sample["o200k_tokens"])

    assert 0.7 * true <= text_tokens(str(sample["text"])) <= 1.3 * true


def test_the_estimates_of_all_samples_add_up_to_within_a_tenth() -> None:
    true = sum(sample["o200k_tokens"] for sample in COUNTED)

    assert abs(sum(text_tokens(sample["text"]) for sample in COUNTED) - true) < 0.1 * true


@given(st.text(st.characters()), st.text(st.characters()))
def test_more_text_never_counts_less(one: str, other: str) -> None:
    both = text_tokens(one + other)

    assert max(text_tokens(one), text_tokens(other)) <= both <= text_tokens(one) + text_tokens(other)


def test_lone_surrogates_and_control_characters_are_counted_too() -> None:
    assert text_tokens("\ud83d \x00\x1b") > 0
    assert text_tokens("") == 0


@given(st.text(), st.integers(0, 50))
def test_a_text_is_cut_to_the_longest_beginning_that_fits(text: str, at_most: int) -> None:
    cut = cut_to_tokens(text, at_most)

    assert text.startswith(cut)
    assert text_tokens(cut) <= at_most
    assert cut == text or text_tokens(text[: len(cut) + 1]) > at_most


def test_a_megabyte_is_estimated_within_a_fraction_of_a_second() -> None:
    megabyte = "The gulls argue. 海鸥在吵架。" * 50_000
    begun = time.perf_counter()

    text_tokens(megabyte)

    assert time.perf_counter() - begun < 0.5


@pytest.mark.parametrize(
    ("width", "height", "tokens"),
    # 1024 x 1024 and 2048 x 4096 are the worked examples of OpenAI's guide; 0 x 0 is an unreadable header.
    [(1024, 1024, 765), (2048, 4096, 1105), (512, 512, 255), (1, 1, 255), (0, 0, 800)],
)
def test_a_picture_costs_by_its_size(width: int, height: int, tokens: int) -> None:
    assert picture_tokens(width, height) == tokens
