"""A stand-in relay: an aiohttp application that speaks the relay's wire, for demo, tests and benchmarks.

It answers by rule, always the same way, and says so; a test can script what it says, how fast, and how it fails.
"""

from polo.standin.relay import StandIn
from polo.standin.script import Gate, Received

__all__ = ["Gate", "Received", "StandIn"]
