"""Connections that break, dawdle or never end, and callers that hang up: the right error, in time, nothing left."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from polo import (
    BadAddress,
    ChatRequest,
    Done,
    Event,
    Finish,
    ModelMissing,
    Polo,
    RelayBroke,
    RelaySettings,
    RelaySilent,
    RelayUnreachable,
    RequestInvalid,
    Role,
    TextDelta,
    WireSurprise,
    WrongAddress,
    said,
)
from polo.standin import StandIn
from tests.clock import until
from tests.polo.conftest import Opener
from tests.polo.replays import END, QUESTION, event, sample
from tests.polo.test_client import heard, heard_until_error

pytestmark = pytest.mark.usefixtures("no_task_left")


def hung_up(relay: StandIn, times: int = 1) -> bool | None:
    """Tell whether so many callers have hung up, and nothing is being written any more."""
    return (relay.dropped == times and relay.open_answers == 0) or None


# ---------------------------------------------------------------- connections that break


async def test_a_reset_before_the_answer_may_have_been_billed(polo: Polo, relay: StandIn) -> None:
    relay.will_break(0, "reset-early")

    events, error = await heard_until_error(polo)

    assert not events
    assert isinstance(error, RelayBroke)
    assert error.may_have_cost
    assert error.__cause__ is not None
    assert len(relay.chats) == 1


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_a_break_in_the_middle_comes_after_what_was_said(
    polo: Polo, relay: StandIn, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    relay.will_break(2, how, text="Mars has two moons.")

    events, error = await heard_until_error(polo)

    assert isinstance(error, RelayBroke)
    assert error.may_have_cost
    assert error.request_id == "standin00000001"
    assert how == "reset" or events == [TextDelta("Mars has")]  # a reset may overtake what was written
    assert not caplog.records, "a fault on purpose is no error of the stand-in"


async def test_a_break_of_a_whole_answer_is_told(polo: Polo, relay: StandIn) -> None:
    relay.will_break(0, "reset-early")
    with pytest.raises(RelayBroke):
        await polo.chat(QUESTION)

    async with _one_answer(b"Content-Length: 99", b'{"choices":[') as cut_off:
        with pytest.raises(RelayBroke):
            await cut_off.chat(QUESTION)


async def test_a_break_after_the_last_word_is_no_loss(relay: StandIn) -> None:
    whole = event('{"content":"Phobos."}') + END.removesuffix(b"data: [DONE]\n\n")
    async with _one_answer(b"Transfer-Encoding: chunked", b"%x\r\n%s\r\n" % (len(whole), whole)) as polo:
        assert (await heard(polo))[-1] == Done(Finish.STOP, "", "")


@pytest.mark.parametrize(
    ("how", "kind"),
    [("error-object", "RelayBusy"), ("bare-json", "RelayBusy"), ("no-done", ""), ("done-only", ""), ("mid-json", "")],
)
async def test_each_way_to_break_off_keeps_the_text(polo: Polo, relay: StandIn, how: str, kind: str) -> None:
    relay.will_break(2, how, text="Mars has two moons.")

    events, error = await heard_until_error(polo)

    assert events[0] == TextDelta("Mars has")
    assert (type(error).__name__ if error else "") == kind
    if not error:
        assert events[-1] == Done(Finish.CUT, "gpt-4.1-mini", "standin00000001")


async def test_an_empty_answer_and_a_web_page_are_told(polo: Polo, relay: StandIn) -> None:
    for asking in (heard, lambda polo: polo.chat(QUESTION)):
        relay.will_send(b"")
        with pytest.raises(RelayBroke, match="empty"):
            await asking(polo)
        relay.will_send(sample("relay/errors/200_html_index.html"), content_type="text/html")
        with pytest.raises(WrongAddress):
            await asking(polo)


async def test_a_line_of_two_megabytes_is_read(polo: Polo, relay: StandIn) -> None:
    relay.will_break(0, "long-line")

    events = await heard(polo)

    assert events[0] == TextDelta("x" * (2 << 20))


async def test_a_body_that_is_no_gzip_is_a_broken_answer(polo: Polo, relay: StandIn) -> None:
    relay.will_send(b"not gzip at all", headers={"Content-Encoding": "gzip"})

    with pytest.raises(RelayBroke):
        await heard(polo)


@asynccontextmanager
async def _one_answer(headers: bytes, body: bytes) -> AsyncIterator[Polo]:
    """Serve one answer, word for word, and close the connection."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n\r\n" + body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, Polo.open(RelaySettings(f"http://127.0.0.1:{port}", ("sk-a",))) as polo:
        yield polo


