"""`polobot check` finds what people get wrong, says what to do, and gives away no secret."""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler
from hypothesis import given
from hypothesis import strategies as st

from bot.check import Examiner, _bounded, check, table
from bot.check_relay import balance_finding, missing
from bot.finding import Finding
from bot.instance import only_one
from bot.settings import Settings
from polo import Balance, Model
from storage.database import open_database

TELEGRAM_TOKEN = "123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc"
DISCORD_TOKEN = "MTE3NjU0MzIxMDk4NzY1NDMyMQ.Gq9XbZ.kQ3vRkT0uFzYh8sWc1LmNoPqRsTuVwXyZ01234"
KEY = "sk-9fK2mQ7xTz4LwPb8"
USERS_INTENT = 1 << 19


@dataclass
class Services:
    """Telegram, Discord and a relay on one port, each answering as the test says."""

    me: dict[str, Any] = field(
        default_factory=lambda: {
            "id": 123456789, "is_bot": True, "first_name": "Polo", "username": "polo_bot",
            "can_join_groups": True, "can_read_all_group_messages": True, "supports_inline_queries": False,
        }
    )  # fmt: skip
    webhook: dict[str, Any] = field(
        default_factory=lambda: {"url": "", "has_custom_certificate": False, "pending_update_count": 2}
    )
    telegram_knows_token: bool = True
    second_poller: bool = False
    polls: int = 0
    discord_status: int = 200
    flags: int = USERS_INTENT
    endpoint: str | None = None
    relay_status: int = 200
    relay_body: dict[str, Any] | str | None = None
    models: tuple[str, ...] = ("gpt-4.1-mini", "gpt-4o-mini")
    granted: float = 25.5
    used: float = 312.4
    keys: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    address: str = ""

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self.note])
        app.router.add_post("/bot{token}/{method}", self.telegram)
        app.router.add_get("/bot{token}/{method}", self.telegram)
        app.router.add_get("/api/v10/users/@me", self.user)
        app.router.add_get("/api/v10/applications/@me", self.application)
        app.router.add_get("/v1/{rest:.*}", self.relay)
        return app

    @web.middleware
    async def note(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.hosts.add(request.host)
        return await handler(request)

    async def telegram(self, request: web.Request) -> web.Response:
        if not self.telegram_knows_token:
            return web.json_response({"ok": False, "error_code": 401, "description": "Unauthorized"}, status=401)
        method = request.match_info["method"]
        if method == "getUpdates":
            self.polls += 1
            if self.second_poller:
                said = (
                    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
                )
                return web.json_response({"ok": False, "error_code": 409, "description": said}, status=409)
            return web.json_response({"ok": True, "result": []})
        return web.json_response({"ok": True, "result": {"getMe": self.me, "getWebhookInfo": self.webhook}[method]})

    def discord(self, body: dict[str, Any]) -> web.Response:
        if self.discord_status != 200:
            body = {"message": f"{self.discord_status}: Unauthorized", "code": 0}
        return web.json_response(body, status=self.discord_status)

    async def user(self, _: web.Request) -> web.Response:
        return self.discord({"id": "1176543210987654321", "username": "polo", "discriminator": "0", "avatar": None})

    async def application(self, _: web.Request) -> web.Response:
        return self.discord(
            {
                "id": "1176543210987654321", "flags": self.flags, "approximate_guild_count": 3,
                "interactions_endpoint_url": self.endpoint,
            }
        )  # fmt: skip

    async def relay(self, request: web.Request) -> web.Response:
        self.keys.append(request.headers.get("Authorization", ""))
        if isinstance(self.relay_body, str):
            return web.Response(text=self.relay_body, content_type="text/html")
        if self.relay_body is not None:
            return web.json_response(self.relay_body, status=self.relay_status)
        match request.match_info["rest"]:
            case "models":
                return web.json_response({"object": "list", "data": [{"id": name} for name in self.models]})
            case "dashboard/billing/subscription":
                return web.json_response({"object": "billing_subscription", "hard_limit_usd": self.granted})
            case _:
                return web.json_response({"object": "list", "total_usage": self.used})


@pytest.fixture
async def services() -> AsyncIterator[Services]:
    async with serving(Services()) as services:
        yield services


@asynccontextmanager
async def serving(services: Services) -> AsyncIterator[Services]:
    runner = web.AppRunner(services.app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    services.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield services
    finally:
        await runner.cleanup()


def settings(services: Services | None, folder: Path, **environ: str) -> Settings:
    """Return settings for a bot on both platforms and the relay, all at `services`; `None`: nothing is set."""
    everything = {
        "TELEGRAM_TOKEN": TELEGRAM_TOKEN, "TELEGRAM_API_BASE_URL": services.address,
        "DISCORD_TOKEN": DISCORD_TOKEN, "DISCORD_API_BASE_URL": f"{services.address}/api/v10",
        "POLO_API_KEY": KEY, "POLO_BASE_URL": f"{services.address}/v1/chat/completions",
    } if services else {}  # fmt: skip
    return Settings.load(
        {"DATA_DIR": str(folder / "data"), "WEB_PORT": "0", **everything, **environ}, env_file=folder / "none"
    )


async def checked(chosen: Settings) -> tuple[int, str]:
    """Return the exit code, and the table as one line of words, with nothing of its layout."""
    out = io.StringIO()
    code = await asyncio.wait_for(check(chosen, out, width=2000), 30)
    return code, out.getvalue()


def row(said: str, what: str) -> str:
    """Return the table's row about `what`."""
    [line] = [line for line in said.splitlines() if line.startswith(f"{what}  ")]
    return line


async def test_where_everything_works_it_says_so_and_ends_with_0(services: Services, tmp_path: Path) -> None:
    code, said = await checked(settings(services, tmp_path))

    assert code == 0
    assert "logged in as @polo_bot" in row(said, "Telegram token")
    assert "by long polling; 2 waiting" in row(said, "Telegram updates")
    assert "logged in as polo, in 3 servers" in row(said, "Discord token")
    assert f"{services.address}/v1, given as host/v1/endpoint" in row(said, "relay address")
    assert "accepted, 2 models" in row(said, "relay key")
    assert "22.376 of 25.5 left" in row(said, "relay balance")
    assert "gpt-4.1-mini is offered" in row(said, "CHAT_MODEL")
    assert "ok: opens" in row(said, "database")
    assert "is free" in row(said, "page")
    assert services.keys == [f"Bearer {KEY}"] * 3


async def test_with_nothing_set_it_says_what_could_be(tmp_path: Path) -> None:
    code, said = await checked(settings(None, tmp_path))

    assert code == 0
    assert "To use it, set TELEGRAM_TOKEN." in row(said, "Telegram")
    assert "To use it, set DISCORD_TOKEN." in row(said, "Discord")
    assert "the built-in stand-in answers" in row(said, "relay")


async def test_wrong_tokens_and_a_wrong_key_are_each_found_and_none_is_shown(
    services: Services, tmp_path: Path
) -> None:
    services.telegram_knows_token, services.discord_status = False, 401
    services.relay_status = 401
    services.relay_body = {
        "error": {"message": f"Invalid token {KEY}", "type": "new_api_error", "code": "invalid_api_key"}
    }

    code, said = await checked(settings(services, tmp_path))

    assert code == 2
    assert "Copy TELEGRAM_TOKEN again" in row(said, "Telegram token")
    assert "Copy DISCORD_TOKEN again" in row(said, "Discord token")
    assert "Copy POLO_API_KEY again" in row(said, "relay key")
    assert not any(secret in said for secret in (TELEGRAM_TOKEN, TELEGRAM_TOKEN.split(":")[1], DISCORD_TOKEN, KEY))


async def test_a_missing_intent_and_an_interactions_address_are_found(services: Services, tmp_path: Path) -> None:
    services.flags, services.endpoint = 0, "https://elsewhere.example/discord?secret=1"

    code, said = await checked(settings(services, tmp_path))

    assert code == 2
    assert "WRONG: message content is not enabled" in row(said, "Discord intent")
    assert "switch on Message Content Intent" in row(said, "Discord intent")
    assert "go to elsewhere.example instead" in row(said, "Discord commands")


async def test_privacy_mode_is_advice_and_no_fault(services: Services, tmp_path: Path) -> None:
    services.me["can_read_all_group_messages"] = False

    code, said = await checked(settings(services, tmp_path))

    assert code == 0
    assert "ok: privacy mode is on" in row(said, "Telegram groups")
    assert "/setprivacy" in row(said, "Telegram groups")


async def test_a_bot_that_may_join_no_group_is_told_how(services: Services, tmp_path: Path) -> None:
    services.me["can_join_groups"] = False

    _, said = await checked(settings(services, tmp_path))

    assert "/setjoingroups" in row(said, "Telegram groups")


async def test_a_second_poller_is_found(services: Services, tmp_path: Path) -> None:
    services.second_poller = True

    code, said = await checked(settings(services, tmp_path))

    assert code == 2
    assert "another process takes this bot's messages" in row(said, "Telegram updates")


async def test_a_webhook_that_somebody_else_set_is_found(services: Services, tmp_path: Path) -> None:
    services.webhook["url"] = "https://elsewhere.example/hook/secret-path"

    code, said = await checked(settings(services, tmp_path))

    assert code == 2
    assert "a webhook at elsewhere.example is set" in row(said, "Telegram updates")
    assert "secret-path" not in said


async def test_our_own_webhook_is_fine_until_telegram_cannot_deliver(services: Services, tmp_path: Path) -> None:
    services.webhook["url"] = "https://bot.example/hook"
    chosen = settings(services, tmp_path, TELEGRAM_WEBHOOK_URL="https://bot.example/hook")

    _, fine = await checked(chosen)
    services.webhook["last_error_message"] = "SSL error"
    code, broken = await checked(chosen)

    assert "ok: come by webhook" in row(fine, "Telegram updates")
    assert code == 2
    assert "Telegram cannot deliver: SSL error" in row(broken, "Telegram updates")


async def test_a_web_page_instead_of_a_relay_is_a_wrong_address(services: Services, tmp_path: Path) -> None:
    services.relay_body = "<!doctype html><html><title>Welcome</title></html>"

    code, said = await checked(settings(services, tmp_path))

    assert code == 2
    assert "Correct POLO_BASE_URL" in row(said, "relay")


async def test_services_that_are_down_are_found_within_bounds(tmp_path: Path) -> None:
    async with serving(Services()) as gone:
        pass

    code, said = await checked(settings(gone, tmp_path))

    assert code == 2
    for what in ("Telegram", "Discord", "relay"):
        assert "WRONG" in row(said, what)
        assert "PROXY_URL" in row(said, what)


async def test_one_proxy_carries_every_service(services: Services, tmp_path: Path) -> None:
    # None of these names exists: only the proxy can answer for them.
    chosen = settings(
        services, tmp_path,
        TELEGRAM_API_BASE_URL="http://telegram.invalid", DISCORD_API_BASE_URL="http://discord.invalid/api/v10",
        POLO_BASE_URL="http://relay.invalid", PROXY_URL=services.address.replace("://", "://user:proxy-password@"),
    )  # fmt: skip

    code, said = await checked(chosen)

    assert code == 0, said
    assert {host.partition(":")[0] for host in services.hosts} == {
        "telegram.invalid",
        "discord.invalid",
        "relay.invalid",
    }


async def test_each_key_of_a_list_is_tried(services: Services, tmp_path: Path) -> None:
    code, said = await checked(settings(services, tmp_path, POLO_API_KEY=f"{KEY},sk-another-key-1"))

    assert code == 0
    assert "accepted" in row(said, "relay key 1 of 2")
    assert "accepted" in row(said, "relay key 2 of 2")
    assert set(services.keys) == {f"Bearer {KEY}", "Bearer sk-another-key-1"}


async def test_a_model_that_the_relay_does_not_offer_is_named_with_its_like(services: Services, tmp_path: Path) -> None:
    code, said = await checked(settings(services, tmp_path, CHAT_MODEL="gpt-4.1-mimi", FALLBACK_MODELS="gpt-4o-mini"))

    assert code == 2
    assert "gpt-4.1-mimi is not offered" in row(said, "CHAT_MODEL")
    assert "gpt-4.1-mini" in row(said, "CHAT_MODEL")
    assert "gpt-4o-mini is offered" in row(said, "FALLBACK_MODELS")


async def test_while_the_bot_runs_its_polling_its_port_and_its_database_are_left_alone(
    services: Services, tmp_path: Path
) -> None:
    chosen = settings(services, tmp_path)

    with only_one(chosen.data_dir):
        code, said = await checked(chosen)

    assert code == 0
    assert "another polobot (process" in row(said, "process")
    assert services.polls == 0
    assert "database " not in said
    assert not (chosen.data_dir / "bot.db").exists()


async def test_a_database_that_does_not_open_is_one_row(services: Services, tmp_path: Path) -> None:
    (tmp_path / "no-database").write_text("hello " * 1000)

    code, said = await checked(settings(None, tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}/no-database"))

    assert code == 2
    assert "WRONG" in row(said, "database")


async def test_a_database_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/bot.db"
    async with open_database(url, now=lambda: 0.0, files=tmp_path / "files"):
        pass
    import sqlite3

    with sqlite3.connect(tmp_path / "bot.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()

    code, said = await checked(settings(None, tmp_path, DATABASE_URL=url))

    assert code == 2
    assert "newer" in row(said, "database")


async def test_a_port_that_is_taken_is_found(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = await checked(settings(None, tmp_path, WEB_PORT=str(port)))

    assert code == 2
    assert f"127.0.0.1:{port} cannot be used" in row(said, "page")
    assert "choose another WEB_PORT" in row(said, "page")


async def test_a_data_folder_that_cannot_be_written_is_one_row(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    chosen = Settings(data_dir=tmp_path / "file" / "data", web_port=0)

    code, said = await checked(chosen)

    assert code == 2
    assert "DATA_DIR" in row(said, "process")


async def test_what_looks_like_a_mistake_in_the_settings_is_shown(tmp_path: Path) -> None:
    code, said = await checked(settings(None, tmp_path, POLO_API_KEYS="sk-123456789"))

    assert code == 0
    assert "did you mean POLO_API_KEY?" in row(said, "settings")


async def test_a_service_that_never_answers_is_given_up() -> None:
    async def never() -> list[Finding]:
        await asyncio.Event().wait()
        raise AssertionError

    [finding] = await _bounded(Examiner("Telegram", never, 0.01))

    assert (finding.what, finding.ok) == ("Telegram", False)


@pytest.mark.parametrize(
    ("remaining", "granted", "ok", "says"),
    [
        (Decimal("0.5"), Decimal(10), True, "0.5 of 10 left"),
        (Decimal(0), Decimal(10), False, "0 of 10 left"),
        (None, None, True, "no limit"),
    ],
)
def test_an_empty_account_is_wrong_and_an_unlimited_one_gets_advice(
    remaining: Decimal | None, granted: Decimal | None, ok: bool, says: str
) -> None:
    finding = balance_finding("relay balance", Balance(granted, Decimal("9.5"), remaining))

    assert finding.ok is ok
    assert says in finding.said
    assert bool(finding.do) is (remaining is None or not ok)


def test_a_model_without_any_like_gets_advice_too() -> None:
    [finding] = missing(("zzz",), (Model("gpt-4o", "openai"),))

    assert finding.do == "Choose one that the relay offers."


@given(
    st.lists(
        st.builds(Finding, st.text(max_size=20), st.booleans(), st.text(max_size=300), st.text(max_size=300)),
        max_size=5,
    ),
    st.integers(min_value=0, max_value=200),
)
def test_a_table_of_anything_is_lines_of_printable_text(findings: list[Finding], width: int) -> None:
    for line in table(findings, width).split("\n"):
        assert line.isprintable()


def test_a_narrow_table_wraps_within_its_columns() -> None:
    said = table([Finding("relay", False, "word " * 40, "做什么 " * 30)], 80)

    assert all(len(line) <= 80 for line in said.splitlines())
    assert said.count("word") == 40
    assert said.count("做什么") == 30
