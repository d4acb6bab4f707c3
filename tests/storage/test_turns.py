"""Turns: accepted once, moving forward only, found again after a restart."""

from __future__ import annotations

import pytest

from storage.database import Database
from storage.records import Exchange, NewMessage, NewTurn, Role, TurnState
from tests.clock import FakeClock
from tests.storage.talk import ANN, BOB, HOME, Talk, new_action, new_turn, spent


async def test_the_secret_for_answering_is_kept_until_the_turn_has_its_outcome(database: Database) -> None:
    [turn] = await database.turns.accept([NewTurn("with secret", HOME, "p", b"{}", via="interaction token")])
    assert turn is not None
    await database.turns.asked(turn)
    [unfinished] = await database.turns.unfinished()
    assert unfinished.via == "interaction token"
    await database.turns.done(turn, "answered")
    ended = await database.turns.get(turn)
    assert ended is not None
    assert ended.via == ""


async def test_an_event_told_twice_is_accepted_once(talk: Talk) -> None:
    turns = talk.database.turns

    first = await turns.accept([new_turn("a"), new_turn("b"), new_turn("a")])
    again = await turns.accept([new_turn("b"), new_turn("c")])

    assert first[2] is None
    assert again[0] is None
    assert again[1] is not None
    assert len(await turns.unfinished()) == 3


async def test_accepting_nothing_is_no_error(talk: Talk) -> None:
    assert await talk.database.turns.accept([]) == []


async def test_ids_grow(talk: Talk) -> None:
    ids = [await talk.accept() for _ in range(5)]
    assert ids == sorted(set(ids))


async def test_a_turn_is_returned_as_it_was_stored(talk: Talk, clock: FakeClock) -> None:
    turn = await talk.accept(new_turn("e", conversation="web:x", person="web:p", message="9", incoming=b"\x00\xff"))
    stored = await talk.database.turns.get(turn)

    assert stored is not None
    assert (stored.event, stored.conversation, stored.person, stored.message) == ("e", "web:x", "web:p", "9")
    assert (stored.incoming, stored.state, stored.outcome) == (b"\x00\xff", TurnState.ACCEPTED, "")
    assert (stored.shown, stored.reply, stored.accepted_at) == ((), None, clock.now())
    assert await talk.database.turns.get(turn + 1) is None


async def test_a_turn_moves_through_its_states(talk: Talk) -> None:
    turns, turn = talk.database.turns, await talk.accept()

    async def state() -> TurnState:
        stored = await turns.get(turn)
        assert stored is not None
        return stored.state

    await turns.asked(turn)
    assert await state() is TurnState.ASKED
    await turns.answered(turn, b"reply")
    assert await state() is TurnState.ANSWERED
    await turns.asked(turn)
    assert await state() is TurnState.ANSWERED
    await turns.done(turn, "answered")
    assert await state() is TurnState.DONE
    assert await turns.unfinished() == []


async def test_what_could_be_seen_of_an_answer_is_kept_until_the_whole_one_is_stored(talk: Talk) -> None:
    turns, turn = talk.database.turns, await talk.accept()

    await turns.shown(turn, ["5", "6"], b"half")
    growing = await turns.get(turn)
    await turns.answered(turn, b"whole")
    await turns.shown(turn, ["5", "6", "7"], b"half")
    whole = await turns.get(turn)

    assert growing is not None
    assert whole is not None
    assert (growing.shown, growing.reply) == (("5", "6"), b"half")
    assert (whole.shown, whole.reply) == (("5", "6", "7"), b"whole")


async def test_a_done_turn_stays_as_it_is(talk: Talk) -> None:
    turns, turn = talk.database.turns, await talk.accept()
    await turns.done(turn, "refused", ["1"])
    before = await turns.get(turn)

    await turns.asked(turn)
    await turns.shown(turn, ["2"], b"x")
    await turns.done(turn, "answered", ["3"])
    exchange = Exchange(HOME, None, (NewMessage(Role.USER, "late", 1),), (spent(),))
    ids = await turns.answered(turn, b"late", exchange=exchange, actions=[new_action("late")])

    assert ids == ()
    assert await turns.get(turn) == before
    assert await talk.database.memory.head(HOME) is None
    assert await talk.database.actions.load("late") is None
    assert (await talk.database.usage.totals()).calls == 1  # money that was spent is booked all the same


async def test_a_turn_is_answered_once(talk: Talk) -> None:
    turns, turn = talk.database.turns, await talk.accept()
    exchange = Exchange(HOME, None, (NewMessage(Role.USER, "hi", 1), NewMessage(Role.ASSISTANT, "hello", 1)))

    first = await turns.answered(turn, b"one", exchange=exchange, actions=[new_action("a")])
    second = await turns.answered(turn, b"two", exchange=exchange, actions=[new_action("a")])

    assert second == first
    assert len(await talk.database.memory.export(HOME)) == 2
    stored = await turns.get(turn)
    assert stored is not None
    assert stored.reply == b"one"


