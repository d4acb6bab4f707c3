"""What the value of a setting must look like. Each reader takes text and returns the value, or says what is wrong.

What it says begins after the variable's name ("must be ...") and never repeats the value: it may be a secret.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from polo.address import BadAddress, normalise

TELEGRAM_TOKEN = re.compile(r"\d{5,20}:[A-Za-z0-9_-]{30,64}")
DISCORD_TOKEN = re.compile(r"[A-Za-z0-9_-]{18,40}\.[A-Za-z0-9_-]{5,8}\.[A-Za-z0-9_-]{25,60}")
RELAY_KEY = re.compile(r"sk-[A-Za-z0-9_-]{8,}")
ACCESS = re.compile(r"telegram:-?[1-9]\d{0,19}|discord:(?:guild:)?[1-9]\d{14,19}")
PERSON = re.compile(r"telegram:[1-9]\d{0,19}|discord:[1-9]\d{14,19}")
YES, NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
SHORTEST_PASSWORD = 8  # characters; the page can be reached from anywhere once it leaves loopback


def whole(low: int, high: int) -> Callable[[object], int]:
    """Return a reader for a whole number within `low` and `high`."""

    def read(value: object) -> int:
        text = str(value).strip()
        if not re.fullmatch(r"-?[0-9]{1,12}", text) or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}.")
        return int(text)

    return read


def optional(read: Callable[[object], object]) -> Callable[[object], object]:
    """Return a reader that leaves None alone."""
    return lambda value: None if value is None else read(value)


def switch(value: object) -> bool:
    """Read true or false."""
    text = str(value).strip().lower()
    if text not in YES + NO:
        raise ValueError("must be true or false.")
    return text in YES


def one_of(*words: str) -> Callable[[object], str]:
    """Return a reader for one of `words`, in either case."""

    def read(value: object) -> str:
        text = str(value).strip().lower()
        if text not in words:
            raise ValueError(f"must be {' or '.join(words)}.")
        return text

    return read


def language(value: object) -> str:
    """Read `en` or `zh`, as an IETF tag or as the list of locales that desktops put into LANGUAGE (`zh_CN:en`)."""
    for entry in str(value).split(":"):
        primary = re.split(r"[-_.@]", entry.strip().lower(), maxsplit=1)[0]
        if primary in ("en", "zh"):
            return primary
    raise ValueError("must be en or zh.")


def listed(value: object) -> tuple[str, ...]:
    """Read a list separated by commas, in order, each entry once."""
    entries = value.split(",") if isinstance(value, str) else [str(entry) for entry in _items(value)]
    return tuple(dict.fromkeys(entry.strip() for entry in entries if entry.strip()))


def _items(value: object) -> list[object]:
    if not isinstance(value, (tuple, list)):
        raise ValueError("must be a list separated by commas.")
    return list(value)


def people(value: object) -> tuple[str, ...]:
    """Read a list of people: `telegram:123`, `discord:456`."""
    entries = listed(value)
    for place, entry in enumerate(entries, start=1):
        if not PERSON.fullmatch(entry):
            raise ValueError(f"has an entry that is no person ({_hint(entry, place)}).")
    return entries


def access(value: object) -> tuple[str, ...]:
    """Read a list of people, chats, channels and servers."""
    entries = listed(value)
    for place, entry in enumerate(entries, start=1):
        if not ACCESS.fullmatch(entry):
            raise ValueError(f"has an entry that is no person, chat or server ({_hint(entry, place)}).")
    # Discord's ids are unique over people, channels and servers: `guild:` is for the reader only.
    return tuple(dict.fromkeys(entry.replace(":guild:", ":") for entry in entries))


def _hint(entry: str, place: int) -> str:
    if re.fullmatch(r"-?\d+", entry):
        return f"entry {place}: say on which platform, telegram:<number> or discord:<number>"
    if "@" in entry:
        return f"entry {place}: names change, write the numeric id, as in telegram:123456789"
    return f"entry {place}: write telegram:<number>, discord:<number> or, to allow a server, discord:guild:<number>"


def address(value: object, *schemes: str, password: bool = False) -> str:
    """Read a URL of one of `schemes`; with a user and password only where `password` says so."""
    text = str(value).strip()
    example = " or ".join(f"{scheme}://" for scheme in schemes)
    try:
        parts = urlsplit(text)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError(f"must be an address that begins with {example}.") from None
    if parts.scheme.lower() not in schemes or not parts.hostname or not port_fits or re.search(r"\s", text):
        raise ValueError(f"must be an address that begins with {example}.")
    if not password and parts.username is not None:
        raise ValueError("must not hold a user name or password.")
    return text


def relay_address(value: object) -> str:
    """Read the relay's address in any of the forms that people paste; `polo` makes the roots of it."""
    try:
        normalise(str(value))
    except BadAddress as error:
        reason = str(error)
        raise ValueError(f"is not the address of a relay: {reason[:1].lower()}{reason[1:]}") from None
    return str(value).strip()


