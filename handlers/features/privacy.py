"""/privacy: what is kept of a person, to be seen, taken along and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.command import command
from handlers.conversation import REMEMBER
from handlers.export import FORMAT, Kept, iso, theirs, written
from handlers.reply import Button, File, Presser, Reply, Style, Text
from handlers.words import Words

if TYPE_CHECKING:
    from handlers.services import Services
    from handlers.turn import Turn

_EXPORTS = "exports"  # the person's setting that names the export files made for them, so that they go too

KEPT = Words(
    en="**What I keep**\n"
    "- What you say to me and what is answered, with the files you send: so that the conversation can go on.\n"
    "- Your settings, and the personas you wrote.\n"
    "- How much each question used: so far {calls} calls, {tokens} tokens.\n\n"
    "Your words go to the relay whose models answer them. In groups I hear only what is meant for me.",
    zh="**我保存的内容**\n"
    "- 您对我说的话、我的回答，以及您发送的文件：用于继续对话。\n"
    "- 您的设置和您写的角色。\n"
    "- 每次提问的用量：目前共 {calls} 次调用，{tokens} 个 token。\n\n"
    "您的话会发送给中转站，由其模型回答。在群里，我只听对我说的话。",
)
NOT_REMEMBERED = Words(
    en="\n\n**You asked me to remember nothing of what you say**: each of your questions stands alone, and nothing new "
    "is added to a conversation. What I remembered before stays until you have it deleted.",
    zh="\n\n**您要求我不记住您说的话**：您的每个问题都是独立的，对话不会再增加内容。之前记住的内容会保留，直到您要求删除。",
)
REMEMBER_NOT = Words(en="Stop remembering me", zh="不再记住我")
REMEMBER_AGAIN = Words(en="Remember me again", zh="重新记住我")
EXPORT = Words(en="Export", zh="导出")
FORGET_CONVERSATION = Words(en="Forget this conversation…", zh="忘记这段对话……")
FORGET_ME = Words(en="Forget me…", zh="忘记我……")
BACK = Words(en="No, keep it", zh="不，保留")
YES = Words(en="Yes, delete for good", zh="是的，永久删除")

HERE_IT_IS = Words(
    en="This is what I keep of you: the same as JSON, for programs, and as Markdown, to be read.",
    zh="这是我保存的关于您的全部内容：JSON 供程序使用，Markdown 供阅读。",
)
HERE_IT_IS_GROUP = Words(
    en="This is what you said to me in this group, with the answers. For everything, ask me in a private chat.",
    zh="这是您在本群对我说的话和我的回答。要导出全部内容，请在私聊中操作。",
)
REALLY_CONVERSATION = Words(
    en="Shall I forget this conversation for good: everything said here, its files and its settings? It cannot be "
    "brought back.",
    zh="要永久忘记这段对话吗？这里说过的一切、文件和设置都将删除，无法恢复。",
)
REALLY_ME = Words(
    en="Shall I forget you for good: our private conversations, what you said in groups and the answers to it, your "
    "files, settings and personas? It cannot be brought back.",
    zh="要永久忘记您吗？我们的私聊、您在群里对我说的话及其回答、您的文件、设置和角色都将删除，无法恢复。",
)
CONVERSATION_GONE = Words(
    en="This conversation is gone from my memory: its messages, files, buttons and settings. What stands in the chat "
    "itself is yours to delete in your app. Counts of what was used remain.",
    zh="这段对话已从我的记忆中删除：消息、文件、按钮和设置。聊天窗口里的内容请在您的应用中自行删除。用量统计仍会保留。",
)
YOU_ARE_GONE = Words(
    en="I have forgotten you: your conversations, files, settings and personas are gone. What stands in the chats "
    "themselves is yours to delete in your app. Counts of what was used remain, without your name. If you write "
    "again, we meet for the first time.",
    zh="我已忘记您：您的对话、文件、设置和角色都已删除。聊天窗口里的内容请在您的应用中自行删除。用量统计仍会保留，但不含您的身份。"
    "您再次来信时，我们就是初次见面。",
)


@command("privacy", hint=Words(en="See, export or delete what I keep", zh="查看、导出或删除我保存的内容"))
async def privacy(turn: Turn, services: Services) -> Reply:
    """Say what is kept, with the buttons to take it along and to delete it."""
    return await _overview(turn, services, in_place=False)


@privacy.action("overview")
async def overview(turn: Turn, services: Services) -> Reply:
    """Come back from a question that was answered with no."""
    return await _overview(turn, services, in_place=True)


@privacy.action("remember")
async def remember(turn: Turn, services: Services) -> Reply:
    """Begin or end to remember what the person says, everywhere."""
    on = bool(turn.arguments.get("on"))
    await services.storage.settings.put(f"person:{turn.person.id}", REMEMBER, None if on else False)
    return await _overview(turn, services, in_place=True)


@privacy.action("export", urgent=True)
async def export(turn: Turn, services: Services) -> Reply:
    """Hand over what is kept: in a private chat everything, in a group only what was said there anyway."""
    files = await written(await _kept(turn, services))
    stored = [
        await services.storage.files.put(file.content, name=file.name, media_type=file.media_type) for file in files
    ]
    await _drop_exports(turn, services, but=[file.digest for file in stored])
    parts = tuple(File(file.name, file.media_type, file.digest, file.size) for file in stored)
    said = (HERE_IT_IS if turn.place.private else HERE_IT_IS_GROUP).in_language(turn.language)
    return Reply((Text(said), *parts), only_for_person=True)


@privacy.action("ask-conversation")
async def ask_conversation(turn: Turn, services: Services) -> Reply:
    """Ask whether the conversation is really to be forgotten."""
    yes = Button(YES, forget_conversation.press(who=Presser.ADMINS, once=True), Style.DANGER)
    return _really(REALLY_CONVERSATION, yes, turn)


@privacy.action("ask-me")
async def ask_me(turn: Turn, services: Services) -> Reply:
    """Ask whether the person is really to be forgotten."""
    return _really(REALLY_ME, Button(YES, forget_me.press(once=True), Style.DANGER), turn)


@privacy.action("forget-conversation", urgent=True)
async def forget_conversation(turn: Turn, services: Services) -> Reply:
    """Delete the conversation. What runs here is stopped first: a late answer would be remembered again."""
    await services.control.stop(turn.place.conversation)
    await _drop_exports(turn, services, but=[])
    await services.storage.forget_conversation(turn.place.conversation, keep=turn.id)
    return Reply((Text(CONVERSATION_GONE.in_language(turn.language)),), only_for_person=True, in_place=True)


@privacy.action("forget-me", urgent=True)
async def forget_me(turn: Turn, services: Services) -> Reply:
    """Delete the person, and all that is theirs."""
    person = turn.person.id
    for conversation in {turn.place.conversation, *await services.storage.memory.conversations_of(person)}:
        await services.control.stop(conversation, person=person)
    await _drop_exports(turn, services, but=[])
    await services.storage.forget_person(person, keep=turn.id)
    return Reply((Text(YOU_ARE_GONE.in_language(turn.language)),), only_for_person=True, in_place=True)


async def _overview(turn: Turn, services: Services, *, in_place: bool) -> Reply:
    spent = await services.storage.usage.totals(person=turn.person.id)
    tokens = spent.prompt_tokens + spent.completion_tokens
    scope = f"person:{turn.person.id}"
    on = (await services.storage.settings.lookup((scope,))).get(REMEMBER) is not False
    switch = Button(REMEMBER_NOT if on else REMEMBER_AGAIN, remember.press({"on": not on}))
    rows = (
        (Button(EXPORT, export.press()), switch),
        (
            Button(FORGET_CONVERSATION, ask_conversation.press(who=Presser.ADMINS)),
            Button(FORGET_ME, ask_me.press()),
        ),
    )
    text = KEPT.with_values(calls=spent.calls, tokens=tokens).in_language(turn.language)
    if not on:
        text += NOT_REMEMBERED.in_language(turn.language)
    return Reply((Text(text),), rows, only_for_person=True, in_place=in_place)


def _really(words: Words, yes: Button, turn: Turn) -> Reply:
    buttons = ((yes, Button(BACK, overview.press())),)
    return Reply((Text(words.in_language(turn.language)),), buttons, only_for_person=True, in_place=True)


async def _kept(turn: Turn, services: Services) -> Kept:
    storage, person = services.storage, turn.person.id
    known = await storage.memory.conversations_of(person)
    if not turn.place.private:
        known = [conversation for conversation in known if conversation == turn.place.conversation]
    settings = await storage.settings.lookup((f"person:{person}",)) if turn.place.private else {}
    settings.pop(_EXPORTS, None)
    return Kept(
        format=FORMAT,
        person=person,
        name=turn.person.name,
        exported_at=iso(services.now()),
        settings=settings,
        usage=await storage.usage.totals(person=person),
        conversations={each: theirs(await storage.memory.export(each), person) for each in known},
    )


async def _drop_exports(turn: Turn, services: Services, *, but: list[str]) -> None:
    """Delete the export files made for the person before: each holds all that they said."""
    scope = f"person:{turn.person.id}"
    earlier = (await services.storage.settings.lookup((scope,))).get(_EXPORTS, [])
    if isinstance(earlier, list):
        await services.storage.files.drop(digest for digest in earlier if digest not in but)
    await services.storage.settings.put(scope, _EXPORTS, but or None)
