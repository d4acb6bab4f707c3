"""Two processes on one data folder: the second is refused; a dead one leaves no lock behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.instance import AlreadyRunning, DataFolderProblem, only_one

HOLDER = """
import sys
from pathlib import Path
from bot.instance import only_one
with only_one(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def holding(folder: Path) -> subprocess.Popen[str]:
    """Start a process that holds the folder until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_refused_in_one_sentence_that_names_the_first(tmp_path: Path) -> None:
    with holding(tmp_path / "data") as first:
        with pytest.raises(AlreadyRunning) as raised, only_one(tmp_path / "data"):
            pytest.fail("held twice")
        first.communicate(timeout=10)

    assert str(raised.value).startswith(f"DATA_DIR: another polobot (process {first.pid}) uses the folder")
    assert "\n" not in str(raised.value)


def test_a_killed_process_leaves_the_folder_free(tmp_path: Path) -> None:
    with holding(tmp_path) as first:
        os.kill(first.pid, signal.SIGKILL)
        first.communicate(timeout=10)

    with only_one(tmp_path):
        assert (tmp_path / "polobot.lock").read_text() == f"{os.getpid()}\n"


def test_the_folder_is_free_again_after_the_block_also_when_it_failed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), only_one(tmp_path):
        raise RuntimeError
    with only_one(tmp_path):
        pass


def test_the_same_process_cannot_hold_it_twice(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(AlreadyRunning), only_one(tmp_path):
        pytest.fail("held twice")


def test_other_folders_are_free(tmp_path: Path) -> None:
    with only_one(tmp_path / "a"), only_one(tmp_path / "b"):
        assert (tmp_path / "b" / "polobot.lock").exists()


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(DataFolderProblem) as raised, only_one(tmp_path / "file" / "data"):
        pytest.fail("held what cannot be")

    assert str(raised.value).startswith("DATA_DIR: the folder ")
    assert str(raised.value).endswith("cannot be written (Not a directory).")
