"""What is asked again, with which key and after how long; and what is never asked again."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from polo import (
    AccessDenied,
    ChatRequest,
    KeyRejected,
    ModelMissing,
    OutOfCredit,
    Polo,
    PoloError,
    RelayBroke,
    RelayBusy,
    RelayUnreachable,
    RequestInvalid,
    Role,
    TextDelta,
    TooLong,
    said,
)
from polo.standin import StandIn
from tests.clock import FakeClock
from tests.polo.conftest import Naps, Opener
from tests.polo.replays import QUESTION, sample
from tests.polo.test_client import heard, heard_until_error
from tests.polo.test_refusals import TABLE

BUSY = {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}
EMPTY = {"error": {"message": "该令牌额度已用尽"}}
WRONG = {"error": {"message": "无效的令牌"}}
# Those that say that nothing was begun, and that time can help.
REPEATED = {"429_empty_body.txt", "429_rate_limit_relay.json", "429_upstream_saturated.json"}


@pytest.mark.parametrize("name", TABLE)
async def test_only_what_was_clearly_not_begun_is_asked_again(
    polo: Polo, relay: StandIn, naps: Naps, name: str
) -> None:
    for _ in range(4):
        relay.will_fail(int(name[:3]), sample(f"relay/errors/{name}"))

    with pytest.raises(TABLE[name][0]) as caught:
        await polo.chat(QUESTION)

    # The one recorded complaint that names a field is asked again without it, where it was sent.
    assert len(relay.chats) == (3 if name in REPEATED else 1)
    assert len(naps.taken) == len(relay.chats) - 1
    assert caught.value.status == int(name[:3])


async def test_the_pauses_grow_and_are_spread(polo: Polo, relay: StandIn, naps: Naps) -> None:
    relay.will_fail(429)
    relay.will_fail(503)
    relay.will_say("Phobos.")

    assert (await polo.chat(QUESTION)).text == "Phobos."
    assert 1 <= naps.taken[0] <= 1.25
    assert 3 <= naps.taken[1] <= 3.75


@pytest.mark.parametrize(
    ("headers", "least"), [({"Retry-After": "7"}, 7.0), ({"Retry-After-Ms": "1500", "Retry-After": "9"}, 1.5)]
)
async def test_the_relays_own_pause_is_kept(
    polo: Polo, relay: StandIn, naps: Naps, headers: dict[str, str], least: float
) -> None:
    relay.will_fail(429, BUSY, headers)
    relay.will_say("Phobos.")

    assert (await heard(polo))[0] == TextDelta("Phobos.")
    assert len(naps.taken) == 1
    assert least <= naps.taken[0] <= least * 1.25


async def test_a_pause_of_more_than_a_minute_is_not_waited_for(polo: Polo, relay: StandIn, naps: Naps) -> None:
    relay.will_fail(429, BUSY, {"Retry-After": "61"})

    with pytest.raises(RelayBusy) as caught:
        await polo.chat(QUESTION)

    assert caught.value.retry_after_s == 61
    assert not naps.taken


async def test_an_overload_told_before_the_first_word_is_asked_again(polo: Polo, relay: StandIn) -> None:
    relay.will_send(sample("relay/streams/error_raw_json_after_ping.sse"))
    relay.will_say("Phobos.")

    assert (await heard(polo))[0] == TextDelta("Phobos.")
    assert len(relay.chats) == 2


async def test_an_overload_told_after_the_first_word_is_not_asked_again(polo: Polo, relay: StandIn) -> None:
    relay.will_send(sample("relay/streams/error_raw_json.sse"))

    events, error = await heard_until_error(polo)

    assert events == [TextDelta("Mars has")]
    assert isinstance(error, RelayBusy)
    assert error.may_have_cost
    assert len(relay.chats) == 1


async def test_a_refused_status_with_the_type_of_a_stream_is_read(polo: Polo, relay: StandIn) -> None:
    for _ in range(3):
        body = sample("relay/streams/error_json_with_sse_ctype.json")
        relay.will_fail(429, body, {"Content-Type": "text/event-stream"})

    with pytest.raises(RelayBusy, match="负载已饱和"):
        await heard(polo)


async def test_nothing_sent_is_tried_again(opened: Opener, naps: Naps) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        polo = await opened(base_url=f"http://127.0.0.1:{port}")

        with pytest.raises(RelayUnreachable) as caught:
            await polo.chat(QUESTION)

    assert len(naps.taken) == 2
    assert not caught.value.may_have_cost


async def test_what_costs_nothing_is_asked_again_when_it_breaks(polo: Polo, relay: StandIn, naps: Naps) -> None:
    relay.will_fail_next_lookup(500)
    relay.will_fail_next_lookup(502)

    assert await polo.models()
    assert len(relay.received) == 3
    assert len(naps.taken) == 2


async def test_what_costs_nothing_is_not_asked_for_ever(polo: Polo, relay: StandIn) -> None:
    for _ in range(5):
        relay.will_fail_next_lookup(500)

    with pytest.raises(RelayBroke):
        await polo.models()

    assert len(relay.received) == 3


# ---------------------------------------------------------------- a field too many


async def test_an_unsupported_field_is_left_out_once(polo: Polo, relay: StandIn, naps: Naps) -> None:
    for name, code in (("temperature", "unsupported_value"), ("reasoning_effort", "unsupported_parameter")):
        relay.will_fail(400, {"error": {"message": "Unsupported", "code": code, "param": name}})

    with pytest.raises(RequestInvalid):
        await polo.chat(ChatRequest("gpt-4.1-mini", QUESTION.messages, temperature=1.0, effort="low"))

    assert ["temperature" in body for body in relay.chats] == [True, False]
    assert not naps.taken


async def test_the_cap_keeps_its_meaning_under_its_other_name(polo: Polo, relay: StandIn) -> None:
    relay.will_fail(400, sample("relay/errors/400_upstream_param.json"))
    relay.will_say("Phobos.")

    await polo.chat(ChatRequest("gpt-4.1-mini", QUESTION.messages, max_tokens=9))

    assert "max_tokens" not in relay.chats[1]
    assert relay.chats[1]["max_completion_tokens"] == 9


async def test_too_long_a_conversation_is_the_callers_to_shorten(polo: Polo, relay: StandIn) -> None:
    relay.will_fail(400, sample("relay/errors/400_context_length.json"))

    with pytest.raises(TooLong):
        await heard(polo, ChatRequest("gpt-4.1-mini", (said(Role.USER, "x" * 1_000_000),)))

    assert len(relay.chats) == 1


# ---------------------------------------------------------------- several keys


def endings(relay: StandIn) -> list[str]:
    """Return the last characters of the keys that were used, in order."""
    return [seen.key_ending for seen in relay.received]


@pytest.mark.parametrize(
    ("status", "body", "rest_s"), [(401, WRONG, 300), (401, EMPTY, 60), (403, EMPTY, 60), (429, BUSY, 1)]
)
async def test_a_refused_key_gives_way_to_the_next_at_once_and_rests(
    opened: Opener, relay: StandIn, naps: Naps, clock: FakeClock, status: int, body: object, rest_s: float
) -> None:
    polo = await opened("sk-aa", "sk-bb")
    relay.will_fail(status, body)

    await polo.chat(QUESTION)
    await clock.advance(rest_s - 0.5)
    await polo.chat(QUESTION)
    await clock.advance(1)
    await polo.chat(QUESTION)

    assert endings(relay) == ["aa", "bb", "bb", "aa"]
    assert not naps.taken


async def test_a_key_rests_as_long_as_the_relay_asks(opened: Opener, relay: StandIn, clock: FakeClock) -> None:
    polo = await opened("sk-aa", "sk-bb")
    relay.will_fail(429, BUSY, {"Retry-After": "500"})

    await polo.chat(QUESTION)
    await clock.advance(499)
    await polo.chat(QUESTION)

    assert endings(relay) == ["aa", "bb", "bb"]


async def test_when_all_keys_rest_the_last_error_is_told_without_asking(
    opened: Opener, relay: StandIn, clock: FakeClock
) -> None:
    polo = await opened("sk-aa", "sk-bb")
    relay.will_fail(401, EMPTY)
    relay.will_fail(401, WRONG)

    with pytest.raises(KeyRejected):
        await polo.chat(QUESTION)
    with pytest.raises(OutOfCredit) as caught:
        await polo.models()
    assert caught.value.__cause__ is None
    assert endings(relay) == ["aa", "bb"]

    await clock.advance(61)
    await polo.models()
    assert endings(relay) == ["aa", "bb", "aa"]


@pytest.mark.parametrize("name", ["401_invalid_token.json", "403_preconsume.json"])
async def test_a_lone_key_is_asked_with_again_at_once(polo: Polo, relay: StandIn, name: str) -> None:
    relay.will_fail(int(name[:3]), sample(f"relay/errors/{name}"))
    with pytest.raises((KeyRejected, OutOfCredit)):
        await polo.chat(QUESTION)

    assert (await polo.chat(QUESTION)).text


async def test_a_caller_waits_for_a_key_that_rests_only_briefly(opened: Opener, relay: StandIn, naps: Naps) -> None:
    polo = await opened("sk-aa")
    relay.will_fail(429, BUSY, {"Retry-After": "90"})
    with pytest.raises(RelayBusy):
        await polo.chat(QUESTION)

    with pytest.raises(RelayBusy):  # 90 s are too long
        await polo.chat(QUESTION)
    await naps.clock.advance(50)
    assert (await polo.chat(QUESTION)).text

    assert endings(relay) == ["aa", "aa"]
    assert 40 <= naps.taken[-1] <= 50


@pytest.mark.parametrize("name", ["403_model_not_allowed.json", "503_no_channel_2026.json"])
async def test_another_keys_group_may_have_what_this_one_lacks(
    opened: Opener, relay: StandIn, naps: Naps, name: str
) -> None:
    polo = await opened("sk-aa", "sk-bb")
    for _ in range(2):
        relay.will_fail(int(name[:3]), sample(f"relay/errors/{name}"))

    with pytest.raises((AccessDenied, ModelMissing)):
        await polo.chat(QUESTION)
    await polo.chat(QUESTION)

    assert endings(relay) == ["aa", "bb", "aa"]  # neither key rests for it
    assert not naps.taken


async def test_busy_keys_are_each_asked_a_bounded_number_of_times(opened: Opener, relay: StandIn, naps: Naps) -> None:
    polo = await opened("sk-aa", "sk-bb", "sk-cc")
    for _ in range(20):
        relay.will_fail(429, BUSY)

    with pytest.raises(RelayBusy):
        await polo.chat(QUESTION)

    assert len(naps.taken) == 2
    assert len(relay.chats) <= 5


async def test_what_may_have_been_billed_is_not_repeated_with_another_key(opened: Opener, relay: StandIn) -> None:
    polo = await opened("sk-aa", "sk-bb")
    relay.will_break(0, "reset")

    with pytest.raises(PoloError) as caught:
        await heard(polo)

    assert caught.value.may_have_cost
    assert endings(relay) == ["aa"]


async def test_a_key_that_is_taken_again_while_it_rests_still_has_its_error(
    opened: Opener, relay: StandIn, clock: FakeClock
) -> None:
    polo = await opened("sk-aa")
    gate = relay.hold()
    slow = asyncio.create_task(polo.chat(QUESTION))
    await gate.waiting()
    relay.will_fail(429, BUSY, {"Retry-After": "90"})
    with pytest.raises(RelayBusy):
        await polo.chat(QUESTION)
    await gate.open()
    assert (await slow).text

    with pytest.raises(RelayBusy):
        await polo.chat(QUESTION)


async def test_no_relay_silences_a_key_for_more_than_an_hour(opened: Opener, relay: StandIn, clock: FakeClock) -> None:
    polo = await opened("sk-aa")
    relay.will_fail(429, BUSY, {"Retry-After": "99999999"})
    with pytest.raises(RelayBusy):
        await polo.chat(QUESTION)

    await clock.advance(3601)
    assert (await polo.chat(QUESTION)).text


async def test_a_key_given_twice_is_one_key(opened: Opener, relay: StandIn) -> None:
    polo = await opened("sk-aa", "sk-aa")
    relay.will_fail(401, WRONG)

    with pytest.raises(KeyRejected):
        await polo.chat(QUESTION)

    assert endings(relay) == ["aa"]


async def test_no_error_and_no_log_line_holds_a_key(
    opened: Opener, relay: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    polo = await opened("sk-verysecret1", "sk-verysecret2", "localsecret")
    echo = json.dumps({"error": {"message": "bad: sk-verysecret1 sk-verysecret2 localsecret"}})
    for _ in range(3):
        relay.will_fail(401, echo)

    with caplog.at_level(0), pytest.raises(PoloError) as caught:
        await polo.chat(QUESTION)

    assert "secret" not in f"{caught.value} {caught.value!r} {caplog.text}"
