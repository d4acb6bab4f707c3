"""What the relay's client is told at start."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """Where the relay is, who we are, how long we wait. Times in seconds; keys and proxy stay out of any repr."""

    base_url: str
    api_keys: tuple[str, ...] = field(repr=False)
    proxy: str | None = field(default=None, repr=False)  # http://[user:password@]host:port
    connect_s: float = 10  # name, TCP, TLS
    first_byte_s: float = 120  # from the request's sending to the first byte of a stream
    answer_s: float = 180  # the same for an answer that comes in one piece: it has to be written first
    between_chunks_s: float = 60  # of silence within an answer
    whole_s: float = 1800  # for all of one call
    pool: int = 100  # connections at once; further calls wait their turn
