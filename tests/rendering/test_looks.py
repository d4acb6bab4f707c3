"""How Markdown looks on each platform: the things that models write every day, and the faults of renderers."""

from __future__ import annotations

import pytest

from bot.discord.render import render as discord
from bot.rendering.cut import pieces
from bot.rendering.tables import aligned
from bot.rendering.widths import width
from bot.telegram.render import render as telegram
from bot.web.render import render as web


def told(markdown: str, *, growing: bool = False) -> tuple[str, list[tuple[str, str]]]:
    """Return Telegram's text, and its entities as kind and the words they cover."""
    page = telegram(markdown, growing=growing)
    raw = page.text.encode("utf-16-le")
    return page.text, [
        (e.type, raw[2 * e.offset : 2 * (e.offset + e.length)].decode("utf-16-le")) for e in page.entities
    ]


def on_discord(markdown: str, *, growing: bool = False) -> str:
    return discord(markdown, growing=growing).text


def on_page(markdown: str) -> str:
    return web(markdown, growing=False).text


def test_chinese_bold_before_a_letter_is_bold() -> None:
    assert told("**你好，世界！**这是**“重点”**的") == (
        "你好，世界！这是“重点”的",
        [("bold", "你好，世界！"), ("bold", "“重点”")],
    )


def test_offsets_count_utf_16_units() -> None:
    assert told("😀😀 **a😀** `b`") == ("😀😀 a😀 b", [("bold", "a😀"), ("code", "b")])


def test_words_between_underscores_stay() -> None:
    assert told("call `x` in __init__ and snake_case") == ("call x in __init__ and snake_case", [("code", "x")])


def test_unknown_tags_are_seen_and_the_markdown_in_them_too() -> None:
    assert told("<think>\nso **x**\n</think>") == ("<think>\nso x\n</think>", [("bold", "x")])
    assert on_page("<script>alert(1)</script>") == '<p dir="auto">&lt;script&gt;alert(1)&lt;/script&gt;</p>'


def test_a_heading_is_bold_without_ornament() -> None:
    assert told("# Title\n\ntext") == ("Title\ntext", [("bold", "Title")])
    assert on_discord("#### Deep") == "**Deep**"
    assert on_discord("# One\n\n#no heading") == "# One\n#no heading"


def test_nested_quotes_are_one_quote() -> None:
    assert told("> a\n> > b") == ("a\n\n> b", [("blockquote", "a\n\n> b")])


def test_text_after_a_fence_in_a_list_is_no_code() -> None:
    assert told("- a\n  ```py\n  x\n  ```\n  after") == ("• a\nx\n  after", [("pre", "x")])


def test_bold_is_interrupted_by_code() -> None:
    assert told("**a `b` c**") == ("a b c", [("bold", "a "), ("code", "b"), ("bold", " c")])


def test_the_hundred_first_formats_are_kept() -> None:
    page = telegram("**x** " * 150, growing=False)
    assert len(page.entities) == 100
    assert page.entities[0].offset == 0


def test_only_safe_addresses_are_links() -> None:
    assert told("[a](https://x.y) [b](javascript:z) [c](tg://user?id=1)") == (
        "a b (javascript:z) c (tg://user?id=1)",
        [("text_link", "a")],
    )
    assert on_discord("[a](https://x.y/(z)) [b](tg://x) ![c](https://x.y/p.png)") == (
        "[a](https://x.y/%28z%29) b (tg://x) [c](https://x.y/p.png)"
    )
    assert "<img" not in on_page("![c](https://x.y/p.png)")
    assert 'href="https://x.y/p.png"' in on_page("![c](https://x.y/p.png)")
    assert "href" not in on_page("[a](javascript:alert) [b](data:x) [c](//x.y)")


@pytest.mark.parametrize("mention", ["@everyone", "@here", "<@12>", "<@!12>", "<@&12>", "<#12>", "</ask:12>"])
def test_mentions_are_seen_and_notify_nobody(mention: str) -> None:
    text = on_discord(f"Hello {mention}, **{mention}**")
    assert mention not in text
    assert text.replace("\u200b", "") == f"Hello {mention}, **{mention}**"
    assert on_discord(f"`{mention}`") == f"`{mention}`"


def test_discord_reads_no_more_than_was_meant() -> None:
    assert on_discord("text\n-# small") == "text\n\\-# small"
    assert on_discord("1\\. no list and 2 * 3 * 4") == "1\\. no list and 2 \\* 3 \\* 4"
    assert on_discord("||secret|| https://x.y/a_b_c") == "||secret|| https://x.y/a_b_c"


def test_a_fence_within_code_does_not_end_it() -> None:
    text = on_discord("````md\n```\nx\n```\n````")
    assert text.count("```") == 2
    assert text.replace("\u200b", "") == "```md\n```\nx\n```\n```"


def test_columns_meet_with_wide_characters() -> None:
    lines = aligned([["Name", "n"], ["价格", "1"], ["e\u0301👍🏿", "2"]], ["None", "Right"]).splitlines()
    assert [width(line) for line in lines] == [8] * 4
    assert lines[1] == "-----+--"


def test_cells_beyond_the_header_are_not_lost() -> None:
    assert "x || y" in told("| a |\n|---|\n| x || y |")[0]


def test_formulas_are_said_in_unicode_or_shown_as_code() -> None:
    assert told("\\(a_1^2 \\le \\alpha\\) costs $5 and $6")[0] == "a₁² ≤ α costs $5 and $6"
    assert told("`\\(x\\)` and \\[1\\]")[0] == "\\(x\\) and [1]"
    assert told("$$\\begin{matrix}1\\end{matrix}$$")[1] == [("code", "\\begin{matrix}1\\end{matrix}")]


def test_tasks_and_footnotes() -> None:
    assert told("- [ ] a\n- [x] b[^1]\n\n[^1]: note")[0] == "☐ a\n☑ b[1]\n\n[1]: note"


def test_control_characters_are_seen_and_pairs_joined() -> None:
    assert told("a\x00\x1b[0m \ud83d\ude00 \ud83d\r\nb")[0] == "a␀␛[0m 😀 \ufffd\nb"


def test_what_a_growing_text_leaves_open_is_closed_for_the_look() -> None:
    assert told("so **bo", growing=True) == ("so bo", [("bold", "bo")])
    assert told("so **bo", growing=False) == ("so **bo", [])
    assert told("so `co", growing=True) == ("so co", [("code", "co")])
    assert told("```py\na **b", growing=True) == ("a **b", [("pre", "a **b")])
    assert on_discord("```py\na **b", growing=True) == "```py\na **b\n```"
    assert on_discord("2 ** 3", growing=True) == "2 \\*\\* 3"


def test_a_table_on_the_page_has_classes_and_no_styles() -> None:
    html = on_page("| a | b |\n|---|--:|\n| 1 | 2 |")
    assert '<td class="right">2</td>' in html
    assert "style" not in html


def test_code_on_the_page_names_its_language() -> None:
    assert on_page("```py\nx < 1\n```") == '<pre dir="ltr"><code class="language-py">x &lt; 1</code></pre>'


def test_a_megabyte_is_rendered_a_bounded_number_of_times() -> None:
    text = "Some **bold** words, and more.\n\n" * 30_000
    rendered = 0

    def fits(markdown: str) -> bool:
        nonlocal rendered
        rendered += len(markdown)
        return len(markdown) <= 4096

    found = pieces(text, fits)
    assert len(found) < 260
    assert rendered < 16 * len(text)
