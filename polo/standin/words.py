"""What the stand-in says of itself when no script tells it: by rule, in the language it is asked in.

It shows what a model would be shown by: Markdown of every kind, and what it was sent, so that memory can be seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from polo.standin import faults, pictures
from polo.standin.schemas import example_of
from polo.standin.script import Call, Next, Say, split

__all__ = ["prompt_tokens", "reply", "split"]

_FIRST_S = 0.2  # until the first words, at a natural pace
_BETWEEN_S = 0.015
_SLOW_S = 0.5
_CJK = re.compile(r"[\u3400-\u9fff\u3040-\u30ff]")
_COMMAND = re.compile(r"standin\s*[:：]\s*([\w-]+)[ \t]*([^\n]*)", re.IGNORECASE)
_NAMES = (
    re.compile(r"\b(?:my name is|call me|i am called|i'm called)\s+([^\W\d_][\w'-]{0,30})", re.IGNORECASE),
    # A question after a name (我叫什么) is none.
    re.compile(r"(?:我叫|我的名字[是叫]|叫我)\s*(?!什么|啥|甚麼|什麼)([^\s，。！？,.!?]{1,12})"),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a request says, as far as the stand-in looks."""

    asked: str  # the last thing the person said
    earlier: tuple[str, ...]  # what the person said before that
    system: str
    messages: int
    answers: int
    pictures: tuple[str, ...]  # in the last message, each in words
    tool_results: tuple[str, ...]  # after the last question
    name: str

    @property
    def chinese(self) -> bool:
        """Tell whether the question is in Chinese."""
        return bool(_CJK.search(self.asked))


def reply(body: dict[str, Any], *, natural: bool) -> Next:
    """Return the answer to a request: what its text asks the stand-in to do, else the standing one."""
    seen = look(body)
    if found := _COMMAND.search(seen.asked):
        return _obey(found[1].lower(), found[2].strip(), seen, body, natural=natural)
    if (body.get("response_format") or {}).get("type") in ("json_object", "json_schema"):
        return _paced(Say(_json_answer(body["response_format"])), natural)
    return _paced(Say(_standing(seen)), natural)


def look(body: dict[str, Any]) -> Seen:
    """Read a request."""
    messages = [message for message in body["messages"] if isinstance(message, dict)]
    said = [(str(message.get("role")), message.get("content")) for message in messages]
    persons = [text_of(content) for role, content in said if role == "user"]
    last = max((at for at, (role, _) in enumerate(said) if role == "user"), default=-1)
    return Seen(
        asked=persons[-1] if persons else "",
        earlier=tuple(persons[:-1]),
        system=" ".join(text_of(content) for role, content in said if role in ("system", "developer")),
        messages=len(said),
        answers=sum(role == "assistant" for role, _ in said),
        pictures=tuple(pictures.described(said[last][1])) if last >= 0 else (),
        tool_results=tuple(text_of(content) for role, content in said[last + 1 :] if role == "tool"),
        name=_name(persons),
    )


def text_of(content: object) -> str:
    """Return the words of a message's content, a string or a list of parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return " ".join(str(part.get("text", "")) for part in parts if isinstance(part, dict) and "text" in part)


def prompt_tokens(body: dict[str, Any]) -> int:
    """Return about how many tokens a request's words are: a quarter of their bytes."""
    return sum(len(text_of(message.get("content")).encode()) for message in body["messages"]) // 4 + 1


def _name(persons: list[str]) -> str:
    """Return the name the person told last, or ""."""
    for text in reversed(persons):
        for pattern in _NAMES:
            if found := pattern.search(text):
                return found[1]
    return ""


def _paced(say: Say, natural: bool) -> Say:
    return replace(say, delay_s=_FIRST_S, between_s=_BETWEEN_S) if natural else say


def _obey(order: str, rest: str, seen: Seen, body: dict[str, Any], *, natural: bool) -> Next:
    """Do what `standin: ORDER REST` asks; an unknown order is answered with the list of those known."""
    if order == "error":
        return faults.failure(int(rest[:3]) if re.match(r"[45]\d\d", rest) else 500)
    if order == "slow":
        return Say(_standing(seen), delay_s=2 * _SLOW_S, between_s=_SLOW_S)
    if order == "call":
        return _paced(_call(rest, seen, body), natural)
    if (fault := faults.by_name(order)) is not None:
        return fault
    plain = {
        "echo": Say(rest),
        "long": Say(_long()),
        "think": Say(_standing(seen), thinking=_thought(seen)),
        "tags": Say(f"<think>\n{_thought(seen)}\n</think>\n\n{_standing(seen)}"),
        "refuse": Say("", finish="content_filter"),
        "cut": Say(_standing(seen), finish="length"),
    }
    return _paced(plain.get(order) or Say(_help(seen.chinese)), natural)


def _call(name: str, seen: Seen, body: dict[str, Any]) -> Say:
    """Ask for the tool `name` (else the first one offered), or tell what it answered."""
    if seen.tool_results:
        return Say("The tool answered: " + "; ".join(seen.tool_results))
    offered = [tool.get("function") or {} for tool in body.get("tools") or ()]
    chosen = next((tool for tool in offered if tool.get("name") == name), offered[0] if offered else None)
    if chosen is None:
        return Say("No tool was offered to me.")
    arguments = example_of(chosen.get("parameters") or {})
    return Say(calls=(Call(str(chosen.get("name")), arguments),), finish="tool_calls")


