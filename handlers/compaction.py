"""Older parts of a conversation become a summary, written by the model while nobody waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import structlog

from handlers import prompts
from handlers.tokens import cut_to_tokens, text_tokens
from polo.conversation import ChatRequest, Role, said
from polo.events import Answer, Finish
from storage.records import Message, Spent
from storage.records import Role as Speaker

if TYPE_CHECKING:
    from handlers.services import Background, ChatConfig
    from polo import Polo
    from storage.database import Database

log = structlog.get_logger(__name__)

READ_TIMES = 4  # so many budgets of history are read at most for one summary
# A third of the budget stays word for word: the exchange just being stored must fit on top of it, or the next
# question would not reach the summary.
KEPT_PART = 3
KEPT_MESSAGES = 40  # of them at most, however short they are
REST_S = 600.0  # after a failure, so long the conversation is left as it is
RESTING_AT_MOST = 1000  # conversations whose failure is remembered


class Compaction:
    """Sums conversations up, each one at a time; what fails is logged by the background's owner and not repeated
    before `REST_S` have passed."""

    def __init__(
        self, polo: Polo, storage: Database, chat: ChatConfig, background: Background, now: Callable[[], float]
    ) -> None:
        self._polo, self._storage, self._chat = polo, storage, chat
        self._background, self._now = background, now
        self._busy: set[str] = set()
        self._resting: dict[str, float] = {}

    def start(self, conversation: str) -> None:
        """Begin to sum up what no longer fits, unless that is being done, or failed lately."""
        if not self._chat.compact or self._chat.history_tokens <= 0 or conversation in self._busy:
            return
        if self._resting.get(conversation, 0.0) > self._now():
            return
        self._busy.add(conversation)
        self._background.start(self._run(conversation), name=f"sum up {conversation}")

    async def _run(self, conversation: str) -> None:
        self._rest(conversation)
        try:
            await self._sum_up(conversation)
            self._resting.pop(conversation, None)
        finally:
            self._busy.discard(conversation)

    def _rest(self, conversation: str) -> None:
        while len(self._resting) >= RESTING_AT_MOST:
            del self._resting[next(iter(self._resting))]
        self._resting[conversation] = self._now() + REST_S

    async def _sum_up(self, conversation: str) -> None:
        budget = self._chat.history_tokens
        recall = await self._storage.memory.recall(conversation, budget=READ_TIMES * budget)
        old = _all_but_newest(recall.messages, budget // KEPT_PART)
        if not old:
            return
        answer = await self._polo.chat(
            ChatRequest(
                self._chat.model,
                (
                    said(Role.SYSTEM, prompts.TO_SUM_UP.format(words=max(50, budget // 16))),
                    said(Role.USER, _as_text(recall.summary, old)),
                ),
            )
        )
        await self._storage.usage.book(_spent(answer, self._chat.model), conversation=conversation)
        summary = cut_to_tokens(answer.text.strip(), budget // 4)
        if not summary or answer.finish is Finish.REFUSED:
            raise NotSummedUp(answer.finish.value)
        log.info("summed up", conversation=conversation, messages=len(old))
        await self._storage.memory.summarise(conversation, old[-1].id, summary, text_tokens(summary))


def _spent(answer: Answer, model: str) -> Spent:
    usage = answer.usage
    if usage is None:
        return Spent(model, 0, text_tokens(answer.text), estimated=True, relay_request=answer.request_id)
    return Spent(model, usage.prompt_tokens, usage.completion_tokens, relay_request=answer.request_id)


class NotSummedUp(Exception):
    """The model gave no summary; the argument says how its answer ended."""


def _all_but_newest(messages: Sequence[Message], budget: int) -> Sequence[Message]:
    """Return what is older than the newest messages, at most `KEPT_MESSAGES`, that fit `budget` tokens.

    These begin with a question.
    """
    kept = 0
    first = len(messages)
    while first > 0 and len(messages) - first < KEPT_MESSAGES and kept + messages[first - 1].tokens <= budget:
        first -= 1
        kept += messages[first].tokens
    while first < len(messages) and messages[first].role is not Speaker.USER:
        first += 1
    return messages[:first]


def _as_text(summary: str | None, messages: Sequence[Message]) -> str:
    """Return the conversation as one text: a model that is sent it as messages goes on with it instead."""
    lines = [] if summary is None else [prompts.SUMMARY.format(summary=summary)]
    for message in messages:
        speaker = "Assistant" if message.role is Speaker.ASSISTANT else "Person"
        files = "".join(f" [file: {file.name}]" for file in message.files)
        lines.append(f"{speaker}: {message.text}{files}")
    return "\n\n".join(lines)