async def test_what_is_no_http_is_told() -> None:
    async with _one_answer(b"\x00\x01 garbage", b"") as polo:
        with pytest.raises(RelayBroke) as caught:
            await polo.chat(QUESTION)

    assert caught.value.may_have_cost


# ---------------------------------------------------------------- no connection


async def test_a_name_that_does_not_exist_is_unreachable(opened: Opener) -> None:
    polo = await opened(base_url="https://relay.invalid")

    with pytest.raises(RelayUnreachable) as caught:
        await polo.chat(QUESTION)

    assert not caught.value.may_have_cost


async def test_a_server_without_tls_is_unreachable_by_https(opened: Opener, base_url: str, relay: StandIn) -> None:
    polo = await opened(base_url=base_url.replace("http://", "https://"))

    with pytest.raises(RelayUnreachable) as caught:
        await polo.chat(QUESTION)

    assert isinstance(caught.value.__cause__, ssl.SSLError | OSError)
    assert not relay.received


async def test_a_host_that_takes_no_connection_is_given_up(opened: Opener) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        with socket.create_connection(address), socket.socket() as second:
            second.setblocking(False)
            second.connect_ex(address)  # the queue is full now: further ones are not answered
            polo = await opened(base_url=f"http://127.0.0.1:{address[1]}", connect_s=0.1, first_byte_s=0.1)
            with pytest.raises((RelayUnreachable, RelaySilent)):
                await polo.chat(QUESTION)


async def test_a_proxy_of_another_kind_is_refused_at_the_start() -> None:
    with pytest.raises(BadAddress, match="proxy"):
        async with Polo.open(RelaySettings("https://relay.example", ("sk-a",), proxy="socks5://127.0.0.1:1")):
            pass


