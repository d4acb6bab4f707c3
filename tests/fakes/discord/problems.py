"""Discord's refusals, with the codes and words of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WORDS = {
    0: "401: Unauthorized",
    10003: "Unknown Channel",
    10008: "Unknown Message",
    10015: "Unknown Webhook",
    10062: "Unknown interaction",
    40005: "Request entity too large",
    40060: "Interaction has already been acknowledged.",
    50001: "Missing Access",
    50005: "Cannot edit a message authored by another user",
    50006: "Cannot send an empty message",
    50007: "Cannot send messages to this user",
    50013: "Missing Permissions",
    50027: "Invalid Webhook Token",
    50035: "Invalid Form Body",
    160002: "Cannot reply without permission to read message history",
}


class Problem(Exception):
    """One refusal: HTTP status and JSON body."""

    def __init__(self, status: int, code: int, errors: Mapping[str, Any] | None = None, words: str = "") -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.body: dict[str, Any] = {"message": words or WORDS[code], "code": code}
        if errors is not None:
            self.body["errors"] = errors


def invalid(path: str, code: str, words: str) -> Problem:
    """Return a 50035 about one field; `path` is dotted, as in `components.0.components.1.custom_id`."""
    errors: dict[str, Any] = {"_errors": [{"code": code, "message": words}]}
    for name in reversed(path.split(".")):
        errors = {name: errors}
    return Problem(400, 50035, errors)
