"""A command's options out of a line of text, for platforms that hand over what was typed.

`--name value` and `--name=value` stand anywhere; `name=value` counts at the beginning and at the end. The last
required text option, or the only one, takes the rest of the line as it was typed. What names no declared option is
text, so a prompt may hold `--ar 16:9` or `a=b` of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from handlers.command import Command, Option, OptionKind
from handlers.errors import BadOption
from handlers.words import LANGUAGES, Words

__all__ = ["BadOption", "parse", "usage"]

Value = str | int | bool

_YES = frozenset({"yes", "y", "true", "on", "1", "是", "开", "对"})
_NO = frozenset({"no", "n", "false", "off", "0", "否", "关", "不"})
# Phones turn `--` into a dash and straight quotes into curly ones.
_DASHES = "--|—|–"
_QUOTED = r'"[^"\n]{0,500}"|“[^“”\n]{0,500}”|‘[^‘’\n]{0,500}’'
_LONGEST_SHOWN = 40  # characters of a wrong value that its error repeats


class _Given(NamedTuple):
    """A value found in the line, and where."""

    option: Option
    value: str | None  # None: a switch without a value
    start: int
    end: int


def parse(command: Command, text: str, *, attached: bool = False) -> dict[str, Value]:
    """Return the options that `text`, the line after the command's name, holds. Attachments are not among them.

    `attached`: a file or a message replied to comes along, so that the words may be missing.
    Raises `BadOption` naming the option and what would work. Linear in the length of the text.
    """
    options = tuple(option for option in command.options if option.kind is not OptionKind.ATTACHMENT)
    if not options:
        return {}
    rest = _rest_option(options)
    given = list(_given(tuple(option for option in options if option is not rest), text))
    left = _without(text, given)
    values = {each.option.name: _value(each.option, each.value) for each in given}
    if rest is None:
        values |= _in_order([option for option in options if option.name not in values], left, command)
    elif left := _unnamed(rest, left):
        values[rest.name] = _value(rest, _unquoted(left) if rest.choices else left)
    for option in options:
        if option.required and option.name not in values and not (attached and option is rest):
            raise BadOption(_missing(option, command))
    return values


def usage(command: Command, language: str) -> str:
    """Return how to write the command, from its declaration: `/draw <what to draw> [--seed <number>]`."""
    options = tuple(option for option in command.options if option.kind is not OptionKind.ATTACHMENT)
    rest = _rest_option(options)
    parts = [f"/{command.name}"]
    for option in sorted(options, key=lambda option: option is not rest):
        what = _placeholder(option, language)
        if option is not rest and rest is not None:
            what = f"--{option.name}" + ("" if option.kind is OptionKind.BOOLEAN else f" {what}")
        elif option.required:
            what = f"<{what}>"
        parts.append(what if option.required else f"[{what}]")
    return " ".join(parts)


def _rest_option(options: tuple[Option, ...]) -> Option | None:
    texts = [option for option in options if option.kind is OptionKind.TEXT]
    required = [option for option in texts if option.required]
    if required:
        return required[-1]
    return texts[0] if len(texts) == 1 else None


def _unnamed(rest: Option, text: str) -> str:
    """Take the option's own name off the front of its text, for people who write `--name` there too."""
    return re.sub(rf"\A(?:{_DASHES}){re.escape(rest.name)}(?:=|\s+|\Z)", "", text, flags=re.IGNORECASE)


def _given(options: tuple[Option, ...], text: str) -> Iterator[_Given]:
    """Find the named values, in order. Quoted stretches of the text are passed over."""
    if not options:
        return
    by_name = {option.name.lower(): option for option in options}
    names = "|".join(re.escape(name) for name in sorted(by_name, key=len, reverse=True))
    begins, ends = _free_stretch(text, names)
    pattern, at = _pattern(names), 0
    while found := pattern.search(text, at):
        at = found.end()
        if found["skipped"] or (found["plain"] and begins <= found.start() < ends):
            continue
        option = by_name[(found["dashed"] or found["plain"]).lower()]
        raw = found["value"] if found["dashed"] else found["plain_value"]
        switch = option.kind is OptionKind.BOOLEAN and found["dashed"] and not found["equals"]
        if switch and (raw is None or _unquoted(raw).lower() not in _YES | _NO):
            at = found.end("dashed")
            yield _Given(option, None, found.start(), at)
        else:
            yield _Given(option, _unquoted(raw or ""), found.start(), at)


