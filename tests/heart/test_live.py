"""A growing reply: the first words at once, then at the platform's pace, the end always and exactly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from bot.desk import Desk
from bot.live import STOP_PREFIX, LiveReply
from bot.metrics import Metrics
from bot.pacer import Pacer
from bot.ports import Gone, Parked, Refused, ShownButton, Unclear
from bot.prepared import Prepared
from handlers.reply import Text
from handlers.turn import Place
from handlers.words import Words
from storage.database import open_database
from tests.clock import FakeClock
from tests.heart.screen import PACE, Screen

ANN = Place("screen", "ann")
TEAM = Place("screen", "team", private=False)
AGAIN = ((ShownButton("again", "a:1"),),)


class Scene:
    """One live reply on one screen, with the clock in the test's hand."""

    def __init__(self, desk: Desk, screen: Screen, clock: FakeClock) -> None:
        self.desk, self.screen, self.clock = desk, screen, clock
        self.kept: list[tuple[tuple[str, ...], str]] = []

    def live(self, place: Place = ANN, replacing: Sequence[str] = ()) -> LiveReply:
        async def remember(messages: Sequence[str], text: str) -> None:
            self.kept.append((tuple(messages), text))

        return LiveReply(self.desk, place, turn=7, language="en", remember=remember, replacing=replacing)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    clock, screen = FakeClock(), Screen()
    async with open_database("sqlite:///:memory:", now=clock.now, files=tmp_path) as storage:
        desk = Desk(screen, Pacer(PACE, clock), clock, storage.files, Metrics(CollectorRegistry()), 3)
        yield Scene(desk, screen, clock)


def final(text: str) -> Prepared:
    return Prepared((Text(text),), AGAIN)


async def grow(scene: Scene, live: LiveReply, *texts: str, every_s: float = 0.1) -> None:
    for text in texts:
        live.grow(text)
        await scene.clock.advance(every_s)


async def test_the_first_words_stand_there_at_once_with_a_stop_button(scene: Scene) -> None:
    async with scene.live() as live:
        await grow(scene, live, "Hello", every_s=0)
        assert scene.screen.texts == ["Hello"]
        [[button]] = scene.screen.messages["m1"].buttons
        assert button.id == f"{STOP_PREFIX}7"


async def test_growth_is_shown_about_once_a_second_and_the_end_at_once(scene: Scene) -> None:
    async with scene.live() as live:
        await grow(scene, live, *(f"{number} " for number in range(30)))
        assert 3 <= scene.screen.calls.count("edit") + scene.screen.calls.count("post") <= 4
        whole = live.text + "end"
        assert await live.finish(final(whole)) == ("m1",)
    assert scene.screen.texts == [whole]
    assert scene.screen.messages["m1"].buttons == AGAIN


async def test_drafts_show_growth_where_the_platform_has_them_and_only_the_end_is_a_message(scene: Scene) -> None:
    scene.screen._with_drafts = True
    async with scene.live() as live:
        await grow(scene, live, "one ", "two ", "three ", every_s=0.6)
        assert [page.text for page in scene.screen.drafts] == ["one ", "one two ", "one two three "]
        assert scene.screen.texts == []
        await live.finish(final("one two three four"))
    assert scene.screen.texts == ["one two three four"]
    assert scene.kept == []


async def test_previews_that_were_too_fast_pause_and_the_final_message_does_not_wait_for_them(scene: Scene) -> None:
    scene.screen._with_drafts = True
    scene.screen.faults["draft"] = [Parked(30)]
    async with scene.live() as live:
        await grow(scene, live, "one ", "two ", "three ", every_s=0.6)
        assert scene.screen.drafts == []
        await asyncio.wait_for(live.finish(final("one two three four")), 1)
    assert scene.screen.texts == ["one two three four"]


async def test_a_group_is_edited_every_three_seconds_and_never_by_drafts(scene: Scene) -> None:
    scene.screen._with_drafts = True
    async with scene.live(TEAM) as live:
        await grow(scene, live, *"abcdefghijklmnopqrstuvwxyz", every_s=0.25)
        assert scene.screen.drafts == []
        assert scene.screen.calls.count("edit") == 2


async def test_text_longer_than_a_message_goes_on_in_the_next_while_it_grows(scene: Scene) -> None:
    words = [f"word{number} " for number in range(36)]
    async with scene.live() as live:
        await grow(scene, live, *words, every_s=0.5)
        assert len(scene.screen.texts) == 3
        assert all(len(text) <= 100 for text in scene.screen.texts)
        await live.finish(final("".join(words)))
    assert " ".join(scene.screen.texts).split() == "".join(words).split()
    assert [bool(page.buttons) for page in scene.screen.messages.values()] == [False, False, True]


async def test_a_very_long_answer_comes_as_a_file_beside_its_beginning(scene: Scene) -> None:
    whole = "".join(f"word{number} " for number in range(400))
    async with scene.live() as live:
        await live.finish(final(whole))
    *texts, file = scene.screen.messages.values()
    assert len(texts) == 3
    assert file.upload is not None
    assert Path(file.upload.path).read_text() == whole


async def test_a_word_of_waiting_is_shown_after_two_seconds_only(scene: Scene) -> None:
    async with scene.live() as live:
        live.note(Words(en="Thinking", zh="思考中"))
        await scene.clock.advance(1.9)
        assert scene.screen.texts == []
        await scene.clock.advance(0.2)
        assert scene.screen.texts == ["Thinking"]
        live.note(None)
        await grow(scene, live, "Done.", every_s=1.1)
        assert scene.screen.texts == ["Done."]


