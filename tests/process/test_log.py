"""No secret reaches the log, whichever library says it, in whichever form."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bot.log import HIDDEN, LONGEST_VALUE, QUIET, Redactor, configure

TELEGRAM_TOKEN = "123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc"
DISCORD_TOKEN = "MTE3NjU0MzIxMDk4NzY1NDMyMQ.Gq9XbZ.kQ3vRkT0uFzYh8sWc1LmNoPqRsTuVwXyZ01234"
INTERACTION = "aW50ZXJhY3Rpb246MTE3NjU0MzIxMDk4NzY1NDMyMTpYWFhYWFhYWFhYWFhYWFhY"
RELAY_KEY = "sk-9fK2mQ7xTz4LwPb8"
PASSWORD = 'open "sesame" 芝麻/开门'

Log = Callable[..., io.StringIO]


@pytest.fixture
def log() -> Iterator[Log]:
    """Set the log up, writing into memory; put everything back afterwards."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    levels = {name: logging.getLogger(name).level for name in QUIET}

    def set_up(
        form: Literal["text", "json"] = "text", level: Literal["debug", "info", "warning"] = "info"
    ) -> io.StringIO:
        stream = io.StringIO()
        configure(form=form, level=level, secrets=(TELEGRAM_TOKEN, DISCORD_TOKEN, RELAY_KEY, PASSWORD), stream=stream)
        return stream

    yield set_up
    logging.captureWarnings(False)
    root.handlers[:], root.level = before
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    for name, quiet_level in levels.items():
        logging.getLogger(name).setLevel(quiet_level)
    structlog.reset_defaults()


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("secret", [TELEGRAM_TOKEN, DISCORD_TOKEN, INTERACTION, RELAY_KEY, PASSWORD])
def test_a_secret_is_hidden_in_message_arguments_values_and_tracebacks(
    log: Log, form: Literal["text", "json"], secret: str
) -> None:
    stream = log(form)

    logging.getLogger("somebody").warning("asked %s of %r", f"https://x/bot{secret}/getMe", {"key": secret})
    structlog.get_logger("bot").info(
        "sent", address=f"https://x/{secret}", nested={"deep": [secret]}, raw=secret.encode()
    )
    try:
        try:
            raise ValueError(f"inner {secret}")
        except ValueError as error:
            error.add_note(f"note {secret}")
            raise RuntimeError(f"outer {secret!r}") from error
    except RuntimeError:
        structlog.get_logger("bot").exception("failed", token=secret)

    said = stream.getvalue()
    assert said.count(HIDDEN) >= 8
    assert secret not in said
    assert json.dumps(secret)[1:-1] not in said
    assert "RuntimeError" in said
    assert "inner" in said


@pytest.mark.parametrize(
    "text",
    [
        f"POST https://api.telegram.org/bot{TELEGRAM_TOKEN}/sendMessage",
        "POST http://127.0.0.1:1/bot123:abc/sendMessage",
        f"url='https://x/file/bot{TELEGRAM_TOKEN.replace(':', '%3A')}/voice'",
        f"Authorization: Bot {DISCORD_TOKEN}",
        "authorization: Bearer 0123456789abcdef",
        f"https://discord.com/api/v10/webhooks/1176543210987654321/{INTERACTION}/messages/@original",
        "https://discord.com/api/v10/interactions/1176543210987654321/c2hvcnQtdG9rZW4/callback?with_response=1",
        "Incorrect API key provided: sk-proj-Ab_12345678.",
        "postgresql://bot:hunter22@db.example/bot",
        "proxy http://user:pass@proxy:3128 refused",
        "{'api_key': 'abcd1234efgh'}",
        "https://x/v1beta/models?key=AIzaSyA1234567890abcdefghijklmnopqrstuv&alt=sse",
        "password=swordfish",
    ],
)
def test_what_looks_like_a_secret_is_hidden_though_nobody_named_it(text: str) -> None:
    shown = Redactor()(text)

    assert HIDDEN in shown
    for secret in (
        "abc/", "AAEhBO", "kQ3vRk", "0123456789abcdef", "YWN0aW9u", "c2hvcnQ", "Ab_123", "hunter22", "user:pass",
        "abcd1234", "AIzaSy", "swordfish",
    ):  # fmt: skip
        assert secret not in shown


