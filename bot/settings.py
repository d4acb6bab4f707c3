"""The operator's choices: one frozen model, read once at start from the environment and `.env`, then handed on."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import unquote, urlsplit

from dotenv.parser import parse_stream
from pydantic import BeforeValidator, PrivateAttr, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot import valid

DISCORD_API = "https://discord.com/api/v10"
NO_KEY = "sk-none"  # what a server without keys is sent, and the stand-in takes
TELEGRAM_API = "https://api.telegram.org"
RELAY = "https://poloai.top"
TYPO_IN_FILE = 0.75  # how alike two names must be, of 1, to be taken for a slip of the finger
TYPO_IN_ENVIRONMENT = 0.87  # stricter: other programs' variables stand there too
QUOTES = "\"'"

Names = Annotated[tuple[str, ...], BeforeValidator(valid.listed)]


def _whole(low: int, high: int) -> BeforeValidator:
    return BeforeValidator(valid.whole(low, high))


def _maybe(low: int, high: int) -> BeforeValidator:
    return BeforeValidator(valid.optional(valid.whole(low, high)))


class SettingsProblem(Exception):
    """One or more settings are wrong: `sentences` says for each which variable and what it must be."""

    def __init__(self, sentences: tuple[str, ...]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


class Settings(BaseSettings):
    """Every choice an operator has. A field's name in capitals is the variable's name; docs/configuration.md explains.

    Made by `load`, or with keywords in a test: making one reads nothing of the machine.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True)

    telegram_api_base_url: str = TELEGRAM_API
    telegram_token: SecretStr | None = None
    telegram_webhook_url: str | None = None
    telegram_webhook_secret: SecretStr | None = None

    discord_api_base_url: str = DISCORD_API
    discord_gateway_url: str | None = None
    discord_token: SecretStr | None = None

    polo_base_url: Annotated[str, BeforeValidator(valid.relay_address)] = RELAY
    polo_api_key: tuple[SecretStr, ...] = ()
    chat_model: str = "gpt-4.1-mini"
    fallback_models: Names = ()
    system_prompt: str = ""
    history_tokens: Annotated[int, _whole(0, 2_000_000)] = 8000
    attachment_mb: Annotated[int, _whole(1, 2000)] = 20
    answer_tokens: Annotated[int | None, _maybe(16, 1_000_000)] = None

    owners: Annotated[tuple[str, ...], BeforeValidator(valid.people)] = ()
    allow: Annotated[tuple[str, ...], BeforeValidator(valid.access)] = ()
    limit_per_minute: Annotated[int | None, _maybe(1, 1_000_000)] = None
    limit_per_day: Annotated[int | None, _maybe(1, 1_000_000)] = None
    limit_tokens_per_day: Annotated[int | None, _maybe(1, 1_000_000_000)] = None

    max_running: Annotated[int, _whole(1, 10_000)] = 64
    max_waiting: Annotated[int, _whole(0, 1_000_000)] = 1000
    answer_messages_max: Annotated[int, _whole(1, 50)] = 5
    repeat_after_crash: Annotated[bool, BeforeValidator(valid.switch)] = True

    web_host: Annotated[str, BeforeValidator(valid.host)] = "127.0.0.1"
    web_port: Annotated[int, _whole(0, 65535)] = 8080
    web_password: SecretStr | None = None

    data_dir: Path = Path("data")
    database_url: SecretStr = SecretStr("")
    retention_days: Annotated[int | None, _maybe(1, 36_500)] = None

    proxy_url: SecretStr | None = None
    language: Annotated[Literal["en", "zh"], BeforeValidator(valid.language)] = "en"
    log_format: Annotated[Literal["text", "json"], BeforeValidator(valid.one_of("text", "json"))] = "text"
    log_level: Annotated[
        Literal["debug", "info", "warning"], BeforeValidator(valid.one_of("debug", "info", "warning"))
    ] = "info"

    _remarks: tuple[str, ...] = PrivateAttr(default=())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read keywords only: what the environment says comes in through `load`, and nowhere else."""
        return (init_settings,)

    @classmethod
    def load(cls, environ: Mapping[str, str], *, env_file: Path = Path(".env")) -> Self:
        """Read `environ` and `env_file`; what the environment says goes before what the file says.

        Raises `SettingsProblem` that names every wrong variable.
        """
        written, problems = _read_file(env_file)
        chosen = _choose(environ, written, names=cls.names())
        try:
            settings = cls.model_validate({name.lower(): value for name, value in chosen.items()})
        except ValidationError as error:
            raise SettingsProblem((*problems, *_sentences(error))) from None
        if problems:
            raise SettingsProblem(problems)
        settings._remarks = (*_typos(environ, written, env_file, names=cls.names()), *_idle(settings))
        return settings

    @property
    def uses_standin(self) -> bool:
        """Tell whether the built-in relay answers: there is no key, and no server was named that may need none."""
        return not self.polo_api_key and self.polo_base_url == RELAY

    @property
    def relay_keys(self) -> tuple[str, ...]:
        """Return the keys for the relay; for a server that needs none (Ollama, llama.cpp) a stand-in for one."""
        return tuple(key.get_secret_value() for key in self.polo_api_key) or (NO_KEY,)

    @property
    def proxy(self) -> str | None:
        """Return the address of the proxy, with its password."""
        return self.proxy_url.get_secret_value() if self.proxy_url else None

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return every variable's name."""
        return tuple(name.upper() for name in cls.model_fields)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What looks like a mistake and yet is none that stops the start: a sentence each, for the log."""
        return self._remarks

    def webhook_secret(self) -> str:
        """Return what Telegram shall send along with each update; made from the token where none was chosen."""
        if self.telegram_webhook_secret is not None:
            return self.telegram_webhook_secret.get_secret_value()
        token = self.telegram_token.get_secret_value() if self.telegram_token else ""
        return hashlib.sha256(f"webhook of {token}".encode()).hexdigest()

    def secrets(self) -> tuple[str, ...]:
        """Return every value that must be in no log, page, reply or error."""
        whole = (self.telegram_token, self.discord_token, self.web_password, *self.polo_api_key)
        addresses = (self.database_url, self.proxy_url)
        found = [value.get_secret_value() for value in whole if value is not None]
        found += [part for value in addresses if value is not None for part in _passwords(value.get_secret_value())]
        return (*found, self.webhook_secret()) if self.telegram_token else tuple(found)

    # ------------------------------------------------------------ what a value must look like

    @field_validator("discord_api_base_url", "telegram_api_base_url", mode="before")
    @classmethod
    def _http(cls, value: object) -> str:
        return valid.address(value, "https", "http").rstrip("/")

    @field_validator("discord_gateway_url", mode="before")
    @classmethod
    def _websocket(cls, value: object) -> str | None:
        return None if value is None else valid.address(value, "wss", "ws")

    @field_validator("telegram_webhook_url", mode="before")
    @classmethod
    def _webhook(cls, value: object, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        # Telegram itself calls https only; a local Bot API server calls http as well.
        official = info.data.get("telegram_api_base_url") == TELEGRAM_API
        return valid.address(value, "https") if official else valid.address(value, "https", "http")

    @field_validator("telegram_token", mode="before")
    @classmethod
    def _telegram_token(cls, value: object, info: ValidationInfo) -> object:
        strict = info.data.get("telegram_api_base_url") == TELEGRAM_API
        return _hidden(value, lambda text: valid.telegram_token(text, strict=strict))

    @field_validator("discord_token", mode="before")
    @classmethod
    def _discord_token(cls, value: object, info: ValidationInfo) -> object:
        strict = info.data.get("discord_api_base_url") == DISCORD_API
        return _hidden(value, lambda text: valid.discord_token(text, strict=strict))

    @field_validator("telegram_webhook_secret", mode="before")
    @classmethod
    def _webhook_secret(cls, value: object) -> object:
        return _hidden(value, valid.webhook_secret)

    @field_validator("polo_api_key", mode="before")
    @classmethod
    def _relay_keys(cls, value: object) -> object:
        if isinstance(value, tuple):
            value = ",".join(key.get_secret_value() if isinstance(key, SecretStr) else str(key) for key in value)
        return tuple(SecretStr(key) for key in valid.relay_keys(value))

    @field_validator("proxy_url", mode="before")
    @classmethod
    def _proxy(cls, value: object) -> object:
        return _hidden(value, valid.proxy)

    @field_validator("web_password", mode="before")
    @classmethod
    def _page_password(cls, value: object, info: ValidationInfo) -> object:
        host = info.data.get("web_host")
        if value is None and host is not None and not valid.is_loopback(host):
            raise ValueError("must be set, since WEB_HOST lets others than this machine reach the page.")
        return _hidden(value, valid.page_password)

    @field_validator("data_dir", mode="before")
    @classmethod
    def _folder(cls, value: object) -> Path:
        return valid.folder(value)

    @field_validator("database_url", mode="before")
    @classmethod
    def _database(cls, value: object, info: ValidationInfo) -> object:
        # By default the database lies in the data folder, wherever that was moved to.
        unset = isinstance(value, SecretStr) and not value.get_secret_value()
        return _hidden(f"sqlite:///{info.data.get('data_dir', 'data')}/bot.db" if unset else value, valid.database)


def _hidden(value: object, read: Callable[[object], str]) -> object:
    """Read a secret, whether it comes as text or hidden already."""
    if value is None:
        return None
    return SecretStr(read(value.get_secret_value() if isinstance(value, SecretStr) else value))


def _passwords(address: str) -> tuple[str, ...]:
    """Return the password in a URL, as it stands there and as it is meant."""
    password = urlsplit(address).password
    return tuple({password, unquote(password)}) if password else ()


def _read_file(path: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """Read NAME=value lines, and say of each line that is none where it stands. `$` has no meaning in a value."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}, ()
    except IsADirectoryError:
        return {}, (f"{path} must be a file of NAME=value lines; it is a folder.",)
    except UnicodeDecodeError:
        return {}, (f"{path} must be saved as UTF-8 text.",)
    except OSError as error:
        return {}, (f"{path} cannot be read: {error.strerror}.",)
    lines = [line for line in parse_stream(StringIO(text)) if line.key is not None or line.error]
    bad = tuple(f"Line {line.original.line} of {path} must be NAME=value." for line in lines if line.value is None)
    return {line.key: line.value for line in lines if line.key is not None and line.value is not None}, bad


