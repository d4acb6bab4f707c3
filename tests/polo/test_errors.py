"""What an error holds for the log, and what it never holds."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polo import PoloError, RelayBroke, RelayBusy, RelaySettings, redact
from polo.errors import excerpt

SECRETS = [
    ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
    ("key sk-proj-Ab_12-xyz, next", "key sk-***, next"),
    ("[sk-aBc***xYz] empty", "[sk-***] empty"),
    ("GET /v1beta?key=AIzaSy1234&alt=sse", "GET /v1beta?key=***&alt=sse"),
    ("http://ann:pass@proxy:3128", "http://***@proxy:3128"),
    ("/bot123456789:AAExampleExampleExampleExampleExample/getMe", "/bot123456789:***/getMe"),
    ("a task-list and disk-usage are no keys", "a task-list and disk-usage are no keys"),
]


@pytest.mark.parametrize(("text", "clean"), SECRETS)
def test_what_looks_like_a_secret_is_redacted(text: str, clean: str) -> None:
    assert redact(text) == clean


def test_a_discord_token_is_redacted() -> None:
    token = "M" + "a" * 23 + "." + "b" * 6 + "." + "c" * 27

    assert redact(f"login {token} failed") == "login *** failed"


def test_known_secrets_are_redacted_word_for_word_the_longest_first() -> None:
    assert redact("local-key-long and local-key", ("local-key", "local-key-long", "")) == "*** and ***"


@given(st.text(max_size=3000))
def test_an_excerpt_is_short_and_can_be_written_anywhere(text: str) -> None:
    kept = excerpt(text)

    assert len(kept.encode()) <= 500
    assert redact(kept) == kept


def test_an_error_redacts_and_cuts_what_it_is_given() -> None:
    error = RelayBroke("sk-abcdef123 " + "语" * 400, status=500, request_id="r1", code="upstream_error")

    assert error.said.startswith("sk-*** 语")
    assert len(error.said.encode()) <= 500
    assert str(error).startswith("500 upstream_error sk-***")
    assert str(error).endswith("(request id: r1)")


def test_a_copy_of_an_error_says_the_same() -> None:
    error = RelayBusy(
        "slow down", status=429, request_id="r1", code="c", param="p", retry_after_s=3, may_have_cost=True
    )

    again = error.again()

    assert again is not error
    assert (type(again), vars(again)) == (type(error), vars(error))
    assert copy.copy(PoloError("x")).said == "x"


def test_settings_show_neither_keys_nor_the_proxys_password() -> None:
    shown = repr(RelaySettings("https://relay.example", ("sk-secret",), proxy="http://ann:pass@proxy:1"))

    assert "secret" not in shown
    assert "pass" not in shown
