"""Hears a model's answer to a question: streams it to the turn's stage, and knows what to do when it breaks off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

import structlog

from handlers.tokens import PER_MESSAGE, text_tokens
from handlers.transcript import request_tokens
from handlers.words import Words
from polo.conversation import ChatRequest, Message
from polo.errors import ModelMissing, OutOfCredit, PoloError, RelayBusy, TooLong
from polo.events import Done, Event, Finish, TextDelta, ThinkingDelta, ToolCall, UsageSeen
from storage.records import NewMessage, Role, Spent

if TYPE_CHECKING:
    from handlers.conversation import Question
    from handlers.services import Services
    from handlers.turn import Stage, Turn

log = structlog.get_logger(__name__)

THINKING = Words(en="Thinking…", zh="思考中……")


@dataclass(slots=True)
class Heard:
    """An answer while it is being heard, and after. Thoughts are counted, and kept nowhere."""

    model: str
    pieces: list[str] = field(default_factory=list)
    finish: Finish = Finish.CUT
    usage: UsageSeen | None = None
    request_id: str = ""
    thought_tokens: int = 0  # by estimate
    told: tuple[Message, ...] = ()  # what the model was sent
    shortened: bool = False  # half of the history was left out

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self.pieces)

    @property
    def spent(self) -> Spent:
        """What it used: as the relay says, by our own estimate where it does not."""
        if self.usage is not None:
            prompt, completion = self.usage.prompt_tokens, self.usage.completion_tokens
            return Spent(self.model, prompt, completion, relay_request=self.request_id)
        completion = text_tokens(self.text) + self.thought_tokens
        prompt = request_tokens(self.told)
        return Spent(self.model, prompt, completion, estimated=True, relay_request=self.request_id)

    @property
    def message(self) -> NewMessage:
        """The answer as it is remembered: without NUL, which PostgreSQL's text cannot hold."""
        text = self.text.replace("\x00", "")
        return NewMessage(Role.ASSISTANT, text, text_tokens(text) + PER_MESSAGE, model=self.model)


async def hear(heard: Heard, question: Question, turn: Turn, services: Services) -> None:
    """Ask the question and fill `heard`.

    A model that cannot answer gives way to the next of `ChatConfig.fallbacks`; a question too long for a model is
    asked once more with half of its history. Both only before any text was shown: after that whatever goes wrong
    leaves the text standing, as cut. Raises `PoloError` where there is no text to keep.
    """
    messages = await services.conversations.messages(question)
    await turn.stage.asking()
    refusal: PoloError | None = None
    for heard.model in _models(question, services):
        try:
            await _ask(heard, question, messages, turn.stage, services)
        except (ModelMissing, RelayBusy, OutOfCredit) as problem:
            log.warning("a model cannot answer", model=heard.model, error=str(problem))
            refusal = refusal or problem
        else:
            return
    assert refusal is not None  # noqa: S101 -- the loop ran at least once, and every other way out of it returns
    raise refusal


def _models(question: Question, services: Services) -> Iterator[str]:
    yield question.model
    yield from (model for model in services.chat.fallbacks if model != question.model)


async def _ask(
    heard: Heard, question: Question, messages: tuple[Message, ...], stage: Stage, services: Services
) -> None:
    try:
        await _listen(heard, messages, stage, services)
    except TooLong as problem:
        shorter = services.conversations.shorter(question)
        if shorter is None:
            raise
        log.info("asked again with half of the history", model=heard.model, error=str(problem))
        heard.shortened = True
        await _listen(heard, await services.conversations.messages(shorter), stage, services)


async def _listen(heard: Heard, messages: tuple[Message, ...], stage: Stage, services: Services) -> None:
    """Hear one answer. Raises `PoloError` only while nothing of it was shown."""
    heard.told, heard.usage, heard.thought_tokens = messages, None, 0
    request = ChatRequest(heard.model, messages, max_tokens=services.chat.answer_tokens)
    try:
        async with aclosing(services.polo.stream(request)) as events:
            async for event in events:
                _take(event, heard, stage)
    except PoloError as problem:
        if not heard.pieces:
            raise
        heard.finish, heard.request_id = Finish.CUT, problem.request_id
        log.warning("an answer broke off", model=heard.model, error=str(problem))
    finally:
        if heard.thought_tokens and not heard.pieces:
            stage.note(None)


def _take(event: Event, heard: Heard, stage: Stage) -> None:
    match event:
        case TextDelta(text):
            if heard.thought_tokens and not heard.pieces:
                stage.note(None)
            heard.pieces.append(text)
            stage.grow(text)
        case ThinkingDelta(text):
            if not heard.thought_tokens and not heard.pieces:
                stage.note(THINKING)
            heard.thought_tokens += max(1, text_tokens(text))
        case UsageSeen():
            heard.usage = event
        case Done(finish, _, request_id):
            heard.finish, heard.request_id = finish, request_id
        case ToolCall():
            log.warning("a tool was called that nobody offered", model=heard.model, tool=event.name[:64])
        case _:
            assert_never(event)
