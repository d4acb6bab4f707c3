"""People typing into fake platforms; the relay as a local server."""
