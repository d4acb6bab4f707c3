"""Checks requests and answers against Discord's own OpenAPI description. Validators are compiled once, when needed."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any, cast

import jsonschema

SPECIFICATION = Path(__file__).parents[2] / "data" / "discord" / "openapi.json"


@functools.cache
def _specification() -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(SPECIFICATION.read_text(encoding="utf-8")))


@functools.cache
def _paths() -> list[tuple[re.Pattern[str], str]]:
    """Path patterns, literal ones before templated ones."""
    paths = sorted(_specification()["paths"], key=lambda path: (path.count("{"), path))
    return [(re.compile(re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(path)) + "$"), path) for path in paths]


def template_of(method: str, path: str) -> str | None:
    """Return the path template that a request fits, None where Discord has no such call."""
    for pattern, template in _paths():
        if pattern.match(path) and method.lower() in _specification()["paths"][template]:
            return template
    return None


@functools.cache
def _validator(method: str, template: str, status: int | None, kind: str) -> jsonschema.Draft202012Validator | None:
    operation = _specification()["paths"][template][method.lower()]
    if status is None:
        content = operation.get("requestBody", {}).get("content", {})
    else:
        answers = operation["responses"]
        answer = answers.get(str(status)) or answers.get(f"{status // 100}XX")
        if answer is None:
            return _never()
        while "$ref" in answer:
            answer = _specification()["components"]["responses"][answer["$ref"].rsplit("/", 1)[1]]
        content = answer.get("content", {})
    return _compiled(content[kind]["schema"]) if kind in content else None


def _compiled(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator({"components": _specification()["components"], "allOf": [schema]})


@functools.cache
def _never() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator({"not": {}, "description": "a status that the specification does not list"})


@functools.cache
def _named(schema: str) -> jsonschema.Draft202012Validator:
    return _compiled({"$ref": f"#/components/schemas/{schema}"})


def complaints_about_request(method: str, template: str, body: object, *, multipart: bool) -> list[str]:
    """Say what is wrong with a request's body."""
    kind = "multipart/form-data" if multipart else "application/json"
    validator = _validator(method, template, None, kind)
    if validator is None:
        return [f"{method} {template} takes no body"] if body is not None else []
    return _complaints(validator, _relaxed(body))


def complaints_about_answer(method: str, template: str, status: int, body: object) -> list[str]:
    """Say what is wrong with an answer of the fake itself.

    `errors` is left out: the specification wants numbers for the codes in it, real answers (and the documentation)
    have words such as BASE_TYPE_MAX_LENGTH.
    """
    if status == 400 and isinstance(body, dict):
        body = {name: value for name, value in body.items() if name != "errors"}
    validator = _validator(method, template, status, "application/json")
    return _complaints(validator, body) if validator is not None and body is not None else []


def complaints_about(schema: str, body: object) -> list[str]:
    """Say where `body` is not what a named schema wants."""
    return _complaints(_named(schema), body)


def _complaints(validator: jsonschema.Draft202012Validator, body: object) -> list[str]:
    return [f"{'.'.join(map(str, error.absolute_path))}: {_deepest(error)}" for error in validator.iter_errors(body)]


def _deepest(error: jsonschema.ValidationError) -> str:
    """Of a union's many complaints, tell the most telling one."""
    best = jsonschema.exceptions.best_match([error])
    return best.message[:200] if best is not None else error.message[:200]


def _relaxed(body: object) -> object:
    """Discord takes numbers where its specification wants snowflakes as text; exactly in these places."""
    if not isinstance(body, dict):
        return body
    body = dict(body)
    if isinstance(body.get("attachments"), list):
        body["attachments"] = [
            one | {"id": str(one["id"])} if isinstance(one, dict) and "id" in one else one
            for one in body["attachments"]
        ]
    reference = body.get("message_reference")
    if isinstance(reference, dict):
        ids = ("message_id", "channel_id", "guild_id")
        body["message_reference"] = reference | {name: str(reference[name]) for name in ids if name in reference}
    if "recipient_id" in body:
        body["recipient_id"] = str(body["recipient_id"])
    return body
