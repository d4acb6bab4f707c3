"""kill -9 anywhere, a new start, and every question has exactly one outcome. Real processes, real time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.clock import SystemClock
from polo.standin import StandIn
from polo.standin.script import Gate
from tests.clock import until
from tests.e2e.process import Process
from tests.fakes.telegram import Call, Chat, FakeTelegram

MARK = "may stand above already"
WITHIN_S = 20.0


class Street:
    """A Telegram and a relay that outlive the process under test."""

    def __init__(self, telegram: FakeTelegram, relay: StandIn, process: Process) -> None:
        self.telegram, self.relay, self.process = telegram, relay, process
        self.ann = telegram.person("Ann")
        self.chat = telegram.private(self.ann)

    async def answered(self, chat: Chat, holding: str) -> str:
        """Wait for a finished answer that holds some words."""

        def look() -> str | None:
            found = [m.text for m in chat.answers if holding in m.text and ["Stop"] not in m.buttons]
            return found[-1] if found else None

        return await until(look, within_s=WITHIN_S)


async def waiting(gate: Gate) -> None:
    """Wait until an answer stands before the gate: the process has started, and has asked."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            try:
                return await gate.waiting()
            except TimeoutError:
                continue


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    relay = StandIn(natural=False)
    async with FakeTelegram(SystemClock()) as telegram, relay.serving() as address:
        settings = {
            "TELEGRAM_TOKEN": telegram.token,
            "TELEGRAM_API_BASE_URL": telegram.url,
            "POLO_API_KEY": "sk-test",
            "POLO_BASE_URL": address,
        }
        process = Process(tmp_path, settings)
        try:
            yield Street(telegram, relay, process)
        finally:
            await process.kill()


async def test_a_question_whose_answer_nobody_has_seen_is_asked_again(street: Street) -> None:
    gate = street.relay.hold()
    street.relay.will_say("lost", "The answer.")
    await street.process.start()
    await street.chat.says("question")
    await waiting(gate)
    await street.process.kill()
    await gate.open()
    await street.process.start()
    assert await street.answered(street.chat, "The answer.") == "The answer."
    assert len(street.chat.answers) == 1
    assert len(street.relay.chats) == 2


async def test_where_asking_twice_is_not_allowed_the_person_is_told_and_has_a_button(street: Street) -> None:
    gate = street.relay.hold()
    street.relay.will_say("lost", "The answer.")
    await street.process.start(REPEAT_AFTER_CRASH="no")
    await street.chat.says("question")
    await waiting(gate)
    await street.process.kill()
    await gate.open()
    await street.process.start(REPEAT_AFTER_CRASH="no")
    await street.answered(street.chat, "I was interrupted here.")
    assert len(street.relay.chats) == 1
    await street.chat.presses("Try again")
    assert await street.answered(street.chat, "The answer.") == "The answer."
    assert len(street.chat.answers) == 1


async def test_half_an_answer_is_closed_with_a_sentence_and_a_button_that_replaces_it(street: Street) -> None:
    group = street.telegram.group("Team", members=[street.ann], privacy=False)
    gate = street.relay.hold()
    street.relay.will_say("one two three four", "The whole answer.")
    await street.process.start()
    await group.says("/ask count")
    await waiting(gate)
    await gate.release(2)
    await until(lambda: group.answers or None, within_s=WITHIN_S)
    await until(lambda: street.process.knows_what_is_shown or None, within_s=WITHIN_S)
    await street.process.kill()
    await gate.open()
    await street.process.start()
    text = await street.answered(group, "I was interrupted here.")
    assert text.startswith("one")
    assert len(group.answers) == 1
    await group.presses("Try again")
    await street.answered(group, "The whole answer.")
    assert [message.text for message in group.answers] == ["The whole answer."]


async def test_an_answer_on_its_way_when_the_power_went_is_repeated_with_words_that_say_so(street: Street) -> None:
    def cut(call: Call) -> None:
        if call.method == "sendMessage":
            street.process.cut_power()

    street.relay.will_say("The answer.")
    street.telegram.on_call = cut
    await street.process.start()
    await street.chat.says("question")
    await until(lambda: street.chat.answers or None, within_s=WITHIN_S)
    street.telegram.on_call = None
    await street.process.kill()
    await street.process.start()
    await until(lambda: len(street.chat.answers) == 2 or None, within_s=WITHIN_S)
    first, second = (message.text for message in street.chat.answers)
    assert first == "The answer."
    assert MARK in second
    assert second.endswith("The answer.")
    assert len(street.relay.chats) == 1


async def test_killed_while_the_first_words_go_out_the_question_is_not_asked_a_second_time(street: Street) -> None:
    def cut(call: Call) -> None:
        if call.method == "sendMessage":
            street.process.cut_power()

    group = street.telegram.group("Team", members=[street.ann], privacy=False)
    gate = street.relay.hold()
    street.relay.will_say("one two three four", "The whole answer.")
    street.telegram.on_call = cut
    await street.process.start()
    await group.says("/ask count")
    await waiting(gate)
    await gate.release(2)
    await until(lambda: group.answers or None, within_s=WITHIN_S)
    street.telegram.on_call = None
    await street.process.kill()
    await gate.open()
    await street.process.start()
    await street.answered(group, "I was interrupted here.")
    assert len(street.relay.chats) == 1


async def test_killed_again_and_again_every_question_is_answered_exactly_once(street: Street) -> None:
    rng = random.Random(7)
    for number in range(12):
        street.relay.will_say(*[f"reply {n}" for n in range(number * 4, number * 4 + 4)])
    asked = []
    for number in range(8):
        await street.process.start()
        person = street.telegram.person(f"Person {number}")
        private = street.telegram.private(person)
        asked.append(private)
        await private.says(f"question {number}")
        await asyncio.sleep(rng.uniform(0.9, 1.6))  # a process lives this long: the kill falls anywhere in its work
        await street.process.kill()
    await street.process.start()
    for private in asked:
        await street.answered(private, "reply")
    await asyncio.sleep(1.5)  # time for a second answer, if there were one
    for private in asked:
        texts = [message.text for message in private.answers]
        assert len([text for text in texts if MARK not in text]) <= 1
        assert len(texts) <= 2


async def test_a_polite_stop_ends_with_zero_and_nothing_is_lost(street: Street) -> None:
    gate = street.relay.hold()
    street.relay.will_say("The answer.")
    await street.process.start()
    await street.chat.says("question")
    await waiting(gate)
    stopping = asyncio.create_task(street.process.stop())
    await gate.open()
    assert await stopping == 0
    assert [message.text for message in street.chat.answers] == ["The answer."]
