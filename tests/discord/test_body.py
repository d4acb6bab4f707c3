"""What any page, label and nonce becomes: always something that Discord takes."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.discord.address import Via, apart, together, via_of
from bot.discord.body import body_of, nonce_of, shortened, utf16
from bot.discord.forms import modal_of
from bot.discord.rest import RefusedWith, failure
from bot.ports import Page, ShownButton
from handlers.reply import Field, Form
from handlers.turn import Place
from handlers.words import Words
from tests.fakes.discord import referee

# Lone surrogates and unassigned characters included: models and people write them.
ANY_TEXT = st.text(st.characters(codec=None), max_size=300)
BUTTONS = st.lists(st.lists(st.builds(ShownButton, ANY_TEXT, st.uuids().map(str)), max_size=7).map(tuple), max_size=4)


@settings(max_examples=50, deadline=None)
@given(ANY_TEXT, BUTTONS)
def test_any_page_is_a_message_within_the_specification(text: str, rows: list[tuple[ShownButton, ...]]) -> None:
    body = body_of(Page(text=text, plain=text, size=len(text), buttons=tuple(rows)))

    plain = msgspec.json.decode(msgspec.json.encode(body))
    assert referee.complaints_about_request("POST", "/channels/{channel_id}/messages", plain, multipart=False) == []
    assert plain["content"]
    assert [one["custom_id"] for row in plain["components"] for one in row["components"]] == [
        button.id for row in rows for button in row
    ][:25]


@given(ANY_TEXT, st.integers(2, 50))
def test_shortening_keeps_what_fits_and_ends_in_an_ellipsis_otherwise(text: str, limit: int) -> None:
    short = shortened(text, limit)

    assert utf16(short) <= limit
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))


@given(st.text(), st.text())
def test_nonces_fit_and_differ_as_their_names_do(one: str, other: str) -> None:
    assert len(nonce_of(one)) <= 25
    assert (nonce_of(one) == nonce_of(other)) == (one == other)


@settings(max_examples=20, deadline=None)
@given(ANY_TEXT, ANY_TEXT, ANY_TEXT, st.integers(-5, 9000))
def test_any_form_is_a_window_within_the_specification(title: str, label: str, value: str, at_most: int) -> None:
    field = Field("answer", Words(en=label or "?", zh="?"), Words(en=label or "?", zh="?"), value, at_most=at_most)

    answer = {"type": 9, "data": modal_of(Form(Words(en=title or "?", zh="?"), (field,) * 7), "f:1", "en")}

    path = "/interactions/{interaction_id}/{interaction_token}/callback"
    assert referee.complaints_about_request("POST", path, answer, multipart=False) == []


@given(st.from_regex(r"[0-9]{17,20}", fullmatch=True), st.from_regex(r"[0-9]{17,20}", fullmatch=True))
def test_message_ids_come_apart_as_they_were_put_together(channel: str, message: str) -> None:
    assert apart(together(channel, message, channel), channel) == (channel, message)
    assert apart(together(channel, message, "1"), "1") == (channel, message)


def test_an_interactions_address_survives_storing_and_hides_its_token() -> None:
    via = Via("1", "secret-token", 9.5, "2", "thinking", True)

    assert via_of(Place("discord", "3", via=via.encoded())) == via
    assert via_of(Place("discord", "3", via="of another version")) is None
    assert "secret" not in repr(via)


def test_a_refusal_names_fields_and_codes_only() -> None:
    detail = {
        "code": 50035,
        "message": "Invalid Form Body",
        "errors": {"components": {"0": {"_errors": [{"code": "TOO_LONG", "message": "of: my words"}]}}},
    }

    refused = failure(400, detail)

    assert isinstance(refused, RefusedWith)
    assert str(refused) == "HTTP 400, code 50035: Invalid Form Body components.0: TOO_LONG"
