"""Bounded memory: the newest keys only, so that what the adapter remembers of chats cannot grow for ever."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A dictionary that forgets its least recently written keys beyond `at_most`."""

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._kept: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """Return what is remembered of `key`."""
        return self._kept.get(key)

    def put(self, key: K, value: V) -> None:
        """Remember, and forget the oldest where there are too many."""
        self._kept[key] = value
        self._kept.move_to_end(key)
        while len(self._kept) > self._at_most:
            self._kept.popitem(last=False)

    def drop(self, key: K) -> None:
        """Forget `key`."""
        self._kept.pop(key, None)

    def __contains__(self, key: K) -> bool:
        return key in self._kept

    def __iter__(self) -> Iterator[K]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)