def _choose(environ: Mapping[str, str], written: Mapping[str, str], *, names: Iterable[str]) -> dict[str, str]:
    """Return what was set, by name; an empty value is none."""
    chosen = {}
    for name in names:
        outer, inner = _bare(environ.get(name, "")), written.get(name, "").strip()
        # Desktops set LANGUAGE for themselves (`de_DE:de`): a list of locales is not meant for this program.
        if name == "LANGUAGE" and re.search(r"[_:.]|^C$", outer):
            outer = "" if inner else _desktop_language(outer)
        if value := outer or inner:
            chosen[name] = value
    return chosen


def _desktop_language(locales: str) -> str:
    """Return the first language of a desktop's list that we speak, or none."""
    try:
        return valid.language(locales)
    except ValueError:
        return ""


def _bare(value: str) -> str:
    """Take off the quotes that `docker run --env-file` leaves on a value."""
    value = value.strip()
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in QUOTES
    return value[1:-1] if quoted else value


def _sentences(error: ValidationError) -> tuple[str, ...]:
    """Say one sentence for each wrong variable, never with its value in it."""
    found: dict[str, str] = {}
    for problem in error.errors(include_url=False, include_input=False):
        name = str(problem["loc"][0]).upper() if problem["loc"] else "The settings"
        found.setdefault(name, f"{name} {_reason(problem)}")
    return tuple(found.values())


