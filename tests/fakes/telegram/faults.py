"""Faults on order: answers that a test wants, connections cut, silence, a server of an older version."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Any

from tests.fakes.telegram.rules import Refusal


@dataclass
class Fault:
    """An answer on order."""

    status: int
    body: Any
    times: int


class _Scripted(Refusal):
    """A refusal whose body was given by the test."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status, "")
        self._body = body

    def body(self) -> Any:
        """Return what the test ordered."""
        return self._body


class Faults:
    """What goes wrong next."""

    def __init__(self) -> None:
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._dropping: dict[str, int] = defaultdict(int)
        self._unknown: set[str] = set()
        self._silent: set[str] | None = set()
        self._speaking = asyncio.Event()

    def will_answer(self, method: str, status: int, body: Any = None, *, times: int = 1) -> None:
        """Answer the next calls with this and do nothing. `body`: a description, or the whole body."""
        if isinstance(body, str) or body is None:
            body = {"ok": False, "error_code": status, "description": body or "Internal Server Error"}
        self._faults[method].append(Fault(status, body, times))

    def drops(self, method: str, *, times: int = 1) -> None:
        """Take the next calls, and cut the connection instead of answering."""
        self._dropping[method] += times

    def knows_no(self, method: str) -> None:
        """Be a server that is older than a method."""
        self._unknown.add(method)

    def goes_silent(self, *methods: str) -> None:
        """Answer no call any more (or none of these methods), while connections stay open."""
        self._silent = set(methods) or None
        self._speaking.clear()

    def speaks_again(self) -> None:
        """End the silence; calls that wait are answered."""
        self._silent = set()
        self._speaking.set()

    def _raise_what_is_ordered(self, method: str) -> None:
        if not (faults := self._faults[method]):
            return
        fault = faults[0]
        fault.times -= 1
        if fault.times == 0:
            faults.popleft()
        raise _Scripted(fault.status, fault.body)
