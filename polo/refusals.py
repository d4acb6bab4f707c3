"""What a relay's refusal means: status, body and headers in, one of our errors out. Pure.

The table is that of new-api and its kin: a 401 may mean an empty purse, a 503 a wrong model name, a 429 a billing
problem, and an error may come with status 200. So words and codes are looked at before the status.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from polo.errors import (
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
    WireSurprise,
    WrongAddress,
    excerpt,
)

_REQUEST_ID = re.compile(r"\(request id: ([\w-]{1,80})\)")
_TITLE = re.compile(r"<title[^>]*>(.{0,200}?)</title>", re.IGNORECASE | re.DOTALL)


class Complaint(msgspec.Struct, frozen=True):
    """A relay's error, read from any of the shapes it comes in; what is missing is ""."""

    message: str = ""
    type: str = ""
    code: str = ""
    param: str = ""

    @property
    def names(self) -> frozenset[str]:
        """Return code and type, lower case: relays use either."""
        return frozenset((self.code.lower(), self.type.lower()))


class _Rule(msgspec.Struct, frozen=True):
    """An error recognised by its code or type, or by its words, whatever the status."""

    kind: type[PoloError]
    names: frozenset[str]
    words: re.Pattern[str]


def _rule(kind: type[PoloError], names: str, words: str) -> _Rule:
    return _Rule(kind, frozenset(names.split()), re.compile(words, re.IGNORECASE))


# The order matters: money hides behind every status, and behind the words of a mere rate limit.
_RULES = (
    _rule(
        OutOfCredit,
        "insufficient_quota insufficient_user_quota pre_consume_token_quota_failed billing_hard_limit_reached"
        " insufficient_balance",
        "额度已用尽|额度不足|额度失败|余额不足|quota is not enough|quota failed|exceeded your current quota"
        "|insufficient (?:quota|balance|credit|fund)|credit balance is too low",
    ),
    _rule(
        ModelMissing,
        "model_not_found model_not_supported",
        r"无可用渠道|no available channel|model\b.{0,80}(?:does not exist|not found)",
    ),
    _rule(
        PromptRefused,
        "content_policy_violation moderation_blocked sensitive_words_detected prompt_blocked content_filter",
        "no candidates returned|sensitive words|safety system|PROHIBITED_CONTENT|content management policy",
    ),
    _rule(
        TooLong,
        "context_length_exceeded string_above_max_length",
        "maximum context length|context window|prompt is too long|input token count .{0,40}exceeds"
        "|exceeds? the .{0,30}context",
    ),
    _rule(
        RelayBusy,
        "rate_limit_exceeded rate_limit_error overloaded_error resource_exhausted",
        "负载已饱和|请求数限制|rate limit|too many requests|overloaded",
    ),
    _rule(AccessDenied, "access_denied", "无权访问|已被封禁|不支持指定渠道|的 IP 不在"),
    _rule(KeyRejected, "invalid_api_key", "无效的令牌|未提供令牌|令牌已过期|令牌状态不可用|access token 无效"),
)
_BY_STATUS: dict[int, type[PoloError]] = {
    401: KeyRejected,
    402: OutOfCredit,
    403: AccessDenied,
    404: WrongAddress,
    405: WrongAddress,
    413: TooLong,
    429: RelayBusy,
    501: RequestInvalid,
    524: RelaySilent,  # a front proxy lost patience: the relay may still be working
    529: RelayBusy,
}
# Newer relays answer 500 for a request that they cannot read.
_OUR_FAULT = frozenset(("invalid_request", "invalid_image_request", "convert_request_failed", "invalid_text_request"))


def refused(
    status: int,
    body: bytes,
    *,
    headers: Mapping[str, str] | None = None,
    secrets: Iterable[str] = (),
    request_id: str = "",
    begun: bool = False,
) -> PoloError:
    """Return the error that an answer means: one with a status of 300 or more, or a complaint inside a 200.

    `begun`: part of the answer had come, so that it may have cost something whatever the complaint says.
    """
    headers = headers or {}
    complaint = complaint_in(body) or Complaint(message=_page_words(body))
    kind = _kind(status, complaint, html=looks_like_html(body))
    return kind(
        excerpt(complaint.message or f"status {status} without words", secrets),
        status=status,
        request_id=request_id or request_id_in(headers, complaint.message),
        code=excerpt(complaint.code or complaint.type, secrets),
        param=complaint.param,
        retry_after_s=retry_after_s(headers),
        may_have_cost=True if begun else _may_have_cost(kind, status),
    )


