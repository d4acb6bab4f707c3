"""Each form of a base URL that people paste becomes the same roots; what is none gets a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polo import Address, BadAddress, normalise


@pytest.mark.parametrize(
    ("given_url", "root", "form"),
    [
        ("https://relay.example", "https://relay.example", "host"),
        ("https://relay.example/", "https://relay.example", "host"),
        ("  https://relay.example//  ", "https://relay.example", "host"),
        ("relay.example", "https://relay.example", "host"),
        ("https://relay.example/v1", "https://relay.example", "host/v1"),
        ("https://relay.example/v1/", "https://relay.example", "host/v1"),
        ("https://relay.example/v1beta", "https://relay.example", "host/v1"),
        ("https://relay.example/v1/chat/completions", "https://relay.example", "host/v1/endpoint"),
        ("https://relay.example/v1/models", "https://relay.example", "host/v1/endpoint"),
        ("https://relay.example/chat/completions", "https://relay.example", "host/v1/endpoint"),
        ("https://relay.example/mj", "https://relay.example", "host/v1/endpoint"),
        ("https://relay.example/team/v1", "https://relay.example/team", "host/v1"),
        ("https://relay.example/v1/account/gateway", "https://relay.example/v1/account/gateway", "host"),
        ("http://localhost:11434/v1", "http://localhost:11434", "host/v1"),
        ("localhost:11434", "http://localhost:11434", "host"),
        ("192.168.1.5:8000", "http://192.168.1.5:8000", "host"),
        ("[::1]:8000/v1", "http://[::1]:8000", "host/v1"),
        ("HTTPS://Relay.Example:443/v1", "https://relay.example", "host/v1"),
    ],
)
def test_a_form_of_the_address_is_read(given_url: str, root: str, form: str) -> None:
    assert normalise(given_url) == Address(root, f"{root}/v1", f"{root}/v1beta", f"{root}/mj", f"{root}/suno", form)


def test_the_origin_is_the_address_without_its_path() -> None:
    assert normalise("https://relay.example:8443/team/v1").origin == "https://relay.example:8443"


@pytest.mark.parametrize(
    ("given_url", "why"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("https://relay example", "white space"),
        ("ftp://relay.example", "https://"),
        ("https://", "no host"),
        ("https://relay.example:99999", "URL"),
        ("https://ann:pass@relay.example", "password"),
        ("https://relay.example/v1?key=sk-1", "query"),
        ("https://relay.example/#x", "fragment"),
        ("https://[::1", "URL"),
    ],
)
def test_a_wrong_address_is_one_sentence_without_the_address(given_url: str, why: str) -> None:
    with pytest.raises(BadAddress) as caught:
        normalise(given_url)

    sentence = str(caught.value)
    assert why in sentence
    assert sentence.endswith(".")
    assert "pass@" not in sentence
    assert "sk-1" not in sentence


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_a_sentence(text: str) -> None:
    try:
        address = normalise(text)
    except BadAddress:
        return
    assert normalise(address.root).root == address.root
