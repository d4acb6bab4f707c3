"""/persona: who the bot is in this channel: one of ours, or one that a person wrote, edits and deletes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from handlers.command import Choice, Option, Who, command
from handlers.errors import ForPerson
from handlers.menus import page_of, paged
from handlers.personas import NAME_AT_MOST, TEXT_AT_MOST, OwnPersona, Persona, Personas
from handlers.reply import Button, Field, Form, Presser, Reply, Style, Text
from handlers.words import LANGUAGES, Words

if TYPE_CHECKING:
    from handlers.services import Services
    from handlers.turn import Turn

NOBODY = ":none"  # the setting that says so: a thread may do without its chat's persona

WHO_NOW = Words(en="Who shall I be here? Now: **{name}**.", zh="我在这里该扮演谁？目前：**{name}**。")
MYSELF = Words(en="Just myself", zh="就是我自己")
CHOSEN = Words(
    en="From now on I am **{name}** here. /reset makes me forget how I spoke before.",
    zh="从现在起，我在这里是**{name}**。/reset 可让我忘掉之前的说话方式。",
)
MYSELF_AGAIN = Words(en="From now on I am just myself here.", zh="从现在起，我就是我自己。")
UNKNOWN = Words(
    en="I know no persona “{name}”. /persona shows those there are.", zh="没有名为“{name}”的角色。用 /persona 查看。"
)
GONE = Words(en="That persona is gone. /persona shows those there are.", zh="该角色已不存在。用 /persona 查看。")
YOURS = Words(en="Your own personas:", zh="您自己的角色：")
NONE_YOURS = Words(en="You have written no persona yet.", zh="您还没有写过角色。")
REALLY = Words(en="Delete your persona **{name}**? Its text is lost then.", zh="删除角色**{name}**？其内容将无法恢复。")
DELETED = Words(en="**{name}** is deleted.", zh="**{name}**已删除。")

WRITE = Words(en="Write one…", zh="写一个……")
MINE = Words(en="My own…", zh="我写的……")
BACK = Words(en="Back", zh="返回")
EDIT = Words(en="Edit {name}", zh="编辑 {name}")
DELETE = Words(en="Delete {name}", zh="删除 {name}")
DELETE_IT = Words(en="Delete it", zh="删除")
KEEP_IT = Words(en="Keep it", zh="保留")


def _form(own: OwnPersona | None = None) -> Form:
    return Form(
        Words(en="A persona of your own", zh="自己的角色"),
        (
            Field("name", Words(en="Name", zh="名称"), value=own.name if own else "", at_most=NAME_AT_MOST),
            Field(
                "text",
                Words(en="Who am I, and how do I speak?", zh="我是谁，怎么说话？"),
                Words(en="You are a ship's cook of many years. You…", zh="你是一位经验丰富的船上厨师，你……"),
                value=own.text if own else "",
                long=True,
                at_most=TEXT_AT_MOST,
            ),
        ),
    )


async def _complete(services: Services, conversation: str, typed: str) -> Sequence[Choice]:
    """Offer ours: who is typing is not known here, and nobody's own ones are shown to others."""
    wanted = typed.strip().lower()
    ours = await Personas(services.storage.settings).all_for("")
    return [Choice(each.name.en, each.name) for each in ours if wanted in f"{each.name.en} {each.name.zh}".lower()]


@command(
    "persona",
    hint=Words(en="Choose who I am here", zh="选择我在此扮演的角色"),
    options=(Option("name", Words(en="Persona", zh="角色"), complete=_complete),),
    who=Who.ADMINS,
)
async def persona(turn: Turn, services: Services) -> Reply:
    """Show the personas, or take the one that was named."""
    named = turn.option("name").strip()
    if not named:
        return await _menu(turn, services, await _name_in_force(turn, services), in_place=False)
    for each in await Personas(services.storage.settings).all_for(turn.person.id):
        if named.lower() in {each.name.in_language(speaks).lower() for speaks in LANGUAGES}:
            await services.storage.settings.put(turn.place.conversation, "persona", each.key)
            return Reply((Text(_say(CHOSEN, turn, name=each.name.in_language(turn.language))),))
    raise ForPerson(UNKNOWN.with_values(name=named[:NAME_AT_MOST]))


@persona.action("page")
async def turn_page(turn: Turn, services: Services) -> Reply:
    """Show another page of the list."""
    page = turn.arguments.get("page")
    current = await _name_in_force(turn, services)
    return await _menu(turn, services, current, page=page if isinstance(page, int) else 0)


@persona.action("choose")
async def choose(turn: Turn, services: Services) -> Reply:
    """Become the persona of the button, or just oneself again."""
    key = str(turn.arguments.get("persona"))
    chosen = await Personas(services.storage.settings).named(key)
    if chosen is None and key != NOBODY:
        raise ForPerson(GONE)
    return await _become(turn, services, chosen)


@persona.action("write")
async def write(turn: Turn, services: Services) -> Reply:
    """Keep what was written into the form, and become it."""
    personas = Personas(services.storage.settings)
    written = await personas.write(turn.person.id, turn.fields.get("name", ""), turn.fields.get("text", ""))
    return await _become(turn, services, written)


