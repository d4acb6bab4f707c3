"""UTF-16, names and seams hold for any text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.telegram.attachments import NAME_LENGTH, safe_name
from bot.telegram.recent import Recent
from bot.telegram.utf16 import clean, clean_all, cut, units

anything = st.text(st.characters())  # lone surrogates included
readable = st.text()


@given(anything)
def test_clean_text_can_be_written_as_utf8_and_is_as_long(text: str) -> None:
    cleaned = clean(text)

    cleaned.encode()
    assert units(cleaned) == units(text)
    assert clean(cleaned) == cleaned


@given(readable)
def test_what_is_whole_stays_as_it_is(text: str) -> None:
    assert clean(text) == text


@given(readable, readable, readable)
def test_a_stretch_in_utf16_units_is_the_stretch(before: str, inside: str, after: str) -> None:
    assert cut(before + inside + after, units(before), units(inside)) == inside


@given(anything, st.integers(-10, 100), st.integers(-10, 100))
def test_any_stretch_can_be_asked_for(text: str, offset: int, length: int) -> None:
    cut(text, offset, length).encode()


@given(
    st.recursive(anything | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(anything, inner))
)
def test_any_json_can_be_cleaned(value: object) -> None:
    str(clean_all(value)).encode()


@given(anything)
def test_a_file_name_is_short_printable_and_without_folders(name: str) -> None:
    safe = safe_name(name)

    assert 0 < len(safe) <= NAME_LENGTH
    assert safe.isprintable()
    assert not set(safe) & {"/", "\\"}
    assert safe not in {".", ".."}


def test_a_long_file_name_keeps_its_ending() -> None:
    assert safe_name("x" * 500 + ".pdf").endswith("x.pdf")


@given(st.lists(st.integers(0, 50)))
def test_bounded_memory_keeps_the_newest(keys: list[int]) -> None:
    kept: Recent[int, int] = Recent(5)
    for number, key in enumerate(keys):
        kept.put(key, number)

    newest = list(dict.fromkeys(reversed(keys)))[:5]
    assert sorted(kept) == sorted(newest)
    assert len(kept) == len(newest)
