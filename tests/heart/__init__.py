"""The heart without any platform: pacing, lanes, growing replies."""
