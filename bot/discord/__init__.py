"""Discord's driver: gateway events become turns, replies become REST calls.

discord.py keeps the gateway connection and reads events; what is sent goes through `rest.py`, which never waits for
a rate limit and never repeats, because the pacer above it does both.
"""
