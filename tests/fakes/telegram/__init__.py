"""A Telegram of our own: a Bot API server on loopback, and people who act through it.

    async with FakeTelegram(clock) as telegram:          # telegram.url, telegram.token for the bot
        ann = telegram.person("Ann", language="zh-hans")
        chat = telegram.private(ann)
        await chat.says("hi")
        sent = await telegram.next("sendMessage")         # the parameters of the next call that was taken
        assert chat.messages[-1].text == sent["text"]     # what Ann sees now
    # at the end every violation of the Bot API's tables fails the test

It enforces limits, floods, privacy mode, threads, blocks, migration and the 409 of two pollers, with the server's own
error texts, and checks each request, answer and update against tests/data/telegram/telegram-bot-api.json.
Alone: `python -m tests.fakes.telegram --port 9001`.
"""

from tests.fakes.telegram.look import Shown
from tests.fakes.telegram.records import Call
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.world import Chat, Member

__all__ = ["Call", "Chat", "FakeTelegram", "Member", "Shown"]
