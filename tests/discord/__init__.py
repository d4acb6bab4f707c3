"""The Discord adapter against the fake Discord, through real sockets and the real discord.py."""
