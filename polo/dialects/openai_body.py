"""The body of an answer of /v1/chat/completions, bytes in, events out, however they are split. Pure.

The first byte decides what the body is: relays answer with JSON where a stream was asked, with an event stream
where JSON was asked, and with a web page where the address is wrong.
"""

from __future__ import annotations

from polo.dialects.openai_chunks import AnswerReader
from polo.errors import PoloError, RelayBroke, WireSurprise
from polo.events import Event
from polo.refusals import surprise, web_page
from polo.sse import DataLines, LineTooLong

ANSWER_LIMIT = 64 << 20  # bytes of one whole answer, decompressed
STREAM_LIMIT = 256 << 20  # bytes of one stream: no answer is that long, but a broken relay may never end
_PAGE_LIMIT = 4096  # bytes of a web page that are looked at
_BLANK = b"\xef\xbb\xbf \t\r\n"


class AnswerBody:
    """The reader of one body. `feed` it until `done` or `error`, then take what `end` returns.

    An error is kept until the events before it are taken: what was said before it came is not lost, whether or not
    it came in the same read.
    """

    def __init__(
        self,
        *,
        status: int = 200,
        content_type: str = "",
        request_id: str = "",
        usage_asked: bool = True,
        secrets: tuple[str, ...] = (),
    ) -> None:
        self._status = status
        self._request_id = request_id
        self._secrets = secrets
        self._reader = AnswerReader(status=status, request_id=request_id, usage_asked=usage_asked, secrets=secrets)
        self._lines = DataLines()
        self._size = 0
        self._pieces: list[bytes] = []  # of what is no event stream
        self._kind = "page" if content_type == "text/html" else ""
        self.error: PoloError | None = None

    @property
    def done(self) -> bool:
        """Tell whether [DONE] came: nothing further matters."""
        return self._reader.done

    @property
    def finished(self) -> bool:
        """Tell whether the answer is whole, though its body may not be."""
        return self._reader.finished

    def feed(self, data: bytes) -> list[Event]:
        """Return the events that `data` completes; `error` is set where the answer fails after them."""
        self._size += len(data)
        if self._kind != "stream":
            data = self._sorted_out(data)
            if not data:
                return []
        if self._size > STREAM_LIMIT:
            return self._fail(RelayBroke(f"a stream of more than {STREAM_LIMIT} bytes", request_id=self._request_id))
        try:
            payloads = self._lines.feed(data)
        except LineTooLong as error:
            return self._fail(WireSurprise(str(error), status=self._status, request_id=self._request_id))
        return self._read(payloads)

    def end(self) -> list[Event]:
        """Return the last events, `Done` included; `error` is set where the body ends as no answer does."""
        if self._kind == "page":
            return self._fail(self._page())
        if self._kind == "whole":
            return self._whole()
        events = self._read(self._lines.close(), last=True)
        if self.error is None and self._lines.bare:
            events += self._read([self._lines.bare], last=self._reader.seen)
        if self.error is not None:
            return events
        if not self._reader.seen:
            return self._fail(self._nothing())
        return events + self._reader.close()

    def _sorted_out(self, data: bytes) -> bytes:
        """Keep what is no event stream, and return the rest."""
        self._pieces.append(data)
        if not self._kind:
            data = b"".join(self._pieces)
            self._kind = {b"": "", b"{": "whole", b"[": "whole", b"<": "page"}.get(data.lstrip(_BLANK)[:1], "stream")
            self._pieces = [data]
        if self._kind == "stream":
            self._pieces.clear()
            return data
        if self._kind == "page" and self._size > _PAGE_LIMIT:
            self.error = self._page()
        elif self._size > ANSWER_LIMIT:
            self.error = RelayBroke(f"an answer of more than {ANSWER_LIMIT} bytes", request_id=self._request_id)
        return b""

    def _read(self, payloads: list[bytes], *, last: bool = False) -> list[Event]:
        """Return the payloads' events. `last`: one that cannot be read was cut, which its end will tell."""
        events: list[Event] = []
        for payload in payloads:
            try:
                events += self._reader.read(payload)
            except WireSurprise as error:
                self.error = None if last else error
                break
            except PoloError as error:
                self.error = error
                break
            if self._reader.done:
                break
        return events

    def _whole(self) -> list[Event]:
        try:
            return self._reader.read_whole(b"".join(self._pieces).lstrip(_BLANK))
        except PoloError as error:
            return self._fail(error)

    def _page(self) -> PoloError:
        return web_page(b"".join(self._pieces), status=self._status, request_id=self._request_id)

    def _nothing(self) -> PoloError:
        if self._lines.bare:
            return surprise(self._lines.bare, status=self._status, request_id=self._request_id, secrets=self._secrets)
        said = "a stream without an event" if self._size else "an empty answer"
        return RelayBroke(said, status=self._status, request_id=self._request_id)

    def _fail(self, error: PoloError) -> list[Event]:
        self.error = error
        return []
