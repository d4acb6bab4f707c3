"""A person at the page, in a real browser."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from playwright.async_api import Browser, Page, expect

from bot.ports import Edited, Incoming, Invoked, Pressed, Said, ShownButton, Submitted, Upload
from bot.ports import Page as Shown
from handlers.command import Choice
from handlers.turn import Attachment, Quoted
from tests.clock import until
from tests.web.house import STOP, House, RecordingInbox, form, opened, page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
PHONE = {"width": 360, "height": 740}
AGAIN = ShownButton("Regenerate", "a:again")
MARKDOWN = """Here is **code** and a [link](https://example.org/).

```python
print("hello")
```

| a | b |
|---|--:|
| 1 | 2 |

الترجمة العربية من اليمين إلى اليسار

很长的中文段落应当正常换行，不会把页面撑宽。表情 👩‍👩‍👧‍👦 🇨🇳
"""
HOSTILE = """<script>window.hacked = 1</script>
<img src=x onerror="window.hacked = 2">
[click](javascript:window.hacked=3) [data](data:text/html,<script>window.hacked=4</script>)
![x](https://tracker.example/pixel.png)
<svg onload="window.hacked=5"><iframe srcdoc="<script>parent.hacked=6</script>"></iframe>
<style>body{display:none}</style><form action="/logout" method="post"><button>x</button></form>

```"><script>window.hacked=7</script>
<script>window.hacked = 8</script>
```
"""


@asynccontextmanager
async def sitting(chromium: Browser, house: House, **context: Any) -> AsyncIterator[Page]:
    """Open the page as a person does; fail on every script error and refused resource."""
    person = await chromium.new_context(**context)
    tab = await person.new_page()
    problems: list[str] = []
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on("console", lambda message: problems.append(message.text) if "Content Security" in message.text else None)
    tab.set_default_timeout(20_000)
    await tab.goto(house.address)
    await expect(tab.locator("#status")).to_have_text("")
    yield tab
    await person.close()
    assert problems == []


async def say(tab: Page, text: str) -> None:
    await tab.locator("#text").fill(text)
    await tab.locator("#text").press("Enter")


def answers(house: House, markdown: str, *, hold: asyncio.Event | None = None) -> None:
    """Let the bot answer everything that is said in three looks; with `hold`, the last one waits."""

    async def answer(event: Incoming) -> None:
        if not isinstance(event.what, Said):
            return
        adapter, place = house.adapter, event.place
        half = adapter.render(markdown[: len(markdown) // 2], growing=True)
        message = await adapter.post(place, replace(half, buttons=((STOP,),)), nonce=event.event)
        if hold is not None:
            await hold.wait()
        await adapter.edit(place, message, replace(adapter.render(markdown, growing=True), buttons=((STOP,),)))
        last = replace(adapter.render(markdown, growing=False), buttons=((AGAIN,),))
        await adapter.edit(place, message, last)
        house.inbox.ended(event, (message, last))

    house.inbox.answering = answer


async def test_one_types_sees_the_answer_and_finds_it_again_after_a_reload(chromium: Browser, house: House) -> None:
    answers(house, MARKDOWN)
    async with sitting(chromium, house) as tab:
        await expect(tab.locator("#welcome")).to_be_visible()
        await say(tab, "how?")
        answer = tab.locator("article.bot")
        await expect(answer.get_by_role("button", name="Regenerate")).to_be_visible()
        await expect(answer.locator("strong")).to_have_text("code")
        await expect(answer.locator("td.right, td").last).to_have_text("2")
        await expect(tab.locator("#welcome")).to_be_hidden()
        await expect(tab.locator("#heading")).to_have_text("how?")
        await tab.reload()
        await expect(tab.locator("article.you .said")).to_have_text("how?")
        await expect(answer.locator("pre")).to_have_text('print("hello")')
        await expect(tab.locator("article")).to_have_count(2)


async def test_an_answer_grows_and_is_marked_as_growing_for_screen_readers(chromium: Browser, house: House) -> None:
    hold = asyncio.Event()
    answers(house, "one two three four", hold=hold)
    async with sitting(chromium, house) as tab:
        await say(tab, "count")
        answer = tab.locator("article.bot")
        await expect(answer.locator(".prose")).to_have_text("one two t")
        assert await answer.get_attribute("aria-busy") == "true"
        await expect(tab.locator("#log")).to_have_attribute("aria-live", "polite")
        hold.set()
        await expect(answer.locator(".prose")).to_have_text("one two three four")
        assert await answer.get_attribute("aria-busy") == "false"


async def test_a_growing_answer_goes_on_after_a_reload(chromium: Browser, house: House) -> None:
    hold = asyncio.Event()
    answers(house, "one two three four", hold=hold)
    async with sitting(chromium, house) as tab:
        await say(tab, "count")
        await expect(tab.locator("article.bot .prose")).to_have_text("one two t")
        await tab.reload()
        await expect(tab.locator("article.bot .prose")).to_have_text("one two t")
        await expect(tab.locator("article.you .said")).to_have_text("count")
        hold.set()
        await expect(tab.locator("article.bot .prose")).to_have_text("one two three four")


async def test_what_is_selected_in_a_finished_block_stays_while_the_rest_grows(chromium: Browser, house: House) -> None:
    async with sitting(chromium, house) as tab:
        await say(tab, "x")
        (event,) = await until(lambda: house.inbox.events or None, within_s=20)
        place, adapter = event.place, house.adapter
        long = "word " * 200
        message = await adapter.post(
            place, replace(adapter.render(f"first\n\n{long}", growing=True), buttons=((STOP,),)), nonce="1"
        )
        await tab.locator("article.bot p").first.evaluate("node => getSelection().selectAllChildren(node)")
        for count in range(3):
            grown = adapter.render(f"first\n\n{long} 😀 {'more ' * count}", growing=True)
            await adapter.edit(place, message, replace(grown, buttons=((STOP,),)))
        await expect(tab.locator("article.bot p").last).to_have_text(re.compile("😀 more more"))
        assert await tab.evaluate("getSelection().toString()") == "first"


async def test_stop_is_a_button_at_the_answer_and_at_the_field_while_it_grows(chromium: Browser, house: House) -> None:
    answers(house, "one two three four", hold=asyncio.Event())
    async with sitting(chromium, house) as tab:
        await say(tab, "count")
        await expect(tab.locator("article.bot .act")).to_have_text("Stop")
        await tab.locator("#stop").click()
        await until(lambda: True if len(house.inbox.events) == 2 else None, within_s=20)
        pressed = house.inbox.events[1].what
        assert isinstance(pressed, Pressed) and pressed.action == "stop:1"
        await tab.locator("#text").fill("next")
        await expect(tab.locator("#send")).to_be_visible()
        await expect(tab.locator("#stop")).to_be_hidden()


async def test_before_the_first_words_the_field_can_stop_too(chromium: Browser, house: House) -> None:
    async with sitting(chromium, house) as tab:
        await say(tab, "think")
        (event,) = await until(lambda: house.inbox.events or None, within_s=20)
        await house.adapter.typing(event.place)
        await expect(tab.locator("#typing")).to_be_visible()
        await tab.locator("#stop").click()
        await until(lambda: True if len(house.inbox.events) == 2 else None, within_s=20)
        assert house.inbox.events[1].what == Invoked("stop", {})


async def test_a_button_becomes_one_event_though_pressed_twice(chromium: Browser, house: House) -> None:
    answers(house, "done")
    async with sitting(chromium, house) as tab:
        await say(tab, "x")
        await tab.locator(".act", has_text="Regenerate").dblclick()
        await until(lambda: True if len(house.inbox.events) == 2 else None, within_s=20)
        await tab.locator(".act:not(:disabled)", has_text="Regenerate").wait_for()
        pressed = [event.what for event in house.inbox.events[1:]]
        assert [(what.action, what.message[0]) for what in pressed if isinstance(what, Pressed)] == [("a:again", "b")]


async def test_a_form_opens_as_a_window_and_its_fields_arrive(chromium: Browser, house: House) -> None:
    house.inbox.forms["f:1"] = form()
    async with sitting(chromium, house) as tab:
        await say(tab, "x")
        (event,) = await until(lambda: house.inbox.events or None, within_s=20)
        message = await house.adapter.post(event.place, page("ready", ShownButton("Write", "f:1")), nonce="1")
        await tab.get_by_role("button", name="Write").click()
        dialog = tab.get_by_role("dialog", name="Your own persona")
        assert await dialog.get_by_label("Instructions").input_value() == "Be brief."
        await dialog.get_by_role("button", name="Send").click()
        await expect(dialog).to_be_visible()  # a required field is empty
        await dialog.get_by_label("Name").fill("艾达")
        await dialog.get_by_role("button", name="Send").click()
        await until(lambda: True if len(house.inbox.events) == 2 else None, within_s=20)
        fields = {"name": "艾达", "prompt": "Be brief.", "note": ""}
        assert house.inbox.events[1].what == Submitted("f:1", fields, message)
        await tab.locator(".act:not(:disabled)", has_text="Write").click()
        await tab.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()
    assert len(house.inbox.events) == 2


async def test_a_form_that_is_not_for_this_person_is_an_ordinary_press(chromium: Browser, house: House) -> None:
    async with sitting(chromium, house) as tab:
        await say(tab, "x")
        (event,) = await until(lambda: house.inbox.events or None, within_s=20)
        await house.adapter.post(event.place, page("ready", ShownButton("Write", "f:gone")), nonce="1")
        await tab.get_by_role("button", name="Write").click()
        await until(lambda: True if len(house.inbox.events) == 2 else None, within_s=20)
        assert isinstance(house.inbox.events[1].what, Pressed)


async def test_enter_sends_shift_enter_breaks_and_an_input_method_does_not_send(
    chromium: Browser, house: House
) -> None:
    async with sitting(chromium, house) as tab:
        field = tab.locator("#text")
        await field.press_sequentially("one")
        await field.press("Shift+Enter")
        await field.press_sequentially("two")
        composing = """node => node.dispatchEvent(new KeyboardEvent("keydown",
            {key: "Enter", isComposing: true, bubbles: true, cancelable: true}))"""
        assert await field.evaluate(composing) is True  # nobody took the key from the input method
        assert await field.input_value() == "one\ntwo"
        await field.press("Enter")
        await until(lambda: house.inbox.events or None, within_s=20)
        await expect(field).to_have_value("")
    assert [event.what.text for event in house.inbox.events if isinstance(event.what, Said)] == ["one\ntwo"]


async def test_the_command_menu_offers_completes_and_is_worked_by_keys(chromium: Browser, house: House) -> None:
    house.inbox.choices = [Choice("gpt-4o", "GPT-4o"), Choice("gpt-image-1", "Image"), Choice("claude", "Claude")]
    async with sitting(chromium, house) as tab:
        field, options = tab.locator("#text"), tab.locator("#menu-list").get_by_role("option")
        await field.press_sequentially("/")
        await expect(options).to_have_count(7)
        await field.press_sequentially("m")
        await expect(options).to_have_text([re.compile(r"/model\s*name\s*Choose the model")])
        await field.press("Tab")
        await expect(field).to_have_value("/model ")
        await expect(tab.locator("#menu-hint")).to_contain_text("name: The name")
        await expect(options).to_have_count(3)
        await field.press_sequentially("gpt")
        await expect(options).to_have_count(2)
        await field.press("ArrowDown")
        await field.press("ArrowDown")
        await expect(options.nth(1)).to_have_attribute("aria-selected", "true")
        await field.press("Enter")
        await expect(field).to_have_value("/model gpt-image-1")
        await field.press("Enter")
        await until(lambda: house.inbox.events or None, within_s=20)
        await field.press_sequentially("/language ")
        await options.filter(has_text="中文").click()
        await expect(field).to_have_value("/language zh")
        await field.press("Escape")
        await field.fill("/reset")
        await field.press("Enter")
        await until(lambda: True if len(house.inbox.events) == 2 else None, within_s=20)
    said = [event.what.text for event in house.inbox.events if isinstance(event.what, Said)]
    assert said == ["/model gpt-image-1", "/reset"]


async def test_files_are_picked_pasted_and_dropped_and_go_along(
    chromium: Browser, house: House, tmp_path: Path
) -> None:
    bring = """async ([node, kind]) => {
        const data = new DataTransfer();
        data.items.add(new File(["content of " + kind], kind + ".txt", {type: "text/plain"}));
        const event = kind === "paste"
            ? new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true})
            : new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true});
        node.dispatchEvent(event);
    }"""
    async with sitting(chromium, house) as tab:
        await tab.locator("#files").set_input_files(
            [{"name": "猫 1.txt", "mimeType": "text/plain", "buffer": b"picked"}, _picture()]
        )
        node = await tab.locator("#text").element_handle()
        await tab.evaluate(bring, [node, "paste"])
        await tab.evaluate(bring, [node, "drop"])
        await expect(tab.locator("#tray li[aria-busy=false]")).to_have_count(4)
        await tab.get_by_role("button", name="Take drop.txt off").click()
        await say(tab, "")
        await until(lambda: house.inbox.events or None, within_s=20)
        await expect(tab.locator("article.you .chip")).to_have_count(2)
        await expect(tab.locator("article.you img")).to_have_count(1)
        await tab.reload()
        await expect(tab.locator("article.you img")).to_have_js_property("naturalWidth", 1)
    what = house.inbox.events[0].what
    assert isinstance(what, Said)
    assert [file.name for file in what.attachments] == ["猫 1.txt", "dot.png", "paste.txt"]
    assert await _content(house, what.attachments[0], tmp_path) == b"picked"


def _picture() -> Any:
    dot = (
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
        "0000000d49444154789c6360f8cf500f0003860180c4ac1c2a0000000049454e44ae426082"
    )
    return {"name": "dot.png", "mimeType": "image/png", "buffer": bytes.fromhex(dot)}


async def _content(house: House, attachment: Attachment, folder: Path) -> bytes:
    await house.adapter.download(attachment, folder / "fetched", at_most=1000)
    return (folder / "fetched").read_bytes()


async def test_a_file_that_is_too_large_is_said_at_once(chromium: Browser, tmp_path: Path) -> None:
    async with opened(tmp_path, file_bytes=1 << 20) as house, sitting(chromium, house) as tab:
        large: Any = {"name": "big.bin", "mimeType": "application/octet-stream", "buffer": b"x" * ((1 << 20) + 1)}
        await tab.locator("#files").set_input_files([large])
        await expect(tab.locator(".toast")).to_have_text("big.bin is larger than 1 MB.")
        await expect(tab.locator("#tray")).to_be_hidden()


async def test_a_file_of_the_bot_is_downloaded(chromium: Browser, house: House, tmp_path: Path) -> None:
    path = tmp_path / "digest"
    path.write_bytes(b"# all of it")
    async with sitting(chromium, house) as tab:
        await say(tab, "x")
        (event,) = await until(lambda: house.inbox.events or None, within_s=20)
        upload = Upload("报告.md", "text/markdown", str(path), 11)
        await house.adapter.post(event.place, Shown("", "", 0, upload=upload), nonce="1")
        async with tab.expect_download() as coming:
            await tab.get_by_role("link", name="Download 报告.md").click()
        download = await coming.value
        assert download.suggested_filename == "报告.md"
        assert Path(await download.path()).read_bytes() == b"# all of it"


async def test_code_is_copied_by_its_button(chromium: Browser, house: House) -> None:
    answers(house, MARKDOWN)
    permissions = ["clipboard-read", "clipboard-write"]
    async with sitting(chromium, house, permissions=permissions) as tab:
        await say(tab, "x")
        await tab.locator(".code .copy").click()
        await expect(tab.locator(".code .copy")).to_have_text("Copied")
        assert await tab.evaluate("navigator.clipboard.readText()") == 'print("hello")'
        await tab.get_by_role("button", name="Copy the answer").click()
        await expect(tab.locator("article.bot > .bar .copy")).to_have_attribute("aria-label", "Copied")
        assert (await tab.evaluate("navigator.clipboard.readText()")).startswith("Here is **code**")


async def test_the_last_question_is_edited_and_an_answer_replied_to(chromium: Browser, house: House) -> None:
    answers(house, "the answer")
    async with sitting(chromium, house) as tab:
        await say(tab, "first")
        await expect(tab.locator(".act", has_text="Regenerate")).to_be_visible()
        await tab.locator("article.you").hover()
        await tab.get_by_role("button", name="Edit and ask again").click()
        await expect(tab.locator("#context-text")).to_have_text("Editing your last question")
        await say(tab, "better")
        await expect(tab.locator("article.you .said")).to_have_text(["better"])
        await until(lambda: True if len(house.inbox.events) == 2 else None, within_s=20)
        first, edited = house.inbox.events[0].what, house.inbox.events[1].what
        assert isinstance(first, Said) and edited == Edited("better", first.message)
        await tab.locator("article.bot").hover()
        await tab.get_by_role("button", name="Reply to this").click()
        await say(tab, "why?")
        await until(lambda: True if len(house.inbox.events) == 3 else None, within_s=20)
        reply = house.inbox.events[2].what
        assert isinstance(reply, Said) and isinstance(reply.quoted, Quoted)
        assert (reply.quoted.text, reply.quoted.by_bot) == ("the answer", True)


async def test_conversations_are_apart_and_can_be_taken_off_the_list(chromium: Browser, house: House) -> None:
    answers(house, "ok")
    async with sitting(chromium, house) as tab:
        await say(tab, "about cats")
        await expect(tab.locator(".act")).to_be_visible()
        await tab.get_by_role("button", name="New conversation").click()
        await expect(tab.locator("#welcome")).to_be_visible()
        await say(tab, "about dogs")
        await expect(tab.locator("#chats a")).to_have_text(["about dogs", "about cats"])
        await tab.locator("#chats a", has_text="about cats").click()
        await expect(tab.locator("article.you .said")).to_have_text(["about cats"])
        await tab.locator("#chats li", has_text="about cats").hover()
        await tab.get_by_role("button", name="Remove from the list: about cats").click()
        await tab.get_by_role("dialog").get_by_role("button", name="Remove from the list").click()
        await expect(tab.locator("#chats a")).to_have_text(["about dogs"])
        await expect(tab.locator("article.you .said")).to_have_text(["about dogs"])
    first, second = (event.place.conversation for event in house.inbox.events)
    assert first != second


async def test_a_restart_in_the_middle_loses_nothing_and_repeats_nothing(chromium: Browser, tmp_path: Path) -> None:
    inbox = RecordingInbox()
    async with opened(tmp_path, inbox=inbox) as before:
        port = int(before.address.rsplit(":", 1)[1])
        person = await chromium.new_context()
        tab = await person.new_page()
        await tab.goto(before.address)
        await say(tab, "question")
        (event,) = await until(lambda: inbox.events or None, within_s=20)
        half = replace(page("half an"), buttons=((STOP,),))
        message = await before.adapter.post(event.place, half, nonce="1-0")
        await expect(tab.locator("article.bot .prose")).to_have_text("half an")
    await expect(tab.locator("#status")).to_have_text("Connection lost. Trying again…", timeout=20_000)
    await say(tab, "said while it was away")
    await expect(tab.locator("article.you.unsent")).to_have_count(1)
    async with opened(tmp_path, inbox=inbox, port=port) as after:
        await until(lambda: True if len(inbox.events) == 2 else None, within_s=20)
        await after.adapter.edit(event.place, message, page("half an answer, now whole", AGAIN))
        await expect(tab.locator("article.bot .prose")).to_have_text("half an answer, now whole")
        await expect(tab.locator("article.you .said")).to_have_text(["question", "said while it was away"])
        await expect(tab.locator("article.you.unsent")).to_have_count(0)
        inbox.ended(event, (message, page("half an answer, now whole", AGAIN)))
        await tab.reload()
        await expect(tab.locator("article")).to_have_count(3)
        await person.close()
    assert len(inbox.events) == 2


async def test_a_question_that_cannot_be_stored_is_sent_again_by_itself(chromium: Browser, house: House) -> None:
    house.inbox.failures = 2
    async with sitting(chromium, house) as tab:
        await say(tab, "keep trying")
        await until(lambda: house.inbox.events or None, within_s=20)
        await expect(tab.locator("article.you:not(.unsent) .said")).to_have_text(["keep trying"])
    assert len(house.inbox.events) == 1


async def test_a_refused_question_says_why_and_can_be_discarded(
    chromium: Browser, house: House, tmp_path: Path
) -> None:
    async with sitting(chromium, house) as tab:
        await tab.locator("#files").set_input_files([_picture()])
        await expect(tab.locator("#tray li[aria-busy=false]")).to_have_count(1)
        for path in list((tmp_path / "spool").iterdir()):
            path.unlink()
        await say(tab, "look")
        await expect(tab.locator(".state [role=alert]")).to_have_text(
            "Not sent: dot.png is no longer here. Send it again."
        )
        await tab.get_by_role("button", name="Discard").click()
        await expect(tab.locator("article")).to_have_count(0)


async def test_hostile_markdown_does_nothing(chromium: Browser, house: House) -> None:
    answers(house, HOSTILE)
    async with sitting(chromium, house) as tab:
        asked: list[str] = []
        tab.on("request", lambda request: asked.append(request.url))
        await say(tab, HOSTILE)
        await expect(tab.locator(".act", has_text="Regenerate")).to_be_visible()
        await tab.reload()
        await expect(tab.locator(".act", has_text="Regenerate")).to_be_visible()
        assert await tab.evaluate("window.hacked") is None
        inside = "article :is(script, img, svg:not(.icon), iframe, style, form, object, [onerror], [onload])"
        assert await tab.locator(inside).count() == 0
        links = await tab.locator("article a").evaluate_all("links => links.map(link => link.protocol)")
        assert set(links) <= {"https:", "http:", "mailto:"}
        assert [url for url in asked if not url.startswith(house.address)] == []
        await expect(tab.locator("article.you .said")).to_have_text(HOSTILE.strip())


async def test_on_a_phone_everything_fits_and_the_list_slides_in(chromium: Browser, house: House) -> None:
    wide = "x" * 300
    answers(house, MARKDOWN + f"\n\n```\n{wide}\n```\n\n{wide}\n\n" + "| column " * 12 + "|\n" + "|---" * 12 + "|\n")
    phone = {"viewport": PHONE, "has_touch": True, "is_mobile": True}
    async with sitting(chromium, house, **phone) as tab:
        await tab.locator("#text").fill("how? " + wide)
        await tab.locator("#text").press("Enter")  # a finger's Enter breaks the line
        assert house.inbox.events == []
        await tab.locator("#send").tap()
        await expect(tab.locator(".act", has_text="Regenerate")).to_be_visible()
        widths = "[document.documentElement.scrollWidth, document.getElementById('scroll').scrollWidth]"
        assert max(await tab.evaluate(widths)) <= PHONE["width"]
        box = await tab.locator("#send").bounding_box()
        assert box and box["y"] + box["height"] <= PHONE["height"] and box["x"] + box["width"] <= PHONE["width"]
        await expect(tab.locator("#sidebar")).to_be_hidden()
        await tab.get_by_role("button", name="Show conversations").tap()
        await expect(tab.locator("#chats a")).to_be_visible()
        await tab.get_by_role("button", name="Close the list").tap()
        await expect(tab.locator("#sidebar")).to_be_hidden()


async def test_the_page_is_chinese_for_a_chinese_browser_and_switches(chromium: Browser, house: House) -> None:
    async with sitting(chromium, house, locale="zh-CN") as tab:
        await expect(tab.locator("#welcome h2")).to_have_text("有什么可以帮你？")
        await tab.locator("#text").fill("/")
        await expect(tab.locator("#menu-list").get_by_role("option").first).to_contain_text("向模型提问")
        await say(tab, "你好")
        (event,) = await until(lambda: house.inbox.events or None, within_s=20)
        assert event.person.language == "zh"
        await tab.get_by_label("语言").select_option("en")
        await expect(tab.get_by_role("button", name="New conversation")).to_be_visible()
        await expect(tab.locator("article.you .said")).to_have_text(["你好"])


async def test_arabic_reads_from_the_right_and_code_from_the_left(chromium: Browser, house: House) -> None:
    answers(house, MARKDOWN)
    async with sitting(chromium, house) as tab:
        await say(tab, "مرحبا")
        direction = "node => getComputedStyle(node).direction"
        arabic = tab.locator("article.bot p", has_text="الترجمة")
        assert await arabic.evaluate(direction) == "rtl"
        assert await tab.locator("article.bot pre").evaluate(direction) == "ltr"
        assert await tab.locator("article.you .said").evaluate(direction) == "rtl"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_has_contrast_in_light_and_in_dark(chromium: Browser, house: House, scheme: str) -> None:
    answers(house, MARKDOWN)
    async with sitting(chromium, house, color_scheme=scheme) as tab:
        await say(tab, "x")
        await expect(tab.locator(".act", has_text="Regenerate")).to_be_visible()
        for spot in ("article.bot p", ".said", ".code pre", ".code-head span", ".act", "#chats a", "#person"):
            assert await tab.locator(spot).first.evaluate(CONTRAST) >= 4.5, spot
        paper = await tab.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (min(map(int, re.findall(r"\d+", paper)[:3])) > 200) is (scheme == "light")


CONTRAST = """node => {
    const light = (colour) => {
        const [r, g, b] = colour.map((part) => {
            const share = part / 255;
            return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const parts = (text) => text.match(/[\\d.]+/g).map(Number);
    let under = node;
    while (parts(getComputedStyle(under).backgroundColor)[3] === 0) under = under.parentElement;
    const [one, other] = [getComputedStyle(node).color, getComputedStyle(under).backgroundColor]
        .map((text) => light(parts(text).slice(0, 3)));
    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}"""


async def test_the_page_is_worked_by_keyboard_alone(chromium: Browser, house: House) -> None:
    answers(house, "ok")
    async with sitting(chromium, house) as tab:
        await expect(tab.locator("#text")).to_be_focused()
        await tab.keyboard.type("hello")
        await tab.keyboard.press("Enter")
        await expect(tab.locator(".act")).to_be_visible()
        await tab.locator(".skip").focus()
        await tab.keyboard.press("Enter")
        await expect(tab.locator("#text")).to_be_focused()
        for _ in range(12):
            await tab.keyboard.press("Shift+Tab")
            if await tab.evaluate("document.activeElement.textContent") == "Regenerate":
                break
        await tab.keyboard.press("Enter")
        await until(lambda: True if len(house.inbox.events) == 2 else None, within_s=20)


async def test_the_password_page_lets_in_and_logging_out_leaves(chromium: Browser, tmp_path: Path) -> None:
    async with opened(tmp_path, password="secret") as house:
        tab = await chromium.new_page()
        await tab.goto(house.address)
        await tab.get_by_label("Password").fill("wrong")
        await tab.get_by_role("button", name="Log in").click()
        await expect(tab.get_by_role("alert")).to_have_text("That is not the password.")
        await tab.get_by_label("Password").fill("secret")
        await tab.get_by_role("button", name="Log in").click()
        await expect(tab.locator("#status")).to_have_text("")
        await say(tab, "hello")
        await until(lambda: house.inbox.events or None, within_s=20)
        await tab.get_by_role("button", name="Log out").click()
        await expect(tab.get_by_label("Password")).to_be_visible()
        await tab.close()


async def test_a_browser_without_storage_can_still_talk(chromium: Browser, house: House) -> None:
    answers(house, "ok")
    person = await chromium.new_context()
    await person.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new Error('no'); }})")
    tab = await person.new_page()
    await tab.goto(house.address)
    await say(tab, "hello")
    await expect(tab.locator(".act", has_text="Regenerate")).to_be_visible()
    await tab.reload()
    await expect(tab.locator("article.you .said")).to_have_text("hello")
    await person.close()
