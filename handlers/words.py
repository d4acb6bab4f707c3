"""A sentence in every language the bot speaks, standing where it is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

LANGUAGES = ("en", "zh")


@dataclass(frozen=True, slots=True)
class Words:
    """One sentence in each language; a language left out fails type checking.

    `{name}` in the sentence is filled by `with_values(name=...)`, so that the sentence itself stays a constant
    that a translator can look up.
    """

    en: str
    zh: str
    values: Mapping[str, object] = field(default_factory=dict, compare=False)

    def with_values(self, **values: object) -> Words:
        """Return the same sentence with its blanks filled."""
        return replace(self, values={**self.values, **values})

    def in_language(self, language: str) -> str:
        """Return the sentence in `language` (an IETF tag such as `zh-hans`), in English where we have no other."""
        sentence = self.zh if spoken(language) == "zh" else self.en
        return sentence.format_map(self.values) if self.values else sentence


def spoken(language: str | None, default: str = "en") -> str:
    """Reduce an IETF tag (`zh-CN`, `en_GB`) to one of LANGUAGES, or `default` where we do not speak it."""
    primary = (language or "").replace("_", "-").split("-", 1)[0].lower()
    return primary if primary in LANGUAGES else default
