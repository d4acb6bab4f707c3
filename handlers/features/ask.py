"""/ask and plain words: a streamed answer that is remembered, with Regenerate and Continue below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.answering import Heard, hear
from handlers.command import Option, OptionKind, command
from handlers.conversation import Question
from handlers.markdown import with_lines_below
from handlers.reply import Arguments, Button, Reply, Text
from handlers.words import Words
from polo.events import Finish

if TYPE_CHECKING:
    from handlers.services import Services
    from handlers.turn import Turn

CUT = Words(en="The answer was cut off here.", zh="回答在此处中断。")
REFUSED = Words(
    en="The model refuses to go on with this. Try saying it differently.", zh="模型拒绝继续回答，请换个说法试试。"
)
NOTHING_SAID = Words(en="The model answered nothing. Try again.", zh="模型没有给出回答，请重试。")
ONLY_THOUGHT = Words(
    en="The model used all its room for thinking and had none left for an answer. Try again, or choose another with "
    "/model.",
    zh="模型把全部篇幅用在了思考上，没能写出回答。请重试，或用 /model 换一个模型。",
)
OTHER_MODEL = Words(
    en="Answered by `{model}`: `{chosen}` is not available right now.", zh="由 `{model}` 回答：`{chosen}` 目前不可用。"
)
REGENERATE = Words(en="Regenerate", zh="重新生成")
CONTINUE = Words(en="Continue", zh="继续")

_FILE = Words(en="A picture or text file", zh="图片或文本文件")


@command(
    "ask",
    hint=Words(en="Ask the model a question", zh="向模型提问"),
    options=(
        # Not required: a picture, or the message replied to, can be the question.
        Option("question", Words(en="Your question", zh="您的问题")),
        Option("file", _FILE, OptionKind.ATTACHMENT),
        Option("file2", _FILE, OptionKind.ATTACHMENT),
        Option("file3", _FILE, OptionKind.ATTACHMENT),
    ),
    on_message=Words(en="Ask about this", zh="询问这条消息"),
)
async def ask(turn: Turn, services: Services) -> Reply:
    """Answer the person's words, files and quoted message."""
    return await _answer(turn, services, await services.conversations.ask(turn, turn.option("question", turn.text)))


@ask.action("regenerate", replaces=True)
async def regenerate(turn: Turn, services: Services) -> Reply:
    """Answer the same question again, beside the earlier answer."""
    return await _answer(turn, services, await services.conversations.ask_again(turn))


@ask.action("continue")
async def carry_on(turn: Turn, services: Services) -> Reply:
    """Go on with an answer, below it."""
    return await _answer(turn, services, await services.conversations.ask_for_more(turn))


async def _answer(turn: Turn, services: Services, question: Question) -> Reply:
    heard = Heard(question.model)
    turn.stage.if_stopped(lambda _: _reply(turn, question, heard, stopped=True))
    await hear(heard, question, turn, services)
    services.conversations.answered(question, shortened=heard.shortened)
    return _reply(turn, question, heard)


def _reply(turn: Turn, question: Question, heard: Heard, *, stopped: bool = False) -> Reply:
    """Return the answer with what must be said about it, what is remembered of it, and its buttons."""
    said = bool(heard.text.strip())
    lines = [] if stopped else _lines(question, heard, said=said)
    text = with_lines_below(heard.text, *(words.in_language(turn.language) for words in lines))
    if not said:
        # A refused question is not kept: the model would refuse every later one because of it.
        keep = question.kept and heard.finish is not Finish.REFUSED
        buttons = ((_regenerate(turn, question),),) if keep else ()
        return Reply((Text(text),), buttons, question.exchange(spent=(heard.spent,), keep=keep))
    exchange = question.exchange(heard.message, spent=(heard.spent,))
    if not question.kept:  # the buttons would have nothing to go on with
        return Reply((Text(text),), (), exchange)
    more = Button(CONTINUE, carry_on.press({"turn": turn.id}))
    return Reply((Text(text),), ((_regenerate(turn, question), more),), exchange)


def _lines(question: Question, heard: Heard, *, said: bool) -> list[Words]:
    lines = []
    match heard.finish:
        case Finish.REFUSED:
            lines.append(REFUSED)
        case Finish.LENGTH if not said and heard.thought_tokens:
            lines.append(ONLY_THOUGHT)
        case _ if not said:
            lines.append(NOTHING_SAID)
        case Finish.LENGTH | Finish.CUT:
            lines.append(CUT)
    lines.extend(question.remarks)
    if heard.model != question.model:
        lines.append(OTHER_MODEL.with_values(model=heard.model, chosen=question.model))
    return lines


def _regenerate(turn: Turn, question: Question) -> Button:
    """Return the button that asks again; a question that this turn does not add itself is named by its id."""
    arguments: Arguments = {"turn": turn.id}
    if question.remembered_as is not None:
        arguments["question"] = question.remembered_as
    return Button(REGENERATE, regenerate.press(arguments))
