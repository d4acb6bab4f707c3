"""Nasty Markdown: the dozen kinds that models write and renderers break on, and a grammar for more of them."""

# ruff: noqa: E501  (a sample is one line)
from __future__ import annotations

from hypothesis import strategies as st

SAMPLES: dict[str, str] = {
    "table": "Prices:\n\n| Item | 价格 | n |\n|:-----|:---:|--:|\n| Tea | 十二元 | 1 |\n| `a|b` \\| c | **2** | 10 |\n| [x](https://x.y) |\n\nafter",
    "formulas": "Inline \\(a_1^2 + b\\) and $x \\le y$, cost $5 and $6.50 (~$7).\n\n\\[\n\\int_0^1 x\\,dx = \\frac{1}{2}\n\\]\n\n$$\\begin{matrix}1 & 2\\\\3 & 4\\end{matrix}$$",
    "fences in lists": "1. Do:\n   ```bash\n   ls -la  # `x`\n\n   echo **no**\n   ```\n   then\n2. Next\n   - sub\n     ~~~py\n     def f():\n         return '```'\n     ~~~\n     after the fence\n10. Ten\n    - a\n      - b\n        - c",
    "cut-off stream": "Here is **bold and `code\n\n```python\nprint('hel",
    "CJK bold": "**你好，世界！**这是**“重点”**的话。**注意：**请**不要**忘记。\n\n- **步骤一：**打开\n- 价格**100元**左右\n\nこれは**「重要」**です。**한국어.**는",
    "underscores": "Call __init__ and __main__.py, snake_case_name, _emphasis_, __Bold__, a__b__c, 2 * 3 * 4, 5_000_000, **kwargs and *args",
    "unknown tags": "<think>Let me see: **x** < y</think>\n\n<tag attr='1'>\n\n**inside**\n\n</tag> a<br>b, x<y && y>z, `<b>code</b>` <script>alert(1)</script> <https://a.b/c?d=e_f> &lt;p&gt; <!-- note -->",
    "nested quotes": "> one\n>> two **b**\n>>> three\n> - item\n>   > deep\n> ```\n> code\n> ```\n\nlazy\n> quote\ncontinues",
    "right to left": "# שלום עולם\n\nمرحبا **بالعالم** ثم `code` ومن ثم [رابط](https://example.org/مرحبا).\n\n- פריט\n- بند \u200f\u202bx\u202c",
    "joined emoji": "👨‍👩‍👧‍👦 **👩🏽‍💻** 🇩🇪🇫🇷 e\u0301 한국어 각 *🏳️‍🌈* `👍🏿` ☺️ \U00020000",
    "long code": 'Look:\n\n````markdown title="a b"\n'
    + "\n".join(f"line {n} ``` {'x' * (n % 50)}" for n in range(300))
    + "\n````\n\nDone.",
    "footnotes and tasks": "A claim[^1] and another[^note].\n\n- [ ] open\n- [x] **done**\n  - [ ] sub\n\n[^1]: The *source*.\n[^note]: https://example.org/a_b_c\n[ref]: https://example.org 'title'",
    "mentions": "Hello @everyone and @here <@123456789> <@!1> <@&42> <#7> </cmd:99> <id:home> `@everyone` ||@everyone|| **<@1>**\n\n-# small?\n\ntext\n# not after text\n#nohash\n1) one",
    "links": '[a](javascript:alert(1)) [b](data:text/html,x) [c](https://x.y/(z)) ![pic](https://x.y/p.png) ![](https://x.y/q.png) [d](/rel) [e](tg://user?id=1) [![i](https://x.y/i.png)](https://x.y) [f](mailto:a@b.c) <mailto:a@b.c> [*g* `h`](http://x.y "t") [](https://x.y) [@everyone](https://x.y/@everyone)',
    "controls": "a\x00b\x07c\x1b[31mred\x1b[0m \x7f \x85 \u2028 \ud800 \udc00 \ud83d\ude00 \ufdd0 \ufddf \uffff \r\nx\ry\tz",
    "headings": "# One `x`\n## Two **b**\n### Three\n#### Four\nSetext\n===\nmore\n---\n\n---\n\n***\n# \n#",
}

_WORDS = st.sampled_from(
    [
        "word",
        "The end.",
        "你好，世界！",
        "重点：",
        "これは。",
        "한국어",
        "שלום",
        "مرحبا",
        "👨‍👩‍👧‍👦",
        "🇩🇪🇫🇷",
        "e\u0301",
        "snake_case",
        "__init__",
        "@everyone",
        "<@1>",
        "<think>",
        "||x||",
        "$5",
        "a*b",
        "c ~5",
        "\\",
        "`",
        "**",
        "[",
        "](",
        "1.",
        "#",
        "|",
        "https://x.y/a_b",
        "\u200b",
        "\x00",
        "\ud83d",
        "&amp;",
        "tail ",
    ]
)
_TEXT = st.lists(_WORDS, min_size=1, max_size=8).map(" ".join)
_SPAN = st.one_of(
    _TEXT,
    _TEXT.map(lambda t: f"**{t}**"),
    _TEXT.map(lambda t: f"*{t}*"),
    _TEXT.map(lambda t: f"~~{t}~~"),
    _TEXT.map(lambda t: f"`{t}`"),
    _TEXT.map(lambda t: f"[{t}](https://example.org/x)"),
    _TEXT.map(lambda t: f"![{t}](javascript:x)"),
    _TEXT.map(lambda t: f"\\({t}\\)"),
    _TEXT.map(lambda t: f"$${t}$$"),
)
_INLINE = st.lists(_SPAN, min_size=1, max_size=4).map("".join)
_PARAGRAPH = st.lists(_INLINE, min_size=1, max_size=3).map("\n".join)
_FENCE = st.builds(
    lambda fence, info, lines: f"{fence}{info}\n" + "\n".join(lines) + f"\n{fence}",
    st.sampled_from(["```", "~~~", "````"]),
    st.sampled_from(["", "py", "c++ title=x"]),
    st.lists(_TEXT, max_size=6),
)
_TABLE = st.lists(st.tuples(_INLINE, _INLINE), min_size=1, max_size=5).map(
    lambda rows: "| a | b |\n|:--|--:|\n" + "\n".join(f"| {a} | {b} |".replace("\n", " ") for a, b in rows)
)


def _indented(text: str, first: str, other: str) -> str:
    return first + text.replace("\n", "\n" + other)


def _containers(blocks: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    inner = st.lists(blocks, min_size=1, max_size=3).map("\n\n".join)
    return st.one_of(
        inner.map(lambda t: _indented(t, "> ", "> ")),
        st.lists(inner, min_size=1, max_size=3).map(lambda ts: "\n".join(_indented(t, "- ", "  ") for t in ts)),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda ts: "\n".join(_indented(t, f"{n}. ", "   ") for n, t in enumerate(ts, 9))
        ),
    )


_BLOCK = st.one_of(
    _PARAGRAPH, _FENCE, _TABLE, _INLINE.map(lambda t: f"## {t}"), st.just("---"), st.just("    indented\n    code")
)
DOCUMENTS = st.lists(st.recursive(_BLOCK, _containers, max_leaves=6), min_size=1, max_size=5).map("\n\n".join)
ANYTHING = st.text(st.characters(), max_size=200) | st.text("*_`~|[]()<>#-+.!\\$\n\t 1aé你。😀>", max_size=80)
