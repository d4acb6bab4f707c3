"""What people type and press in private chats arrives as events."""

from __future__ import annotations

import asyncio
import json

import pytest

from bot.ports import Edited, Pressed, Said
from bot.telegram import TelegramAdapter
from handlers.turn import Attachment, Kind, Person, Place
from tests.clock import until
from tests.fakes.telegram import Chat, FakeTelegram, Member
from tests.telegram.stage import Recorder, page

pytestmark = pytest.mark.usefixtures("bot")


async def said(inbox: Recorder, count: int = 1) -> Said:
    """Wait for so many events and return the last one's words."""
    await until(lambda: len(inbox.events) >= count or None)
    what = inbox.events[-1].what
    assert isinstance(what, Said)
    return what


def handle(attachment: Attachment) -> str:
    return str(json.loads(attachment.handle)["file_id"])


async def test_a_private_message_is_an_event_with_its_person_and_place(
    chat: Chat, ann: Member, inbox: Recorder, telegram: FakeTelegram
) -> None:
    message = await chat.says("hi there")

    assert (await said(inbox)).text == "hi there"
    [event] = inbox.events
    assert event.event == f"telegram:{telegram.bot.id}:500000001"
    assert event.person == Person(f"telegram:{ann.id}", "Ann", "zh-hans")
    assert event.place == Place("telegram", str(ann.id), private=True, message=str(message.id))


async def test_all_updates_of_one_answer_are_accepted_in_one_call(
    telegram: FakeTelegram, chat: Chat, bob: Member, inbox: Recorder
) -> None:
    inbox.gate = asyncio.Event()
    await chat.says("first")
    await telegram.next("getUpdates")
    for text in ("second", "third"):
        await chat.says(text)
    await telegram.private(bob).says("from bob")
    inbox.gate.set()

    await until(lambda: len(inbox.events) == 4 or None)
    assert [len(batch) for batch in inbox.batches] == [1, 3]


async def test_a_command_arrives_as_typed_without_the_bots_name(chat: Chat, inbox: Recorder) -> None:
    await chat.says("/ask@Polo_Test_Bot why?")

    assert (await said(inbox)).text == "/ask why?"


async def test_an_edit_of_ones_message_is_told(chat: Chat, inbox: Recorder) -> None:
    message = await chat.says("hwo are you")
    await chat.edits(message, "how are you")

    await until(lambda: len(inbox.events) == 2 or None)
    assert inbox.events[1].what == Edited("how are you", str(message.id))


async def test_the_largest_size_of_a_photo_is_handed_over_with_its_caption(
    telegram: FakeTelegram, chat: Chat, inbox: Recorder
) -> None:
    await chat.sends_photo(b"x" * 5000, caption="what is this?")

    words = await said(inbox)
    [photo] = words.attachments
    assert words.text == "what is this?"
    assert (photo.kind, photo.media_type, photo.size) == (Kind.IMAGE, "image/jpeg", 5000)
    assert telegram.files[handle(photo)].content == b"x" * 5000


@pytest.mark.parametrize(
    ("name", "media_type", "kind"),
    [
        ("notes.pdf", "application/pdf", Kind.DOCUMENT),
        ("scan.png", "image/png", Kind.IMAGE),
        ("talk.mp3", "audio/mpeg", Kind.AUDIO),
        ("clip.mov", "video/quicktime", Kind.VIDEO),
    ],
)
async def test_a_file_is_known_by_its_media_type(
    chat: Chat, inbox: Recorder, name: str, media_type: str, kind: Kind
) -> None:
    await chat.sends_document(b"123", name=name, media_type=media_type)

    [file] = (await said(inbox)).attachments
    assert (file.kind, file.name, file.media_type, file.size) == (kind, name, media_type, 3)


async def test_voices_videos_and_stickers_are_attachments(telegram: FakeTelegram, chat: Chat, inbox: Recorder) -> None:
    moving = {**telegram.store(b"mp4", "videos/v.mp4"), "width": 10, "height": 10, "duration": 1}
    note = {**telegram.store(b"mp4", "videos/n.mp4"), "length": 240, "duration": 1}
    sticker = {
        **telegram.store(b"webp", "stickers/s.webp"),
        "type": "regular",
        "width": 512,
        "height": 512,
        "is_animated": False,
        "is_video": False,
    }
    await chat.sends_voice()
    await chat.sends(video=moving)
    await chat.sends(video_note=note)
    await chat.sends(audio={**telegram.store(b"mp3", "music/a.mp3"), "duration": 1})
    await chat.sends(sticker=sticker)

    await said(inbox, 5)
    found = [event.what.attachments[0].kind for event in inbox.events if isinstance(event.what, Said)]
    assert found == [Kind.VOICE, Kind.VIDEO, Kind.VIDEO, Kind.AUDIO, Kind.IMAGE]


async def test_what_has_no_words_gets_some(chat: Chat, inbox: Recorder) -> None:
    await chat.sends(location={"latitude": 52.5, "longitude": 13.25})
    await chat.sends(contact={"phone_number": "+4930", "first_name": "Eve"})
    await chat.sends(dice={"emoji": "🎲", "value": 6})

    await said(inbox, 3)
    assert inbox.texts == ["52.5, 13.25", "Eve +4930", "🎲 6"]


