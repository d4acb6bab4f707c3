"""Lines below a model's Markdown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from handlers.markdown import open_fence, with_lines_below


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("", ""),
        ("plain ``` text", ""),
        ("```python\nx", "```"),
        ("```\nx\n```", ""),
        ("````\n```\nx", "````"),
        ("~~~\n```\nx", "~~~"),
        ("```\nx\n```` ", ""),
        ("```\nx\n```no end", "```"),
        ("```a`b```", ""),
    ],
)
def test_an_open_code_block_is_seen(text: str, marks: str) -> None:
    assert open_fence(text) == marks


@given(
    st.lists(st.sampled_from(["```", "```py", "````", "~~~", "text", "", "`x`", "``` x ```", "    ```"]), max_size=8)
)
def test_lines_below_are_never_inside_code(lines: list[str]) -> None:
    whole = with_lines_below("\n".join(lines), "Cut here.")

    last = [
        token for token in MarkdownIt("commonmark").parse(whole) if token.type in {"inline", "fence", "code_block"}
    ][-1]
    assert (last.type, last.content) == ("inline", "_Cut here._")


def test_without_lines_the_text_is_as_it_was() -> None:
    assert with_lines_below("```\nx  \n") == "```\nx"
    assert with_lines_below("", "Cut.", "Again.") == "_Cut._\n\n_Again._"
