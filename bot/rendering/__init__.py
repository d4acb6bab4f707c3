"""Markdown as models write it: made regular once for all platforms, and cut where a message is full."""
