"""A small value that fits a JSON schema: what the stand-in puts into tool calls and structured answers."""

from __future__ import annotations

import json
from typing import Any

_DEPTH = 6  # schemas may refer to themselves


def example_of(schema: dict[str, Any]) -> str:
    """Return JSON text of an object that fits `schema` as far as its types, enums and properties say."""
    return json.dumps(_example(schema, _DEPTH), ensure_ascii=False)


def _example(schema: Any, depth: int) -> Any:
    if not isinstance(schema, dict) or depth == 0:
        return None
    alternatives = schema.get("anyOf") or schema.get("oneOf")
    if alternatives:
        return _example(alternatives[0], depth - 1)
    fixed = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    return fixed[0] if fixed else _of_type(schema, depth)


def _of_type(schema: dict[str, Any], depth: int) -> Any:
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: _example(part, depth - 1) for name, part in (schema.get("properties") or {}).items()}
    if kind == "array":
        return [_example(schema["items"], depth - 1)] if schema.get("items") else []
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    return {"boolean": True, "null": None}.get(kind, "stand-in")
