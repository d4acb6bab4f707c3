"""Telegram's webhook into the running bot: the server says yes only to what it has stored."""

from __future__ import annotations

import socket

import aiohttp

from tests.e2e.conftest import Town
from tests.fakes.telegram import Chat


def free_port() -> int:
    """Return a port that is free right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_updates_pushed_to_the_webhook_are_answered_and_a_wrong_secret_is_not_heard(
    town: Town, chat: Chat
) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}/telegram/hook"
    chosen = {"telegram_webhook_url": address, "telegram_webhook_secret": "secret_enough", "web_port": str(port)}
    async with town.running(discord_token=None, **chosen):
        town.relay.will_say("Pushed and answered.")
        await chat.says("hello")
        assert await town.answer(chat) == "Pushed and answered."
        async with aiohttp.ClientSession() as stranger:
            wrong = {"X-Telegram-Bot-Api-Secret-Token": "guess"}
            async with stranger.post(address, json={"update_id": 1}, headers=wrong) as answer:
                assert answer.status == 403