async def test_a_reply_brings_the_earlier_message_with_its_picture(chat: Chat, inbox: Recorder) -> None:
    photo = await chat.sends_photo(caption="my cat")
    await chat.replies("how old is it?", photo)

    quoted = (await said(inbox, 2)).quoted
    assert quoted is not None
    assert (quoted.message, quoted.text, quoted.by_bot) == (str(photo.id), "my cat", False)
    assert [attachment.kind for attachment in quoted.attachments] == [Kind.IMAGE]


async def test_a_reply_to_the_bot_says_so(bot: TelegramAdapter, chat: Chat, inbox: Recorder, ann: Member) -> None:
    answer = await bot.post(Place("telegram", str(ann.id)), page("42"), nonce="1")
    await chat.replies("why?", int(answer))

    quoted = (await said(inbox)).quoted
    assert quoted is not None
    assert (quoted.message, quoted.text, quoted.by_bot) == (answer, "42", True)


async def test_a_press_is_stored_and_its_spinner_taken_off(
    telegram: FakeTelegram, bot: TelegramAdapter, chat: Chat, inbox: Recorder, ann: Member
) -> None:
    message = await bot.post(Place("telegram", str(ann.id)), page("Go?", "Yes", "No"), nonce="1")
    query = await chat.presses("No")

    assert (await telegram.next("answerCallbackQuery"))["callback_query_id"] == query
    [event] = inbox.events
    assert event.what == Pressed("id-No", message)
    assert event.place.message == message


async def test_forged_and_orphaned_presses_are_answered_too(
    telegram: FakeTelegram, chat: Chat, inbox: Recorder
) -> None:
    await chat.presses_data("'; DROP TABLE \x00 ไฟล์", 99)  # an old message: InaccessibleMessage
    await chat.presses_data("anything", None)  # no message at all
    await chat.presses_data(None, 99)

    for _ in range(3):
        await telegram.next("answerCallbackQuery")
    assert telegram.queries == {}
    assert [event.what for event in inbox.events] == [Pressed("'; DROP TABLE \x00 ไฟล์", "99"), Pressed("", "99")]


async def test_telegrams_own_stop_button_is_a_press(
    bot: TelegramAdapter, chat: Chat, inbox: Recorder, ann: Member
) -> None:
    await bot.draft(Place("telegram", str(ann.id)), 7, page("Once upon"))
    await chat.stops_draft()

    await until(lambda: inbox.events or None)
    [event] = inbox.events
    assert (event.what, event.person.id) == (Pressed("draft-stop", "7"), f"telegram:{ann.id}")
    assert event.place == Place("telegram", str(ann.id))


async def test_a_topic_of_a_private_chat_is_its_thread(chat: Chat, inbox: Recorder) -> None:
    topic = await chat.makes_topic("Recipes")
    await chat.says("soup", topic=topic)

    await said(inbox)
    assert inbox.events[0].place.thread == str(topic)


async def test_a_block_ends_what_runs_there_and_stores_nothing(chat: Chat, inbox: Recorder, ann: Member) -> None:
    await chat.blocks()
    await until(lambda: inbox.closed or None)

    await chat.unblocks()
    await chat.says("back again")
    await said(inbox)
    assert inbox.closed == [("telegram", str(ann.id))]
    assert inbox.texts == ["back again"]


async def test_unknown_broken_and_unwanted_updates_hurt_nobody(
    telegram: FakeTelegram, chat: Chat, inbox: Recorder
) -> None:
    telegram.push_raw(b'{"update_id": %d, "message": {"nonsense": true}}')
    telegram.push_raw(b'{"update_id": %d, "message": {"message_id": "x", "date": "soon", "chat": 7}}')
    telegram.push_raw(b'{"update_id": %d, "some_future_thing": {"a": [1, 2]}}')
    telegram.push_raw(b'{"update_id": %d, "stopped_message_generation": {"chat": null}}')
    telegram.push_raw(b'{"update_id": %d, "callback_query": null}')
    telegram.push_raw(b'{"update_id": %d}')
    channel = {"id": -1005, "type": "channel", "title": "News"}
    telegram.push("channel_post", {"message_id": 1, "date": 1, "chat": channel, "sender_chat": channel, "text": "x"})
    await chat.says("still here?")

    assert (await said(inbox)).text == "still here?"
    assert len(inbox.events) == 1


async def test_broken_surrogates_and_wrong_entities_become_readable_text(
    telegram: FakeTelegram, chat: Chat, inbox: Recorder
) -> None:
    entities = [
        {"type": "mention", "offset": 1, "length": 1},  # half of the emoji
        {"type": "bot_command", "offset": 0, "length": 900},
        {"type": "text_mention", "offset": -4, "length": 2},
        {"type": "no_such_type", "offset": 0, "length": 2},
    ]
    await chat.says("😀 fine", entities=entities)
    await chat.says("a \ud83d lone half \x00 \u202e rtl")

    await said(inbox, 2)
    assert inbox.texts == ["😀 fine", "a \ufffd lone half \x00 \u202e rtl"]


async def test_other_bots_are_not_answered(telegram: FakeTelegram, chat: Chat, inbox: Recorder) -> None:
    robot = Member(77, "Robot", is_bot=True)
    await chat.says("beep", person=robot)
    await chat.says("hello")

    await said(inbox)
    assert inbox.texts == ["hello"]


async def test_a_wrong_file_name_cannot_leave_its_folder(chat: Chat, inbox: Recorder) -> None:
    await chat.sends_document(b"1", name="../../etc/pass\u0000wd\n.txt")

    [file] = (await said(inbox)).attachments
    assert file.name == "passwd.txt"
