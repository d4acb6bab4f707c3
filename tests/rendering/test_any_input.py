"""Whatever a model writes is shown, on all three platforms, whole or cut off anywhere."""

from __future__ import annotations

import re
from itertools import count

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from bot.discord.render import render as discord
from bot.rendering.markdown import clean, prepared, source_of
from bot.telegram.render import render as telegram
from bot.web.render import render as web
from tests.rendering.checks import check_telegram, checked_html, live_mentions, mentions
from tests.rendering.samples import ANYTHING, DOCUMENTS, SAMPLES

LETTERS = re.compile("[\u1401-\u166c]")  # Canadian syllabics: letters that nothing else here uses


WORDY_FENCE = re.compile("^[ >\\d.-]*(```|~~~)[^\n`]*[\u1401-\u166c]", re.MULTILINE)  # names no language, hides words


def lettered(document: str) -> str:
    """Replace each `word` by a letter of its own, so that one can see which of them are shown."""
    letters = count(0x1401)
    return re.sub("word", lambda _: chr(next(letters)), document)


def check_everywhere(markdown: str) -> None:
    for growing in (True, False):
        check_telegram(telegram(markdown, growing=growing))
        page = discord(markdown, growing=growing)
        assert page.size == len(page.text.encode("utf-16-le")) // 2
        assert not live_mentions(page.text), page.text
        assert not mentions(page.plain) or page.plain == page.text, page.plain
        page = web(markdown, growing=growing)
        checked_html(page.text)
        page.text.encode()


@pytest.mark.parametrize("name", SAMPLES)
def test_every_prefix_of_a_nasty_sample_is_valid(name: str) -> None:
    sample = SAMPLES[name]
    step = 1 if len(sample) < 1000 else 37
    for end in range(0, len(sample) + 1, step):
        check_everywhere(sample[:end])
    check_everywhere(sample)


@settings(max_examples=150, deadline=None)
@given(ANYTHING)
def test_any_text_is_valid(markdown: str) -> None:
    check_everywhere(markdown)


@settings(max_examples=80, deadline=None)
@given(DOCUMENTS, st.integers(0, 2000))
@example("| a | b |\n|--|--|\n| [](](https://x.y/x)` $5 | @everyone \\(word\\) |", 99)
@example("https://x.y/` `@everyone`", 99)
def test_any_document_cut_off_anywhere_is_valid(document: str, end: int) -> None:
    check_everywhere(document[:end])


@settings(max_examples=80, deadline=None)
@given(DOCUMENTS)
def test_every_word_is_shown_once_and_in_order(document: str) -> None:
    document = lettered(document)
    assume(not WORDY_FENCE.search(document))
    expected = LETTERS.findall(document)
    assert LETTERS.findall(telegram(document, growing=False).text) == expected
    assert LETTERS.findall(discord(document, growing=False).text) == expected
    assert LETTERS.findall(checked_html(web(document, growing=False).text)) == expected


@settings(max_examples=150, deadline=None)
@given(ANYTHING | DOCUMENTS)
def test_preparing_can_be_undone(markdown: str) -> None:
    text = clean(markdown)
    assert source_of(prepared(text)) == text


@settings(max_examples=80, deadline=None)
@given(st.text(" \t\n\u200b\u200d\u3000\ufe0f\u00a0", max_size=20))
def test_what_cannot_be_seen_is_not_sent(blank: str) -> None:
    for render in (telegram, discord, web):
        page = render(blank, growing=True)
        assert (page.text, page.plain, page.size, page.entities) == ("", "", 0, ())