def _json_answer(wanted: dict[str, Any]) -> str:
    schema = (wanted.get("json_schema") or {}).get("schema")
    return example_of(schema or {"type": "object", "properties": {"standin": {"type": "boolean"}}})


# ---------------------------------------------------------------- the words


def _standing(seen: Seen) -> str:
    """Return the standing answer: a heading, a list, a table, a code block, and both scripts."""
    return _in_chinese(seen) if seen.chinese else _in_english(seen)


def _quoted(text: str, at_most: int = 200) -> str:
    """Return a person's words on one line, cut, and unable to open or close any Markdown of ours."""
    line = " ".join(text.split()).replace("`", "'").replace("|", "/")
    return line if len(line) <= at_most else line[:at_most] + "…"


def _in_english(seen: Seen) -> str:
    known = [
        f"This request held **{seen.messages}** messages: {len(seen.earlier) + 1} of yours, {seen.answers} of mine."
    ]
    if seen.name:
        known.append(f"You told me that your name is **{_quoted(seen.name)}**.")
    if seen.earlier:
        known.append(f"Before this you said: “{_quoted(seen.earlier[-1])}”")
    if seen.system:
        known.append(f"My instructions begin: “{_quoted(seen.system, 80)}”")
    known += [f"I was sent a picture: {picture}." for picture in seen.pictures]
    known += [f"A tool answered: “{_quoted(result)}”" for result in seen.tool_results]
    facts = "\n".join(f"- {line}" for line in known)
    return f"""## A stand-in answers

I am **not a model** but a stand-in relay: this answer is made by rule. You asked:

> {_quoted(seen.asked) or "(nothing)"}

What I know of our conversation:

{facts}

| part | English | 中文 |
| --- | --- | --- |
| yours | {len(seen.earlier) + 1} | 您说了 {len(seen.earlier) + 1} 条 |
| mine | {seen.answers} | 我答了 {seen.answers} 条 |

```python
def greet(name: str) -> str:
    return f"Hello, {{name}}! 你好！"
```

Set `POLO_API_KEY` to ask a real model. Write `standin: help` to see what else I can do."""


def _in_chinese(seen: Seen) -> str:
    known = [f"这次请求里有 **{seen.messages}** 条消息：您的 {len(seen.earlier) + 1} 条，我的 {seen.answers} 条。"]
    if seen.name:
        known.append(f"您告诉过我，您叫 **{_quoted(seen.name)}**。")
    if seen.earlier:
        known.append(f"在这之前您说过：“{_quoted(seen.earlier[-1])}”")
    if seen.system:
        known.append(f"给我的指示开头是：“{_quoted(seen.system, 80)}”")
    known += [f"我收到一张图片：{picture}。" for picture in seen.pictures]
    known += [f"工具返回：“{_quoted(result)}”" for result in seen.tool_results]
    facts = "\n".join(f"- {line}" for line in known)
    return f"""## 替身中转站的回答

我**不是模型**，只是一个替身中转站：这个回答是按规则拼出来的。您问的是：

> {_quoted(seen.asked)}

我记得这段对话里的：

{facts}

| 部分 | 中文 | English |
| --- | --- | --- |
| 您 | {len(seen.earlier) + 1} 条 | {len(seen.earlier) + 1} of yours |
| 我 | {seen.answers} 条 | {seen.answers} of mine |

```python
def greet(name: str) -> str:
    return f"你好，{{name}}！ Hello!"
```

设置 `POLO_API_KEY` 后就能问真正的模型。输入 `standin: help` 看看我还会什么。"""


def _thought(seen: Seen) -> str:
    return f"A stand-in does not think; it counts: {seen.messages} messages came with this question."


def _long() -> str:
    """Return some 12,000 characters: longer than a message of any platform, with code and a table across them."""
    sections = []
    for number in range(1, 16):
        rows = "\n".join(f"| {number}.{row} | 第 {row} 行 | stand-in |" for row in range(1, 6))
        sections.append(
            f"## Part {number} · 第 {number} 部分\n\n"
            + "The stand-in relay writes a long answer, so that it has to be split. " * 4
            + "替身中转站写一段很长的回答，好让它必须分成几条消息。" * 3
            + f"\n\n| no. | 中文 | English |\n| --- | --- | --- |\n{rows}\n\n"
            + "```python\n"
            + "\n".join(f"value_{number}_{line} = {number * line}  # line {line}" for line in range(1, 8))
            + "\n```"
        )
    return "\n\n".join(sections)


def _help(chinese: bool) -> str:
    lines = {
        "long": ("a very long answer", "很长的回答"),
        "slow": ("the standing answer, slowly", "慢慢地回答"),
        "think": ("with thinking apart", "带思考过程"),
        "tags": ("with thinking between tags", "思考写在标签里"),
        "echo TEXT": ("only TEXT", "只回 TEXT"),
        "call TOOL": ("ask for a tool that was offered", "调用给出的工具"),
        "error 429": ("a refusal with that status", "以该状态码拒绝"),
        "refuse": ("a refused answer", "被审核拒绝的回答"),
        "cut": ("an answer cut by its length", "因长度被截断"),
        ", ".join((*faults.HOW, "hang", "html", "empty")): ("break in that way", "以该方式出错"),
    }
    rows = "\n".join(f"- `standin: {order}` — {words[chinese]}" for order, words in lines.items())
    return f"## {'替身中转站的命令' if chinese else 'What the stand-in obeys'}\n\n{rows}"
