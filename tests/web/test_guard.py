"""Who may come in: nobody by a foreign name, nobody from a foreign page, nobody without the password."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from bot.web.guard import SESSION_S, TRIES, TRY_WINDOW_S, Guard, is_loopback
from tests.clock import FakeClock
from tests.web.house import KEY, House, opened

PASSWORD = "correct horse 电池"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def locked(tmp_path: Path, clock: FakeClock) -> AsyncIterator[House]:
    """A page behind a password."""
    async with opened(tmp_path, password=PASSWORD, clock=clock) as served:
        yield served


async def log_in(house: House, password: str = PASSWORD) -> int:
    headers = {"Origin": house.address}
    url = f"{house.address}/login"
    async with house.session.post(url, data={"password": password}, headers=headers, allow_redirects=False) as answer:
        return answer.status


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost", "LOCALHOST", "localhost."])
def test_these_are_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "0.0.0.0", "::", "192.168.1.4", "localhost.evil.example", "127.0.0.1.evil.example"]
)
def test_these_are_not(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("password", [None, ""])
def test_a_page_that_others_can_reach_needs_a_password(password: str | None) -> None:
    with pytest.raises(ValueError, match="needs a password"):
        Guard(host="0.0.0.0", password=password, key=KEY, clock=FakeClock())


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16 bytes"):
        Guard(host="127.0.0.1", password=None, key=b"short", clock=FakeClock())


# ---------------------------------------------------------------- loopback


@pytest.mark.parametrize("name", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "192.168.0.5", ""])
@pytest.mark.parametrize("path", ["/", "/api/here", "/metrics", "/login", "/nothing"])
async def test_a_strangers_name_for_this_machine_reads_nothing(house: House, name: str, path: str) -> None:
    async with house.session.get(f"{house.address}{path}", headers={"Host": name}) as answer:
        assert answer.status == 421
        assert "polobot" not in (await answer.text()).replace("WEB_PASSWORD", "")


@pytest.mark.parametrize("name", ["localhost", "localhost:1", "127.0.0.1:9", "[::1]:8080"])
async def test_the_names_of_this_machine_pass(house: House, name: str) -> None:
    async with house.session.get(f"{house.address}/", headers={"Host": name}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "{own}"},
    ],
)
async def test_a_foreign_page_can_post_nothing(house: House, headers: dict[str, str]) -> None:
    sent = {name: value.replace("{own}", house.address) for name, value in headers.items()}
    body = {"event": "a" * 32, "chat": house.chat, "what": {"type": "say", "text": "x"}}
    for path in ("/api/post", "/api/form", "/api/upload", "/logout"):
        async with house.session.post(f"{house.address}{path}", json=body, headers=sent) as answer:
            assert answer.status == 403
    assert house.inbox.events == []


async def test_our_own_page_may_post_by_either_sign(house: House) -> None:
    body = {"chat": house.chat, "action": "f:1"}
    for headers in ({"Origin": house.address}, {"Sec-Fetch-Site": "same-origin"}):
        async with house.session.post(f"{house.address}/api/form", json=body, headers=headers) as answer:
            assert answer.status == 200


async def test_a_foreign_page_can_read_nothing_but_may_link_here(house: House) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site"}
    async with house.session.get(f"{house.address}/api/here", headers={**foreign, "Sec-Fetch-Mode": "no-cors"}) as one:
        assert one.status == 403
    async with house.session.get(f"{house.address}/", headers={**foreign, "Sec-Fetch-Mode": "navigate"}) as other:
        assert other.status == 200


@pytest.mark.parametrize("forged", ["", "x", "0" * 20, "0" * 20 + ".", "0" * 20 + "." + "0" * 64, "ü.ü"])
async def test_a_browser_id_that_we_have_not_signed_is_nobody(house: House, forged: str) -> None:
    async with aiohttp.ClientSession() as stranger:
        headers = {"Cookie": f"polobot_browser={forged}"}
        async with stranger.get(f"{house.address}/api/here", headers=headers) as answer:
            assert answer.status == 401


async def test_every_answer_carries_the_policy_and_cookies_are_out_of_reach(house: House) -> None:
    for path in ("/", "/login", "/api/here", "/nothing", "/healthz"):
        async with house.session.get(f"{house.address}{path}") as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
    async with aiohttp.ClientSession() as stranger, stranger.get(f"{house.address}/") as answer:
        cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Secure" not in cookie


async def test_behind_tls_the_cookie_is_for_tls_only(house: House) -> None:
    async with house.session.get(f"{house.address}/", headers={"X-Forwarded-Proto": "https"}) as answer:
        assert "Secure" in answer.headers["Set-Cookie"]


async def test_the_page_holds_no_inline_script_or_style(house: House) -> None:
    async with house.session.get(f"{house.address}/") as answer:
        html = await answer.text()
    assert re.findall(r"<script(?![^>]*(?:src=|application/json))", html) == []
    assert not re.search(r"<style|\sstyle=|\son\w+=|https?://(?!www\.w3\.org)", html)


# ---------------------------------------------------------------- password


async def test_without_the_password_there_is_only_the_login_page(locked: House) -> None:
    async with locked.session.get(f"{locked.address}/", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/login")
    for path in ("/api/here", "/metrics", "/files/x/y", "/uploads/x"):
        headers = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
        async with locked.session.get(f"{locked.address}{path}", headers=headers) as answer:
            assert answer.status == 401
    async with locked.session.get(f"{locked.address}/login") as answer:
        assert 'type="password"' in await answer.text()
    assert (await locked.post("/api/post", {}))[0] == 401


async def test_any_name_passes_once_there_is_a_password(locked: House) -> None:
    async with locked.session.get(f"{locked.address}/login", headers={"Host": "chat.example.org"}) as answer:
        assert answer.status == 200


async def test_the_password_opens_and_logging_out_closes(locked: House) -> None:
    assert await log_in(locked, "wrong") == 403
    assert await log_in(locked) == 303
    await locked.enter()
    assert (await locked.say("hello"))[0] == 200
    async with locked.session.get(f"{locked.address}/login", allow_redirects=False) as answer:
        assert answer.headers["Location"] == "/"
    async with locked.session.post(
        f"{locked.address}/logout", headers={"Origin": locked.address}, allow_redirects=False
    ) as answer:
        assert answer.headers["Location"] == "/login"
    assert (await locked.say("hello"))[0] == 401


async def test_tries_are_limited_also_for_the_right_password_and_only_for_a_while(
    locked: House, clock: FakeClock
) -> None:
    assert [await log_in(locked, f"wrong {number}") for number in range(TRIES)] == [403] * TRIES
    assert await log_in(locked) == 429
    await clock.advance(TRY_WINDOW_S + 1)
    assert await log_in(locked) == 303


async def test_a_session_ends_by_itself(locked: House, clock: FakeClock) -> None:
    await log_in(locked)
    await locked.enter()
    await clock.advance(SESSION_S + 1)
    assert (await locked.say("hello"))[0] == 401


async def test_a_changed_password_ends_all_sessions(tmp_path: Path, clock: FakeClock) -> None:
    async with opened(tmp_path, password="old", clock=clock) as before:
        await log_in(before, "old")
        cookies = {cookie.key: cookie.value for cookie in before.session.cookie_jar}
    async with opened(tmp_path, password="new", clock=clock) as after:
        after.session.cookie_jar.update_cookies(cookies, URL(after.address))
        async with after.session.get(f"{after.address}/", allow_redirects=False) as answer:
            assert answer.status == 303


@pytest.mark.parametrize("forged", ["9" * 12, "9" * 12 + ".0", "9" * 12 + "." + "0" * 64, "inf.x", "9" * 400 + ".x"])
async def test_a_session_that_we_have_not_signed_is_none(locked: House, forged: str) -> None:
    headers = {"Cookie": f"polobot_session={forged}"}
    async with locked.session.get(f"{locked.address}/", headers=headers, allow_redirects=False) as answer:
        assert answer.status == 303


async def test_a_foreign_page_cannot_try_passwords(locked: House) -> None:
    headers = {"Origin": "https://evil.example"}
    async with locked.session.post(f"{locked.address}/login", data={"password": PASSWORD}, headers=headers) as answer:
        assert answer.status == 403


async def test_metrics_open_to_the_session_or_to_a_scraper_with_the_password(locked: House) -> None:
    url = f"{locked.address}/metrics"
    api = {"Sec-Fetch-Mode": "cors"}
    for login, wanted in (("wrong", 401), (PASSWORD, 200)):
        auth = aiohttp.encode_basic_auth("prometheus", login, encoding="utf-8")
        async with locked.session.get(url, headers={**api, "Authorization": auth}) as answer:
            assert answer.status == wanted
    async with locked.session.get(url, headers={**api, "Authorization": "Basic !!!"}) as answer:
        assert answer.status == 401
    basic = {"Authorization": aiohttp.encode_basic_auth("prometheus", PASSWORD, encoding="utf-8"), **api}
    async with locked.session.get(f"{locked.address}/api/here", headers=basic) as answer:
        assert answer.status == 401
