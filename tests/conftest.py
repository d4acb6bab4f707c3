"""Fixtures that more than one room needs."""

from tests.browser import chromium

__all__ = ["chromium"]