async def test_a_proxy_that_is_down_is_unreachable_and_its_password_is_not_told(opened: Opener) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        polo = await opened(proxy=f"http://ann:verysecret@127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(RelayUnreachable) as caught:
            await polo.chat(QUESTION)

    assert "verysecret" not in str(caught.value)


# ---------------------------------------------------------------- silence


async def test_a_relay_that_does_not_answer_is_given_up_and_not_asked_again(opened: Opener, relay: StandIn) -> None:
    polo = await opened(first_byte_s=0.1, answer_s=0.1)
    for asking in (heard, lambda polo: polo.chat(QUESTION)):
        relay.will_hang()
        with pytest.raises(RelaySilent, match="waiting for an answer") as caught:
            await asking(polo)
        assert caught.value.may_have_cost

    assert len(relay.chats) == 2
    await until(lambda: hung_up(relay, 2))


async def test_a_stream_that_falls_silent_is_given_up(opened: Opener, relay: StandIn) -> None:
    polo = await opened(between_chunks_s=0.1)
    relay.will_break(2, "silence", text="Mars has two moons.")

    events, error = await heard_until_error(polo)

    assert events == [TextDelta("Mars has")]
    assert isinstance(error, RelaySilent)
    assert error.said == "nothing heard for 0.1 s"
    await until(lambda: hung_up(relay))


async def test_headers_alone_are_no_first_byte(opened: Opener, relay: StandIn) -> None:
    polo = await opened(first_byte_s=0.15, between_chunks_s=60)
    relay.will_break(0, "silence")

    with pytest.raises(RelaySilent, match=r"nothing heard for 0.15 s"):
        await heard(polo)


async def test_a_slow_stream_lives_as_long_as_it_speaks(opened: Opener, relay: StandIn) -> None:
    polo = await opened(first_byte_s=0.5, between_chunks_s=0.5)
    relay.will_say("abcdefgh", pieces=8, between_s=0.1)

    assert (await heard(polo))[0] == TextDelta("abcdefgh")


async def test_a_stream_that_speaks_for_ever_is_ended(opened: Opener, relay: StandIn) -> None:
    polo = await opened(whole_s=0.3)
    relay.will_break(1, "endless", text="Mars")

    events, error = await heard_until_error(polo)

    assert events == [TextDelta("Mars")]
    assert isinstance(error, RelaySilent)
    assert error.said == "not done within 0.3 s"
    await until(lambda: hung_up(relay))


async def test_a_refusal_whose_words_never_come_is_a_refusal(opened: Opener, relay: StandIn) -> None:
    polo = await opened(between_chunks_s=0.1, answer_s=0.2)
    relay.hold()
    relay.will_send(b"{", status=400, content_type="application/json")

    with pytest.raises(RequestInvalid) as caught:
        await polo.chat(QUESTION)

    assert caught.value.said == "status 400 without words"


async def test_waiting_for_a_free_connection_is_no_failure_of_the_relay(opened: Opener, relay: StandIn) -> None:
    polo = await opened(pool=1, connect_s=0.05)
    gate = relay.hold()
    first = asyncio.create_task(polo.chat(QUESTION))
    await gate.waiting()

    second = asyncio.create_task(polo.chat(QUESTION))
    patience_is_over = asyncio.get_running_loop().time() + 0.2
    await until(lambda: asyncio.get_running_loop().time() > patience_is_over or None)
    await gate.open()

    assert (await first).text == (await second).text


# ---------------------------------------------------------------- callers that hang up


async def test_closing_a_stream_hangs_up_at_once(polo: Polo, relay: StandIn) -> None:
    gate = relay.hold()
    async with aclosing(polo.stream(QUESTION)) as events:
        await asyncio.gather(anext(events), gate.release(1))

    await until(lambda: hung_up(relay))


async def test_cancelling_a_stream_hangs_up_at_once(polo: Polo, relay: StandIn) -> None:
    gate = relay.hold()
    reading = asyncio.create_task(heard(polo))
    await gate.release(3)

    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading

    await until(lambda: hung_up(relay))


async def test_cancelling_before_the_answer_hangs_up_at_once(polo: Polo, relay: StandIn) -> None:
    relay.will_hang()
    asking = asyncio.create_task(polo.chat(QUESTION))
    await until(lambda: relay.open_answers == 1 or None)

    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    await until(lambda: hung_up(relay))


async def test_an_error_in_the_callers_own_loop_hangs_up(polo: Polo, relay: StandIn) -> None:
    gate = relay.hold()

    async def stumble() -> None:
        async with aclosing(polo.stream(QUESTION)) as events:
            async for _ in events:
                raise LookupError("the caller's")

    with pytest.raises(LookupError):
        await asyncio.gather(stumble(), gate.release(1))

    await until(lambda: hung_up(relay))


async def test_a_caller_that_stops_at_done_leaves_a_connection_that_works(polo: Polo, relay: StandIn) -> None:
    for _ in range(3):
        async with aclosing(polo.stream(QUESTION)) as events:
            async for heard_event in events:
                if isinstance(heard_event, Done):
                    break

    assert relay.dropped == 0
    assert len({seen.peer for seen in relay.received}) == 1


async def test_refusals_leave_a_connection_that_works(polo: Polo, relay: StandIn) -> None:
    for _ in range(3):
        with pytest.raises(ModelMissing):
            await polo.chat(ChatRequest("nope", (said(Role.USER, "Hi"),)))

    assert len({seen.peer for seen in relay.received}) == 1


async def test_closing_the_client_ends_what_waits_for_an_answer(relay: StandIn, base_url: str) -> None:
    relay.will_hang()
    async with Polo.open(RelaySettings(base_url, ("sk-a",))) as polo:
        asking = asyncio.create_task(polo.chat(QUESTION))
        await until(lambda: relay.open_answers == 1 or None)

    with pytest.raises(RelayBroke):
        await asking
    await until(lambda: hung_up(relay))


async def test_closing_the_client_ends_what_is_being_read(relay: StandIn, base_url: str) -> None:
    gate = relay.hold()
    async with Polo.open(RelaySettings(base_url, ("sk-a",))) as polo:
        events = polo.stream(QUESTION)
        await asyncio.gather(anext(events), gate.release(1))
        reading = asyncio.create_task(_next(events))
        await asyncio.sleep(0)

    with pytest.raises(RelayBroke):
        await reading
    await events.aclose()
    await until(lambda: hung_up(relay))


async def _next(events: AsyncGenerator[Event, None]) -> Event:
    return await anext(events)


async def test_many_streams_at_once_are_kept_apart(polo: Polo, relay: StandIn) -> None:
    async def ask(number: int) -> str:
        request = ChatRequest("gpt-4.1-mini", (said(Role.USER, f"standin: echo {number} 号"),))
        return "".join(e.text for e in await heard(polo, request) if isinstance(e, TextDelta))

    assert await asyncio.gather(*map(ask, range(60))) == [f"{number} 号" for number in range(60)]


async def test_an_answer_larger_than_the_bound_is_ended(
    polo: Polo, relay: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polo.dialects.openai_body.ANSWER_LIMIT", 1 << 16)
    relay.will_send(b'{"choices":[', *[b" " * (1 << 15)] * 4, content_type="application/json")

    with pytest.raises((RelayBroke, WireSurprise), match="65536"):
        await polo.chat(QUESTION)
