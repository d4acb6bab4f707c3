"""A wrong setting is one sentence naming the variable; a right one arrives as what it means."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.settings import Settings, SettingsProblem

TELEGRAM_TOKEN = "123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc"
DISCORD_TOKEN = "MTE3NjU0MzIxMDk4NzY1NDMyMQ.Gq9XbZ.kQ3vRkT0uFzYh8sWc1LmNoPqRsTuVwXyZ01234"
RELAY_KEY = "sk-9fK2mQ7xTz4LwPb8"
NO_FILE = Path("there-is-no-such-file")


def load(environ: dict[str, str]) -> Settings:
    return Settings.load(environ, env_file=NO_FILE)


def sentences(environ: dict[str, str], env_file: Path = NO_FILE) -> tuple[str, ...]:
    with pytest.raises(SettingsProblem) as raised:
        Settings.load(environ, env_file=env_file)
    return raised.value.sentences


def written(folder: Path, text: str) -> Path:
    file = folder / ".env"
    file.write_text(text, encoding="utf-8")
    return file


def test_with_nothing_set_the_bot_serves_its_page_on_loopback_and_the_public_services() -> None:
    settings = load({})

    assert (settings.web_host, settings.web_port) == ("127.0.0.1", 8080)
    assert settings.discord_api_base_url == "https://discord.com/api/v10"
    assert settings.telegram_api_base_url == "https://api.telegram.org"
    assert settings.polo_base_url == "https://poloai.top"
    assert settings.database_url.get_secret_value() == "sqlite:///data/bot.db"
    assert (settings.telegram_token, settings.discord_token, settings.polo_api_key) == (None, None, ())
    assert settings.remarks == ()


def test_settings_made_by_hand_read_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_MODEL", "from-the-machine")

    assert Settings().chat_model == "gpt-4.1-mini"


def test_the_environment_goes_before_the_file_and_an_empty_value_is_none(tmp_path: Path) -> None:
    file = written(tmp_path, "CHAT_MODEL=from-file\nWEB_PORT=9000\nLOG_FORMAT=\n")

    settings = Settings.load({"CHAT_MODEL": "from-environment", "WEB_PORT": ""}, env_file=file)

    assert (settings.chat_model, settings.web_port, settings.log_format) == ("from-environment", 9000, "text")


def test_a_file_may_hold_quotes_comments_exports_dollars_and_a_byte_order_mark(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "\ufeff# tokens\n"
        'export CHAT_MODEL="quoted"  # why\n'
        "WEB_PASSWORD=pa$$word-${HOME}\n"
        'SYSTEM_PROMPT="two\\nlines"\n',
    )

    settings = Settings.load({}, env_file=file)

    assert settings.chat_model == "quoted"
    assert settings.web_password is not None
    assert settings.web_password.get_secret_value() == "pa$$word-${HOME}"
    assert settings.system_prompt == "two\nlines"


def test_quotes_that_docker_leaves_on_a_value_are_taken_off() -> None:
    assert load({"CHAT_MODEL": '"gpt-4o"'}).chat_model == "gpt-4o"


def test_every_wrong_variable_is_named_in_one_start(tmp_path: Path) -> None:
    said = sentences(
        {"WEB_PORT": "eighty", "POLO_BASE_URL": "ftp://x", "LANGUAGE": "klingon", "MAX_RUNNING": "0"},
        written(tmp_path, "OWNERS=@me\njust words\n"),
    )

    assert [sentence.split()[0] for sentence in said] == [
        "Line", "POLO_BASE_URL", "OWNERS", "MAX_RUNNING", "WEB_PORT", "LANGUAGE",
    ]  # fmt: skip
    assert all(sentence.endswith(".") and sentence.count("\n") == 0 for sentence in said)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("TELEGRAM_TOKEN", "hello", "must be the token that BotFather gave"),
        ("TELEGRAM_TOKEN", RELAY_KEY, "put it into POLO_API_KEY"),
        ("TELEGRAM_TOKEN", DISCORD_TOKEN, "put it into DISCORD_TOKEN"),
        ("DISCORD_TOKEN", TELEGRAM_TOKEN, "put it into TELEGRAM_TOKEN"),
        ("DISCORD_TOKEN", RELAY_KEY, "put it into POLO_API_KEY"),
        ("DISCORD_TOKEN", "1176543210987654321", "application's id, public key or client secret"),
        ("DISCORD_TOKEN", "not.a-token", "three parts joined by dots"),
        ("DISCORD_TOKEN", f"Bot {DISCORD_TOKEN}", "without the word before it"),
        ("POLO_API_KEY", f"Bearer {RELAY_KEY}", "without the word before it"),
        ("POLO_API_KEY", TELEGRAM_TOKEN, "must be the relay's key"),
        ("POLO_API_KEY", "sk-with space", "must not hold spaces"),
        ("POLO_BASE_URL", "https://me:secret@relay.example", "must not contain a user name"),
        ("POLO_BASE_URL", "https://", "names no host"),
        ("PROXY_URL", "socks5://127.0.0.1:1080", "SOCKS proxies are not supported"),
        ("PROXY_URL", "http://host:notaport", "must be an address"),
        ("DISCORD_GATEWAY_URL", "https://gateway.example", "begins with wss:// or ws://"),
        ("TELEGRAM_WEBHOOK_URL", "http://bot.example/hook", "begins with https://"),
        ("TELEGRAM_WEBHOOK_SECRET", "white space", "1 to 256 letters"),
        ("DATABASE_URL", "mysql://host/db", "must be sqlite:///path"),
        ("DATABASE_URL", "postgresql://user:p@ss:word/db", "must be an address like postgresql://"),
        ("ALLOW", "123456", "say on which platform"),
        ("ALLOW", "telegram:@name", "write the numeric id"),
        ("ALLOW", "discord:guild:12", "discord:guild:<number>"),
        ("OWNERS", "telegram:-100123", "is no person"),
        ("DATA_DIR", "~nobody-of-that-name/bot", "that can be reached"),
        ("DATA_DIR", "x" * 300, "that can be reached"),
        ("DATA_DIR", "a\x00b", "no folder has such a name"),
        ("WEB_HOST", "http://0.0.0.0", "without http://"),
        ("WEB_HOST", "0.0.0.0", "WEB_PASSWORD must be set"),
        ("WEB_PASSWORD", "short", "at least 8 characters"),
        ("WEB_PORT", "65536", "from 0 to 65535"),
        ("WEB_PORT", "٣", "from 0 to 65535"),
        ("LIMIT_PER_MINUTE", "0", "from 1 to"),
        ("REPEAT_AFTER_CRASH", "maybe", "must be true or false"),
        ("LOG_FORMAT", "xml", "must be text or json"),
        ("LANGUAGE", "de", "must be en or zh"),
    ],
)
def test_a_wrong_value_is_one_sentence_that_helps(name: str, value: str, says: str) -> None:
    (sentence,) = sentences({name: value})

    assert says in sentence
    assert "WEB_PASSWORD" in sentence or sentence.startswith(f"{name} ")


@given(name=st.sampled_from(Settings.names()), secret=st.from_regex(r"[a-z]{4}[A-Z0-9!?]{9,40}", fullmatch=True))
def test_no_sentence_repeats_a_value(name: str, secret: str) -> None:
    try:
        load({name: secret})
    except SettingsProblem as problem:
        assert secret not in str(problem)
        assert len(problem.sentences) == 1


@given(st.dictionaries(st.sampled_from(Settings.names()), st.text(min_size=1), max_size=6))
def test_whatever_is_typed_it_ends_in_settings_or_sentences(environ: dict[str, str]) -> None:
    try:
        load(environ)
    except SettingsProblem as problem:
        assert 1 <= len(problem.sentences) <= len(environ) + 1


@given(content=st.one_of(st.binary(), st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_whatever_the_file_holds_it_ends_in_settings_or_sentences(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "anything"
    file.write_bytes(content)
    try:
        Settings.load({}, env_file=file)
    except SettingsProblem as problem:
        assert all("\n" not in sentence for sentence in problem.sentences)


def test_a_representation_of_the_settings_shows_no_secret() -> None:
    settings = load({"TELEGRAM_TOKEN": TELEGRAM_TOKEN, "POLO_API_KEY": RELAY_KEY, "WEB_PASSWORD": "open-sesame"})

    shown = f"{settings!r} {settings} {settings.model_dump()}"

    assert not any(secret in shown for secret in (TELEGRAM_TOKEN, RELAY_KEY, "open-sesame"))


def test_secrets_are_all_values_that_must_not_be_seen_but_not_the_addresses_around_them() -> None:
    settings = load(
        {
            "TELEGRAM_TOKEN": TELEGRAM_TOKEN,
            "DISCORD_TOKEN": DISCORD_TOKEN,
            "POLO_API_KEY": f"{RELAY_KEY}, sk-second-key-000",
            "DATABASE_URL": "postgres://bot:p%40ssword@db.example/bot",
            "PROXY_URL": "http://user:proxy-password@proxy.example:3128",
            "WEB_PASSWORD": "open-sesame",
        }
    )

    assert set(settings.secrets()) == {
        TELEGRAM_TOKEN, DISCORD_TOKEN, RELAY_KEY, "sk-second-key-000", "p%40ssword", "p@ssword", "proxy-password",
        "open-sesame", settings.webhook_secret(),
    }  # fmt: skip
    assert settings.database_url.get_secret_value() == "postgresql://bot:p%40ssword@db.example/bot"


def test_a_server_for_tests_may_use_short_tokens() -> None:
    settings = load(
        {
            "TELEGRAM_API_BASE_URL": "http://127.0.0.1:9001/",
            "TELEGRAM_TOKEN": "123:abc",
            "DISCORD_API_BASE_URL": "http://127.0.0.1:9002/api/v10",
            "DISCORD_TOKEN": "fake",
        }
    )

    assert settings.telegram_api_base_url == "http://127.0.0.1:9001"
    assert settings.telegram_token is not None
    assert settings.discord_token is not None


@pytest.mark.parametrize(
    "given_url",
    [
        "https://relay.example",
        "relay.example/v1/",
        "https://relay.example/v1/chat/completions",
        "http://127.0.0.1:11434/v1",
    ],
)
def test_every_form_of_the_relays_address_is_taken(given_url: str) -> None:
    assert load({"POLO_BASE_URL": given_url}).polo_base_url == given_url


def test_people_and_places_are_lists_and_a_server_is_known_by_its_number() -> None:
    settings = load(
        {
            "OWNERS": "telegram:42, discord:234567890123456789",
            "ALLOW": "telegram:-1001234567890,discord:guild:345678901234567890,telegram:7,telegram:7",
        }
    )

    assert settings.owners == ("telegram:42", "discord:234567890123456789")
    assert settings.allow == ("telegram:-1001234567890", "discord:345678901234567890", "telegram:7")


def test_the_database_lies_in_the_data_folder_unless_told_otherwise() -> None:
    assert load({"DATA_DIR": "/srv/bot"}).database_url.get_secret_value() == "sqlite:////srv/bot/bot.db"
    moved = load({"DATA_DIR": "/srv/bot", "DATABASE_URL": "sqlite:///other.db"})
    assert moved.database_url.get_secret_value() == "sqlite:///other.db"


def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")

    (sentence,) = sentences({"DATA_DIR": str(tmp_path / "taken")})

    assert sentence.startswith("DATA_DIR must be a folder")


@pytest.mark.parametrize(
    ("locales", "language"), [("zh_CN:en", "zh"), ("en_US.UTF-8", "en"), ("C", "en"), ("de_DE:de", "en")]
)
def test_a_desktops_list_of_locales_is_no_mistake(locales: str, language: str) -> None:
    assert load({"LANGUAGE": locales}).language == language


def test_a_desktops_list_of_locales_does_not_outweigh_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, "LANGUAGE=zh\n")

    assert Settings.load({"LANGUAGE": "en_US:en"}, env_file=file).language == "zh"
    assert Settings.load({"LANGUAGE": "en"}, env_file=file).language == "en"


def test_a_slip_of_the_finger_is_pointed_at(tmp_path: Path) -> None:
    file = written(tmp_path, f"TELEGRM_TOKEN={TELEGRAM_TOKEN}\nweb_port=9000\nFAVOURITE_COLOUR=blue\n")

    remarks = Settings.load({"POLO_API_KEYS": RELAY_KEY, "PATH": "/bin", "DATABASES": "x"}, env_file=file).remarks

    assert remarks == (
        f"TELEGRM_TOKEN in {file} is no setting; did you mean TELEGRAM_TOKEN?",
        f"web_port in {file} is no setting; did you mean WEB_PORT?",
        f"FAVOURITE_COLOUR in {file} is no setting.",
        "POLO_API_KEYS in the environment is no setting; did you mean POLO_API_KEY?",
    )


def test_a_setting_without_effect_is_pointed_at() -> None:
    remarks = load(
        {
            "TELEGRAM_WEBHOOK_SECRET": "abc",
            "DISCORD_GATEWAY_URL": "wss://gateway.example",
        }
    ).remarks

    assert [remark.split()[0] for remark in remarks] == ["TELEGRAM_WEBHOOK_SECRET", "DISCORD_GATEWAY_URL"]


def test_a_webhook_has_a_secret_even_where_none_was_chosen() -> None:
    environ = {"TELEGRAM_TOKEN": TELEGRAM_TOKEN, "TELEGRAM_WEBHOOK_URL": "https://bot.example/hook"}

    made = load(environ).webhook_secret()

    assert made == load(environ).webhook_secret()
    assert len(made) == 64
    assert TELEGRAM_TOKEN.split(":")[1] not in made
    assert load({**environ, "TELEGRAM_WEBHOOK_SECRET": "chosen"}).webhook_secret() == "chosen"


@pytest.mark.parametrize(
    ("content", "says"),
    [("WEB_PORT=1\n".encode("utf-16"), "must be saved as UTF-8 text"), (None, "it is a folder")],
)
def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path, content: bytes | None, says: str) -> None:
    file = tmp_path / ".env"
    file.mkdir() if content is None else file.write_bytes(content)

    (sentence,) = sentences({}, file)

    assert says in sentence
