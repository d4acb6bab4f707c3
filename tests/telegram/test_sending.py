"""Pages become messages, and Telegram's refusals become the contract's errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.ports import Entity, Gone, MessageGone, NoDrafts, Page, Parked, Refused, Unclear, Upload
from bot.telegram import TelegramAdapter
from handlers.turn import Person, Place
from tests.clock import FakeClock, until
from tests.fakes.telegram import Chat, FakeTelegram, Member
from tests.telegram.stage import MemoryNotes, Recorder, adapter_for, page, running


def place_in(chat: Chat, **more: str) -> Place:
    return Place("telegram", str(chat.id), private=chat.private, **more)


async def test_a_page_is_shown_with_its_format_and_buttons(bot: TelegramAdapter, chat: Chat) -> None:
    bold = Entity("bold", 3, 4)
    code = Entity("pre", 8, 5, language="python")
    await bot.post(place_in(chat), page("😀 bold x = 1", "Stop", entities=(bold, code)), nonce="1")

    [shown] = chat.messages
    assert (shown.text, shown.buttons) == ("😀 bold x = 1", [["Stop"]])
    assert [entity["type"] for entity in shown.entities] == ["bold", "pre"]
    assert shown.entities[1]["language"] == "python"


async def test_buttons_carry_their_id_and_style(telegram: FakeTelegram, bot: TelegramAdapter, chat: Chat) -> None:
    look = page("Sure?", "Yes")
    [[button]] = look.buttons
    danger = type(button)("Delete", "x" * 40, "danger")
    await bot.post(place_in(chat), Page("Sure?", "Sure?", 5, buttons=((button, danger),)), nonce="1")

    [[plain, red]] = (await telegram.next("sendMessage"))["reply_markup"]["inline_keyboard"]
    assert plain == {"text": "Yes", "callback_data": "id-Yes"}
    assert red == {"text": "Delete", "callback_data": "x" * 40, "style": "danger"}


async def test_links_get_no_preview(telegram: FakeTelegram, bot: TelegramAdapter, chat: Chat) -> None:
    message = await bot.post(place_in(chat), page("see https://example.org"), nonce="1")
    await bot.edit(place_in(chat), message, page("see https://example.com"))

    for method in ("sendMessage", "editMessageText"):
        assert (await telegram.next(method))["link_preview_options"] == {"is_disabled": True}


async def test_a_format_that_telegram_refuses_is_sent_plain_once_and_counted(
    telegram: FakeTelegram, clock: FakeClock, notes: MemoryNotes, inbox: Recorder, chat: Chat
) -> None:
    counted: list[int] = []
    adapter = adapter_for(telegram, clock, notes, plain_fallback=lambda: counted.append(1))
    half = Page("*😀*", "plain 😀", 4, entities=(Entity("bold", 2, 1),))
    async with running(adapter, inbox):
        message = await adapter.post(place_in(chat), half, nonce="1")
        assert chat.messages[-1].text == "plain 😀"
        await adapter.post(place_in(chat), page("x"), nonce="2")
        await adapter.edit(place_in(chat), message, Page("more", "more", 4, entities=(Entity("bold", 2, 99),)))

    assert [shown.text for shown in chat.messages] == ["more", "x"]
    assert len(counted) == 2


async def test_other_wordings_about_entities_fall_back_too(
    telegram: FakeTelegram, bot: TelegramAdapter, chat: Chat
) -> None:
    telegram.will_answer("sendMessage", 400, "Bad Request: can't parse entities: something odd at byte offset 5")
    await bot.post(place_in(chat), Page("bold", "plain", 4, entities=(Entity("bold", 0, 4),)), nonce="1")

    assert chat.messages[-1].text == "plain"


async def test_an_edit_changes_the_message_and_an_equal_one_is_success(bot: TelegramAdapter, chat: Chat) -> None:
    message = await bot.post(place_in(chat), page("one", "Stop"), nonce="1")
    await bot.edit(place_in(chat), message, page("two"))
    await bot.edit(place_in(chat), message, page("two"))

    assert [(shown.text, shown.buttons) for shown in chat.messages] == [("two", [])]


async def test_an_edit_of_what_is_deleted_says_so(bot: TelegramAdapter, chat: Chat) -> None:
    message = await bot.post(place_in(chat), page("one"), nonce="1")
    await chat.deletes(int(message))

    with pytest.raises(MessageGone):
        await bot.edit(place_in(chat), message, page("two"))


async def test_deleting_twice_is_success_and_an_old_message_stands(
    bot: TelegramAdapter, clock: FakeClock, chat: Chat
) -> None:
    message = await bot.post(place_in(chat), page("one"), nonce="1")
    await bot.delete(place_in(chat), message)
    await bot.delete(place_in(chat), message)
    assert chat.messages == []

    old = await bot.post(place_in(chat), page("two"), nonce="2")
    await clock.advance(49 * 3600)
    with pytest.raises(MessageGone):
        await bot.delete(place_in(chat), old)


async def test_too_fast_parks_for_what_telegram_says(bot: TelegramAdapter, group: Chat) -> None:
    for number in range(20):
        await bot.post(place_in(group), page(f"{number}"), nonce=f"{number}")
    with pytest.raises(Parked) as parked:
        await bot.post(place_in(group), page("one too many"), nonce="21")

    assert (parked.value.seconds, parked.value.everywhere) == (60.0, False)
    assert len(group.messages) == 20


async def test_a_429_without_a_time_parks_too(telegram: FakeTelegram, bot: TelegramAdapter, chat: Chat) -> None:
    telegram.will_answer("sendMessage", 429, {"ok": False})

    with pytest.raises(Parked) as parked:
        await bot.post(place_in(chat), page("x"), nonce="1")
    assert parked.value.seconds > 0


async def test_a_blocked_bot_is_told_that_the_chat_is_closed(bot: TelegramAdapter, chat: Chat, group: Chat) -> None:
    await chat.blocks()
    await group.removes_bot()

    for closed in (place_in(chat), place_in(group), Place("telegram", "987654321")):
        with pytest.raises(Gone):
            await bot.post(closed, page("hello?"), nonce="1")
        with pytest.raises(Gone):
            await bot.typing(closed)


async def test_an_answer_that_never_comes_leaves_a_message_unclear_and_is_not_repeated(
    telegram: FakeTelegram, bot: TelegramAdapter, chat: Chat
) -> None:
    telegram.drops("sendMessage")
    with pytest.raises(Unclear):
        await bot.post(place_in(chat), page("once"), nonce="1")

    assert [shown.text for shown in chat.messages] == ["once"]


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_a_server_error_leaves_a_message_unclear(
    telegram: FakeTelegram, bot: TelegramAdapter, chat: Chat, status: int
) -> None:
    telegram.will_answer("sendMessage", status, "<html>not JSON</html>")

    with pytest.raises(Unclear):
        await bot.post(place_in(chat), page("x"), nonce="1")


@pytest.mark.parametrize("body", [{"ok": False}, ["a", "list"], {"html": "a page of some proxy"}])
async def test_a_success_that_is_not_telegrams_leaves_a_message_unclear(
    telegram: FakeTelegram, bot: TelegramAdapter, chat: Chat, body: object
) -> None:
    telegram.will_answer("sendMessage", 200, body)

    with pytest.raises(Unclear):
        await bot.post(place_in(chat), page("x"), nonce="1")


async def test_what_can_be_repeated_without_harm_is_parked_instead(
    telegram: FakeTelegram, bot: TelegramAdapter, chat: Chat
) -> None:
    message = await bot.post(place_in(chat), page("one"), nonce="1")
    telegram.drops("editMessageText")
    telegram.drops("sendMessageDraft")
    with pytest.raises(Parked):
        await bot.edit(place_in(chat), message, page("two"))
    with pytest.raises(Parked):
        await bot.draft(place_in(chat), 1, page("two"))

    await bot.edit(place_in(chat), message, page("two"))  # it had arrived: "not modified" is success


async def test_where_nothing_was_sent_everything_is_parked(
    telegram: FakeTelegram, clock: FakeClock, notes: MemoryNotes, inbox: Recorder, chat: Chat
) -> None:
    adapter = adapter_for(telegram, clock, notes)
    with pytest.raises(Parked):  # not running
        await adapter.post(place_in(chat), page("x"), nonce="1")
    async with running(adapter, inbox):
        await telegram.stop()
        with pytest.raises(Parked) as parked:
            await adapter.post(place_in(chat), page("x"), nonce="1")
    assert parked.value.everywhere


async def test_what_telegram_refuses_for_a_reason_of_ours_is_refused(
    telegram: FakeTelegram, bot: TelegramAdapter, chat: Chat
) -> None:
    with pytest.raises(Refused, match="too long"):
        await bot.post(place_in(chat), page("x" * 4097), nonce="1")
    with pytest.raises(Refused, match="empty"):
        await bot.post(place_in(chat), page(""), nonce="2")
    telegram.will_answer("sendMessage", 413, "Request Entity Too Large")
    with pytest.raises(Refused):
        await bot.post(place_in(chat), page("x"), nonce="3")


async def test_a_lone_surrogate_does_not_break_a_send(bot: TelegramAdapter, chat: Chat) -> None:
    await bot.post(place_in(chat), page("half \ud83d of an emoji"), nonce="1")

    assert chat.messages[-1].text == "half \ufffd of an emoji"


async def test_the_first_answer_in_a_group_shows_to_what_and_the_next_do_not(
    bot: TelegramAdapter, group: Chat, chat: Chat
) -> None:
    question = await group.says("/ask")
    at = place_in(group, message=str(question.id))
    for number in range(2):
        await bot.post(at, page(f"part {number}"), nonce=f"{number}")
    assert [shown.reply_to for shown in group.answers] == [question.id, None]

    private = await chat.says("hi")
    await bot.post(place_in(chat, message=str(private.id)), page("hi"), nonce="3")
    assert chat.answers[0].reply_to is None


async def test_an_answer_to_a_deleted_question_arrives(bot: TelegramAdapter, group: Chat) -> None:
    question = await group.says("/ask")
    await group.deletes(question)
    await bot.post(place_in(group, message=str(question.id)), page("late"), nonce="1")

    assert group.answers[0].text == "late"


async def test_everything_goes_to_its_topic(telegram: FakeTelegram, bot: TelegramAdapter, ann: Member) -> None:
    forum = telegram.group("Forum", members=[ann], forum=True)
    topic = await forum.makes_topic("Cats")
    at = place_in(forum, thread=str(topic))
    await bot.typing(at)
    await bot.post(at, page("meow"), nonce="1")

    assert (await telegram.next("sendChatAction"))["message_thread_id"] == topic
    assert forum.answers[0].thread == topic


async def test_when_the_topic_is_gone_the_answer_comes_without_it(
    telegram: FakeTelegram, bot: TelegramAdapter, ann: Member
) -> None:
    forum = telegram.group("Forum", members=[ann], forum=True)
    lost, closed = await forum.makes_topic("Cats"), await forum.makes_topic("Dogs")
    forum.loses_topic(lost)
    forum.closed_topics.add(closed)
    for topic in (lost, closed):
        await bot.post(place_in(forum, thread=str(topic)), page("where am I?"), nonce=f"{topic}")

    assert [shown.thread for shown in forum.answers] == [None, None]


async def test_a_send_to_a_group_that_moved_goes_to_its_new_id_and_dispatch_is_told(
    telegram: FakeTelegram, bot: TelegramAdapter, inbox: Recorder, ann: Member
) -> None:
    old = telegram.group("Small", members=[ann], basic=True)
    new = telegram.group("Big", members=[ann])
    old.migrated_to = new  # the bot has not heard of it yet
    message = await bot.post(place_in(old), page("still delivered"), nonce="1")
    await bot.edit(place_in(old), message, page("edited there"))

    assert [shown.text for shown in new.messages] == ["edited there"]
    assert inbox.moves == [("telegram", str(old.id), str(new.id))]


async def test_drafts_grow_in_private_chats_with_a_stop_button(
    telegram: FakeTelegram, bot: TelegramAdapter, chat: Chat
) -> None:
    for text in ("", "Once", "Once upon a time"):
        await bot.draft(place_in(chat), 9, page(text, "Stop"))
    assert chat.draft == "Once upon a time"
    assert (await telegram.next("sendMessageDraft"))["can_stop"] is True

    await bot.post(place_in(chat), page("Once upon a time."), nonce="1")
    assert chat.draft is None


async def test_groups_have_no_drafts(telegram: FakeTelegram, bot: TelegramAdapter, group: Chat) -> None:
    with pytest.raises(NoDrafts):
        await bot.draft(place_in(group), 1, page("x"))
    assert [call for call in telegram.calls if call.method == "sendMessageDraft"] == []


async def test_a_server_without_drafts_is_asked_once(
    telegram: FakeTelegram, bot: TelegramAdapter, chat: Chat, bob: Member
) -> None:
    telegram.knows_no("sendMessageDraft")
    for someone in (chat, chat, telegram.private(bob)):
        with pytest.raises(NoDrafts):
            await bot.draft(place_in(someone), 1, page("x"))

    assert len([call for call in telegram.calls if call.method == "sendMessageDraft"]) == 1


async def test_a_chat_that_refuses_drafts_is_remembered_and_others_keep_theirs(
    telegram: FakeTelegram, bot: TelegramAdapter, chat: Chat, bob: Member
) -> None:
    telegram.will_answer("sendMessageDraft", 400, "Bad Request: TEXTDRAFT_PEER_INVALID")
    for _ in range(2):
        with pytest.raises(NoDrafts):
            await bot.draft(place_in(chat), 1, page("x"))
    await bot.draft(place_in(telegram.private(bob)), 1, page("x"))

    assert len([call for call in telegram.calls if call.method == "sendMessageDraft"]) == 2


async def test_a_draft_whose_format_is_refused_is_shown_plain(bot: TelegramAdapter, chat: Chat) -> None:
    await bot.draft(place_in(chat), 1, Page("x", "plain", 1, entities=(Entity("bold", 5, 5),)))

    assert chat.draft == "plain"


def upload(folder: Path, content: bytes = b"col\n1\n") -> Upload:
    path = folder / "stored"
    path.write_bytes(content)
    return Upload('table "表".csv', "text/csv", str(path), len(content))


async def test_a_file_goes_with_its_words_as_caption(
    telegram: FakeTelegram, bot: TelegramAdapter, chat: Chat, tmp_path: Path
) -> None:
    look = page("the rest", "Again", upload=upload(tmp_path))
    message = await bot.post(place_in(chat), look, nonce="1")

    [shown] = chat.messages
    assert (shown.document, shown.text, shown.buttons) == ('table "表".csv', "the rest", [["Again"]])
    document = (await telegram.next("sendDocument"))["document"]
    assert (document.content, document.media_type) == (b"col\n1\n", "text/csv")

    await bot.edit(place_in(chat), message, page("all of it", upload=look.upload))
    assert [(shown.document, shown.text) for shown in chat.messages] == [('table "表".csv', "all of it")]


async def test_words_too_long_for_a_caption_follow_the_file(bot: TelegramAdapter, chat: Chat, tmp_path: Path) -> None:
    look = page("x" * 1025, "Again", upload=upload(tmp_path))
    message = await bot.post(place_in(chat), look, nonce="1")
    await bot.edit(place_in(chat), message, page("y" * 1025, upload=look.upload))

    assert [(shown.document, shown.text[:1], shown.buttons) for shown in chat.messages] == [
        ('table "表".csv', "", []),
        (None, "y", []),
    ]


async def test_a_file_that_went_is_not_sent_again_when_its_words_must_wait(
    telegram: FakeTelegram, bot: TelegramAdapter, chat: Chat, tmp_path: Path
) -> None:
    look = page("x" * 1025, upload=upload(tmp_path))
    telegram.will_answer("sendMessage", 429, {"ok": False, "parameters": {"retry_after": 3}})
    with pytest.raises(Parked):
        await bot.post(place_in(chat), look, nonce="same")
    await bot.post(place_in(chat), look, nonce="same")

    assert [shown.document for shown in chat.messages] == ['table "表".csv', None]


async def test_a_file_that_is_not_there_is_refused(bot: TelegramAdapter, chat: Chat, tmp_path: Path) -> None:
    with pytest.raises(Refused):
        await bot.post(place_in(chat), page("x", upload=Upload("a", "b/c", str(tmp_path / "no"), 1)), nonce="1")


async def test_typing_is_shown(telegram: FakeTelegram, bot: TelegramAdapter, chat: Chat) -> None:
    await bot.typing(place_in(chat))

    assert await telegram.next("sendChatAction") == {"chat_id": chat.id, "action": "typing"}


async def test_nothing_is_told_to_one_person_in_public(
    telegram: FakeTelegram, bot: TelegramAdapter, group: Chat
) -> None:
    assert await bot.tell(place_in(group), Person("telegram:1", "Ann"), "secret") is False
    assert group.messages == []


async def test_a_press_answered_too_late_is_no_matter(
    telegram: FakeTelegram, bot: TelegramAdapter, chat: Chat, inbox: Recorder
) -> None:
    telegram.will_answer(
        "answerCallbackQuery",
        400,
        "Bad Request: query is too old and response timeout expired or query ID is invalid",
    )
    await chat.presses_data("x", 1)
    await until(lambda: [call for call in telegram.calls if call.method == "answerCallbackQuery"] or None)
    await chat.says("still alive")

    await until(lambda: len(inbox.events) == 2 or None)


@pytest.mark.parametrize(("private", "count"), [(True, 6), (False, 21)])
async def test_the_pace_that_is_declared_meets_no_429(
    bot: TelegramAdapter, clock: FakeClock, chat: Chat, group: Chat, private: bool, count: int
) -> None:
    wait_s = 1 / bot.pace.private_per_s if private else 60 / bot.pace.group_per_minute
    for number in range(count):
        await bot.post(place_in(chat if private else group), page(f"{number}"), nonce=f"{number}")
        await clock.advance(wait_s)
