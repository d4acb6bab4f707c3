"""What the relay says of itself and of the key: models and balance. Pure readers of its answers."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from polo.events import Balance, Model
from polo.refusals import complaint_of, looks_like_html, refused, surprise, web_page

# What the billing call says of a key without limit.
_UNLIMITED = Decimal(100_000_000)


def read_object(body: bytes, *, status: int, request_id: str, secrets: tuple[str, ...]) -> dict[str, Any]:
    """Return a 200's JSON object. Raises what it complains of, `WrongAddress` for a page, else `WireSurprise`."""
    if looks_like_html(body):
        raise web_page(body, status=status, request_id=request_id)
    try:
        data: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise surprise(body, status=status, request_id=request_id, secrets=secrets) from error
    if isinstance(data, list):
        data = {"data": data}
    if not isinstance(data, dict):
        raise surprise(body, status=status, request_id=request_id, secrets=secrets)
    if complaint_of(data) is not None:
        raise refused(status, body, request_id=request_id, secrets=secrets)
    return data


def models_in(data: dict[str, Any]) -> tuple[Model, ...]:
    """Return the models of GET /v1/models, by name; the relay's order is random. Entries without an id are skipped."""
    found: dict[str, Model] = {}
    for item in data.get("data") or ():
        if isinstance(item, dict) and isinstance(name := item.get("id"), str) and name:
            types = item.get("supported_endpoint_types")
            endpoints = tuple(t for t in types if isinstance(t, str)) if isinstance(types, list) else ()
            found[name] = Model(name, str(item.get("owned_by") or ""), endpoints)
    return tuple(found[name] for name in sorted(found))


def balance_in(subscription: dict[str, Any], usage: dict[str, Any]) -> Balance | None:
    """Return the balance; None where the numbers are none.

    GET /v1/dashboard/billing/subscription -> {"hard_limit_usd": 25.5, ...}: all that was granted
    GET /v1/dashboard/billing/usage        -> {"total_usage": 312.4}: hundredths, of all times
    """
    granted, hundredths = _amount(subscription.get("hard_limit_usd")), _amount(usage.get("total_usage"))
    if granted is None or hundredths is None:
        return None
    used = hundredths / 100
    if granted >= _UNLIMITED:
        return Balance(None, used, None)
    return Balance(granted, used, granted - used)


def _amount(value: object) -> Decimal | None:
    """Return a number, or text that is one, exactly as it was written."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None
