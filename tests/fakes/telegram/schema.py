"""The Bot API's own tables as a judge: every request, answer and update is held against them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

DESCRIPTION = Path(__file__).parents[2] / "data" / "telegram" / "telegram-bot-api.json"
ARRAY = "Array of "
NO_FIELD = " has no such field"

Check = Callable[[Any, str], Iterator[str]]


class Uploaded:
    """A file that came along in a multipart request."""

    def __init__(self, name: str, media_type: str, content: bytes) -> None:
        self.name, self.media_type, self.content = name, media_type, content


def _is_a(kind: type | tuple[type, ...], name: str) -> Check:
    def check(value: Any, path: str) -> Iterator[str]:
        if not isinstance(value, kind) or (isinstance(value, bool) and name != "Boolean"):
            yield f"{path}: {value!r:.80} is no {name}"

    return check


class Schema:
    """Checks values against methods and types; what it yields are sentences about what is wrong."""

    def __init__(self, description: dict[str, Any]) -> None:
        self._methods, self._types = description["methods"], description["types"]
        self._checks: dict[str, Check] = {
            "Integer": _is_a(int, "Integer"),
            "Float": _is_a((int, float), "Float"),
            "String": _is_a(str, "String"),
            "Boolean": _is_a(bool, "Boolean"),
            "InputFile": _is_a((Uploaded, str), "InputFile"),
        }
        self._fields: dict[str, dict[str, dict[str, Any]]] = {
            name: {field["name"]: field for field in entry.get("fields", ())}
            for group in (self._methods, self._types)
            for name, entry in group.items()
        }

    def knows(self, method: str) -> bool:
        """Tell whether there is such a method."""
        return method in self._methods

    def decoded(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        """Return parameters with what came as text (form, query) read as what the method wants.

        Raises ValueError for text that is not that.
        """
        fields = self._fields[method]
        return {
            name: _decoded(fields[name]["types"], value) if name in fields else value for name, value in given.items()
        }

    def request(self, method: str, parameters: dict[str, Any]) -> list[str]:
        """Return what is wrong with a request."""
        return list(self._object(method, parameters, method))

    def answer(self, method: str, result: Any) -> list[str]:
        """Return what is wrong with an answer."""
        return list(self._any_of(self._methods[method]["returns"], result, f"{method}()"))

    def value(self, type_name: str, value: Any) -> list[str]:
        """Return what is wrong with a value of a type."""
        return list(self._check(type_name)(value, type_name))

    def filled(self, type_name: str, **given: Any) -> dict[str, Any]:
        """Return an object of a type: its constants, False for required booleans, and what is given."""
        made: dict[str, Any] = {}
        for name, field in self._fields[type_name].items():
            if "const" in field:
                made[name] = field["const"]
            elif field["required"] and field["types"] == ["Boolean"]:
                made[name] = False
        return made | given

    def _check(self, type_name: str) -> Check:
        if type_name not in self._checks:
            self._checks[type_name] = self._made(type_name)
        return self._checks[type_name]

    def _made(self, type_name: str) -> Check:
        if type_name.startswith(ARRAY):
            return self._array(type_name.removeprefix(ARRAY))
        if subtypes := self._types[type_name].get("subtypes"):
            return lambda value, path: self._any_of(subtypes, value, path)
        return lambda value, path: self._object(type_name, value, path)

    def _array(self, inner: str) -> Check:
        def check(value: Any, path: str) -> Iterator[str]:
            if not isinstance(value, list):
                yield f"{path}: {value!r:.80} is no array"
                return
            for number, item in enumerate(value):
                yield from self._check(inner)(item, f"{path}[{number}]")

        return check

    def _any_of(self, types: list[str], value: Any, path: str) -> Iterator[str]:
        wrong: list[str] = []
        for type_name in types:
            found = list(self._check(type_name)(value, path))
            if not found:
                return
            wrong = found if not wrong or len(found) < len(wrong) else wrong
        yield from wrong

    def _object(self, name: str, value: Any, path: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{path}: {value!r:.80} is no {name}"
            return
        fields = self._fields[name]
        for key in value.keys() - fields.keys():
            yield f"{path}.{key}: {name}{NO_FIELD}"
        for key, field in fields.items():
            if key not in value:
                if field["required"]:
                    yield f"{path}.{key}: is required"
            elif "const" in field and value[key] != field["const"]:
                yield f"{path}.{key}: {value[key]!r:.80} is not {field['const']!r}"
            else:
                yield from self._any_of(field["types"], value[key], f"{path}.{key}")


def _decoded(types: list[str], value: Any) -> Any:
    if not isinstance(value, str) or "InputFile" in types:
        return value
    if "String" in types:
        number = "Integer" in types and value.lstrip("-").isdigit()
        return int(value) if number else value
    return json.loads(value)


@cache
def bot_api() -> Schema:
    """Return the tables of the Bot API; read once, never changed."""
    return Schema(json.loads(DESCRIPTION.read_text(encoding="utf-8")))
