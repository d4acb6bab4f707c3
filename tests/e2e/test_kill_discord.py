"""kill -9 on Discord: the thinking message is answered by the next process, and nothing is said twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.clock import SystemClock
from polo.standin import StandIn
from tests.clock import until
from tests.e2e.process import Process
from tests.e2e.test_kill import WITHIN_S, waiting
from tests.fakes.discord import Channel, FakeDiscord, User


class Corner:
    """A Discord and a relay that outlive the process under test."""

    def __init__(self, discord: FakeDiscord, relay: StandIn, process: Process) -> None:
        self.discord, self.relay, self.process = discord, relay, process
        self.dora: User = discord.person("Dora")
        self.channel: Channel = discord.guild("Team").channel("general")

    async def starts(self) -> None:
        """Start the process, and wait until Discord has its menu and its gateway connection."""
        before = self.discord.gateway.identified
        await self.process.start()
        await until(lambda: self.discord.gateway.identified > before or None, within_s=WITHIN_S)
        await until(lambda: self.discord.commands or None, within_s=WITHIN_S)

    async def answered(self, holding: str) -> str:
        """Wait for a finished answer that holds some words."""

        def look() -> str | None:
            found = [seen for seen in self.channel.answers if holding in seen.text and not seen.thinking]
            return found[-1].text if found and ("Stop",) not in found[-1].buttons else None

        return await until(look, within_s=WITHIN_S)


@pytest.fixture
async def corner(tmp_path: Path) -> AsyncIterator[Corner]:
    relay = StandIn(natural=False)
    async with FakeDiscord(SystemClock()) as discord, relay.serving() as address:
        settings = {
            "DISCORD_TOKEN": discord.token,
            "DISCORD_API_BASE_URL": discord.base_url,
            "DISCORD_GATEWAY_URL": discord.gateway_url,
            "POLO_API_KEY": "sk-test",
            "POLO_BASE_URL": address,
        }
        process = Process(tmp_path, settings)
        try:
            yield Corner(discord, relay, process)
        finally:
            await process.kill()


async def test_a_slash_command_whose_process_died_is_answered_in_its_thinking_message(corner: Corner) -> None:
    gate = corner.relay.hold()
    corner.relay.will_say("lost", "The answer.")
    await corner.starts()
    await corner.channel.slash(corner.dora, "ask", question="question")
    await waiting(gate)
    await corner.process.kill()
    await gate.open()
    await corner.process.start()
    assert await corner.answered("The answer.") == "The answer."
    assert len(corner.channel.answers) == 1
    assert not corner.channel.answers[0].thinking


async def test_half_an_answer_is_closed_in_its_own_message(corner: Corner) -> None:
    gate = corner.relay.hold()
    corner.relay.will_say("one two three four", "The whole answer.")
    await corner.starts()
    await corner.channel.slash(corner.dora, "ask", question="count")
    await waiting(gate)
    await gate.release(2)
    await until(lambda: [s for s in corner.channel.answers if "one" in s.text] or None, within_s=WITHIN_S)
    await until(lambda: corner.process.knows_what_is_shown or None, within_s=WITHIN_S)
    await corner.process.kill()
    await gate.open()
    await corner.process.start()
    text = await corner.answered("I was interrupted here.")
    assert text.startswith("one")
    assert len(corner.channel.answers) == 1
    await corner.channel.presses(corner.dora, "Try again")
    await corner.answered("The whole answer.")
    assert len(corner.channel.answers) == 1