def _pattern(names: str) -> re.Pattern[str]:
    """Match a quoted stretch, `--name` with or without its value, or `name=value`.

    Every alternative stops at the next quote or white space: a search through the text takes linear time.
    """
    dashed = rf"(?:{_DASHES})(?:{names})(?![\w-])"
    return re.compile(
        rf"(?P<skipped>{_QUOTED})"
        rf"|(?<!\S)(?:{_DASHES})(?P<dashed>{names})(?![\w-])"
        rf"(?:(?:(?P<equals>=)|[ \t]+)(?P<value>{_QUOTED}|(?!{dashed})\S+)?)?"
        rf"|(?<!\S)(?P<plain>{names})=(?P<plain_value>{_QUOTED}|\S+)",
        re.IGNORECASE,
    )


def _free_stretch(text: str, names: str) -> tuple[int, int]:
    """Return where the text proper begins and ends: between the leading and the trailing run of named values."""
    value = rf"(?:{_QUOTED}|\S+)"
    one = rf"(?:(?:{_DASHES})(?:{names})(?![\w-])(?:(?:=|[ \t]+){value})?|(?:{names})={value})(?!\S)"
    leading = re.compile(rf"\s*{one}", re.IGNORECASE)
    begins, ends = 0, len(text.rstrip())
    while found := leading.match(text, begins):
        begins = found.end()
    for found in reversed(list(re.finditer(rf"(?<!\S){one}", text, re.IGNORECASE))):
        if text[found.end() : ends].strip():
            break
        ends = found.start()
    return begins, ends


def _without(text: str, given: list[_Given]) -> str:
    """Return the text without the values found in it, each cut with the blanks behind it."""
    kept, at = [], 0
    for each in given:
        kept.append(text[at : each.start])
        at = each.end
        while at < len(text) and text[at] in " \t":
            at += 1
    return "".join([*kept, text[at:]]).strip()


def _unquoted(raw: str) -> str:
    if len(raw) >= 2 and (raw[0], raw[-1]) in {('"', '"'), ("“", "”"), ("‘", "’")}:
        return raw[1:-1]
    return raw


def _in_order(options: list[Option], left: str, command: Command) -> dict[str, Value]:
    """Give the words that no name claims to the options not yet named, in order of declaration."""
    words = re.findall(rf"{_QUOTED}|\S+", left)
    if len(words) > len(options):
        too_many = Words(
            en="I do not know what “{word}” is for. Write it like this: `{usage}`",
            zh="不知道“{word}”是什么意思。请这样写：`{usage}`",
        )
        raise BadOption(_with_usage(too_many, command, word=_shown(words[len(options)])))
    return {option.name: _value(option, _unquoted(word)) for option, word in zip(options, words, strict=False)}


def _value(option: Option, raw: str | None) -> Value:
    """Return `raw` as the option's type. Raises `BadOption`."""
    if option.kind is OptionKind.BOOLEAN:
        return _boolean(option, raw)
    if raw is None or not raw.strip():
        raise BadOption(_EMPTY.with_values(name=option.name))
    if option.choices:
        return _choice(option, raw.strip())
    if option.kind is OptionKind.INTEGER:
        return _integer(option, raw.strip())
    return _text(option, raw)


def _boolean(option: Option, raw: str | None) -> bool:
    word = "yes" if raw is None else raw.strip().lower()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise BadOption(_YES_OR_NO.with_values(name=option.name, value=_shown(word)))


