"""One process for one data folder: two that share a database and a token would answer everything twice."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK_FILE = "polobot.lock"


class DataFolderProblem(Exception):
    """The data folder cannot be used; the text is one sentence that names DATA_DIR."""


class AlreadyRunning(DataFolderProblem):
    """Another process holds the data folder."""


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold `folder` for this process; make it where it does not exist.

    The lock belongs to the open file, so the system releases it at the process's death, however it died.
    Raises `AlreadyRunning` where another process holds it, `DataFolderProblem` where the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DataFolderProblem(f"DATA_DIR: the folder {folder} cannot be written ({error.strerror}).") from error
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
        raise AlreadyRunning(
            f"DATA_DIR: another polobot (process {holder}) uses the folder {folder}; "
            "stop it, or give this one a DATA_DIR and tokens of its own."
        ) from error
    except OSError as error:
        raise DataFolderProblem(f"DATA_DIR: the folder {folder} cannot be locked ({error.strerror}).") from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
