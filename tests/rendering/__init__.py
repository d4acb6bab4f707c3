"""Tests of how Markdown is shown on each platform, and of where it is cut."""
