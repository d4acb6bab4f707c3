"""What is counted can be read by Prometheus, and names nobody."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from bot.metrics import Metrics


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> Metrics:
    return Metrics(registry)


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"polobot_{name}", labels)


def test_turns_are_counted_by_platform_and_outcome_without_the_error_codes(
    metrics: Metrics, registry: CollectorRegistry
) -> None:
    metrics.turn_ended("telegram", "answered")
    metrics.turn_ended("telegram", "failed:3f9a")
    metrics.turn_ended("telegram", "failed:77b0")

    assert value(registry, "turns_total", platform="telegram", outcome="answered") == 1
    assert value(registry, "turns_total", platform="telegram", outcome="failed") == 2


def test_timings_fall_into_the_bucket_of_their_seconds(metrics: Metrics, registry: CollectorRegistry) -> None:
    metrics.first_text("discord", 0.3)
    metrics.final_edit("discord", 0.02)
    metrics.discord_acknowledged(2.2)

    assert value(registry, "first_text_seconds_bucket", platform="discord", le="0.25") == 0
    assert value(registry, "first_text_seconds_bucket", platform="discord", le="0.5") == 1
    assert value(registry, "final_edit_seconds_sum", platform="discord") == pytest.approx(0.02)
    assert value(registry, "discord_ack_seconds_bucket", le="2.0") == 0
    assert value(registry, "discord_ack_seconds_bucket", le="2.5") == 1


def test_what_the_platforms_refused_is_counted(metrics: Metrics, registry: CollectorRegistry) -> None:
    metrics.fell_back_to_plain("telegram")
    metrics.edited("telegram")
    metrics.edited("telegram")
    metrics.parked("telegram", 30)
    metrics.parked("telegram", 1.5)

    assert value(registry, "plain_fallbacks_total", platform="telegram") == 1
    assert value(registry, "edits_total", platform="telegram") == 2
    assert value(registry, "parked_total", platform="telegram") == 2
    assert value(registry, "parked_seconds_total", platform="telegram") == 31.5


def test_calls_and_tokens_are_counted_by_model(metrics: Metrics, registry: CollectorRegistry) -> None:
    metrics.relay_called("gpt-4.1-mini", "answered", prompt_tokens=100, completion_tokens=20)
    metrics.relay_called("gpt-4.1-mini", "RelayBusy")

    assert value(registry, "relay_calls_total", model="gpt-4.1-mini", outcome="answered") == 1
    assert value(registry, "relay_calls_total", model="gpt-4.1-mini", outcome="RelayBusy") == 1
    assert value(registry, "relay_tokens_total", model="gpt-4.1-mini", kind="prompt") == 100
    assert value(registry, "relay_tokens_total", model="gpt-4.1-mini", kind="completion") == 20


def test_running_and_waiting_turns_are_asked_for_when_the_page_is_fetched(
    metrics: Metrics, registry: CollectorRegistry
) -> None:
    running = [1]
    metrics.watch_turns(lambda: running[0], lambda: 7)
    running[0] = 5

    assert value(registry, "turns_running") == 5
    assert value(registry, "turns_waiting") == 7


def test_an_adapter_that_went_down_is_seen(metrics: Metrics, registry: CollectorRegistry) -> None:
    metrics.adapter_up("discord", True)
    assert value(registry, "adapter_up", platform="discord") == 1
    metrics.adapter_up("discord", False)
    assert value(registry, "adapter_up", platform="discord") == 0


def test_the_page_is_what_prometheus_reads(metrics: Metrics) -> None:
    metrics.turn_ended("web", "answered")

    page, content_type = metrics.expose()

    families = {family.name for family in text_string_to_metric_families(page.decode())}
    assert content_type.startswith("text/plain; version=")
    assert {"polobot_turns", "polobot_first_text_seconds", "polobot_turns_running"} <= families


def test_two_processes_in_one_test_do_not_share_their_counters(metrics: Metrics) -> None:
    other = CollectorRegistry()
    Metrics(other)
    metrics.edited("web")

    assert value(other, "edits_total", platform="web") is None
