"""/model: which model answers in this channel, from the relay's own list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from handlers.command import Choice, Option, Who, command
from handlers.errors import ForPerson
from handlers.menus import page_of, paged
from handlers.models import NAME_AT_MOST
from handlers.reply import Button, Presser, Reply, Style, Text
from handlers.words import Words

if TYPE_CHECKING:
    from handlers.services import Services
    from handlers.turn import Turn

NOW = Words(en="`{model}` answers here. Which one shall it be?", zh="目前由 `{model}` 回答。要换成哪一个？")
NO_LIST = Words(
    en="`{model}` answers here. The relay gives no list of models right now; name one with /model and its name.",
    zh="目前由 `{model}` 回答。暂时拿不到中转站的模型列表；可以用 /model 加名称指定一个。",
)
CHOSEN = Words(en="From now on `{model}` answers here.", zh="从现在起由 `{model}` 回答。")
UNCHECKED = Words(
    en="From now on `{model}` answers here. I could not check the name: the relay gives no list right now.",
    zh="从现在起由 `{model}` 回答。暂时拿不到模型列表，名称未经核对。",
)
UNKNOWN = Words(
    en="The relay offers no model `{name}`. /model shows those it has.",
    zh="中转站没有模型 `{name}`。用 /model 查看可用的模型。",
)
UNKNOWN_BUT_NEAR = Words(
    en="The relay offers no model `{name}`. Near to it: {near}.", zh="中转站没有模型 `{name}`。相近的有：{near}。"
)
DEFAULT = Words(en="The usual one", zh="恢复默认")


async def _complete(services: Services, conversation: str, typed: str) -> Sequence[Choice]:
    return [Choice(name, name) for name in await services.models.complete(typed)]


@command(
    "model",
    hint=Words(en="Choose the model that answers here", zh="选择在此回答的模型"),
    options=(Option("name", Words(en="Model name", zh="模型名称"), complete=_complete),),
    # One person's choice is what everybody's answers here will cost.
    who=Who.ADMINS,
)
async def model(turn: Turn, services: Services) -> Reply:
    """Show the models as buttons, or take the one that was named."""
    named = turn.option("name").strip()
    if named:
        return Reply((Text(await _named(named, turn, services)),))
    names = await services.models.names()
    current = _current(turn, services)
    words = NOW if names else NO_LIST
    page = page_of(names.index(current) if current in names else 0)
    return _menu(words.with_values(model=current), names, current, page, turn, in_place=False)


@model.action("page")
async def turn_page(turn: Turn, services: Services) -> Reply:
    """Show another page of the list."""
    names, current = await services.models.names(), _current(turn, services)
    page = turn.arguments.get("page")
    words = NOW.with_values(model=current)
    return _menu(words, names, current, page if isinstance(page, int) else 0, turn, in_place=True)


@model.action("choose")
async def choose(turn: Turn, services: Services) -> Reply:
    """Take the model of the button that was pressed; without a name, the operator's default."""
    named = turn.arguments.get("name")
    await services.storage.settings.put(turn.place.conversation, "model", named)
    # Where a thread gives up its own choice, that of its chat is in force again.
    left = await services.storage.settings.lookup(turn.place.scopes)
    current = str(left.get("model") or services.chat.model)
    names = await services.models.names()
    page = page_of(names.index(current) if current in names else 0)
    return _menu(CHOSEN.with_values(model=current), names, current, page, turn, in_place=True)


def _current(turn: Turn, services: Services) -> str:
    chosen = turn.settings.get("model")
    return chosen if isinstance(chosen, str) and chosen else services.chat.model


async def _named(named: str, turn: Turn, services: Services) -> str:
    """Keep the model that was named and return the sentence that says so. Raises `ForPerson` for an unknown one."""
    listed = bool(await services.models.names())
    found = await services.models.find(named) if listed else named
    if found is None or len(found) > NAME_AT_MOST or "`" in found or not found.isprintable():
        shown = "".join(sign for sign in named[:NAME_AT_MOST] if sign.isprintable() and sign != "`")
        near = ", ".join(f"`{name}`" for name in await services.models.near(named))
        words = UNKNOWN_BUT_NEAR if near else UNKNOWN
        raise ForPerson(words.with_values(name=shown, near=near))
    await services.storage.settings.put(turn.place.conversation, "model", found)
    return (CHOSEN if listed else UNCHECKED).with_values(model=found).in_language(turn.language)


def _menu(words: Words, names: Sequence[str], current: str, page: int, turn: Turn, *, in_place: bool) -> Reply:
    entries = [
        Button(
            f"✓ {name}" if name == current else name,
            choose.press({"name": name}, who=Presser.ADMINS),
            Style.PRIMARY if name == current else Style.PLAIN,
        )
        for name in names
    ]
    default = Button(DEFAULT, choose.press({"name": None}, who=Presser.ADMINS))
    rows = paged(entries, page, turn_to=turn_page, who=Presser.ADMINS, below=(default,))
    return Reply((Text(words.in_language(turn.language)),), rows, in_place=in_place)
