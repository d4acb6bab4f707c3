"""Bytes of an event stream in, its data lines out: pure, incremental, lenient as relays need it.

Each `data:` line stands for itself (some proxies drop the blank line between events); comments and other fields
are skipped; JSON without `data:` is kept apart, since that is how relays report an error in mid-stream.
"""

from __future__ import annotations

LINE_LIMIT = 32 << 20  # bytes of one line: pictures come as base64 in one event
_BOM = b"\xef\xbb\xbf"


class LineTooLong(ValueError):
    """A line exceeds the cap; the text says by how many bytes it may be long."""


class DataLines:
    """The reader of one stream. Memory: one unfinished line, and JSON that came without `data:`."""

    def __init__(self, *, at_most: int = LINE_LIMIT) -> None:
        self._at_most = at_most
        self._pieces: list[bytes] = []  # of the unfinished line
        self._held = 0  # bytes in them
        self._bare: list[bytes] | None = None
        self._bare_size = 0
        self._begun = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the payloads of the data lines that `data` completes. Raises `LineTooLong`."""
        if b"\n" not in data:
            self._hold(data)
            return []
        lines = data.split(b"\n")
        last = lines.pop()
        if self._held:
            self._pieces.append(lines[0])
            lines[0] = b"".join(self._pieces)
            self._pieces.clear()
            self._held = 0
        if last:
            self._hold(last)
        payloads = []
        for line in lines:
            if line[:5] == b"data:" and self._bare is None:
                payloads.append(line[5:].strip())
            elif line:
                self._odd(line, payloads)
        return payloads

    def close(self) -> list[bytes]:
        """Return the payload of a last line that has no line end."""
        last = b"".join(self._pieces)
        self._pieces.clear()
        self._held = 0
        payloads: list[bytes] = []
        if last:
            self._odd(last, payloads)
        return payloads

    @property
    def bare(self) -> bytes:
        """Return what came as JSON without `data:`, to be looked at when the stream has ended; b"" where none."""
        return b"\n".join(self._bare or ())

    def _hold(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._held += len(piece)
        if self._held > self._at_most:
            raise LineTooLong(f"a line of more than {self._at_most} bytes")

    def _odd(self, line: bytes, payloads: list[bytes]) -> None:
        """Sort a line that is not plainly `data:`, or that comes after bare JSON has begun."""
        if not self._begun:
            line = line.removeprefix(_BOM)
        self._begun = True
        if line.startswith(b"data:"):
            payloads.append(line[5:].strip())
        elif self._bare is not None or line.lstrip()[:1] == b"{":
            self._bare = self._bare if self._bare is not None else []
            self._bare.append(line)
            self._bare_size += len(line)
            if self._bare_size > self._at_most:
                raise LineTooLong(f"JSON of more than {self._at_most} bytes without data:")
