"""The relay's address: whatever form of it was pasted into the settings becomes the same few roots."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from yarl import URL

# What may follow the version in a pasted address of one endpoint.
_ENDPOINTS = (
    *("audio", "chat", "completions", "dashboard", "embeddings", "images"),
    *("messages", "models", "moderations", "rerank", "responses"),
)
_VERSIONS = ("v1", "v1beta")
_TASK_ROOTS = ("mj", "suno")
_HOST = re.compile(r"[a-z0-9_][a-z0-9._-]*|[0-9a-f:.]+(?:%[\w.-]+)?", re.IGNORECASE)  # after IDNA; or IPv6


class BadAddress(ValueError):
    """An address that cannot be one; the text is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class Address:
    """A relay's roots, without trailing slash, and the `form` in which the address was given."""

    root: str
    v1: str
    v1beta: str
    mj: str
    suno: str
    form: str  # "host", "host/v1" or "host/v1/endpoint"

    @property
    def origin(self) -> str:
        """Return scheme, host and port: what the relay's own links may point to."""
        return str(URL(self.root).origin())


def normalise(base_url: str) -> Address:
    """Read `https://host`, `host/v1/`, `https://host/prefix/v1/chat/completions` and the like.

    Without a scheme, https is taken, and http for this machine's own addresses. Raises `BadAddress`.
    """
    url = _parsed(base_url)
    segments = [segment for segment in url.raw_path.split("/") if segment]
    kept, form = _without_endpoint(segments)
    root = str(url.origin()) + "".join(f"/{segment}" for segment in kept)
    return Address(root, f"{root}/v1", f"{root}/v1beta", f"{root}/mj", f"{root}/suno", form)


def _parsed(base_url: str) -> URL:
    text = base_url.strip()
    if not text:
        raise BadAddress("The address is empty.")
    if re.search(r"\s", text):
        raise BadAddress("The address contains white space.")
    if "://" not in text:
        text = f"{_scheme_for(text)}://{text}"
    try:
        url = URL(text)
        port = url.port
    except ValueError as error:
        raise BadAddress("The address cannot be read as a URL.") from error
    if url.scheme not in ("http", "https"):
        raise BadAddress(f"The address must begin with https:// or http://, not {url.scheme}://.")
    if not url.raw_host or port is None:
        raise BadAddress("The address names no host.")
    if not _HOST.fullmatch(url.raw_host):
        raise BadAddress("The address names a host that cannot be one.")
    if url.user is not None or url.password is not None:
        raise BadAddress("The address must not contain a user name or password.")
    if url.query_string or url.fragment:
        raise BadAddress("The address must not contain a query (?) or a fragment (#).")
    return url


def _scheme_for(text: str) -> str:
    """Return http for this machine and for private addresses, https for everything else."""
    host = re.split(r"[/?#]", text, maxsplit=1)[0]
    host = host[1 : host.find("]")] if host.startswith("[") else host.split(":", 1)[0]
    try:
        return "http" if ipaddress.ip_address(host).is_private else "https"
    except ValueError:
        return "http" if host.lower() == "localhost" else "https"


def _without_endpoint(segments: list[str]) -> tuple[list[str], str]:
    for at, segment in enumerate(segments):
        rest = segments[at + 1 :]
        if segment in _VERSIONS and (not rest or rest[0] in _ENDPOINTS):
            return segments[:at], "host/v1/endpoint" if rest else "host/v1"
        if segment in _TASK_ROOTS and at == len(segments) - 1:
            return segments[:at], "host/v1/endpoint"
    if segments[-2:] == ["chat", "completions"]:
        return segments[:-2], "host/v1/endpoint"
    return segments, "host"