def _reason(problem: Mapping[str, Any]) -> str:
    raised = problem.get("ctx", {}).get("error")
    if isinstance(raised, ValueError):
        return str(raised)
    return {"extra_forbidden": "is no setting."}.get(problem["type"], "has a value of the wrong kind.")


def _typos(
    environ: Mapping[str, str], written: Mapping[str, str], path: Path, *, names: tuple[str, ...]
) -> tuple[str, ...]:
    """Point at names that nothing reads: every one in the file, those that look like ours in the environment."""
    remarks = []
    for name in written:
        if name not in names:
            meant = _meant(name, names, TYPO_IN_FILE)
            remarks.append(f"{name} in {path} is no setting{f'; did you mean {meant}?' if meant else '.'}")
    ours = {name: _meant(name, names, TYPO_IN_ENVIRONMENT) for name in environ if name not in names}
    remarks += [
        f"{name} in the environment is no setting; did you mean {meant}?"
        for name, meant in ours.items()
        if meant and meant not in environ
    ]
    return tuple(remarks)


def _meant(name: str, names: tuple[str, ...], alike: float) -> str | None:
    return next(iter(difflib.get_close_matches(name.upper(), names, n=1, cutoff=alike)), None)


def _idle(settings: Settings) -> tuple[str, ...]:
    """Point at settings that have no effect because of another one."""
    remarks = []
    if settings.telegram_webhook_secret and not settings.telegram_webhook_url:
        remarks.append("TELEGRAM_WEBHOOK_SECRET has no effect without TELEGRAM_WEBHOOK_URL.")
    if settings.telegram_webhook_url and not settings.telegram_token:
        remarks.append("TELEGRAM_WEBHOOK_URL has no effect without TELEGRAM_TOKEN.")
    if settings.discord_gateway_url and not settings.discord_token:
        remarks.append("DISCORD_GATEWAY_URL has no effect without DISCORD_TOKEN.")
    return tuple(remarks)
