"""The memory's tree against a plain model of it, under any sequence of what people do."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from storage.database import open_database
from storage.records import Recall
from tests.clock import FakeClock
from tests.storage.talk import Talk

PLACES = ("telegram:1", "telegram:-100", "telegram:-100:7")
PEOPLE = ("telegram:1", "telegram:2", "telegram:3")

places, people = st.sampled_from(PLACES), st.sampled_from(PEOPLE)


@dataclass
class Said:
    """A message of the model."""

    id: int
    parent: int | None
    text: str
    tokens: int
    person: str | None
    summary: str | None = None


@dataclass
class Tree:
    """A conversation of the model."""

    messages: dict[int, Said] = field(default_factory=dict)
    head: int | None = None
    people: set[str] = field(default_factory=set)

    def recall(self, at: int | None, budget: int, at_most: int) -> tuple[str | None, list[str], bool]:
        """Say what the database should: summary, texts oldest first, whether something was left out."""
        message = self.messages.get(at if at is not None else self.head or 0)
        texts: list[str] = []
        spent = 0
        while message is not None:
            if message.summary is not None:
                return message.summary, texts[::-1], False
            if texts and (spent + message.tokens > budget or len(texts) >= at_most):
                return None, texts[::-1], True
            spent += message.tokens
            texts.append(message.text)
            message = self.messages.get(message.parent or 0)
        return None, texts[::-1], False

    def forget(self, person: str) -> None:
        """Take a person's messages and the answers below them out; hang the rest higher."""
        gone = {m.id for m in self.messages.values() if m.person == person}
        for m in self.messages.values():  # parents stand before their children
            if m.person is None and m.parent in gone:
                gone.add(m.id)

        def above(message: int | None) -> int | None:
            while message in gone:
                message = self.messages[message].parent
            return message

        self.head = above(self.head)
        for m in self.messages.values():
            if m.id not in gone:
                m.parent = above(m.parent)
            if gone:
                m.summary = None
        for message in gone:
            del self.messages[message]
        self.people.discard(person)


@settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)
class MemoryMachine(RuleBasedStateMachine):
    """Does the same to the database and to the model, and compares what is recalled."""

    @initialize()
    def open(self) -> None:
        """Open an empty database."""
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        clock = FakeClock()
        self.opened = open_database("sqlite:///:memory:", now=clock.now, files=Path(self.folder.name))
        self.database = self.run(self.opened.__aenter__())
        self.talk = Talk(self.database)
        self.trees = {place: Tree() for place in PLACES}
        self.number = 0

    def run(self, work: Any) -> Any:
        """Let a coroutine run to its end."""
        return self.runner.run(work)

    def teardown(self) -> None:
        """Close what was opened."""
        self.run(self.opened.__aexit__(None, None, None))
        self.runner.close()
        self.folder.cleanup()

    @rule(place=places, person=people, tokens=st.integers(0, 30), data=st.data())
    def say(self, place: str, person: str, tokens: int, data: st.DataObject) -> None:
        """Ask and be answered: at the head, below any message, or at a fresh start."""
        tree = self.trees[place]
        at = data.draw(st.sampled_from([tree.head, None, *tree.messages]))
        self.number += 1
        question, answer = f"q{self.number}", f"a{self.number}"
        asked, said = self.run(
            self.talk.say(
                question,
                answer,
                below=at,
                fresh=at is None,
                conversation=place,
                person=person,
                tokens=tokens,
                message=question,
                shown=[answer],
            )
        )
        tree.messages[asked] = Said(asked, at, question, tokens, person)
        tree.messages[said] = Said(said, asked, answer, tokens, None)
        tree.head = said
        tree.people.add(person)

    @rule(place=places)
    def reset(self, place: str) -> None:
        """Start anew."""
        self.run(self.database.memory.reset(place))
        self.trees[place].head = None

    @rule(place=places, data=st.data())
    def summarise(self, place: str, data: st.DataObject) -> None:
        """Put a summary on any message."""
        tree = self.trees[place]
        if not tree.messages:
            return
        message = data.draw(st.sampled_from(list(tree.messages)))
        self.number += 1
        tree.messages[message].summary = f"s{self.number}"
        self.run(self.database.memory.summarise(place, message, f"s{self.number}", 3))

    @rule(place=places)
    def forget_conversation(self, place: str) -> None:
        """Forget a whole conversation."""
        self.run(self.database.forget_conversation(place))
        self.trees[place] = Tree()

    @rule(person=people)
    def forget_person(self, person: str) -> None:
        """Forget a person everywhere."""
        self.run(self.database.forget_person(person))
        for place, tree in self.trees.items():
            if tree.people == {person}:
                self.trees[place] = Tree()
            elif person in tree.people:
                tree.forget(person)

    @rule(place=places, budget=st.integers(0, 200), at_most=st.integers(1, 8), data=st.data())
    def recall(self, place: str, budget: int, at_most: int, data: st.DataObject) -> None:
        """Recall from anywhere with any budget."""
        tree = self.trees[place]
        at = data.draw(st.sampled_from([None, *tree.messages]))
        recall = self.run(self.database.memory.recall(place, at=at, budget=budget, at_most=at_most))
        told = (recall.summary, [message.text for message in recall.messages], recall.left_out)
        assert told == tree.recall(at, budget, at_most)

    @invariant()
    def the_same_is_remembered(self) -> None:
        """Compare everything."""
        for place, tree in self.trees.items():
            messages = self.run(self.database.memory.export(place))
            stored = {message.id: (message.parent, message.text, message.person) for message in messages}
            assert stored == {m.id: (m.parent, m.text, m.person) for m in tree.messages.values()}
            assert self.run(self.database.memory.head(place)) == tree.head
            for m in tree.messages.values():
                assert self.run(self.database.memory.linked(place, m.text)) == m.id
            if tree.head is None:
                assert self.run(self.database.memory.recall(place, budget=10)) == Recall(None, None, ())


TestMemory = MemoryMachine.TestCase
