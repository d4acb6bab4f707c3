"""The log: structlog over the standard library, as text or JSON, and no secret in it, wherever it came from."""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import IO, Literal
from urllib.parse import quote

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN = "[hidden]"
LONGEST_VALUE = 20_000  # characters of one value or traceback; an exception may quote a whole body
SHORTEST_SECRET = 6  # characters; hiding shorter ones would tear words apart
# Libraries that say at INFO what concerns nobody, or write addresses that hold a token.
QUIET = ("aiohttp.access", "aiosqlite", "alembic", "asyncio", "discord", "httpcore", "httpx", "sqlalchemy", "telegram")

_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    # Telegram: digits, a colon (perhaps quoted for a URL) and 35 characters; in its addresses after /bot.
    (re.compile(r"(?<![0-9])[0-9]{5,20}(?::|%3A)[A-Za-z0-9_-]{20,}", re.IGNORECASE), HIDDEN),
    (re.compile(r"(/bot)[0-9]+(?::|%3A)[^/\s\"']+", re.IGNORECASE), rf"\1{HIDDEN}"),
    # Discord: three parts joined by dots; an interaction's token is base64 of "interaction:...".
    (re.compile(r"[A-Za-z0-9_-]{18,40}\.[A-Za-z0-9_-]{5,8}\.[A-Za-z0-9_-]{25,80}"), HIDDEN),
    (re.compile(r"aW50ZXJhY3Rpb2[A-Za-z0-9_+/=-]+"), HIDDEN),
    (re.compile(r"(/(?:webhooks|interactions)/[0-9]+/)[^/?\s\"']+"), rf"\1{HIDDEN}"),
    # The relay and the vendors behind it.
    (re.compile(r"(?<![A-Za-z0-9])sk-[A-Za-z0-9_-]{8,}"), HIDDEN),
    (re.compile(r"(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{30,}"), HIDDEN),
    (re.compile(r"\b(Bearer\s+)[A-Za-z0-9._~+/=:-]{8,}", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"\b((?:Basic|Bot)\s+)[A-Za-z0-9._~+/=:-]{20,}"), rf"\1{HIDDEN}"),
    # A user and password in an address; a secret named in a query, a header or a dict.
    (re.compile(r"(://)[^/\s@\"']{1,256}@"), rf"\1{HIDDEN}@"),
    (
        re.compile(
            r"(\b(?:x-)?(?:api[_-]?key|access[_-]?token|token|secret|password|passwd|authorization|mj-api-secret)"
            r"[\"']?\s*[=:]\s*[\"']?)(?!\[hidden\]|Bearer|Basic|Bot\s)[^\s\"',;&)}\]]{4,}",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"([?&]key=)[^&\s\"']+"), rf"\1{HIDDEN}"),
)
_SECRET_NAMES = re.compile(r"(?:api_?key|token|secret|password|authorization|cookie)", re.IGNORECASE)


class Redactor:
    """Takes secrets out of text: the operator's own, by value, and whatever has the shape of one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if len(secret) >= SHORTEST_SECRET for form in _forms(secret)}
        # The longest first: one may be part of another.
        longest_first = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        """Return `text` without secrets, cut to a bounded length."""
        # Hidden before it is cut: half a secret would not be known any more.
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        for shape, instead in _SHAPES:
            text = shape.sub(instead, text)
        return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"

    def value(self, value: object) -> object:
        """Return a log value without secrets: numbers as they are, containers rebuilt, anything else as text."""
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, dict):
            return {self(str(name)): self._named(str(name), inner) for name, inner in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.value(inner) for inner in value]
        if isinstance(value, (bytes, bytearray)):
            return self(bytes(value).decode("utf-8", "replace"))
        return self(value if isinstance(value, str) else _described(value))

    def _named(self, name: str, value: object) -> object:
        if isinstance(value, str) and _SECRET_NAMES.fullmatch(name):
            return HIDDEN
        return self.value(value)

    def processor(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        """Clean a whole log event; the last step before it becomes text."""
        return {name: self._named(name, value) for name, value in event.items()}


def _forms(secret: str) -> tuple[str, ...]:
    """Return how a secret may stand in a text: bare, quoted for a URL, escaped in JSON or in a Python repr."""
    return secret, quote(secret, safe=""), quote(secret), json.dumps(secret)[1:-1], repr(secret)[1:-1]


def _described(value: object) -> str:
    try:
        return str(value)
    except Exception as error:  # a broken __str__ must not lose the line it stands in
        return f"<{type(value).__name__}: {type(error).__name__}>"


def configure(
    *,
    form: Literal["text", "json"] = "text",
    level: Literal["debug", "info", "warning"] = "info",
    secrets: Iterable[str] = (),
    stream: IO[str] | None = None,
) -> Redactor:
    """Send every log of the process, ours and the libraries', to `stream` (standard error). Return the redactor."""
    redactor = Redactor(secrets)
    render: Processor = structlog.processors.JSONRenderer(ensure_ascii=False) if form == "json" else as_text
    before: tuple[Processor, ...] = (
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before,
        processors=(
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redactor.processor,
            render,
        ),
    )
    structlog.configure(
        processors=(*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter),
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(formatter)
    _take_over(handler, getattr(logging, level.upper()))
    return redactor


def _take_over(handler: logging.Handler, level: int) -> None:
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    sys.excepthook = _log_death
    threading.excepthook = _log_thread_death
    sys.unraisablehook = _log_unraisable


class _Handler(logging.StreamHandler[IO[str]]):
    """Says in one line that a record could not be written; the base class would print its arguments as they are."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base class's name
        kind = sys.exc_info()[0]
        try:
            self.stream.write(f"a log line of {record.name} was lost: {kind.__name__ if kind else 'unknown'}\n")
        except (OSError, ValueError):
            return  # the stream itself is gone: there is nowhere left to say it


def _log_death(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("bot").critical("the process ends on an error", exc_info=(kind, error, trace))


def _log_thread_death(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        logging.getLogger("bot").error(
            "a thread ended on an error", exc_info=(args.exc_type, args.exc_value, args.exc_traceback)
        )


def _log_unraisable(args: sys.UnraisableHookArgs) -> None:
    error = args.exc_value
    logging.getLogger("bot").error(
        "an error had nowhere to go", exc_info=(type(error), error, args.exc_traceback) if error else None
    )


_PLAIN = re.compile(r"[^\s\"=\\\x00-\x1f\x7f]+")


def as_text(_: WrappedLogger, __: str, event: EventDict) -> str:
    """Render an event as one line, then its traceback indented. Nobody's words can begin a line of their own."""
    trace = [str(event.pop(name)) for name in ("stack", "exception") if event.get(name)]
    head = f"{event.pop('timestamp', '')} {event.pop('level', ''):<8} {event.pop('logger', '')}: "
    line = head + _one_line(str(event.pop("event", "")))
    line += "".join(f" {name}={_quoted(value)}" for name, value in event.items())
    return "\n    ".join([line, *(_printable(row) for text in trace for row in text.splitlines())])


def _one_line(text: str) -> str:
    return _printable(text.replace("\n", "\\n").replace("\r", "\\r"))


def _printable(text: str) -> str:
    """Escape control characters: a terminal would obey them."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def _quoted(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if _PLAIN.fullmatch(text) else _printable(json.dumps(text, ensure_ascii=False))
