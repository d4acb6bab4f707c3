"""Refusals in the relay's form."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from polo.standin.script import Fail

ID = web.RequestKey("id", str)
ID_HERE = "standin-request-id"  # in a scripted refusal: stands for the id of the request it answers
BODY: web.RequestKey[Any] = web.RequestKey("body", object)


def error(
    request: web.Request, status: int, message: str, *, code: str = "", kind: str = "new_api_error", param: str = ""
) -> web.Response:
    """Return a refusal: {"error": {"message", "type", "param", "code"}}, and the request's id where new-api puts it."""
    said = {"message": f"{message} (request id: {request[ID]})", "type": kind, "param": param, "code": code}
    return web.json_response({"error": said}, status=status, headers={"X-Oneapi-Request-Id": request[ID]})


def failed(request: web.Request, plan: Fail) -> web.Response:
    """Return a scripted refusal."""
    plain = plan.body.encode() if isinstance(plan.body, str) else plan.body
    data = plain if isinstance(plain, bytes) else json.dumps(plain, ensure_ascii=False).encode()
    data = data.replace(ID_HERE.encode(), request[ID].encode())
    page = data.lstrip()[:1] == b"<"
    kind = {"Content-Type": "text/html" if page else "application/json"} if data else {}
    return web.Response(
        status=plan.status, body=data, headers={"X-Oneapi-Request-Id": request[ID], **kind, **plan.headers}
    )
