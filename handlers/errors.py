"""What a handler raises when all there is to say is a sentence to the person: no code, no log line."""

from __future__ import annotations

from handlers.words import Words


class ForPerson(Exception):
    """A request that cannot be met, with the sentence that says why and what would work."""

    def __init__(self, words: Words) -> None:
        super().__init__(words.in_language("en"))
        self.words = words


class BadOption(ForPerson):
    """An option of a command is missing, unknown or wrong."""
