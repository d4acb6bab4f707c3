"""Refusals in the relay's form."""

from __future__ import annotations

from typing import Any

from aiohttp import web

ID = web.RequestKey("id", str)
BODY: web.RequestKey[Any] = web.RequestKey("body", object)


def error(
    request: web.Request, status: int, message: str, *, code: str = "", kind: str = "new_api_error", param: str = ""
) -> web.Response:
    """Return a refusal: {"error": {"message", "type", "param", "code"}}, and the request's id where new-api puts it."""
    said = {"message": f"{message} (request id: {request[ID]})", "type": kind, "param": param, "code": code}
    return web.json_response({"error": said}, status=status, headers={"X-Oneapi-Request-Id": request[ID]})
