"""Measurements beside a floor, in the same run: `make bench`."""
