"""Models and balance, in the shapes that relays and other servers give them."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from polo import Balance, KeyRejected, Model, Polo, PoloError, WireSurprise, WrongAddress
from polo.account import balance_in, models_in, read_object
from polo.standin import StandIn
from tests.polo.replays import sample


def read(body: bytes) -> dict[str, object]:
    return read_object(body, status=200, request_id="r1", secrets=())


def test_the_recorded_models_are_read() -> None:
    models = models_in(read(sample("openai/models.response.json")))

    assert Model("claude-sonnet-4-20250514", "claude", ("anthropic", "openai")) in models
    assert [model.id for model in models] == sorted(model.id for model in models)


@pytest.mark.parametrize(
    "body",
    [
        b'{"success":true,"data":[{"id":"b"},{"id":"a","owned_by":null,"supported_endpoint_types":null}]}',
        b'[{"id":"b"},{"id":"a"}]',
        b'{"object":"list","data":[{"id":"b"},{"id":"a"},{"id":""},{"id":7},"c",null,{"id":"b"}]}',
    ],
)
def test_each_shape_of_a_list_of_models_is_read(body: bytes) -> None:
    assert models_in(read(body)) == (Model("a", ""), Model("b", ""))


def test_a_list_without_models_is_empty() -> None:
    assert models_in(read(b'{"object":"list","data":null}')) == ()


def test_the_recorded_balance_is_read_exactly() -> None:
    subscription = read(sample("relay/billing_subscription.response.json"))
    usage = read(sample("relay/billing_usage.response.json"))

    assert balance_in(subscription, usage) == Balance(Decimal("25.5"), Decimal("3.124"), Decimal("22.376"))


def test_numbers_may_come_as_text() -> None:
    assert balance_in({"hard_limit_usd": "10"}, {"total_usage": "250"}) == Balance(
        Decimal(10), Decimal("2.5"), Decimal("7.5")
    )


@pytest.mark.parametrize("amount", [None, True, "much", [], float("nan"), "Infinity"])
def test_what_is_no_number_is_no_balance(amount: object) -> None:
    assert balance_in({"hard_limit_usd": amount}, {"total_usage": 1}) is None


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (sample("relay/errors/401_access_token.json"), KeyRejected),
        (sample("relay/errors/200_html_index.html"), WrongAddress),
        (b"Ollama is running", WireSurprise),
        (b"7", WireSurprise),
        (b"", WireSurprise),
        (b"[" * 100_000, WireSurprise),
    ],
)
def test_a_success_that_is_none_is_told(body: bytes, kind: type[PoloError]) -> None:
    with pytest.raises(kind):
        read(body)


async def test_a_server_without_billing_has_no_balance(polo: Polo, relay: StandIn) -> None:
    for _ in range(2):
        relay.will_fail_next_lookup(200, json.dumps({"object": "billing_subscription"}))

    with pytest.raises(WireSurprise) as caught:
        await polo.balance()

    assert not caught.value.may_have_cost
