"""Personas: who the bot is in a conversation. A few of ours, and those that people write for themselves.

A person's own ones live among that person's settings, so that they go when the person asks to be forgotten. The
setting `persona` of a conversation holds a key: `:tutor` (one of ours) or `<person id> <persona id>`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from handlers.errors import ForPerson
from handlers.words import Words

if TYPE_CHECKING:
    from storage.settings import Settings

OWN_AT_MOST = 20
NAME_AT_MOST = 40  # characters
TEXT_AT_MOST = 4000  # characters: what a window's text field takes on Discord
_OWN = "personas"  # the setting, in a person's scope, that holds theirs

TOO_MANY = Words(
    en="You have {limit} personas already. Delete one before you write another.",
    zh="您已有 {limit} 个角色，请先删除一个再新建。",
)
EMPTY = Words(en="A persona needs a name and a text.", zh="角色需要名称和内容。")
TOO_LONG = Words(
    en="A persona's name has at most {name} characters and its text at most {text}.",
    zh="角色名称最多 {name} 个字符，内容最多 {text} 个字符。",
)


@dataclass(frozen=True, slots=True)
class Persona:
    """Who the bot is: `prompt` is said to the model."""

    key: str
    name: Words
    about: Words
    prompt: str


class OwnPersona(msgspec.Struct, frozen=True):
    """A persona that a person wrote."""

    id: str
    name: str
    text: str


BUILT_IN: tuple[Persona, ...] = (
    Persona(
        ":tutor",
        Words(en="Tutor", zh="导师"),
        Words(en="explains step by step and asks back", zh="循序渐进地讲解，并反过来提问"),
        "You are a patient tutor. Find out what the person knows already, explain one step at a time with a small "
        "example, and end with one question that lets them try it themselves. Never give the finished solution of "
        "an exercise before they have tried; give the next hint instead.",
    ),
    Persona(
        ":translator",
        Words(en="Translator", zh="翻译"),
        Words(en="translates between Chinese and English", zh="中英互译"),
        "You are a translator. Translate what the person writes: Chinese into English, anything else into Simplified "
        "Chinese, unless they name another language. Keep the tone, the formatting, names and code. Answer with the "
        "translation alone; add a note only where the text can be read in two ways.",
    ),
    Persona(
        ":programmer",
        Words(en="Programmer", zh="程序员"),
        Words(en="writes and reviews code", zh="编写和审查代码"),
        "You are an experienced programmer. Ask for what is missing only if the answer depends on it; otherwise name "
        "your assumption in one line. Give complete code that runs, in fenced blocks that name the language, with "
        "error cases handled. Explain what is not obvious, and say what you have not tested.",
    ),
    Persona(
        ":editor",
        Words(en="Editor", zh="编辑"),
        Words(en="improves texts without changing what they say", zh="润色文字而不改变原意"),
        "You are an editor. Improve the person's text: correct, plain, lively, in its own language and voice, nothing "
        "added and nothing lost. Give the improved text first, then at most five short remarks on the changes that "
        "matter most.",
    ),
    Persona(
        ":brief",
        Words(en="Brief", zh="简洁"),
        Words(en="answers in as few words as possible", zh="用最少的话回答"),
        "Answer in as few words as the matter allows: one sentence where one will do, no introduction, no summary, "
        "no offer of more help.",
    ),
    Persona(
        ":storyteller",
        Words(en="Storyteller", zh="说书人"),
        Words(en="tells a story in which you decide what happens", zh="讲述由你决定走向的故事"),
        "You are a storyteller. Tell a story together with the people here: vivid, consistent, at most 200 words at a "
        "time, in their language. Stop where it matters and offer two or three ways to go on. Keep track of who is "
        "where and carries what.",
    ),
)
_BY_KEY = {persona.key: persona for persona in BUILT_IN}
OWN_ABOUT = Words(en="your own", zh="自己写的")


class Personas:
    """Finds and keeps personas in the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def in_force(self, settings: Mapping[str, object]) -> Persona | None:
        """Return the persona that the settings of a turn name; None where none is, or it has been deleted."""
        key = settings.get("persona")
        return await self.named(key) if isinstance(key, str) else None

    async def named(self, key: str) -> Persona | None:
        """Return a persona by its key."""
        if key.startswith(":"):
            return _BY_KEY.get(key)
        person, _, identity = key.rpartition(" ")
        return next((_shown(person, own) for own in await self.own(person) if own.id == identity), None)

    async def own(self, person: str) -> tuple[OwnPersona, ...]:
        """Return the personas that a person wrote, oldest first."""
        stored = (await self._settings.lookup((f"person:{person}",))).get(_OWN, [])
        return tuple(msgspec.convert(stored, list[OwnPersona]))

    async def all_for(self, person: str) -> tuple[Persona, ...]:
        """Return what a person can choose from: ours, then their own."""
        return (*BUILT_IN, *(_shown(person, own) for own in await self.own(person)))

    async def write(self, person: str, name: str, text: str, *, instead_of: str | None = None) -> Persona:
        """Keep a persona of the person's, new or in the place of `instead_of` (an id). Raises `ForPerson`."""
        name, text = " ".join(name.split()), text.strip()
        if not name or not text:
            raise ForPerson(EMPTY)
        if len(name) > NAME_AT_MOST or len(text) > TEXT_AT_MOST:
            raise ForPerson(TOO_LONG.with_values(name=NAME_AT_MOST, text=TEXT_AT_MOST))
        known = await self.own(person)
        written = OwnPersona(instead_of or secrets.token_hex(4), name, text)
        if any(own.id == instead_of for own in known):
            kept = [written if own.id == instead_of else own for own in known]
        elif len(known) >= OWN_AT_MOST:
            raise ForPerson(TOO_MANY.with_values(limit=OWN_AT_MOST))
        else:
            kept = [*known, written]
        await self._keep(person, kept)
        return _shown(person, written)

    async def delete(self, person: str, identity: str) -> OwnPersona | None:
        """Delete one of the person's personas and return it; None where it is gone already."""
        known = await self.own(person)
        found = next((own for own in known if own.id == identity), None)
        if found is not None:
            await self._keep(person, [own for own in known if own.id != identity])
        return found

    async def _keep(self, person: str, personas: list[OwnPersona]) -> None:
        await self._settings.put(f"person:{person}", _OWN, msgspec.to_builtins(personas) or None)


def _shown(person: str, own: OwnPersona) -> Persona:
    return Persona(f"{person} {own.id}", Words(en=own.name, zh=own.name), OWN_ABOUT, own.text)
