"""The stand-in's own tables: models, balance, prices, status; and what it says to paths it does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from polo.standin.refusals import error

if TYPE_CHECKING:
    from polo.standin.relay import StandIn

_SINCE = 1_626_777_600  # Unix seconds; new-api says the same of every model
_UNITS_PER_USD = 500_000
_OWNERS = (("claude", "claude"), ("gemini", "google gemini"), ("deepseek", "deepseek"), ("", "openai"))
_ENDPOINTS = {"claude": ["anthropic", "openai"], "google gemini": ["gemini", "openai"]}
_WEB_PAGE = '<!doctype html>\n<html lang="zh"><head><meta charset="utf-8"><title>New API</title></head></html>\n'


def add_routes(app: web.Application, relay: StandIn) -> None:
    """Add the calls that cost nothing."""

    async def models(_: web.Request) -> web.Response:
        return web.json_response({"success": True, "object": "list", "data": [_model(name) for name in relay.models]})

    async def model(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name in relay.models:
            return web.json_response(_model(name))
        # With status 200, as new-api does.
        return error(request, 200, f"The model '{name}' does not exist", code="model_not_found")

    async def subscription(_: web.Request) -> web.Response:
        limit = relay.granted
        names = ("soft_limit_usd", "hard_limit_usd", "system_hard_limit_usd")
        limits: dict[str, Any] = dict.fromkeys(names, limit)
        return web.json_response(
            {"object": "billing_subscription", "has_payment_method": True, **limits, "access_until": 0}
        )

    async def usage(_: web.Request) -> web.Response:
        return web.json_response({"object": "list", "total_usage": round(relay.used * 100, 4)})

    async def pricing(_: web.Request) -> web.Response:
        groups: dict[str, Any] = {"group_ratio": {"default": 1}, "usable_group": {"default": "stand-in"}}
        return web.json_response({"success": True, "data": [_price(name) for name in relay.models], **groups})

    async def status(_: web.Request) -> web.Response:
        about = {"version": "stand-in", "system_name": "Stand-in relay", "quota_per_unit": _UNITS_PER_USD}
        return web.json_response({"success": True, "message": "", "data": {**about, "display_in_currency": True}})

    app.router.add_get("/v1/models", models)
    app.router.add_get("/v1/models/{name}", model)
    app.router.add_get("/v1/dashboard/billing/subscription", subscription)
    app.router.add_get("/v1/dashboard/billing/usage", usage)
    app.router.add_get("/api/pricing", pricing)
    app.router.add_get("/api/status", status)


async def unknown_path(request: web.Request) -> web.Response:
    """Answer as new-api: an error under /v1 and /api, the web page elsewhere."""
    if request.path.startswith(("/v1", "/api")):
        message = f"Invalid URL ({request.method} {request.path})"
        return error(request, 404, message, kind="invalid_request_error")
    return web.Response(text=_WEB_PAGE, content_type="text/html")


def _model(name: str) -> dict[str, Any]:
    owner = next(owner for mark, owner in _OWNERS if mark in name)
    return {
        "id": name,
        "object": "model",
        "created": _SINCE,
        "owned_by": owner,
        "supported_endpoint_types": _ENDPOINTS.get(owner, ["openai"]),
    }


def _price(name: str) -> dict[str, Any]:
    return {
        "model_name": name,
        "quota_type": 0,
        "model_ratio": 0.2,
        "model_price": 0,
        "completion_ratio": 4,
        "enable_groups": ["default"],
        "supported_endpoint_types": _model(name)["supported_endpoint_types"],
    }