@pytest.mark.parametrize(
    "text",
    [
        "terminated by other getUpdates request; make sure that only one bot instance is running",
        "prompt_tokens=512 completion_tokens=40 max_tokens=1000",
        "2026-11-25T13:00:00Z 10:20:30 http://127.0.0.1:8080/healthz",
        "telegram:123456789 asked in discord:234567890123456789",
        "basic information about another bot instance",
        "",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert Redactor((TELEGRAM_TOKEN, PASSWORD))(text) == text


@given(
    before=st.text(), after=st.text(), secret=st.text(alphabet=st.characters(codec="utf-8"), min_size=6, max_size=60)
)
def test_a_known_secret_is_hidden_in_any_surroundings_and_in_every_form(before: str, after: str, secret: str) -> None:
    redact = Redactor((secret,))

    assert secret not in redact(f"{before}{secret}{after}").replace(HIDDEN, "")
    assert json.dumps(secret)[1:-1] not in redact(json.dumps({"x": secret})).replace(HIDDEN, "")
    assert repr(secret)[1:-1] not in redact(repr([secret])).replace(HIDDEN, "")


def test_a_secret_across_the_place_of_the_cut_is_hidden_too() -> None:
    shown = Redactor((PASSWORD,))("x" * (LONGEST_VALUE - 8) + PASSWORD)

    assert "sesame" not in shown
    assert 'open "' not in shown
    assert len(shown) <= LONGEST_VALUE + 1


def test_one_event_is_one_line_of_json(log: Log) -> None:
    stream = log("json")

    structlog.get_logger("bot.app").warning("two\nlines", place="telegram:7", count=3)

    (line,) = stream.getvalue().splitlines()
    event = json.loads(line)
    assert (event["event"], event["level"], event["logger"]) == ("two\nlines", "warning", "bot.app")
    assert (event["place"], event["count"]) == ("telegram:7", 3)
    assert event["timestamp"].endswith("Z")


def test_a_strangers_words_begin_no_line_of_their_own_and_move_no_cursor(log: Log) -> None:
    stream = log()

    structlog.get_logger("bot").info("hello\n2026 forged", name="Eve\r\n2026 forged \x1b[2J\u2028x", plain="a")
    logging.getLogger("other").error("a %s", "b\nforged")

    lines = stream.getvalue().split("\n")
    assert len(lines) == 3
    assert not any(character in stream.getvalue() for character in "\r\x1b\u2028")
    assert "plain=a" in lines[0]


def test_a_traceback_stands_indented_below_its_line(log: Log) -> None:
    stream = log()

    try:
        _ = 1 / 0
    except ZeroDivisionError:
        logging.getLogger("bot").exception("failed")

    first, *rest = stream.getvalue().rstrip("\n").split("\n")
    assert "error    bot: failed" in first
    assert all(line.startswith("    ") for line in rest)
    assert "ZeroDivisionError" in rest[-1]


def test_libraries_are_heard_from_warnings_on_and_the_level_is_obeyed(log: Log) -> None:
    stream = log(level="info")
    logging.getLogger("httpx").info("GET https://x")
    logging.getLogger("telegram.ext").info("polling")
    logging.getLogger("bot").debug("detail")
    logging.getLogger("discord.gateway").warning("resumed")
    logging.getLogger("bot").info("ready")

    assert [line.split()[2] for line in stream.getvalue().splitlines()] == ["discord.gateway:", "bot:"]


def test_a_line_that_cannot_be_rendered_is_counted_as_lost_without_its_arguments(
    log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = log()

    logging.getLogger("library").warning("%d things", RELAY_KEY)

    assert stream.getvalue() == "a log line of library was lost: TypeError\n"
    assert RELAY_KEY not in capsys.readouterr().err


def test_a_value_whose_text_breaks_does_not_lose_the_line(log: Log) -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError(RELAY_KEY)

    stream = log()

    structlog.get_logger("bot").info("seen", value=Broken())

    assert 'value="<Broken: RuntimeError>"' in stream.getvalue()


def test_errors_that_nobody_caught_go_through_the_log(log: Log) -> None:
    stream = log()
    error = RuntimeError(RELAY_KEY)

    sys.excepthook(RuntimeError, error, None)
    thread = threading.Thread(target=lambda: (_ for _ in ()).throw(error), name="t")
    thread.start()
    thread.join()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn(f"beware of {RELAY_KEY}", UserWarning, stacklevel=1)

    said = stream.getvalue()
    assert said.count("RuntimeError: [hidden]") == 2
    assert "beware of [hidden]" in said
    assert RELAY_KEY not in said
