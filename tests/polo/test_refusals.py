"""The error table: what each recorded refusal means, and whether it may be asked again."""

from __future__ import annotations

import pytest

from polo import (
    AccessDenied,
    KeyRejected,
    ModelMissing,
    OutOfCredit,
    PoloError,
    PromptRefused,
    RelayBroke,
    RelayBusy,
    RelaySilent,
    RequestInvalid,
    TooLong,
    WrongAddress,
)
from polo.refusals import complaint_in, refused, retry_after_s
from tests.polo.replays import DATA, sample

# recorded refusal: what it means, whether it may have cost something
TABLE: dict[str, tuple[type[PoloError], bool]] = {
    "200_gemini_no_candidates.json": (PromptRefused, False),
    "200_html_index.html": (WrongAddress, False),
    "200_model_retrieve_missing.json": (ModelMissing, False),
    "400_context_length.json": (TooLong, False),
    "400_flat_message.json": (RequestInvalid, False),
    "400_invalid_request.json": (RequestInvalid, False),
    "400_moderation_blocked_image.json": (PromptRefused, False),
    "400_prompt_blocked_gemini.json": (PromptRefused, False),
    "400_sensitive_words.json": (PromptRefused, False),
    "400_upstream_param.json": (RequestInvalid, False),
    "401_access_token.json": (KeyRejected, False),
    "401_invalid_token.json": (KeyRejected, False),
    "401_no_token.json": (KeyRejected, False),
    "401_token_exhausted.json": (OutOfCredit, False),
    "401_token_expired.json": (KeyRejected, False),
    "403_channel_suffix.json": (AccessDenied, False),
    "403_ip_not_allowed.json": (AccessDenied, False),
    "403_model_not_allowed.json": (AccessDenied, False),
    "403_preconsume.json": (OutOfCredit, False),
    "403_token_quota.json": (OutOfCredit, False),
    "403_user_banned.json": (AccessDenied, False),
    "403_user_quota.json": (OutOfCredit, False),
    "404_invalid_url.json": (WrongAddress, False),
    "413_body_too_large.json": (TooLong, False),
    "429_empty_body.txt": (RelayBusy, False),
    "429_rate_limit_relay.json": (RelayBusy, False),
    "429_saturated_but_quota.json": (OutOfCredit, False),
    "429_upstream_saturated.json": (RelayBusy, False),
    "500_bad_response_body.json": (RelayBroke, True),
    "500_do_request_failed.json": (RelayBroke, True),
    "500_error_string.json": (RelayBroke, True),
    "500_invalid_request_2026.json": (RequestInvalid, False),
    "500_panic.json": (RelayBroke, True),
    "501_not_implemented.json": (RequestInvalid, False),
    "502_nginx.html": (RelayBroke, True),
    "503_no_channel_2025.json": (ModelMissing, False),
    "503_no_channel_2026.json": (ModelMissing, False),
    "524_cloudflare.html": (RelaySilent, True),
}
REQUEST_ID = "2025071006283312345678aBcDeFgH"


def test_every_recorded_refusal_has_a_test() -> None:
    assert {path.name for path in (DATA / "relay" / "errors").iterdir()} == TABLE.keys()


@pytest.mark.parametrize("name", TABLE)
def test_a_recorded_refusal_has_its_meaning(name: str) -> None:
    body = sample(f"relay/errors/{name}")

    error = refused(int(name[:3]), body)

    kind, cost = TABLE[name]
    assert type(error) is kind
    assert error.may_have_cost is cost
    assert error.status == int(name[:3])
    assert error.said
    assert error.request_id == (REQUEST_ID if REQUEST_ID.encode() in body else "")


@pytest.mark.parametrize(
    ("status", "kind", "cost"),
    [
        (301, WrongAddress, False),
        (400, RequestInvalid, False),
        (402, OutOfCredit, False),
        (405, WrongAddress, False),
        (408, RelayBroke, True),
        (422, RequestInvalid, False),
        (500, RelayBroke, True),
        (503, RelayBroke, False),
        (522, RelayBroke, True),
        (529, RelayBusy, False),
    ],
)
def test_a_status_without_words_has_its_meaning(status: int, kind: type[PoloError], cost: bool) -> None:
    error = refused(status, b"")

    assert type(error) is kind
    assert error.may_have_cost is cost
    assert error.said == f"status {status} without words"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":{"message":"No"}}', "No"),
        (b'{"error":"No"}', "No"),
        (b'{"message":"No"}', "No"),
        (b'{"success":false,"message":"No","data":{"a":1}}', "No"),
        (b'{"success":false}', "refused without words"),
        (b'{"detail":"No"}', "No"),
        (b'{"detail":[{"loc":["body"]}]}', '[{"loc":["body"]}]'),
        (b'[{"error":{"message":"No","status":"INVALID_ARGUMENT"}}]', "No"),
        (b'{"error":{"detail":"No","code":7}}', "No"),
    ],
)
def test_each_shape_of_a_complaint_is_read(body: bytes, message: str) -> None:
    complaint = complaint_in(body)

    assert complaint is not None
    assert complaint.message == message


@pytest.mark.parametrize(
    "body",
    [
        b'{"choices":[],"error":null}',
        b'{"success":true,"message":"","data":[]}',
        b'{"message":"ok","data":[1]}',
        b'{"error":{}}',
        b"[]",
        b"7",
        b"not json",
        b"\xff",
    ],
)
def test_what_complains_of_nothing_is_no_complaint(body: bytes) -> None:
    assert complaint_in(body) is None


def test_the_header_names_the_request_before_the_words_do() -> None:
    headers = {"X-Oneapi-Request-Id": "from-header"}

    assert refused(500, sample("relay/errors/500_do_request_failed.json"), headers=headers).request_id == "from-header"


def test_a_key_in_the_relays_words_is_hidden() -> None:
    error = refused(401, b'{"error":{"message":"bad key local-secret-7 or sk-abcdef123"}}', secrets=("local-secret-7",))

    assert error.said == "bad key *** or sk-***"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": " 1.5 "}, 1.5),
        ({"Retry-After": "1", "Retry-After-Ms": "250"}, 0.25),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:10 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 10.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:27:00 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "1.2.3"}, None),
        ({"Retry-After-Ms": "nan"}, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers) == seconds
