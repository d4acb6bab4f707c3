"""What the operator can watch: counters and timings in Prometheus' text format. Nothing in it names a person."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

# Upper bounds in seconds. People feel half a second; a long answer takes minutes.
WAITS = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120)
LAGS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60)
ACKS = (0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 2.5, 3)  # Discord's deadline is 3 s


class Metrics:
    """The process's counters. One method for each thing worth counting; none of them waits or raises."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        by_platform = ("platform",)

        def counter(name: str, text: str, labels: tuple[str, ...] = by_platform) -> Counter:
            return Counter(f"polobot_{name}", text, labels, registry=registry)

        def seconds(
            name: str, text: str, buckets: tuple[float, ...], labels: tuple[str, ...] = by_platform
        ) -> Histogram:
            return Histogram(f"polobot_{name}_seconds", text, labels, buckets=buckets, registry=registry)

        self._turns = counter("turns", "Turns that have ended, by how.", ("platform", "outcome"))
        self._first_text = seconds("first_text", "From the turn's start to its first visible words.", WAITS)
        self._final_edit = seconds("final_edit", "From the model's last token to the final text on the platform.", LAGS)
        self._plain = counter("plain_fallbacks", "Messages shown without formatting because the platform refused it.")
        self._edits = counter("edits", "Edits of growing answers.")
        self._parked = counter("parked", "Times the platform said: too fast (429).")
        self._parked_for = counter("parked_seconds", "Seconds the platform told us to wait.")
        self._running = Gauge("polobot_turns_running", "Turns being answered now.", registry=registry)
        self._waiting = Gauge("polobot_turns_waiting", "Turns waiting for their place.", registry=registry)
        self._calls = counter("relay_calls", "Calls of the relay, by how they ended.", ("model", "outcome"))
        self._tokens = counter("relay_tokens", "Tokens the relay counted.", ("model", "kind"))
        self._ack = seconds("discord_ack", "From a Discord interaction to our acknowledgement.", ACKS, ())
        self._up = Gauge("polobot_adapter_up", "1 while the adapter is connected.", by_platform, registry=registry)

    def watch_turns(self, running: Callable[[], int], waiting: Callable[[], int]) -> None:
        """Ask for the number of running and waiting turns whenever the page is fetched."""
        self._running.set_function(running)
        self._waiting.set_function(waiting)

    def turn_ended(self, platform: str, outcome: str) -> None:
        """Count a turn; of `failed:<code>` only the first word, since codes are endless."""
        self._turns.labels(platform, outcome.partition(":")[0]).inc()

    def first_text(self, platform: str, seconds: float) -> None:
        """Note how long a person waited for the first words."""
        self._first_text.labels(platform).observe(seconds)

    def final_edit(self, platform: str, seconds: float) -> None:
        """Note how long after the model's last token the whole text stood on the platform."""
        self._final_edit.labels(platform).observe(seconds)

    def fell_back_to_plain(self, platform: str) -> None:
        """Count a message whose formatting the platform refused."""
        self._plain.labels(platform).inc()

    def edited(self, platform: str) -> None:
        """Count an edit of a growing answer."""
        self._edits.labels(platform).inc()

    def parked(self, platform: str, seconds: float) -> None:
        """Count a 429 and how long it made us wait."""
        self._parked.labels(platform).inc()
        self._parked_for.labels(platform).inc(max(0.0, seconds))

    def relay_called(self, model: str, outcome: str, *, prompt_tokens: int = 0, completion_tokens: int = 0) -> None:
        """Count a call of the relay and the tokens it used. `outcome`: "answered" or the error's class name."""
        self._calls.labels(model, outcome).inc()
        self._tokens.labels(model, "prompt").inc(prompt_tokens)
        self._tokens.labels(model, "completion").inc(completion_tokens)

    def discord_acknowledged(self, seconds: float) -> None:
        """Note how long Discord waited for our first answer to an interaction."""
        self._ack.observe(seconds)

    def adapter_up(self, platform: str, up: bool) -> None:
        """Note whether an adapter is connected."""
        self._up.labels(platform).set(up)

    def expose(self) -> tuple[bytes, str]:
        """Return the page and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST
