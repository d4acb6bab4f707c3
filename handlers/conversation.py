"""What a model is asked, and where question and answer hang in the conversation's tree of messages.

A question is built from the turn: its words, its files, the message replied to. Bounds come from `ChatConfig`:
earlier messages within `history_tokens`, older ones as a summary that the model writes in the background.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from handlers import prompts
from handlers.attachments import Content, checked, content_of, refuse_unreadable
from handlers.compaction import Compaction
from handlers.errors import ForPerson
from handlers.personas import Personas
from handlers.tokens import PER_MESSAGE, cut_to_tokens, text_tokens
from handlers.transcript import Transcript, joined
from handlers.words import Words
from polo.conversation import Message, Role, said
from storage import records
from storage.records import NewMessage, Recall, StoredFile

if TYPE_CHECKING:
    from handlers.services import Background, ChatConfig
    from handlers.turn import Attachment, Quoted, Turn
    from polo import Polo
    from storage.database import Database

QUESTION_TOKENS = 8000  # that a question may have at least, however little history is told
QUOTE_TOKENS = 2000  # of a quoted message that is not in memory
NAME_AT_MOST = 64  # characters of a speaker's name
PICTURES_TOGETHER = 40 << 20  # bytes, see transcript.PICTURE_BYTES_AT_MOST
# Of the newest messages, however short: each costs time in every turn, and a summary stands for what is older.
MESSAGES_AT_MOST = 100
FILES_AT_MOST = 10  # with one question

NOTHING_ASKED = Words(
    en="What would you like to know? Write it after my name or after /ask.",
    zh="您想问什么？请写在我的名字或 /ask 后面。",
)
ABOUT_THIS = Words(
    en="Explain this message, or answer it if it asks something.", zh="请解释这条消息；如果它是一个问题，请回答。"
)
TOO_MUCH = Words(
    en="That is too long to be asked at once: about {tokens} tokens, where {limit} are possible. Shorten it, or send "
    "it in parts.",
    zh="一次问得太长了：约 {tokens} 个 token，上限为 {limit}。请缩短，或分几次发送。",
)
TOO_MANY_FILES = Words(
    en="That are {count} files; I take {limit} with one question.", zh="一共 {count} 个文件，一次提问最多 {limit} 个。"
)
TOO_LARGE_TOGETHER = Words(
    en="Together the pictures are larger than {limit} MB. Send fewer at once.",
    zh="这些图片合计超过 {limit} MB，请分批发送。",
)
ONLY_THE_BEGINNING = Words(
    en="Of {name} only the beginning was read: it is too long.", zh="{name} 太长，只读取了开头部分。"
)
REMEMBER = "remember"  # the person's setting; False: nothing of theirs is remembered or told again
FORGOTTEN = Words(
    en="I no longer remember that part of the conversation. Please ask again.", zh="这段对话我已不记得，请重新提问。"
)


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be asked, and the message below which it hangs.

    `asked` None: the question is remembered already, as the last message of `earlier` (Regenerate).
    """

    conversation: str
    earlier: Recall
    asked: NewMessage | None
    model: str
    system: str
    newest_tokens: int  # of texts out of files in the question itself
    older_tokens: int  # the same in each earlier message
    remarks: tuple[Words, ...] = ()  # for the person, below the answer
    kept: bool = True  # False: the person wants nothing remembered

    def exchange(
        self, *answer: NewMessage, spent: tuple[records.Spent, ...] = (), keep: bool = True
    ) -> records.Exchange:
        """Return what is remembered: the question where it is new, then the answer; only the costs without `keep`."""
        new = (self.asked,) if self.asked is not None else ()
        messages = (*new, *answer) if keep and self.kept else ()
        return records.Exchange(self.conversation, self.earlier.head, messages, spent)

    @property
    def remembered_as(self) -> int | None:
        """The id of the question where it is remembered already."""
        return self.earlier.head if self.asked is None else None


