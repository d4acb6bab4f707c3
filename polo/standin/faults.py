"""How the stand-in breaks: by script, by an `x-fault` header, or by what a person writes."""

from __future__ import annotations

import asyncio
import re

from aiohttp import web

from polo.standin.refusals import ID_HERE
from polo.standin.script import Fail, Hang, Next, Raw, Say

# The ways in which an answer can break off after some pieces.
HOW = (
    "reset-early",
    "reset",
    "close",
    "no-done",
    "done-only",
    "error-object",
    "bare-json",
    "mid-json",
    "silence",
    "endless",
    "long-line",
)

_ERROR = (
    b'{"error":{"message":"Overloaded (request id: standin-fault)","type":"overloaded_error","param":"","code":""}}'
)
_SATURATED = "当前分组上游负载已饱和，请稍后再试"
_MESSAGES = {
    400: ("Unsupported value", "invalid_request_error", "invalid_value"),
    401: ("无效的令牌", "new_api_error", ""),
    402: ("insufficient balance", "new_api_error", "insufficient_quota"),
    403: ("用户额度不足, 剩余额度: ＄0.000000", "new_api_error", "insufficient_user_quota"),
    404: ("Invalid URL", "invalid_request_error", ""),
    413: ("request body too large", "new_api_error", "read_request_body_failed"),
    429: (_SATURATED, "upstream_error", "bad_response_status_code"),
    500: ("请求上游地址失败", "new_api_error", "do_request_failed"),
    503: ("service temporarily unavailable", "new_api_error", ""),
}
_PAGE = b"<!doctype html><html><head><title>Stand-in page</title></head></html>"
_TWO_MB = 2 << 20


def by_name(name: str) -> Next | None:
    """Return the fault that a name asks for; None for "" and for names unknown.

    `error-429` and other statuses, `hang`, `html`, `empty`, `json` and each of `HOW`, with `-N` for "after N pieces".
    """
    if found := re.fullmatch(r"error-(\d{3})", name):
        return failure(int(found[1]))
    if found := re.fullmatch(rf"({'|'.join(HOW)})(?:-(\d+))?", name):
        return Say("Mars has two moons, Phobos and Deimos.", fault=found[1], after=int(found[2] or 2))
    match name:
        case "hang":
            return Hang()
        case "html":
            return Raw((_PAGE,), "text/html")
        case "empty":
            return Raw(())
    return None


def failure(status: int) -> Fail:
    """Return a refusal of this status in the relay's words."""
    message, kind, code = _MESSAGES.get(status, ("stand-in failure", "new_api_error", ""))
    said = {"message": f"{message} (request id: {ID_HERE})", "type": kind, "param": "", "code": code}
    return Fail(status, {"error": said})


async def break_off(how: str, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """End an answer that has begun in one of the ways of `HOW`. Raises ValueError for another one."""
    match how:
        case "reset" | "close":
            await asyncio.sleep(0)  # what was written goes out first
            return hang_up(request, response, reset=how == "reset")
        case "no-done":
            pass
        case "done-only":
            await response.write(b"data: [DONE]\n\n")
        case "error-object":
            await response.write(b"data: " + _ERROR + b"\n\ndata: [DONE]\n\n")
        case "bare-json":
            await response.write(_ERROR)
        case "mid-json":
            await response.write(b'data: {"id":"chatcmpl-broken","choices":[{"index":0,"delta":{"con')
        case "silence":
            await asyncio.Event().wait()
        case "endless":
            while True:
                await response.write(b": PING\n\n" * 512)
        case "long-line":
            filling = b"x" * _TWO_MB
            event = b'data: {"choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":"stop"}]}\n\n' % filling
            await response.write(event + b"data: [DONE]\n\n")
        case _:
            raise ValueError(f"no fault is called {how!r}")
    await response.write_eof()
    return response


def hang_up(request: web.Request, response: web.StreamResponse, *, reset: bool) -> web.StreamResponse:
    """Cut the connection, by RST or in the middle of the body. aiohttp finds it gone when it ends the response."""
    if request.transport is not None:
        if reset:
            request.transport.abort()
        else:
            request.transport.close()
    return response
