"""The real process, started and killed by a test."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

HOUSE = Path(__file__).parents[2]


class Process:
    """`python -m bot run` with these settings, in a folder of its own."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self._folder = folder
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "COVERAGE_PROCESS_START"}}
        self._environment = {**kept, "PYTHONPATH": str(HOUSE), "WEB_PORT": "0", "DATA_DIR": str(folder), **settings}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, **more: str) -> None:
        """Start it; its output goes to `log.txt` in its folder."""
        with (self._folder / "log.txt").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bot",
                "run",
                cwd=self._folder,
                env={**self._environment, **more},
                stdout=log,
                stderr=log,
            )

    def cut_power(self) -> None:
        """End it in this very moment."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def kill(self) -> None:
        """End it as a power cut would, and wait until it is gone."""
        self.cut_power()
        if self._process is not None:
            await asyncio.wait_for(self._process.wait(), 10)

    async def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self._process.wait(), 20)

    @property
    def knows_what_is_shown(self) -> bool:
        """Tell whether it has written down that messages show a growing reply."""
        with closing(sqlite3.connect(self._folder / "bot.db")) as database:
            return bool(database.execute("SELECT 1 FROM turns WHERE state = 'asked' AND shown != '[]'").fetchall())

    @property
    def log(self) -> str:
        """All that it has printed."""
        return (self._folder / "log.txt").read_text()
