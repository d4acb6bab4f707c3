"""The command line as an operator meets it: real processes, their words, their exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from bot.cli import main
from bot.version import VERSION

WITHIN_S = 40  # a start takes one second; a busy machine takes its time
SECRET = "sk-9fK2mQ7xTz4LwPb8"


def environment(**variables: str) -> dict[str, str]:
    """Return a small environment: nothing of the machine's own settings."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "COVERAGE_PROCESS_START") if name in os.environ}
    return {**kept, "WEB_PORT": "0", **variables}


def polobot(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `polobot` to its end in `folder`."""
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments], cwd=folder, env=environment(**variables), text=True,
        capture_output=True, timeout=WITHIN_S, check=False,
    )  # fmt: skip


@contextmanager
def started(folder: Path, *arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Run `polobot` in `folder`, and see that it does not outlive the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", *arguments], cwd=folder, env=environment(**variables), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=WITHIN_S)


def first_line(process: subprocess.Popen[str]) -> str:
    """Return the first line of the process; bounded by the test's own time limit."""
    assert process.stdout is not None
    return process.stdout.readline()


def address_in(line: str) -> str:
    found = re.search(r"http://127\.0\.0\.1:\d+", line)
    assert found is not None, line
    return found[0]


def fetched(address: str) -> tuple[int, bytes]:
    with urllib.request.urlopen(address, timeout=WITHIN_S) as response:  # noqa: S310 - our own server
        return response.status, response.read()


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version"]) == 0
    assert capsys.readouterr().out == f"polobot {VERSION}\n"


@pytest.mark.parametrize("arguments", [[], ["dance"], ["standin", "--port", "-1"], ["standin", "--port", "٣"]])
def test_a_command_line_that_makes_no_sense_is_told_its_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)

    assert left.value.code == 2
    assert "usage: polobot" in capsys.readouterr().err


def test_wrong_settings_are_sentences_on_standard_error_and_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"TELEGRAM_TOKEN={SECRET}\nWEB_PORT=eighty\n")

    for command in ("run", "check"):
        ended = polobot(tmp_path, command, WEB_PORT="")

        assert ended.returncode == 2
        assert ended.stdout == ""
        assert [line.split()[0] for line in ended.stderr.splitlines()] == ["TELEGRAM_TOKEN", "WEB_PORT"]
        assert SECRET not in ended.stderr


def test_a_database_that_cannot_be_opened_is_a_sentence_and_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "broken.db").write_text("hello " * 1000)

    ended = polobot(tmp_path, "run", DATABASE_URL="sqlite:///broken.db")

    assert ended.returncode == 2
    assert ended.stderr.startswith("DATABASE_URL: ")
    assert "Traceback" not in ended.stderr


def test_a_fresh_folder_gets_a_page_a_stand_in_and_health_and_ends_on_sigterm(tmp_path: Path) -> None:
    with started(tmp_path, "run") as process:
        assert process.stdout is not None
        said = first_line(process)
        relay = process.stdout.readline()
        status, health = fetched(f"{address_in(said)}/healthz")
        process.send_signal(signal.SIGTERM)
        code = process.wait(WITHIN_S)

    assert "No token is set" in said
    assert "stand-in" in relay
    assert status == 200
    assert json.loads(health)
    assert code == 0
    assert (tmp_path / "data" / "bot.db").exists()


ONLY_LOOPBACK = """
import sys
sys.modules["uvloop"] = None  # its sockets are not Python's, and so are not seen here

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        address = arguments[1] if event != "socket.getaddrinfo" else arguments
        host = address[0] if isinstance(address, tuple) else address
        if host not in ("127.0.0.1", "::1", "localhost", None):
            print("reached out to", host, file=sys.stderr, flush=True)

sys.addaudithook(watch)
"""


