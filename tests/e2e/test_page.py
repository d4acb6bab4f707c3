"""The page of the running bot in a real browser, with the stand-in relay: what `make run` gives a newcomer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Browser, Page, expect

from bot.app import House, open_house
from bot.clock import SystemClock
from bot.settings import Settings
from tests.clock import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[House]:
    """Run the bot as `make run` does without token and key."""
    settings = Settings.model_validate({"data_dir": str(folder), "web_port": "0"})
    async with open_house(settings, SystemClock()) as house:
        adapters = asyncio.create_task(house.supervisor.run())
        try:
            await until(lambda: house.supervisor.health()["web"]["up"] or None)
            yield house
            await house.dispatch.drain(5.0)
        finally:
            adapters.cancel()
            await asyncio.gather(adapters, return_exceptions=True)


async def say(tab: Page, text: str) -> None:
    """Type and send."""
    await tab.locator("textarea").first.fill(text)
    await tab.locator("textarea").first.press("Enter")


async def test_a_newcomer_talks_is_remembered_and_finds_it_all_after_a_restart(
    chromium: Browser, tmp_path: Path
) -> None:
    context = await chromium.new_context(locale="en-US")
    tab = await context.new_page()
    async with running(tmp_path) as house:
        await tab.goto(house.web.address)
        await expect(tab.get_by_text("stand-in relay").first).to_be_visible()
        await say(tab, "Hello, my name is Ann")
        await expect(tab.get_by_role("button", name="Regenerate")).to_be_visible(timeout=20_000)
        await say(tab, "What is my name?")
        await expect(tab.get_by_role("button", name="Regenerate")).to_have_count(2, timeout=20_000)
        await expect(tab.locator("main")).to_contain_text("2 messages")
        port = int(house.web.address.rpartition(":")[2])
    # The same folder, a new process in all but name: the browser comes back to what was said.
    settings = Settings.model_validate({"data_dir": str(tmp_path), "web_port": str(port)})
    async with open_house(settings, SystemClock()) as again:
        adapters = asyncio.create_task(again.supervisor.run())
        await until(lambda: again.supervisor.health()["web"]["up"] or None)
        await tab.goto(again.web.address)
        await expect(tab.get_by_text("What is my name?").first).to_be_visible(timeout=20_000)
        await expect(tab.get_by_role("button", name="Regenerate")).to_have_count(2)
        adapters.cancel()
        await asyncio.gather(adapters, return_exceptions=True)
    await context.close()


async def test_stop_a_command_its_buttons_and_a_form_work_on_the_page(chromium: Browser, tmp_path: Path) -> None:
    context = await chromium.new_context(locale="en-US")
    tab = await context.new_page()
    async with running(tmp_path) as house:
        await tab.goto(house.web.address)
        await say(tab, "standin: long")
        await tab.get_by_role("button", name="Stop").first.click(timeout=20_000)
        await expect(tab.locator("main")).to_contain_text("(stopped)", timeout=20_000)
        await say(tab, "/model")
        await tab.get_by_role("button", name="deepseek-chat").click(timeout=20_000)
        await expect(tab.locator("main")).to_contain_text("deepseek-chat", timeout=20_000)
        await say(tab, "/persona")
        await tab.get_by_role("button", name="Write one…").click(timeout=20_000)
        await tab.get_by_label("Name").fill("Pirate")
        await tab.locator("dialog textarea").fill("Talk like a pirate.")
        await (
            tab.locator("dialog")
            .get_by_role("button", name="Send")
            .or_(tab.locator("dialog button[type=submit]"))
            .first.click()
        )
        await expect(tab.locator("main")).to_contain_text("Pirate", timeout=20_000)
    await context.close()


async def test_health_and_metrics_tell_how_it_goes_and_nothing_secret(tmp_path: Path) -> None:
    async with running(tmp_path) as house, aiohttp.ClientSession() as session:
        async with session.get(f"{house.web.address}/healthz") as answer:
            assert answer.status == 200
            assert json.loads(await answer.text())["adapters"]["web"]["up"] is True
        async with session.get(f"{house.web.address}/metrics") as answer:
            text = await answer.text()
            assert "polobot_" in text
            assert "sk-" not in text
