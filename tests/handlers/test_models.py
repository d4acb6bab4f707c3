"""The relay's list of models."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from handlers.models import Models
from polo import Model, RelayBroke
from tests.clock import FakeClock
from tests.handlers.world import World, a_world


class Listing:
    """A relay of which only the list is asked; counts how often, and fails when told to."""

    def __init__(self, *models: Model) -> None:
        self.listed = models
        self.asked = 0
        self.fails = False

    async def models(self) -> tuple[Model, ...]:
        """Return the list, or fail."""
        self.asked += 1
        if self.fails:
            raise RelayBroke("list broken")
        return self.listed


def of(*names: str) -> Listing:
    """Return a relay that lists these names and says nothing of their routes."""
    return Listing(*(Model(name, "", ()) for name in names))


async def test_the_list_is_asked_for_once_in_ten_minutes() -> None:
    clock, relay = FakeClock(), of("b", "a")
    models = Models(relay, clock.now)  # type: ignore[arg-type]

    assert await models.names() == ("a", "b")
    await clock.advance(599)
    await models.names()
    assert relay.asked == 1
    await clock.advance(2)
    await models.names()
    assert relay.asked == 2


async def test_a_list_that_fails_leaves_the_last_one_standing() -> None:
    clock, relay = FakeClock(), of("a")
    models = Models(relay, clock.now)  # type: ignore[arg-type]
    await models.names()
    relay.fails = True
    await clock.advance(601)

    assert await models.names() == ("a",)
    await models.names()
    assert relay.asked == 2
    relay.fails, relay.listed = False, (Model("b", "", ()),)
    await clock.advance(31)
    assert await models.names() == ("b",)


async def test_only_models_that_chat_are_listed() -> None:
    relay = Listing(
        Model("gpt-4.1", "openai", ("openai", "openai-response")),
        Model("claude", "claude", ("anthropic", "openai")),
        Model("flux", "custom", ("image-generation", "openai")),
        Model("bge", "custom", ("embeddings",)),
        Model("sora", "custom", ("openai-video",)),
        Model("mj_imagine", "midjourney", ()),
        Model("qwen", "", ()),
    )

    assert await Models(relay, FakeClock().now).names() == ("claude", "gpt-4.1", "qwen")  # type: ignore[arg-type]


async def test_what_begins_with_the_typed_letters_comes_first() -> None:
    models = Models(of("chat-gpt", "GPT-4o", "gpt-4.1", "claude"), FakeClock().now)  # type: ignore[arg-type]

    assert await models.complete("gpt") == ["gpt-4.1", "GPT-4o", "chat-gpt"]
    assert await models.complete("") == ["chat-gpt", "claude", "gpt-4.1", "GPT-4o"]


async def test_no_more_choices_than_platforms_show() -> None:
    models = Models(of(*(f"m{n}" for n in range(60)), "m" * 101), FakeClock().now)  # type: ignore[arg-type]

    assert len(await models.complete("m")) == 25
    assert await models.complete("mmm") == []


async def test_names_are_found_in_any_case_and_near_ones_are_offered() -> None:
    models = Models(of("gpt-4o", "gpt-4o-mini", "claude-sonnet-4"), FakeClock().now)  # type: ignore[arg-type]

    assert await models.find(" GPT-4O ") == "gpt-4o"
    assert await models.find("gpt-5") is None
    assert await models.near("gtp-4o") == ["gpt-4o", "gpt-4o-mini"]
    assert await models.near("sonnet") == ["claude-sonnet-4"]
    assert await models.near("x" * 100_000) == []


async def test_a_slow_list_keeps_nobody_waiting() -> None:
    class Silent(Listing):
        async def models(self) -> tuple[Model, ...]:
            await asyncio.Event().wait()
            return ()

    models = Models(Silent(), FakeClock().now)  # type: ignore[arg-type]

    assert await models.names(within_s=0.01) == ()


async def test_many_who_ask_at_once_ask_the_relay_once() -> None:
    relay = of("a")
    models = Models(relay, FakeClock().now)  # type: ignore[arg-type]

    assert await asyncio.gather(*(models.names() for _ in range(5))) == [("a",)] * 5
    assert relay.asked == 1


async def test_the_list_of_a_real_relay_is_read(world: World) -> None:
    assert "gpt-4.1-mini" in await world.services.models.names()


async def test_a_broken_list_never_breaks_a_turn(tmp_path: Path) -> None:
    async with a_world(tmp_path, models=()) as world:
        with pytest.raises(Exception, match=r"gpt-4\.1-mini"):  # the answer itself: no such model, nothing else
            await world.says("Hello")
        seen = await world.says("/model")
        assert "gives no list" in seen.text
        assert (await world.says("/model some-model")).text.startswith("From now on `some-model` answers here. I could")
