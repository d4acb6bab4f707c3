"""Telegram counts text in UTF-16 code units; Python does not. Lone surrogates, which JSON may carry, end here."""

from __future__ import annotations


def units(text: str) -> int:
    """Return the length of `text` in UTF-16 code units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, offset: int, length: int) -> str:
    """Return a stretch given in UTF-16 code units; ends that lie outside or inside a character are tolerated."""
    if offset < 0 or length <= 0:
        return ""
    raw = text.encode("utf-16-le", "surrogatepass")
    return raw[2 * offset : 2 * (offset + length)].decode("utf-16-le", "replace")


def clean(text: str) -> str:
    """Return `text` with lone surrogates replaced by U+FFFD (as long in UTF-16), so that it can be UTF-8.

    Two surrogates that belong together become the character they mean.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return _mended(text)
    return text


def _mended(text: str) -> str:
    paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in paired)


def clean_all(value: object) -> object:
    """Return decoded JSON with every string in it cleaned."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [clean_all(item) for item in value]
    if isinstance(value, dict):
        return {clean_all(key): clean_all(item) for key, item in value.items()}
    return value
