"""What the documents promise is what the program has: settings, commands, metrics, links, addresses."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from bot.metrics import Metrics
from bot.settings import Settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")))


def shown_default(name: str) -> str:
    """Return a setting's default as an operator writes it."""
    value = getattr(Settings(), name.lower())
    if name == "DATABASE_URL":
        return str(value.get_secret_value())
    if value is None or value == ():
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def tracked(*patterns: str) -> list[Path]:
    """Return the repository's files, without what is ignored; outside of a checkout, every file of ours."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard", *patterns],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout.splitlines()  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a checkout")
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def test_the_example_names_every_setting_once_with_its_default() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    found = [re.fullmatch(r"#?([A-Z_]+)=(.*)", line) for line in lines if line and not line.startswith("# ")]
    written = {line[1]: line[2] for line in found if line}

    assert len(found) == len(written)
    assert written == {name: shown_default(name) for name in Settings.names()}


def test_the_example_as_it_is_starts_the_bot_with_its_defaults(tmp_path: Path) -> None:
    text = (ROOT / ".env.example").read_text()
    everything = tmp_path / "everything"
    everything.write_text(re.sub(r"^#([A-Z_]+=)", r"\1", text, flags=re.MULTILINE))

    as_it_is = Settings.load({}, env_file=ROOT / ".env.example")
    uncommented = Settings.load({}, env_file=everything)

    assert as_it_is == uncommented == Settings()
    assert as_it_is.remarks == uncommented.remarks == ()


def test_the_documentation_explains_every_setting_with_its_default() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \|(.*?)\| (.+) \|$", (ROOT / "docs/configuration.md").read_text(), re.MULTILINE)

    assert {name: default.strip("` ") for name, default, _ in rows} == {
        name: shown_default(name) for name in Settings.names()
    }
    assert len(rows) == len(Settings.names())
    assert all(meaning.endswith((".", "?")) for _, _, meaning in rows)


def test_every_setting_is_read_by_the_program() -> None:
    sources = [file for file in (ROOT / "bot").rglob("*.py") if not file.name.startswith(("settings", "check"))]
    text = "\n".join(file.read_text() for file in sources)
    # Read by methods that fill in what is missing or take a secret out of its cover.
    through = {"telegram_webhook_secret": "webhook_secret()", "polo_api_key": "relay_keys", "proxy_url": "proxy"}

    for name in Settings.model_fields:
        assert f"settings.{through.get(name, name)}" in text, f"{name.upper()} has no effect"


def test_no_document_names_a_setting_that_does_not_exist() -> None:
    known = {*Settings.names(), "NAME", "CODE", "REPOSITORY", "APPLICATION_ID"}
    prefixes = ("TELEGRAM_", "DISCORD_", "POLO_", "WEB_", "LIMIT_", "MAX_", "LOG_", "CHAT_", "RETENTION_", "DATA")

    for document in DOCUMENTS:
        named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)[=`]", document.read_text()))
        assert {name for name in named if name.startswith(prefixes)} <= known, document.name


def test_the_documentation_lists_every_metric() -> None:
    listed = set(re.findall(r"`(polobot_[a-z_]+)`", (ROOT / "docs/running.md").read_text()))
    page = Metrics(CollectorRegistry()).expose()[0].decode()
    families = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in text_string_to_metric_families(page)
        if not family.name.endswith("_created")  # when a counter began: no news of its own
    }

    assert listed == families


def test_the_make_targets_that_the_documents_name_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    for document in DOCUMENTS:
        named = set(re.findall(r"\bmake ([a-z]+)\b(?=[` \n&])", "\n".join(_code(document.read_text()))))
        assert named <= targets, document.name
    assert {"run", "test"} <= set(re.findall(r"make ([a-z]+)", "\n".join(_code((ROOT / "README.md").read_text()))))


def _code(markdown: str) -> list[str]:
    """Return the code of a document: inline, indented and fenced."""
    return re.findall(r"`[^`\n]+`|^ {4}.+$", markdown, re.MULTILINE)


def test_every_link_to_a_file_of_ours_leads_somewhere() -> None:
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name} -> {target}"


def test_every_test_that_a_document_names_exists() -> None:
    named = {
        found for document in DOCUMENTS for found in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", document.read_text())
    }

    assert len(named) > 50
    for path, test in named:
        assert re.search(rf"^(?:async )?def {test}\(", (ROOT / path).read_text(), re.MULTILINE), f"{path}::{test}"


def test_every_document_is_reached_from_the_index() -> None:
    index = (ROOT / "docs/README.md").read_text()

    for document in (ROOT / "docs").glob("*.md"):
        assert document.name == "README.md" or f"({document.name})" in index, document.name


def test_no_file_names_a_package_index_or_a_path_of_one_machine() -> None:
    # Joined here, so that this file does not name them either.
    forbidden = re.compile(
        "|".join(
            (
                r"pypi\.(?:org|python)", "pythonhosted" + r"\.org", "--index" + "-url", "--extra-index" + "-url",
                "trusted" + "-host", r"(?<![\w.-])/(?:work|farm|root|home/\w+)" + "/",
            )
        )
    )  # fmt: skip
    allowed = {ROOT / "Makefile"}  # names the option that leaves the addresses out

    for file in tracked():
        if file.suffix in (".png", ".jpg", ".ogg", ".wav", ".mp3", ".webp", ".gif", ".ico") or file in allowed:
            continue
        found = forbidden.search(file.read_text(encoding="utf-8", errors="replace"))
        assert found is None, f"{file.relative_to(ROOT)} names {found[0]}"


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_requirements_are_pinned_hashed_and_free_of_addresses(name: str) -> None:
    text = (ROOT / name).read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]

    assert len(lines) > 30
    for line in lines:
        assert re.match(r"^[a-z0-9-]+(\[[a-z,]+\])?==[^\s]+( ; [^\\]+?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*$", line), (
            line
        )
        assert "://" not in line


def test_every_dependency_is_pinned() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for name, wanted in (
        ("requirements.txt", project["dependencies"]),
        ("requirements-dev.txt", [*project["dependencies"], *project["optional-dependencies"]["dev"]]),
    ):
        pinned = set(re.findall(r"^([a-z0-9-]+)(?:\[|==)", (ROOT / name).read_text(), re.MULTILINE))
        for requirement in wanted:
            plain = re.split(r"[\[<>=;]", requirement)[0].strip().lower().replace(".", "-").replace("_", "-")
            assert plain in pinned, f"{requirement} is not in {name}"