@persona.action("mine")
async def mine(turn: Turn, services: Services) -> Reply:
    """Show the person's own personas, to be edited or deleted."""
    page = turn.arguments.get("page")
    return await _own_menu(turn, services, page if isinstance(page, int) else 0)


@persona.action("edit")
async def edit(turn: Turn, services: Services) -> Reply:
    """Keep the new text of a persona. Where it is in force, the new text is from now on."""
    personas, identity = Personas(services.storage.settings), str(turn.arguments.get("id"))
    if not any(own.id == identity for own in await personas.own(turn.person.id)):
        raise ForPerson(GONE)
    name, text = turn.fields.get("name", ""), turn.fields.get("text", "")
    await personas.write(turn.person.id, name, text, instead_of=identity)
    return await _own_menu(turn, services, 0)


@persona.action("delete")
async def delete(turn: Turn, services: Services) -> Reply:
    """Ask whether the persona is really to be deleted."""
    identity = str(turn.arguments.get("id"))
    own = await Personas(services.storage.settings).own(turn.person.id)
    found = next((each for each in own if each.id == identity), None)
    if found is None:
        raise ForPerson(GONE)
    buttons = (
        Button(DELETE_IT, really_delete.press({"id": identity}), Style.DANGER),
        Button(KEEP_IT, mine.press()),
    )
    return Reply((Text(_say(REALLY, turn, name=found.name)),), (buttons,), in_place=True)


@persona.action("really-delete")
async def really_delete(turn: Turn, services: Services) -> Reply:
    """Delete one of the person's own. Where it was in force, the bot is itself again."""
    gone = await Personas(services.storage.settings).delete(turn.person.id, str(turn.arguments.get("id")))
    if gone is None:
        raise ForPerson(GONE)
    return await _own_menu(turn, services, 0, said=_say(DELETED, turn, name=gone.name))


async def _become(turn: Turn, services: Services, chosen: Persona | None) -> Reply:
    await services.storage.settings.put(turn.place.conversation, "persona", chosen.key if chosen else NOBODY)
    if chosen is None:
        return await _menu(turn, services, None, said=_say(MYSELF_AGAIN, turn))
    name = chosen.name.in_language(turn.language)
    return await _menu(turn, services, chosen, said=_say(CHOSEN, turn, name=name))


async def _name_in_force(turn: Turn, services: Services) -> Persona | None:
    return await Personas(services.storage.settings).in_force(turn.settings)


async def _menu(
    turn: Turn,
    services: Services,
    current: Persona | None,
    *,
    page: int | None = None,
    said: str = "",
    in_place: bool = True,
) -> Reply:
    """Return the list with what each is, and its buttons: who is in force is marked."""
    everyone = await Personas(services.storage.settings).all_for(turn.person.id)
    keys = [each.key for each in everyone]
    key = current.key if current else NOBODY
    name = (current.name if current else MYSELF).in_language(turn.language)
    lines = [
        f"- **{each.name.in_language(turn.language)}**: {each.about.in_language(turn.language)}" for each in everyone
    ]
    own = len(keys) > len([each for each in keys if each.startswith(":")])
    below = [
        _choice(NOBODY, MYSELF.in_language(turn.language), key),
        Button(WRITE, write.press(who=Presser.ADMINS, form=_form())),
        *([Button(MINE, mine.press())] if own else []),
    ]
    rows = paged(
        [_choice(each.key, each.name.in_language(turn.language), key) for each in everyone],
        page if page is not None else page_of(keys.index(key) if key in keys else 0),
        turn_to=turn_page,
        who=Presser.ADMINS,
        below=below,
    )
    text = "\n\n".join((said or _say(WHO_NOW, turn, name=name), "\n".join(lines)))
    return Reply((Text(text),), rows, in_place=in_place)


async def _own_menu(turn: Turn, services: Services, page: int, *, said: str = "") -> Reply:
    own = await Personas(services.storage.settings).own(turn.person.id)
    entries = []
    for each in own:
        entries.append(Button(EDIT.with_values(name=each.name), edit.press({"id": each.id}, form=_form(each))))
        entries.append(Button(DELETE.with_values(name=each.name), delete.press({"id": each.id}), Style.DANGER))
    lines = [f"- **{each.name}**" for each in own]
    head = [said] if said else []
    text = "\n".join([*head, _say(YOURS if own else NONE_YOURS, turn), *lines])
    back = Button(BACK, turn_page.press({"page": 0}))
    return Reply((Text(text),), paged(entries, page, turn_to=mine, below=(back,)), in_place=True)


def _choice(key: str, name: str, current: str) -> Button:
    return Button(
        f"✓ {name}" if key == current else name,
        choose.press({"persona": key}, who=Presser.ADMINS),
        Style.PRIMARY if key == current else Style.PLAIN,
    )


def _say(words: Words, turn: Turn, **values: object) -> str:
    return words.with_values(**values).in_language(turn.language)