async def test_typing_is_shown_after_half_a_second_of_silence_and_not_before(scene: Scene) -> None:
    async with scene.live() as live:
        await scene.clock.advance(0.4)
        assert "typing" not in scene.screen.calls
        await scene.clock.advance(10)
        assert scene.screen.calls.count("typing") == 3
        await grow(scene, live, "words")
        await scene.clock.advance(10)
        assert scene.screen.calls.count("typing") == 3


async def test_too_fast_parks_the_chat_and_the_newest_text_follows_when_the_time_is_over(scene: Scene) -> None:
    scene.screen.faults["edit"] = [Parked(30)]
    async with scene.live() as live:
        await grow(scene, live, "one ", "two ", "three ", "four ", every_s=1.1)
        assert scene.screen.texts == ["one "]
        await scene.clock.advance(25)
        assert scene.screen.calls.count("edit") == 1
        await scene.clock.advance(10)
        assert scene.screen.texts == ["one two three four "]


async def test_the_final_text_outlasts_a_parked_chat(scene: Scene) -> None:
    scene.screen.faults["post"] = [Parked(60), Parked(60)]
    async with scene.live() as live:
        ending = asyncio.create_task(live.finish(final("the end")))
        await scene.clock.advance(119)
        assert not ending.done()
        await scene.clock.advance(2)
        assert await asyncio.wait_for(ending, 1) == ("m1",)


async def test_an_uncertain_message_is_repeated_with_words_that_say_so(scene: Scene) -> None:
    scene.screen.faults["post"] = [Unclear()]
    async with scene.live() as live:
        ending = asyncio.create_task(live.finish(final("the end")))
        await scene.clock.advance(5)
        await asyncio.wait_for(ending, 1)
    [text] = scene.screen.texts
    assert text.endswith("the end")
    assert "may stand above already" in text


async def test_an_uncertain_edit_is_simply_made_again(scene: Scene) -> None:
    async with scene.live() as live:
        await grow(scene, live, "half ")
        scene.screen.faults["edit"] = [Unclear()]
        ending = asyncio.create_task(live.finish(final("half and whole")))
        await scene.clock.advance(5)
        await asyncio.wait_for(ending, 1)
    assert scene.screen.texts == ["half and whole"]


async def test_refused_formatting_is_sent_again_plain_once(scene: Scene) -> None:
    scene.screen.faults["post"] = [Refused()]
    screen_render = scene.screen.render

    def fancy(markdown: str, *, growing: bool) -> object:
        return replace(screen_render(markdown, growing=growing), text=f"<b>{markdown}</b>")

    scene.screen.render = fancy  # type: ignore[method-assign,assignment]
    async with scene.live() as live:
        await live.finish(final("words"))
    assert scene.screen.texts == ["words"]


async def test_a_message_that_the_person_deleted_comes_anew(scene: Scene) -> None:
    async with scene.live() as live:
        await grow(scene, live, "half ")
        scene.screen.messages.clear()
        await live.finish(final("half and whole"))
    assert scene.screen.texts == ["half and whole"]


async def test_a_closed_chat_ends_the_reply_with_gone(scene: Scene) -> None:
    scene.screen.faults["post"] = [Gone(), Gone()]
    async with scene.live() as live:
        await grow(scene, live, "words")
        with pytest.raises(Gone):
            await live.finish(final("words"))


async def test_a_shorter_reply_in_the_place_of_a_longer_one_takes_the_rest_away(scene: Scene) -> None:
    async with scene.live() as live:
        shown = await live.finish(final("".join(f"word{number} " for number in range(30))))
    async with scene.live(replacing=shown) as live:
        ending = asyncio.create_task(live.finish(final("short")))
        await scene.clock.advance(10)
        assert await asyncio.wait_for(ending, 1) == shown[:1]
    assert scene.screen.texts == ["short"]


async def test_what_already_looks_right_is_not_sent_again(scene: Scene) -> None:
    async with scene.live() as live:
        await grow(scene, live, "words")
        await scene.clock.advance(5)
        calls = len(scene.screen.calls)
        live.note(None)
        await scene.clock.advance(5)
        assert len(scene.screen.calls) == calls


async def test_half_an_answer_is_written_down_every_five_seconds(scene: Scene) -> None:
    async with scene.live() as live:
        await grow(scene, live, *(f"{number} " for number in range(120)))
        assert 3 <= len(scene.kept) <= 5
        assert scene.kept[:2] == [((), "0 "), (("m1",), "0 ")]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["a ", "字", "long words here ", "\n\n", "`code` ", "🙂"]), max_size=80), st.data())
async def test_whatever_happens_while_it_grows_the_end_stands_there_whole(
    texts: list[str], data: st.DataObject
) -> None:
    clock, screen = FakeClock(), Screen()
    kinds = st.sampled_from([Parked(3), Unclear(), Refused()])
    screen.faults = {name: data.draw(st.lists(kinds, max_size=2)) for name in ("post", "edit")}
    async with open_database("sqlite:///:memory:", now=clock.now, files=Path("unused")) as storage:
        desk = Desk(screen, Pacer(PACE, clock), clock, storage.files, Metrics(CollectorRegistry()), 50)
        scene = Scene(desk, screen, clock)
        async with scene.live() as live:
            await grow(scene, live, *texts, every_s=data.draw(st.sampled_from([0.0, 0.3])))
            screen.faults = {"edit": [Parked(5)]}
            ending = asyncio.create_task(live.finish(final("".join(texts) + "end.")))
            for _ in range(400):
                if ending.done():
                    break
                await clock.advance(1)
            assert len(await asyncio.wait_for(ending, 1)) == len(screen.texts)
    assert "".join("".join(screen.texts).split()).replace("`", "") == "".join(
        ("".join(texts) + "end.").split()
    ).replace("`", "")