def _kind(status: int, complaint: Complaint, *, html: bool) -> type[PoloError]:
    if 300 <= status < 400 or (html and status < 400):
        return WrongAddress
    if complaint.code.isdecimal() and status == 200:
        status = int(complaint.code)  # Gemini through older relays: the true status is the code
    for rule in _RULES:
        if rule.names & complaint.names or rule.words.search(complaint.message):
            return rule.kind
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status < 400 or status == 408:
        return RelayBroke
    return RequestInvalid if status < 500 or _OUR_FAULT & complaint.names else RelayBroke


def _may_have_cost(kind: type[PoloError], status: int) -> bool | None:
    """Return False for a 503, which says that nothing was begun; None: as the kind of error is."""
    return False if kind is RelayBroke and status == 503 else None


def complaint_in(body: bytes) -> Complaint | None:
    """Return the complaint that a JSON body is, or None where it is no JSON or none.

    Known shapes: {"error": {..}}, {"error": "text"}, {"message": ..}, {"success": false, ..}, {"detail": ..},
    [{"error": ..}].
    """
    try:
        data: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if isinstance(data, list) and len(data) == 1:
        data = data[0]
    return complaint_of(data) if isinstance(data, dict) else None


def complaint_of(data: Mapping[str, Any]) -> Complaint | None:
    """Return the complaint that an object is, or None: an answer's `choices` or `data` make it none."""
    error = data.get("error")
    if isinstance(error, str) and error:
        return Complaint(message=error, code=_text(data.get("code")))
    if isinstance(error, dict) and error:
        return Complaint(
            message=_text(error.get("message")) or _text(error.get("detail")),
            type=_text(error.get("type")) or _text(error.get("status")),
            code=_text(error.get("code")),
            param=_text(error.get("param")),
        )
    flat = next((data[name] for name in ("message", "msg") if isinstance(data.get(name), str) and data[name]), None)
    flat = flat or data.get("detail")
    if "choices" in data or not flat or (data.get("data") and data.get("success") is not False):
        return Complaint(message="refused without words") if data.get("success") is False else None
    words = flat if isinstance(flat, str) else msgspec.json.encode(flat).decode()
    return Complaint(message=words, code=_text(data.get("code")), type=_text(data.get("type")))


def _text(value: object) -> str:
    return "" if value is None or isinstance(value, dict | list) else str(value)


def looks_like_html(body: bytes) -> bool:
    """Tell whether a body is a web page rather than data."""
    return body[:256].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"


def _page_words(body: bytes) -> str:
    """Return a web page's title, or the beginning of any other text."""
    text = body[:4096].decode("utf-8", "replace").strip()
    title = _TITLE.search(text)
    return f"web page: {title[1].strip()}" if title else text


def web_page(body: bytes, *, status: int, request_id: str = "") -> WrongAddress:
    """Return the error for a web page where data was to come."""
    return WrongAddress(_page_words(body), status=status, request_id=request_id, may_have_cost=False)


def surprise(body: bytes, *, status: int, request_id: str = "", secrets: Iterable[str] = ()) -> WireSurprise:
    """Return the error for an answer that cannot be understood, keeping its beginning."""
    return WireSurprise(excerpt(body, secrets) or "empty", status=status, request_id=request_id)


def request_id_in(headers: Mapping[str, str], message: str = "") -> str:
    """Return the relay's name of a call, from its header or from the words of its error; "" where none."""
    for name in ("X-Oneapi-Request-Id", "X-Request-Id"):
        if found := headers.get(name):
            return found[:80]
    mentioned = _REQUEST_ID.search(message)
    return mentioned[1] if mentioned else ""


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds the relay (or a proxy before it) asks us to wait; None where it does not say."""
    try:
        if (ms := headers.get("Retry-After-Ms")) is not None:
            return _seconds(float(ms) / 1000)
        if (said := headers.get("Retry-After")) is None:
            return None
        return _seconds(float(said)) if re.fullmatch(r"\s*[\d.]+\s*", said) else _until(said, headers.get("Date"))
    except (ValueError, TypeError):
        return None  # no time at all: as if nothing had been said


def _seconds(value: float) -> float | None:
    return value if 0 <= value < 1e9 else None


def _until(date: str, now: str | None) -> float | None:
    """Return the seconds from the answer's own date to `date`; the relay's clock is asked, not ours."""
    then = parsedate_to_datetime(date)
    start = parsedate_to_datetime(now) if now else datetime.now(then.tzinfo)
    return _seconds(max(0.0, (then - start).total_seconds()))
