"""A fake Discord: REST, gateway and CDN over real sockets, used by the real library, checked against the specification.

async with FakeDiscord(clock) as discord:
    guild = discord.guild("Team")
    channel, ann = guild.channel("general"), discord.person("Ann", locale="zh-CN")
    ...the bot connects to discord.base_url with discord.token...
    await channel.says(ann, "@bot hi")
    sent = await discord.next("POST /channels/{id}/messages")
"""

from tests.fakes.discord.fake import Call, FakeDiscord, Fault
from tests.fakes.discord.people import Channel, Seen, Server
from tests.fakes.discord.world import Interaction, Note, User

__all__ = ["Call", "Channel", "FakeDiscord", "Fault", "Interaction", "Note", "Seen", "Server", "User"]