class Conversations:
    """Builds questions out of turns; one for the process."""

    def __init__(
        self,
        *,
        polo: Polo,
        storage: Database,
        chat: ChatConfig,
        background: Background,
        now: Callable[[], float],
    ) -> None:
        self._storage, self._chat, self._now = storage, chat, now
        self._transcript = Transcript(storage.files)
        self._personas = Personas(storage.settings)
        self._compaction = Compaction(polo, storage, chat, background, now)

    # ------------------------------------------------------------ three ways to ask

    async def ask(self, turn: Turn, words: str) -> Question:
        """Return the question of a turn: new words, with its files, at the head or where it replies to.

        An edited question (`turn.replaces`) hangs where the old one hung. Raises `ForPerson`, `TooLarge` or
        `CannotFetch` before anything is asked.
        """
        for attachment in turn.attachments:
            refuse_unreadable(attachment)
        earlier, quoted = await self._place_of(turn)
        words = words.strip()
        if not words and not turn.attachments:
            if turn.quoted is None or (quoted is not None and not (quoted.text.strip() or quoted.attachments)):
                raise ForPerson(NOTHING_ASKED)
            words = ABOUT_THIS.in_language(turn.language)
        files = await self._fetch(turn, (quoted.attachments if quoted else ()) + turn.attachments)
        return await self._question(turn, _text(turn, words, quoted), earlier, files)

    async def ask_again(self, turn: Turn) -> Question:
        """Return the question of the turn whose answer is to be replaced. Raises `ForPerson` where it is forgotten."""
        question = await self._remembered_question(turn) if remembers(turn) else None
        if question is None:
            raise ForPerson(FORGOTTEN)
        earlier = await self._recall(turn, question.id)
        if not earlier.messages:
            earlier = Recall(question.id, None, (question,))  # no history is told, or all of it is summed up
        return self._asking(turn, earlier, None, await self._persona(turn))

    async def ask_for_more(self, turn: Turn) -> Question:
        """Return the question that continues an answer. Raises `ForPerson` where that answer is forgotten."""
        answers = [message for message in await self._of_turn(turn) if message.role is records.Role.ASSISTANT]
        if not answers or not remembers(turn):
            raise ForPerson(FORGOTTEN)
        return await self._question(turn, prompts.CARRY_ON, await self._recall(turn, answers[-1].id), ())

    # ------------------------------------------------------------ what the model is sent

    async def messages(self, question: Question) -> tuple[Message, ...]:
        """Return the messages for the model: system prompt, summary, what was said, the question."""
        new = () if question.asked is None else (question.asked,)
        told = await self._transcript.of(
            (*question.earlier.messages, *new), newest_tokens=question.newest_tokens, older_tokens=question.older_tokens
        )
        summary = question.earlier.summary
        # Said by a person, not by the system: it is made of people's words, and has no more authority than they.
        summed_up = () if summary is None else (said(Role.USER, prompts.SUMMARY.format(summary=summary)),)
        return (said(Role.SYSTEM, question.system), *joined((*summed_up, *told)))

    def shorter(self, question: Question) -> Question | None:
        """Return the question with half of what was said before it, None where there is nothing to leave out."""
        messages = question.earlier.messages
        last = 1 if question.asked is None else 0  # a remembered question stays
        budget = sum(message.tokens for message in messages) // 2
        kept = len(messages)
        while kept > last and sum(message.tokens for message in messages[-kept:]) > budget:
            kept -= 1
        newest = messages[-1:] if question.asked is None else (question.asked,)
        texts = [file for message in newest for file in message.files if not file.media_type.startswith("image/")]
        if kept == len(messages) and not texts:
            return None
        return replace(
            question,
            earlier=msgspec.structs.replace(question.earlier, messages=messages[len(messages) - kept :], left_out=True),
            newest_tokens=question.newest_tokens // 2,
            older_tokens=question.older_tokens // 2,
        )

    def answered(self, question: Question, *, shortened: bool = False) -> None:
        """Note that a question was answered: what no longer fits is summed up in the background.

        `shortened`: the model could not take all of the history.
        """
        if question.earlier.left_out or shortened:
            self._compaction.start(question.conversation)

    # ------------------------------------------------------------ the pieces

    async def _question(self, turn: Turn, text: str, earlier: Recall, files: tuple[StoredFile, ...]) -> Question:
        tokens = text_tokens(text) + PER_MESSAGE
        question = self._asking(turn, earlier, None, await self._persona(turn))
        if tokens > question.newest_tokens:
            raise ForPerson(TOO_MUCH.with_values(tokens=tokens, limit=question.newest_tokens))
        left, remarks = question.older_tokens, []
        room = question.newest_tokens
        for file in files:
            whole = await self._transcript.tokens(file, text_at_most=question.newest_tokens + 1)
            if content_of(file.name, file.media_type) is Content.PICTURE:
                tokens += whole
                continue
            if whole > room:
                remarks.append(ONLY_THE_BEGINNING.with_values(name=file.name[:60]))
            tokens += min(whole, left)
            left, room = left - min(whole, left), room - min(whole, room)
        asked = NewMessage(
            records.Role.USER,
            text,
            tokens,
            files,
            person=turn.person.id,
            platform_ids=(turn.message,) if turn.message else (),
        )
        return replace(question, asked=asked, remarks=tuple(remarks))

    def _asking(self, turn: Turn, earlier: Recall, asked: NewMessage | None, persona: str | None) -> Question:
        chosen = turn.settings.get("model")
        system = prompts.system_prompt(self._chat.system_prompt, persona, private=turn.place.private, now=self._now())
        return Question(
            conversation=turn.place.conversation,
            earlier=earlier,
            asked=asked,
            model=chosen if isinstance(chosen, str) and chosen else self._chat.model,
            system=system,
            newest_tokens=max(self._chat.history_tokens * 2, QUESTION_TOKENS),
            older_tokens=self._chat.history_tokens // 2,
            kept=remembers(turn),
        )

    async def _persona(self, turn: Turn) -> str | None:
        persona = await self._personas.in_force(turn.settings)
        return None if persona is None else persona.prompt

    async def _place_of(self, turn: Turn) -> tuple[Recall, Quoted | None]:
        """Return what was said above the question, and the quoted message where memory does not hold it."""
        if turn.replaces is not None:
            old = await self._storage.memory.of_turn(turn.replaces)
            if old:
                return await self._above(turn, old[0].parent), None
        if turn.quoted is not None:
            linked = await self._storage.memory.linked(turn.place.conversation, turn.quoted.message)
            if linked is not None:
                return await self._recall(turn, linked), None
        return await self._recall(turn, None), turn.quoted

    async def _above(self, turn: Turn, parent: int | None) -> Recall:
        return Recall(None, None, ()) if parent is None else await self._recall(turn, parent)

    async def _recall(self, turn: Turn, at: int | None) -> Recall:
        """Return what is told of the conversation up to `at` (None: the head); nothing where the budget is 0."""
        if not remembers(turn):
            return Recall(None, None, ())
        budget = self._chat.history_tokens
        found = await self._storage.memory.recall(
            turn.place.conversation, at=at, budget=budget, at_most=MESSAGES_AT_MOST
        )
        return found if budget > 0 else Recall(found.head, None, ())

    async def _of_turn(self, turn: Turn) -> tuple[records.Message, ...]:
        number = turn.arguments.get("turn")
        return await self._storage.memory.of_turn(number) if isinstance(number, int) else ()

    async def _remembered_question(self, turn: Turn) -> records.Message | None:
        memory = self._storage.memory
        known = turn.arguments.get("question")
        if isinstance(known, int):
            return await memory.message(known)
        said_then = await self._of_turn(turn)
        asked = [message for message in said_then if message.role is records.Role.USER]
        if asked or not said_then:
            return asked[-1] if asked else None
        parent = said_then[0].parent
        return None if parent is None else await memory.message(parent)

    async def _fetch(self, turn: Turn, attachments: tuple[Attachment, ...]) -> tuple[StoredFile, ...]:
        """Bring the files into the store and look at what they truly are."""
        if len(attachments) > FILES_AT_MOST:
            raise ForPerson(TOO_MANY_FILES.with_values(count=len(attachments), limit=FILES_AT_MOST))
        for attachment in attachments:
            refuse_unreadable(attachment)
        files: list[StoredFile] = []
        for attachment in attachments:
            file = await turn.stage.fetch(attachment, at_most=self._chat.attachment_bytes)
            content = content_of(attachment.name, attachment.media_type, attachment.kind) or Content.TEXT
            files.append(checked(file, await self._storage.files.read(file.digest), content))
        pictures = sum(file.size for file in files if file.media_type.startswith("image/"))
        if pictures > PICTURES_TOGETHER:
            raise ForPerson(TOO_LARGE_TOGETHER.with_values(limit=PICTURES_TOGETHER >> 20))
        return tuple(files)


def remembers(turn: Turn) -> bool:
    """Tell whether the person lets their words be remembered."""
    return turn.settings.get(REMEMBER) is not False


def _text(turn: Turn, words: str, quoted: Quoted | None) -> str:
    """Return the words as the model sees and the memory keeps them: in groups with the speaker's name.

    Without NUL, which PostgreSQL's text cannot hold.
    """
    if quoted is not None and quoted.text.strip():
        whose = "a message of yours" if quoted.by_bot else "this message"
        lines = cut_to_tokens(quoted.text.strip(), QUOTE_TOKENS).splitlines()
        words = f"(in reply to {whose})\n" + "\n".join(f"> {line}" for line in lines) + f"\n\n{words}"
    words = words.replace("\x00", "")
    if turn.place.private:
        return words
    name = " ".join(turn.person.name.replace(":", " ").replace("\x00", "").split())[:NAME_AT_MOST] or "Somebody"
    return f"{name}: {words}".strip()
