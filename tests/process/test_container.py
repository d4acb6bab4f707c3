"""The container files: what can be held to the program without a container engine."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from bot.settings import Settings

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")


@contextmanager
def answering(status: int) -> Iterator[int]:
    """Serve /healthz with `status` and everything else with 404; give the port."""

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    with HTTPServer(("127.0.0.1", 0), Health) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def health_check(port: int) -> int:
    """Run the image's health check against `port`."""
    found = re.search(r"^HEALTHCHECK .* CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert found is not None
    command = json.loads(found[1])
    assert command[0] == "python"
    return subprocess.run(
        [sys.executable, *command[1:]], env={"PATH": os.environ["PATH"], "WEB_PORT": str(port)},
        capture_output=True, timeout=20, check=False,
    ).returncode  # fmt: skip


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False), (404, False)])
def test_the_health_check_believes_only_a_200(status: int, healthy: bool) -> None:
    with answering(status) as port:
        assert (health_check(port) == 0) is healthy


def test_the_health_check_fails_where_nothing_listens() -> None:
    with answering(200) as port:
        pass
    assert health_check(port) != 0


def test_the_image_runs_without_rights_and_keeps_everything_in_one_volume() -> None:
    instructions = [line.split(maxsplit=1) for line in DOCKERFILE.splitlines() if re.match(r"[A-Z]+ ", line)]

    assert ["USER", "polobot"] in instructions
    assert [value for name, value in instructions if name == "VOLUME"] == ["/data"]
    assert instructions.index(["USER", "polobot"]) > max(
        at for at, (name, _) in enumerate(instructions) if name in ("RUN", "COPY")
    )
    assert "--require-hashes" in DOCKERFILE


def test_the_image_s_own_settings_are_right_ones() -> None:
    found = re.findall(r"^ENV (.*)$", DOCKERFILE, re.MULTILINE)
    variables = dict(pair.split("=", 1) for line in found for pair in shlex.split(line))

    settings = Settings.load({name: value for name, value in variables.items() if name in Settings.names()})

    assert settings.data_dir == Path("/data")
    assert settings.database_url.get_secret_value() == "sqlite:////data/bot.db"


def test_the_image_is_given_every_room_and_nothing_else() -> None:
    copied = set(re.findall(r"^COPY (?!--from)(\S+)", DOCKERFILE, re.MULTILINE))
    let_in = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))

    assert copied == let_in == {"bot", "handlers", "polo", "storage", "requirements.txt"}
    assert all((ROOT / name).exists() for name in copied)


def test_compose_keeps_the_data_and_gives_no_rights() -> None:
    text = (ROOT / "compose.yaml").read_text()

    for line in (
        "restart: unless-stopped", "env_file: .env", "- data:/data", "read_only: true", "DATA_DIR: /data",
        "- ALL", "- no-new-privileges:true", '- "127.0.0.1:8080:8080"',
    ):  # fmt: skip
        assert line in text
    assert "\t" not in text
