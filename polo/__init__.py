"""The relay as a typed aiohttp client, and a stand-in relay for demo and tests."""
