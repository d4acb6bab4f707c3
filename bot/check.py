"""`polobot check`: one table of what works, what does not, and what to do about it.

It asks each service the questions whose answers people usually search for. Everything is bounded in time, nothing is
billed, and where the bot is running already its database, its port and its polling are left alone.
"""

from __future__ import annotations

import asyncio
import shutil
import textwrap
import unicodedata
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import IO

from bot import check_platforms, check_relay
from bot.clock import SystemClock
from bot.finding import Finding
from bot.instance import AlreadyRunning, DataFolderProblem, only_one
from bot.log import Redactor
from bot.settings import Settings
from storage.database import DatabaseProblem, open_database

CALL_S = 10.0  # for one service; Telegram's look for a second poller comes on top
WRONG = 2


@dataclass(frozen=True, slots=True)
class Examiner:
    """One service's questions: what to call it where it does not answer in time."""

    what: str
    ask: Callable[[], Awaitable[list[Finding]]]
    bound_s: float = CALL_S


async def check(settings: Settings, out: IO[str], *, width: int | None = None) -> int:
    """Examine everything, print the table to `out`, return 0 where all is well and 2 where something is not."""
    try:
        with only_one(settings.data_dir):
            findings = await _examine(settings, running=False)
    except AlreadyRunning as running:
        findings = [Finding("process", True, str(running).partition(";")[0] + ".")]
        findings += await _examine(settings, running=True)
    except DataFolderProblem as problem:
        findings = [Finding("process", False, str(problem), "Choose another DATA_DIR or change who owns it.")]
        findings += await _examine(settings, running=True)
    redact = Redactor(settings.secrets())
    shown = [replace(finding, said=redact(finding.said), do=redact(finding.do)) for finding in findings]
    out.write(table(shown, width or shutil.get_terminal_size((120, 24)).columns))
    return 0 if all(finding.ok for finding in findings) else WRONG


async def _examine(settings: Settings, *, running: bool) -> list[Finding]:
    """Ask every service at the same time; their findings come in a fixed order. `running`: the bot is."""
    examiners = [
        Examiner(
            "Telegram",
            lambda: check_platforms.telegram(settings, probe=not running),
            CALL_S + check_platforms.TELEGRAM_PROBE_S,
        ),
        Examiner("Discord", lambda: check_platforms.discord(settings)),
        Examiner("relay", lambda: check_relay.relay(settings, timeout_s=CALL_S / 2), 2 * CALL_S),
    ]
    if not running:
        examiners += [
            Examiner("database", lambda: _database(settings)),
            Examiner("page", lambda: _page(settings)),
        ]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_bounded(examiner)) for examiner in examiners]
    remarks = [Finding("settings", True, remark, "Correct it or take it out.") for remark in settings.remarks]
    return remarks + [finding for task in tasks for finding in task.result()]


async def _bounded(examiner: Examiner) -> list[Finding]:
    try:
        async with asyncio.timeout(examiner.bound_s):
            return await examiner.ask()
    except TimeoutError:
        said = f"no answer within {examiner.bound_s:.0f} s"
        return [Finding(examiner.what, False, said, "Check the network, and PROXY_URL where you need one.")]


async def _database(settings: Settings) -> list[Finding]:
    try:
        async with open_database(
            settings.database_url.get_secret_value(), now=SystemClock().now, files=settings.data_dir / "files"
        ):
            return [Finding("database", True, "opens, and has this program's tables")]
    except DatabaseProblem as problem:
        return [Finding("database", False, str(problem), "Correct DATABASE_URL, or who may write there.")]


async def _page(settings: Settings) -> list[Finding]:
    where = f"{settings.web_host}:{settings.web_port}"
    try:
        server = await asyncio.get_running_loop().create_server(
            asyncio.Protocol, settings.web_host, settings.web_port, start_serving=False
        )
    except OSError as error:
        said = f"{where} cannot be used: {error.strerror or error}"
        return [Finding("page", False, said, "Stop what listens there, or choose another WEB_PORT or WEB_HOST.")]
    server.close()
    return [Finding("page", True, f"{where} is free")]


# ---------------------------------------------------------------- the table


def table(findings: Iterable[Finding], width: int) -> str:
    """Lay the findings out in columns that fit `width` terminal cells."""
    rows = [(finding.what, _state(finding), finding.do) for finding in findings]
    first = max(len("what"), *(_cells(what) for what, _, _ in rows)) if rows else len("what")
    rest = max(40, width - first - 4)
    columns = (first, rest * 3 // 5, rest - rest * 3 // 5)
    lines = [line for row in (("what", "state", "what to do"), *rows) for line in _row(row, columns)]
    return "".join(f"{line}\n" for line in lines)


def _state(finding: Finding) -> str:
    return f"{'ok' if finding.ok else 'WRONG'}: {finding.said}"


def _row(texts: tuple[str, str, str], widths: tuple[int, int, int]) -> list[str]:
    """Wrap one row; its cells begin side by side."""
    cells = [_wrapped(text, width) for text, width in zip(texts, widths, strict=True)]
    height = max(len(cell) for cell in cells)
    return [
        "  ".join(
            _padded(cell[at] if at < len(cell) else "", width) for cell, width in zip(cells, widths, strict=True)
        ).rstrip()
        for at in range(height)
    ]


def _wrapped(text: str, width: int) -> list[str]:
    """Break a text into lines of at most `width` cells; what a service said cannot move the cursor."""
    clean = "".join(character if character.isprintable() else " " for character in text)
    # Two cells for each wide character: breaking at half the width keeps any mixture within.
    wide = any(unicodedata.east_asian_width(character) in "WF" for character in clean)
    return textwrap.wrap(clean, width // 2 if wide else width) or [""]


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _cells(text))


def _cells(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