async def test_done_without_messages_keeps_those_shown_and_links_them(talk: Talk) -> None:
    turns, turn = talk.database.turns, await talk.accept()
    exchange = Exchange(HOME, None, (NewMessage(Role.USER, "hi", 1), NewMessage(Role.ASSISTANT, "hello", 1)))
    await turns.shown(turn, ["50", "51"], b"")
    [_, answer] = await turns.answered(turn, b"", exchange=exchange)

    await turns.done(turn, "answered")

    stored = await turns.get(turn)
    assert stored is not None
    assert stored.shown == ("50", "51")
    assert await talk.database.memory.linked(HOME, "50") == answer
    assert await talk.database.memory.linked(HOME, "51") == answer


async def test_a_turn_without_an_answer_to_remember_links_nothing(talk: Talk) -> None:
    turn = await talk.accept()
    await talk.database.turns.answered(turn, b"help text")
    await talk.database.turns.done(turn, "answered", ["50"])

    assert await talk.database.memory.linked(HOME, "50") is None


async def test_merged_turns_lead_to_the_one_their_words_went_into(talk: Talk) -> None:
    turns = talk.database.turns
    one, two, three = [await talk.accept(new_turn(message=str(n))) for n in range(3)]

    await turns.merged([one], into=two)
    await turns.merged([two], into=three)

    assert [turn.id for turn in await turns.unfinished()] == [three]
    assert [turn.id for turn in await turns.merged_into(three)] == [one, two]
    for message in ("0", "1", "2"):
        found = await turns.by_message(HOME, message)
        assert found is not None
        assert found.id == three


async def test_a_turn_that_was_asked_is_not_merged(talk: Talk) -> None:
    turns, asked, other = talk.database.turns, await talk.accept(), await talk.accept()
    await turns.asked(asked)

    await turns.merged([asked], into=other)

    assert [turn.id for turn in await turns.unfinished()] == [asked, other]
    assert await turns.merged_into(other) == []


async def test_the_newest_turn_of_a_message_is_found(talk: Talk) -> None:
    turns = talk.database.turns
    await talk.accept(new_turn(message="7"))
    newer = await talk.accept(new_turn(message="7"))
    await talk.accept(new_turn(message="7", conversation="telegram:other"))

    found = await turns.by_message(HOME, "7")

    assert found is not None
    assert found.id == newer
    assert await turns.by_message(HOME, "8") is None


async def test_recent_turns_are_done_ones_oldest_first(talk: Talk) -> None:
    turns = talk.database.turns
    ids = [await talk.accept() for _ in range(4)]
    for turn in ids[:3]:
        await turns.done(turn, "answered")

    assert [turn.id for turn in await turns.recent(HOME, at_most=2)] == ids[1:3]
    assert await turns.recent("web:none", at_most=2) == []


async def test_retention_takes_old_turns_with_an_outcome_and_never_uses_an_id_again(
    talk: Talk, clock: FakeClock
) -> None:
    turns = talk.database.turns
    old, waiting, last = await talk.accept(new_turn("old")), await talk.accept(), await talk.accept()
    for turn in (old, last):
        await turns.done(turn, "answered")
    await clock.advance(100)

    pruned = await turns.prune(clock.now())

    assert pruned == 1  # the newest row stays, so that its number does
    assert await turns.get(old) is None
    assert [turn.id for turn in await turns.unfinished()] == [waiting]
    fresh = await talk.accept(new_turn("old"))
    assert fresh > last


async def test_retention_leaves_young_turns(talk: Talk, clock: FakeClock) -> None:
    turn = await talk.accept()
    await talk.database.turns.done(turn, "answered")
    await talk.accept()

    assert await talk.database.turns.prune(clock.now()) == 0
    assert await talk.database.turns.get(turn) is not None
    assert await talk.database.turns.prune(clock.now() + 1) == 1


async def test_retention_of_an_empty_database_finds_nothing(talk: Talk, clock: FakeClock) -> None:
    assert await talk.database.turns.prune(clock.now()) == 0
    assert await talk.database.memory.prune(clock.now()) == 0


async def test_more_messages_than_a_turn_can_hold_are_refused(talk: Talk) -> None:
    turn = await talk.accept()
    many = tuple(NewMessage(Role.ASSISTANT, "x", 1) for _ in range(1025))

    with pytest.raises(ValueError, match="at most 1024"):
        await talk.database.turns.answered(turn, b"", exchange=Exchange(HOME, None, many))

    stored = await talk.database.turns.get(turn)
    assert stored is not None
    assert stored.state is TurnState.ACCEPTED
    assert await talk.database.memory.export(HOME) == []


async def test_several_people_at_several_places_do_not_meet(talk: Talk) -> None:
    await talk.say("mine", "yours", person=ANN, conversation="telegram:1")
    await talk.say("other", "theirs", person=BOB, conversation="telegram:2")

    assert [turn.person for turn in await talk.database.turns.recent("telegram:1", at_most=9)] == [ANN]
    assert await talk.database.memory.conversations_of(BOB) == ["telegram:2"]
