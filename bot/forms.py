"""Forms where the platform has no windows: one question after another, each answered by the person's next words.

What has been answered so far is stored, so that a form survives a restart. A command gives it up.
"""

from __future__ import annotations

from collections.abc import Callable

from bot.prepared import decode_action
from handlers.command import Handler
from handlers.errors import ForPerson
from handlers.reply import Action, Field, Form, Reply, Text
from handlers.services import Services
from handlers.turn import Turn
from handlers.words import Words
from storage.database import Database
from storage.records import Question

SKIP = "-"
ASK = Words(en="**{title}**\n{label}", zh="**{title}**\n{label}")
HINT = Words(en="\n_e.g. {placeholder}_", zh="\n_例如：{placeholder}_")
NOW = Words(en="\nNow: {value}", zh="\n当前：{value}")
OPTIONAL = Words(en="\n(Send {skip} to leave it as it is.)", zh="\n（发送 {skip} 跳过。）")
GIVE_UP = Words(en="\nAny command gives it up.", zh="\n发送任意命令即可放弃。")
TOO_LONG = Words(
    en="At most {limit} characters, please; that were {size}.", zh="最多 {limit} 个字符，您发了 {size} 个。"
)


class Forms:
    """The open forms of one database."""

    def __init__(self, storage: Database, now: Callable[[], float]) -> None:
        self._storage, self._now = storage, now

    async def open_for(self, conversation: str, person: str) -> Question | None:
        """Return the form that waits for the person's next words here."""
        return await self._storage.questions.pending(conversation, person)

    async def give_up(self, question: Question) -> None:
        """Forget a form that the person does not go on with."""
        await self._storage.questions.close(question.conversation, question.person)

    def begin(self, key: str, action: Action) -> Handler:
        """Return the handler that asks the first question of `action`, stored under `key`."""

        async def ask(turn: Turn, services: Services) -> Reply:
            return await self._ask(_form_of(action), key, {}, turn)

        return ask

    async def answer(self, question: Question, said: str) -> tuple[Action, dict[str, str] | None]:
        """Take the person's words as the answer to the open field.

        Returns the action, and all fields where that was the last answer (the form is closed then), None where
        more is to be asked. Raises `ForPerson` where the answer does not fit; the question stays open.
        """
        stored = await self._storage.actions.load(question.action)
        if stored is None:
            await self.give_up(question)
            raise ForPerson(GONE)
        action = decode_action(stored.action)
        fields = _form_of(action).fields
        field = fields[len(question.answers)]
        answers = {**question.answers, field.name: _fitting(field, said)}
        if len(answers) == len(fields):
            await self.give_up(question)
            return action, answers
        await self._storage.questions.ask(
            Question(question.conversation, question.person, question.action, answers, None, self._now())
        )
        return action, None

    def next(self, question: Question, action: Action) -> Handler:
        """Return the handler that asks the question after the one just answered."""

        async def ask(turn: Turn, services: Services) -> Reply:
            pending = await self.open_for(question.conversation, question.person)
            answers = pending.answers if pending else {}
            return await self._ask(_form_of(action), question.action, answers, turn)

        return ask

    async def _ask(self, form: Form, key: str, answers: dict[str, str], turn: Turn) -> Reply:
        await self._storage.questions.ask(
            Question(turn.place.conversation, turn.person.id, key, answers, None, self._now())
        )
        return Reply((Text(_question(form, form.fields[len(answers)], turn.language)),))


GONE = Words(en="This form has gone; press its button again.", zh="该表单已失效，请重新点击按钮。")


def _form_of(action: Action) -> Form:
    if action.form is None:
        raise ForPerson(GONE)
    return action.form


def _question(form: Form, field: Field, language: str) -> str:
    def say(words: Words, **values: object) -> str:
        return words.with_values(**values).in_language(language)

    lines = [say(ASK, title=form.title.in_language(language), label=field.label.in_language(language))]
    if field.value:
        lines.append(say(NOW, value=field.value))
    elif field.placeholder:
        lines.append(say(HINT, placeholder=field.placeholder.in_language(language)))
    if not field.required or field.value:
        lines.append(say(OPTIONAL, skip=SKIP))
    lines.append(say(GIVE_UP))
    return "".join(lines)


def _fitting(field: Field, said: str) -> str:
    said = said.strip()
    if said == SKIP and (not field.required or field.value):
        return field.value
    if len(said) > field.at_most:
        raise ForPerson(TOO_LONG.with_values(limit=field.at_most, size=len(said)))
    return said
