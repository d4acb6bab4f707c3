"""A running bot between a fake Telegram, a fake Discord and a stand-in relay, with time in the test's hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bot.app import House, open_house
from bot.log import configure
from bot.settings import Settings
from polo.standin import StandIn
from tests.clock import FakeClock, until
from tests.fakes.discord import FakeDiscord
from tests.fakes.telegram import Chat, FakeTelegram, Member

T = TypeVar("T")


class Town:
    """Everything a test of the whole bot needs. The bot itself is started by `running`."""

    def __init__(self, clock: FakeClock, telegram: FakeTelegram, discord: FakeDiscord, relay: StandIn) -> None:
        self.clock, self.telegram, self.discord, self.relay = clock, telegram, discord, relay
        self.relay_url = ""
        self.folder = Path()
        self.house: House

    def settings(self, **chosen: Any) -> Settings:
        """Return settings that point everything at the fakes."""
        given: dict[str, Any] = {
            "telegram_token": self.telegram.token,
            "telegram_api_base_url": self.telegram.url,
            "discord_token": self.discord.token,
            "discord_api_base_url": self.discord.base_url,
            "discord_gateway_url": self.discord.gateway_url,
            "polo_api_key": "sk-test",
            "polo_base_url": self.relay_url,
            "data_dir": self.folder,
            "web_port": "0",
            **chosen,
        }
        return Settings.model_validate({name: value for name, value in given.items() if value is not None})

    @asynccontextmanager
    async def running(self, **chosen: Any) -> AsyncIterator[House]:
        """Run the bot until the block ends. `discord_token=None` leaves a platform out."""
        async with open_house(self.settings(**chosen), self.clock) as house:
            self.house = house
            adapters = asyncio.create_task(house.supervisor.run())
            try:
                await self.sees(lambda: all(one["up"] for one in house.supervisor.health().values()) or None)
                yield house
                await house.dispatch.drain(0.0)
            finally:
                adapters.cancel()
                await asyncio.gather(adapters, return_exceptions=True)

    async def sees(self, look: Callable[[], T | None]) -> T:
        """Wait until `look` returns something; time passes meanwhile."""
        return await until(look, self.clock)

    async def answer(self, chat: Chat, holding: str = "", *, done: bool = True) -> str:
        """Wait for the bot's newest message in a Telegram chat to hold some words, and to be finished."""

        def look() -> str | None:
            if not chat.answers:
                return None
            newest = chat.answers[-1]
            growing = any(label in {"Stop", "停止"} for row in newest.buttons for label in row)
            return newest.text if holding in newest.text and not (done and growing) else None

        return await self.sees(look)


@pytest.fixture(autouse=True, scope="session")
def plain_log() -> None:
    """Log as the product does: structlog's coloured tracebacks would take seconds."""
    configure(form="json", level="warning")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def town(clock: FakeClock, tmp_path: Path) -> AsyncIterator[Town]:
    relay = StandIn(natural=False)
    async with (
        FakeTelegram(clock) as telegram,
        FakeDiscord(clock) as discord,
        relay.serving() as address,
    ):
        made = Town(clock, telegram, discord, relay)
        made.relay_url, made.folder = address, tmp_path
        yield made


@pytest.fixture
def ann(town: Town) -> Member:
    return town.telegram.person("Ann", language="en")


@pytest.fixture
def bob(town: Town) -> Member:
    return town.telegram.person("Bob", language="en")


@pytest.fixture
def chat(town: Town, ann: Member) -> Chat:
    return town.telegram.private(ann)
