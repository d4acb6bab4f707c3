"""/language: in which language the bot itself speaks. A person's in private chats, the channel's in groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.command import Choice, Option, Who, command
from handlers.reply import Button, Presser, Reply, Style, Text
from handlers.words import LANGUAGES, Words

if TYPE_CHECKING:
    from handlers.services import Services
    from handlers.turn import Turn

NAMES = {"en": "English", "zh": "中文"}
AUTOMATIC = "auto"
AUTOMATIC_LABEL = Words(en="Automatic", zh="自动")
WHICH = Words(
    en="In which language shall I speak? Models answer in the language you write in, whatever is chosen here.",
    zh="我该用哪种语言说话？无论怎么选，模型都会用您提问的语言回答。",
)
CHOSEN = Words(en="From now on I speak English.", zh="从现在起我说中文。")
NOW_AUTOMATIC = Words(
    en="From now on I speak the language that your app tells me.", zh="从现在起我使用您的应用所设置的语言。"
)


@command(
    "language",
    hint=Words(en="Choose my language", zh="选择我的语言"),
    options=(
        Option(
            "language",
            Words(en="Language", zh="语言"),
            choices=(*(Choice(code, name) for code, name in NAMES.items()), Choice(AUTOMATIC, AUTOMATIC_LABEL)),
        ),
    ),
    who=Who.ADMINS,
)
async def language(turn: Turn, services: Services) -> Reply:
    """Offer the languages, or take the one that was named."""
    named = turn.option("language")
    if named:
        return Reply((Text(await _chosen(named, turn, services)),))
    return Reply((Text(WHICH.in_language(turn.language)),), (_buttons(turn.settings.get("language"), turn.language),))


@language.action("choose")
async def choose(turn: Turn, services: Services) -> Reply:
    """Take the language of the button that was pressed."""
    named = str(turn.arguments.get("language"))
    text = await _chosen(named, turn, services)
    speaks = named if named in LANGUAGES else turn.language
    return Reply((Text(text),), (_buttons(named if named in LANGUAGES else None, speaks),), in_place=True)


async def _chosen(named: str, turn: Turn, services: Services) -> str:
    """Keep the choice and return the sentence that says so."""
    scope = f"person:{turn.person.id}" if turn.place.private else turn.place.conversation
    known = named in LANGUAGES
    await services.storage.settings.put(scope, "language", named if known else None)
    return CHOSEN.in_language(named) if known else NOW_AUTOMATIC.in_language(turn.language)


def _buttons(current: object, speaks: str) -> tuple[Button, ...]:
    """Return a button for each language; the one in force is marked. Labels are in the language chosen just now."""
    labels = {**NAMES, AUTOMATIC: AUTOMATIC_LABEL.in_language(speaks)}
    in_force = current if current in NAMES else AUTOMATIC
    return tuple(
        Button(
            f"✓ {label}" if code == in_force else label,
            choose.press({"language": code}, who=Presser.ADMINS),
            Style.PRIMARY if code == in_force else Style.PLAIN,
        )
        for code, label in labels.items()
    )