def test_a_start_without_tokens_reaches_out_to_nobody(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(ONLY_LOOPBACK)

    with started(tmp_path, "run", PYTHONPATH=str(tmp_path)) as process:
        fetched(address_in(first_line(process)))
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=WITHIN_S)
    # The watch itself must be able to see: it is shown an address that is nobody's.
    reach = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('192.0.2.1', 9))"
    seen = subprocess.run(
        [sys.executable, "-c", reach],
        env=environment(PYTHONPATH=str(tmp_path)), capture_output=True, text=True, timeout=WITHIN_S, check=False,
    )  # fmt: skip

    assert "reached out to" not in log
    assert "reached out to 192.0.2.1" in seen.stderr


def test_a_second_process_on_the_same_folder_is_refused_and_a_third_after_a_kill_is_not(tmp_path: Path) -> None:
    with started(tmp_path, "run") as first:
        first_line(first)
        second = polobot(tmp_path, "run")
        first.kill()
        first.wait(WITHIN_S)

    assert second.returncode == 2
    assert second.stderr.startswith(f"DATA_DIR: another polobot (process {first.pid})")
    with started(tmp_path, "run") as third:
        assert "http://" in first_line(third)


def test_a_mistyped_name_is_pointed_out_in_the_log(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TELEGRM_TOKEN=x\n")

    with started(tmp_path, "run", LOG_FORMAT="json") as process:
        first_line(process)
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=WITHIN_S)

    remark = json.loads(log.splitlines()[0])
    assert remark["event"] == "TELEGRM_TOKEN in .env is no setting; did you mean TELEGRAM_TOKEN?"
    assert remark["level"] == "warning"


@contextmanager
def refusing() -> Iterator[str]:
    """Serve a Telegram and a Discord that know no token; give their address."""

    class Refusal(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = b'{"ok": false, "error_code": 401, "description": "Unauthorized", "message": "401", "code": 0}'
            self.send_response(401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = answer  # noqa: N815 - the base class's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusal) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("platform", "token", "path"),
    [
        ("DISCORD", "MTE3NjU0MzIxMDk4NzY1NDMyMQ.Gq9XbZ.kQ3vRkT0uFzYh8sWc1LmNoPqRsTuVwXyZ01234", "/api/v10"),
        ("TELEGRAM", "123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc", ""),
    ],
)
def test_a_token_that_the_platform_does_not_know_ends_the_start_and_is_shown_nowhere(
    tmp_path: Path, platform: str, token: str, path: str
) -> None:
    with refusing() as address:
        ended = polobot(
            tmp_path, "run", LOG_LEVEL="debug",
            DISCORD_GATEWAY_URL=address.replace("http", "ws"),
            **{f"{platform}_TOKEN": token, f"{platform}_API_BASE_URL": address + path},
        )  # fmt: skip

    assert ended.returncode == 2
    assert any(line.startswith(f"{platform}_TOKEN ") for line in ended.stderr.splitlines())
    assert "Traceback" not in ended.stderr
    assert token not in ended.stdout + ended.stderr
    assert token.rsplit(":", maxsplit=1)[-1] not in ended.stdout + ended.stderr


def test_check_prints_its_table(tmp_path: Path) -> None:
    ended = polobot(tmp_path, "check")

    assert ended.returncode == 0
    assert ended.stdout.splitlines()[0].split() == ["what", "state", "what", "to", "do"]
    assert ended.stderr == ""


def test_the_stand_in_runs_alone_and_ends_on_a_signal(tmp_path: Path) -> None:
    with started(tmp_path, "standin", "--port", "0") as process:
        address = address_in(first_line(process))
        request = urllib.request.Request(f"{address}/v1/models", headers={"Authorization": f"Bearer {SECRET}"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=WITHIN_S) as response:  # noqa: S310 - our own server
            models = json.load(response)
        taken = polobot(tmp_path, "standin", "--port", address.rpartition(":")[2])
        process.send_signal(signal.SIGINT)
        code = process.wait(WITHIN_S)

    assert models["data"]
    assert code == 0
    assert taken.returncode == 2
    assert "cannot be listened on" in taken.stderr


def test_the_installed_script_does_the_same(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("polobot")

    ended = subprocess.run([script, "version"], capture_output=True, text=True, timeout=WITHIN_S, check=True)

    assert ended.stdout == f"polobot {VERSION}\n"
