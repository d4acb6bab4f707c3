"""Long Markdown is cut where it hurts least; every piece is whole in itself, and together they are the text."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.discord.render import render as discord
from bot.ports import Page
from bot.rendering.cut import cut, pieces
from bot.rendering.markdown import units
from bot.telegram.render import render as telegram
from bot.web.render import render as web
from tests.rendering.checks import check_telegram, checked_html
from tests.rendering.samples import ANYTHING, DOCUMENTS, SAMPLES
from tests.rendering.test_any_input import LETTERS, WORDY_FENCE, lettered

PROSE = "The quick brown fox jumps over the lazy dog. It rests. " * 40


def no_longer_than(limit: int) -> Callable[[str], bool]:
    return lambda markdown: units(markdown) <= limit


def shown_on_telegram(limit: int) -> Callable[[str], bool]:
    return lambda markdown: telegram(markdown, growing=False).size <= limit


def test_what_fits_is_not_cut() -> None:
    assert cut("short", no_longer_than(5)) == ("short", "")
    assert cut("", no_longer_than(5)) == ("", "")


def test_the_cut_prefers_the_border_between_blocks() -> None:
    head, rest = cut(f"{'a ' * 40}\n\n{'b ' * 20}\n\nc", no_longer_than(100))
    assert head == ("a " * 40).rstrip()
    assert rest.startswith("b b")


def test_a_heading_goes_with_the_text_below_it() -> None:
    head, rest = cut(f"{'a ' * 40}\n\n## Title\n\n{'b ' * 40}", no_longer_than(100))
    assert head == ("a " * 40).rstrip()
    assert rest.startswith("## Title\n\nb")


def test_prose_is_cut_behind_a_sentence() -> None:
    for piece in pieces(PROSE.strip(), no_longer_than(200)):
        assert piece.endswith(".")
        assert piece[0].isupper()


def test_chinese_is_cut_behind_its_full_stop() -> None:
    text = "今天天气很好，我们去公园散步。你想一起来吗？" * 40
    for piece in pieces(text, no_longer_than(100)):
        assert piece[-1] in "。？"


def test_a_fence_is_closed_and_opened_again_with_its_language() -> None:
    code = "\n".join(f"print({n})" for n in range(100))
    found = pieces(f"Look:\n\n```python\n{code}\n```\n\nDone.", no_longer_than(300))
    assert len(found) > 3
    for piece in found[1:-1]:
        assert piece.startswith("```python\nprint(")
        assert piece.endswith(")\n```")
    lines = [line for piece in found for line in piece.splitlines() if line.startswith("print")]
    assert lines == code.splitlines()


@pytest.mark.parametrize("end", ["", "\n```", "\n```\n\nDone."])
@pytest.mark.parametrize("fence", ["```python", "1. Look:\n\n   ```python"])
def test_code_is_cut_between_its_lines_though_it_has_not_ended_yet(fence: str, end: str) -> None:
    blank = "   " if "Look" in fence else ""
    lines = [f"value_{number} = a + b * {number}" for number in range(60)]
    text = fence + "".join(f"\n{blank}{line}" for line in lines) + end.replace("```", f"{blank}```")
    for limit in range(200, 260, 7):
        found = [line.strip() for piece in pieces(text, no_longer_than(limit)) for line in piece.splitlines()]
        assert [line for line in found if "value" in line or "+" in line] == lines


@pytest.mark.parametrize("fence", ["~~~", "`````"])
def test_other_fences_keep_their_signs_and_inner_fences(fence: str) -> None:
    inner = "\n".join(f"```\nx{n}\n```" for n in range(60))
    for piece in pieces(f"{fence}markdown\n{inner}\n{fence}", no_longer_than(200)):
        assert piece.startswith(f"{fence}markdown\n")
        assert piece.endswith(f"\n{fence}")


@pytest.mark.parametrize(
    ("opening", "indent"),
    [("- a\n  - b\n    - c\n      ", "      "), ("1. a\n   > q\n   > ", "   > "), ("> 10. x\n>     ", ">     ")],
)
def test_a_fence_in_lists_and_quotes_stays_code(opening: str, indent: str) -> None:
    lines = [f"print({n})" for n in range(60)]
    text = f"{opening}```py\n" + "".join(f"{indent}{line}\n" for line in lines) + f"{indent}```\n"
    found = pieces(text, no_longer_than(250))
    shown = [telegram(piece, growing=False) for piece in found]
    assert len(shown) > 3
    code: list[str] = []
    for page in shown:
        [pre] = [entity for entity in page.entities if entity.type == "pre"]
        assert pre.language == "py"
        code += page.text[pre.offset : pre.offset + pre.length].split("\n")
    assert code == lines


def test_a_list_that_goes_on_shows_no_second_bullet_and_keeps_its_numbers() -> None:
    items = "".join(f"{n}. **Item {n}**\n    - first of {n}\n    - second of {n}\n" for n in range(1, 20))
    shown = "\n".join(telegram(piece, growing=False).text for piece in pieces(items, no_longer_than(120)))
    assert re.findall(r"(?m)^(\d+)\. Item \d+$", shown) == [str(n) for n in range(1, 20)]
    assert len(re.findall("◦ (?:first|second) of", shown)) == 38
    assert "\ufddf" not in shown


def test_a_table_repeats_its_header_and_cuts_no_row() -> None:
    rows = [f"| name {n} | {n * n} |" for n in range(80)]
    found = pieces("| Name | Square |\n|---|--:|\n" + "\n".join(rows), no_longer_than(300))
    assert len(found) > 3
    for piece in found:
        assert piece.startswith("| Name | Square |\n|---|--:|\n| name")
    assert [line for piece in found for line in piece.splitlines()[2:]] == rows


def test_a_quote_goes_on_as_a_quote() -> None:
    found = pieces("> " + PROSE.strip(), no_longer_than(200))
    assert all(piece.startswith("> ") for piece in found)
    assert " ".join(piece[2:] for piece in found) == PROSE.strip()


@pytest.mark.parametrize(
    "span", ["**bold words here**", "[a link text](https://example.org/a/b)", "`inline code`", "\\(a + b\\)", "*so so*"]
)
def test_inline_spans_stay_whole(span: str) -> None:
    for piece in pieces(f"word {span} " * 60, no_longer_than(100)):
        assert re.fullmatch(rf"(?:(?:word|{re.escape(span)})\s*)+", piece)


def test_what_a_growing_text_may_still_close_stays_in_the_rest() -> None:
    head, rest = cut("word " * 15 + "**bold that is not closed", no_longer_than(95))
    assert head == ("word " * 15).rstrip()
    assert rest.startswith("**bold")


def test_a_line_is_not_parted_from_the_rule_that_makes_it_a_table() -> None:
    head, rest = cut("word " * 14 + "\n\n| a | b |\n|--", no_longer_than(80))
    assert rest == "| a | b |\n|--"
    assert head.endswith("word")


@pytest.mark.parametrize("cluster", ["👨‍👩‍👧‍👦", "e\u0301\u0302", "🇩🇪", "각", "👍🏿"])
def test_no_grapheme_is_cut(cluster: str) -> None:
    for piece in pieces(cluster * 200, no_longer_than(90)):
        assert piece == cluster * (len(piece) // len(cluster))


@pytest.mark.parametrize(
    "monster",
    ["x" * 50_000, "[a](" + "x" * 20_000 + ")", "| " + "cell " * 4000 + "|", "**" + "bold " * 5000 + "**",
     "| a | b |\n|---|---|\n| " + "cell " * 4000 + " | b |\n| c | d |", "a" + "\u0301" * 9000, "> " * 9000, "- " * 9000,
     "```" + "x" * 9000, "```\n" + "y" * 20_000 + "\n```", "#" * 9000, "\n" * 9000, "`" * 9000, "🇩" * 9001],
    ids=lambda monster: ascii(monster[:12]),
)  # fmt: skip
def test_monsters_are_cut_plainly(monster: str) -> None:
    text = monster
    while text:
        head, rest = cut(text, shown_on_telegram(4096))
        assert head
        assert telegram(head, growing=False).size <= 4096
        assert len(rest) < len(text)
        text = rest


def test_nothing_fits_and_still_it_gets_on() -> None:
    assert pieces("abc def", lambda _: False) == list("abc") + list("def")


def test_fits_is_asked_seldom_and_never_with_much_more_than_fits() -> None:
    asked: list[int] = []

    def fits(markdown: str) -> bool:
        asked.append(len(markdown))
        return len(markdown) <= 4000

    text = "Some words, and more. " * 50_000
    head, rest = cut(text, fits)
    assert len(head) > 3900
    assert len(asked) < 20
    assert max(asked) <= 8192
    assert len(head) + len(rest) >= len(text) - 2


LETTER_LIMITS = st.integers(20, 300)


@settings(max_examples=150, deadline=None)
@given(DOCUMENTS, LETTER_LIMITS)
def test_the_pieces_together_are_the_text(document: str, limit: int) -> None:
    """Every letter once and in order: what is repeated (headers, fences) holds none here."""
    document = lettered(document)
    found = pieces(document, no_longer_than(limit))
    assert LETTERS.findall("".join(found)) == LETTERS.findall(document)
    assert all(units(piece) <= limit for piece in found)


@settings(max_examples=30, deadline=None)
@given(DOCUMENTS, st.integers(60, 400))
def test_every_piece_fits_and_is_valid_on_every_platform(document: str, limit: int) -> None:
    for render in (telegram, discord, web):

        def fits(markdown: str, render: Callable[..., Page] = render) -> bool:
            return render(markdown, growing=False).size <= limit

        for piece in pieces(document, fits):
            page = render(piece, growing=False)
            assert page.size <= limit
            if render is telegram:
                check_telegram(page)
            elif render is web:
                checked_html(page.text)


@settings(max_examples=60, deadline=None)
@given(DOCUMENTS, st.integers(100, 400))
def test_every_word_of_every_piece_is_shown(document: str, limit: int) -> None:
    document = lettered(document)
    found = pieces(document, shown_on_telegram(limit))
    assume(not any(WORDY_FENCE.search(piece) for piece in found))
    shown = "".join(telegram(piece, growing=False).text for piece in found)
    assert LETTERS.findall(shown) == LETTERS.findall(document)


@settings(max_examples=150, deadline=None)
@given(ANYTHING, st.integers(1, 40))
def test_any_text_is_cut_into_pieces_that_fit(text: str, limit: int) -> None:
    rest = text
    while rest:
        head, after = cut(rest, no_longer_than(limit))
        assert head
        assert len(after) < len(rest)
        assert units(head) <= max(limit, 2)
        rest = after


@settings(max_examples=60, deadline=None)
@given(DOCUMENTS, st.integers(80, 200), st.integers(1, 9))
def test_a_growing_text_loses_and_doubles_nothing(document: str, limit: int, step: int) -> None:
    """As the stream is shown: what no longer fits is cut, the head stands, the rest grows on."""
    document = lettered(document)
    done: list[str] = []
    tail = ""
    fits = no_longer_than(limit)
    for start in range(0, len(document), step):
        tail += document[start : start + step]
        while not fits(tail):
            head, tail = cut(tail, fits)
            done.append(head)
    assert LETTERS.findall("".join((*done, tail))) == LETTERS.findall(document)


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("limit", [50, 200, 4096])
def test_nasty_samples_are_cut_into_valid_pieces(name: str, limit: int) -> None:
    for piece in pieces(SAMPLES[name], shown_on_telegram(limit)):
        page = telegram(piece, growing=False)
        assert page.size <= limit
        check_telegram(page)