def _choice(option: Option, raw: str) -> Value:
    for choice in option.choices:
        labels = [choice.label] if isinstance(choice.label, str) else [choice.label.in_language(x) for x in LANGUAGES]
        if raw.lower() in {choice.value.lower(), *(label.lower() for label in labels)}:
            return int(choice.value) if option.kind is OptionKind.INTEGER else choice.value
    possible = ", ".join(choice.value for choice in option.choices)
    raise BadOption(_ONE_OF.with_values(name=option.name, value=_shown(raw), possible=possible))


def _integer(option: Option, raw: str) -> int:
    try:
        number = int(raw) if len(raw) < 20 else None
    except ValueError:
        number = None
    low, high = option.minimum, option.maximum
    if number is None or (low is not None and number < low) or (high is not None and number > high):
        raise BadOption(_range_words(option).with_values(name=option.name, value=_shown(raw), low=low, high=high))
    return number


def _text(option: Option, raw: str) -> str:
    """Return the text itself; `minimum` and `maximum` are its length in characters."""
    if option.minimum is not None and len(raw) < option.minimum:
        raise BadOption(_TOO_SHORT.with_values(name=option.name, low=option.minimum))
    if option.maximum is not None and len(raw) > option.maximum:
        raise BadOption(_TOO_LONG.with_values(name=option.name, high=option.maximum, length=len(raw)))
    return raw


def _range_words(option: Option) -> Words:
    if option.minimum is not None and option.maximum is not None:
        return _BETWEEN
    if option.minimum is not None:
        return _AT_LEAST
    return _WHOLE if option.maximum is None else _AT_MOST


def _placeholder(option: Option, language: str) -> str:
    if option.choices and len(option.choices) <= 6:
        return "|".join(choice.value for choice in option.choices)
    hint = option.hint.in_language(language)
    return hint[:1].lower() + hint[1:]


def _missing(option: Option, command: Command) -> Words:
    return _with_usage(_MISSING, command, name=option.name)


def _with_usage(words: Words, command: Command, **values: object) -> Words:
    """Fill a sentence whose `{usage}` differs from language to language."""
    return Words(
        en=words.with_values(usage=usage(command, "en"), **values).in_language("en"),
        zh=words.with_values(usage=usage(command, "zh"), **values).in_language("zh"),
    )


def _shown(value: str) -> str:
    return value if len(value) <= _LONGEST_SHOWN else value[:_LONGEST_SHOWN] + "…"


_MISSING = Words(en="`{name}` is missing. Write it like this: `{usage}`", zh="缺少 `{name}`。请这样写：`{usage}`")
_EMPTY = Words(en="`{name}` needs a value after it.", zh="`{name}` 后面需要一个值。")
_YES_OR_NO = Words(en="`{name}` takes yes or no, not “{value}”.", zh="`{name}` 只能是 yes 或 no，不能是“{value}”。")
_ONE_OF = Words(
    en="`{name}` cannot be “{value}”. It can be: {possible}.", zh="`{name}` 不能是“{value}”，可以是：{possible}。"
)
_WHOLE = Words(en="`{name}` takes a whole number, not “{value}”.", zh="`{name}` 需要一个整数，不能是“{value}”。")
_BETWEEN = Words(
    en="`{name}` takes a whole number from {low} to {high}, not “{value}”.",
    zh="`{name}` 需要 {low} 到 {high} 之间的整数，不能是“{value}”。",
)
_AT_LEAST = Words(
    en="`{name}` takes a whole number of {low} or more, not “{value}”.",
    zh="`{name}` 需要不小于 {low} 的整数，不能是“{value}”。",
)
_AT_MOST = Words(
    en="`{name}` takes a whole number of {high} or less, not “{value}”.",
    zh="`{name}` 需要不大于 {high} 的整数，不能是“{value}”。",
)
_TOO_SHORT = Words(en="`{name}` needs at least {low} characters.", zh="`{name}` 至少需要 {low} 个字符。")
_TOO_LONG = Words(
    en="`{name}` takes at most {high} characters; that was {length}.",
    zh="`{name}` 最多 {high} 个字符，这里有 {length} 个。",
)