def proxy(value: object) -> str:
    """Read the address of an HTTP proxy."""
    if str(value).strip().lower().startswith("socks"):
        raise ValueError("must be an HTTP proxy (http://host:port); SOCKS proxies are not supported.")
    return address(value, "http", "https", password=True)


def folder(value: object) -> Path:
    """Read the path of a folder, which may be still to be made."""
    text = str(value).strip()
    try:
        path = Path(text).expanduser()
        taken = path.exists() and not path.is_dir()
    except (OSError, RuntimeError):  # a name too long, a part that may not be looked into, a `~name` of nobody
        raise ValueError("must be a folder that can be reached.") from None
    if not text.isprintable():
        raise ValueError("must be a folder; no folder has such a name.")
    if taken:
        raise ValueError("must be a folder; there is a file of that name.")
    return path


def database(value: object) -> str:
    """Read the address of an SQLite file or a PostgreSQL database."""
    text = str(value).strip()
    if re.fullmatch(r"sqlite:///[^\s?#]+", text):
        return text
    if not text.startswith(("postgresql://", "postgres://")):
        raise ValueError("must be sqlite:///path/to/file.db or postgresql://user:password@host/database.")
    try:
        address(text, "postgresql", "postgres", password=True)
    except ValueError:
        raise ValueError("must be an address like postgresql://user:password@host/database.") from None
    return f"postgresql://{text.partition('://')[2]}"


def host(value: object) -> str:
    """Read a host name or an IP address to listen on."""
    text = str(value).strip().strip("[]")
    if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", text) or _is_ip(text):
        return text
    raise ValueError("must be a host name or an IP address, without http:// and without a port.")


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_loopback(name: str) -> bool:
    """Tell whether `name` can only be reached from this machine."""
    return name.lower() == "localhost" or (_is_ip(name) and ipaddress.ip_address(name).is_loopback)


def telegram_token(value: object, *, strict: bool) -> str:
    """Read a bot's token of Telegram. `strict`: exactly in the form that BotFather gives."""
    text = _secret(value)
    lenient = re.fullmatch(r"\d+:[A-Za-z0-9_-]+", text)
    if TELEGRAM_TOKEN.fullmatch(text) or (lenient and not strict):
        return text
    if DISCORD_TOKEN.fullmatch(text):
        raise ValueError("holds what looks like a Discord token; put it into DISCORD_TOKEN.")
    if RELAY_KEY.fullmatch(text):
        raise ValueError("holds what looks like a relay key; put it into POLO_API_KEY.")
    raise ValueError("must be the token that BotFather gave, digits, a colon and 35 characters.")


def discord_token(value: object, *, strict: bool) -> str:
    """Read a bot's token of Discord. `strict`: exactly in the form that the developer portal gives."""
    text = _secret(value)
    if TELEGRAM_TOKEN.fullmatch(text):
        raise ValueError("holds what looks like a Telegram token; put it into TELEGRAM_TOKEN.")
    if RELAY_KEY.fullmatch(text):
        raise ValueError("holds what looks like a relay key; put it into POLO_API_KEY.")
    if strict and re.fullmatch(r"\d+|[0-9a-f]{64}|[A-Za-z0-9_-]{32}", text):
        raise ValueError(
            "holds the application's id, public key or client secret; the token is on the portal's page Bot."
        )
    if strict and not DISCORD_TOKEN.fullmatch(text):
        raise ValueError("must be the token from the portal's page Bot, three parts joined by dots.")
    return text


def relay_keys(value: object) -> tuple[str, ...]:
    """Read one or more keys of the relay."""
    keys = tuple(_secret(key) for key in listed(value))
    for key in keys:
        if TELEGRAM_TOKEN.fullmatch(key) or DISCORD_TOKEN.fullmatch(key):
            raise ValueError("holds what looks like a token of Telegram or Discord; it must be the relay's key.")
    return keys


def webhook_secret(value: object) -> str:
    """Read the secret that Telegram sends along with each update."""
    text = str(value).strip()
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", text):
        raise ValueError("must be 1 to 256 letters, digits, _ or - (Telegram allows no others).")
    return text


def page_password(value: object) -> str:
    """Read the password of the page."""
    text = str(value)
    if len(text) < SHORTEST_PASSWORD:
        raise ValueError(f"must have at least {SHORTEST_PASSWORD} characters.")
    return text


def _secret(value: object) -> str:
    text = str(value).strip()
    if re.match(r"(?:bearer|bot)\s", text, re.IGNORECASE):
        raise ValueError("must be the bare value, without the word before it.")
    if not text.isascii() or not text.isprintable() or re.search(r"[\s\"']", text):
        raise ValueError("must not hold spaces, quotes or other characters that no key has.")
    return text
