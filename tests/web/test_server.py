"""The server around the chat: health, metrics, assets, routes of others."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from aiohttp import web

from bot.ports import Adapter
from bot.web.adapter import WebAdapter
from bot.web.guard import Access
from bot.web.server import Extra
from tests.web.house import House, opened


async def test_health_answers_before_the_chat_is_ready_and_under_any_name(tmp_path: Path) -> None:
    async with opened(tmp_path, ready=False) as house:
        assert house.address.startswith("http://127.0.0.1:")
        async with house.session.get(f"{house.address}/healthz", headers={"Host": "10.0.0.7"}) as answer:
            assert (answer.status, await answer.json()) == (200, {"ok": True, "adapters": {"web": "ready"}})
        assert house.adapter.health()["ok"] is False


async def test_health_is_503_when_the_process_is_not_well(tmp_path: Path) -> None:
    async with opened(tmp_path, health=lambda: {"ok": False, "why": "database"}) as house:
        async with house.session.get(f"{house.address}/healthz") as answer:
            assert (answer.status, await answer.json()) == (503, {"ok": False, "why": "database"})
        assert house.adapter.health()["ok"] is True


async def test_metrics_are_passed_on_as_they_are(house: House) -> None:
    async with house.session.get(f"{house.address}/metrics") as answer:
        assert await answer.text() == "turns_total 1\n"
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


async def test_a_taken_port_is_an_error_of_the_system(house: House, tmp_path: Path) -> None:
    port = int(house.address.rsplit(":", 1)[1])
    with pytest.raises(OSError, match="address already in use"):
        async with opened(tmp_path, port=port):
            pass


async def test_assets_keep_for_ever_under_a_name_that_changes_with_them(house: House) -> None:
    async with house.session.get(f"{house.address}/") as answer:
        found = re.findall(r'(?:href|src)="(/static/[^"]+)"', await answer.text())
    assert {path.rsplit("/", 1)[1] for path in found} >= {"app.js", "base.css", "chat.css", "prose.css", "icon.svg"}
    for path in found:
        async with house.session.get(f"{house.address}{path}") as answer:
            assert answer.status == 200
            assert "immutable" in answer.headers["Cache-Control"]


async def test_an_asset_of_an_older_version_is_the_newest_but_not_kept(house: House) -> None:
    async with house.session.get(f"{house.address}/static/0000/app.js") as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert "import" in await answer.text()


async def test_assets_travel_compressed_only_to_who_takes_it(house: House) -> None:
    url = f"{house.address}/static/0/base.css"
    async with house.session.get(url, headers={"Accept-Encoding": "identity"}) as plain:
        assert "Content-Encoding" not in plain.headers
        text = await plain.read()
    async with house.session.get(url, headers={"Accept-Encoding": "gzip"}, auto_decompress=False) as packed:
        assert gzip.decompress(await packed.read()) == text


async def test_the_page_speaks_the_language_that_was_chosen_else_the_browsers(house: House) -> None:
    async def language(accepts: str, cookie: str = "") -> str:
        headers = {"Accept-Language": accepts, "Cookie": f"polobot_language={cookie}"}
        async with house.session.get(f"{house.address}/login", headers=headers, allow_redirects=True) as answer:
            found = re.search(r'<html lang="([\w-]+)"', await answer.text())
        assert found
        return found[1]

    assert await language("zh-CN,en;q=0.8") == "zh-Hans"
    assert await language("fr, en-GB;q=0.8, zh;q=0.5") == "en"
    assert await language("fr") == "en"
    assert await language("zh", cookie="en") == "en"
    assert await language("en", cookie="klingon") == "en"


async def test_the_default_language_is_for_browsers_that_ask_for_none_of_ours(tmp_path: Path) -> None:
    french = {"Accept-Language": "fr"}
    async with opened(tmp_path, language="zh") as house, house.session.get(house.address, headers=french) as answer:
        assert '<html lang="zh-Hans">' in await answer.text()


async def test_routes_of_others_are_open_or_guarded_as_they_ask(tmp_path: Path) -> None:
    async def hello(request: web.Request) -> web.Response:
        return web.Response(text="hello")

    extras = [Extra([web.post("/hook", hello)]), Extra([web.get("/gallery", hello)], Access.GUARDED)]
    async with opened(tmp_path, extras=extras, password="secret") as house:
        async with house.session.post(f"{house.address}/hook") as answer:
            assert await answer.text() == "hello"
        async with house.session.get(f"{house.address}/gallery", allow_redirects=False) as answer:
            assert answer.status == 303


async def test_the_stand_in_is_named_on_the_page_only_when_it_answers(tmp_path: Path) -> None:
    for standin in (True, False):
        async with opened(tmp_path, standin=standin) as house, house.session.get(f"{house.address}/") as answer:
            assert ("stand-in relay" in (await answer.text()).split('id="boot"')[0]) is standin


async def test_the_boot_data_cannot_break_out_of_its_element(tmp_path: Path) -> None:
    title = "</script><b>bold & brash"
    async with opened(tmp_path, title=title) as house, house.session.get(house.address) as answer:
        html = await answer.text()
    assert "<b>bold" not in html
    assert html.count("</script>") == 2


def test_it_is_an_adapter() -> None:
    def takes(adapter: Adapter) -> str:
        return adapter.platform

    assert takes(WebAdapter.__new__(WebAdapter)) == "web"
