"""SQL written once as a Core expression and compiled once per dialect to the text that the driver runs.

SQLAlchemy's own execution costs several times what SQLite needs for the statement itself, so its part ends here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import Table, bindparam
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import pysqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement

DialectName = Literal["sqlite", "postgresql"]


@cache
def _dialect(name: DialectName) -> Dialect:
    if name == "sqlite":
        return pysqlite.dialect(paramstyle="qmark")
    from sqlalchemy.dialects.postgresql import asyncpg  # noqa: PLC0415 - most never need it, and start without it

    return asyncpg.dialect()  # type: ignore[no-untyped-call]


class Compiled(NamedTuple):
    """A statement's text in one dialect and the names of its values in the order of its placeholders."""

    text: str
    names: tuple[str, ...]
    # Values that the expression itself brought along (a LIMIT, a constant).
    constants: Mapping[str, object]


class Step(NamedTuple):
    """A statement with its values, ready to be run."""

    statement: Statement
    values: Mapping[str, object]

    def render(self, dialect: DialectName) -> tuple[str, list[object]]:
        """Return the text and the positional values for `dialect`. Raises KeyError for a value left out."""
        compiled = self.statement.compiled(dialect)
        values = {**compiled.constants, **self.values} if compiled.constants else self.values
        return compiled.text, [values[name] for name in compiled.names]


def as_json(value: object) -> str:
    """Return the JSON of a value as text; a lone surrogate in it stays one, for `storable` to mend."""
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return json.dumps(value, ensure_ascii=False)


def storable(value: object) -> object:
    """Return a value without what no database takes: lone surrogates, and NUL, which PostgreSQL refuses in text."""
    if not isinstance(value, str):
        return value
    return value.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class Statement:
    """One SQL statement. Calling it with its values, by name, makes a `Step`."""

    __slots__ = ("_compiled", "_express")

    def __init__(self, expression: ClauseElement | Callable[[DialectName], ClauseElement]) -> None:
        self._express = expression
        self._compiled: dict[DialectName, Compiled] = {}

    def __call__(self, **values: object) -> Step:
        """Bind the values."""
        return Step(self, values)

    def compiled(self, dialect: DialectName) -> Compiled:
        """Return the text for `dialect`, made on first use and kept."""
        known = self._compiled.get(dialect)
        if known is None:
            known = self._compiled[dialect] = self._compile(dialect)
        return known

    def _compile(self, dialect: DialectName) -> Compiled:
        expression = self._express if isinstance(self._express, ClauseElement) else self._express(dialect)
        compiled = expression.compile(dialect=_dialect(dialect))
        if not isinstance(compiled, SQLCompiler):
            raise TypeError(f"not a statement: {expression}")
        names = tuple(compiled.positiontup or ())
        given = {name: value for name, value in compiled.params.items() if value is not None}
        return Compiled(str(compiled), names, given)


def insert(table: Table, *, returning: str | None = None, generated: tuple[str, ...] = ()) -> Statement:
    """Insert one row; the values are named like the columns. `generated`: columns that the database fills."""

    def express(dialect: DialectName) -> ClauseElement:
        new: Any = _insert(dialect, table, generated)
        return _returning(new, table, returning)

    return Statement(express)


def insert_new(
    table: Table, *, on: tuple[str, ...], returning: str | None = None, generated: tuple[str, ...] = ()
) -> Statement:
    """Insert one row unless one with the same `on` columns stands already."""

    def express(dialect: DialectName) -> ClauseElement:
        new = _insert(dialect, table, generated).on_conflict_do_nothing(index_elements=list(on))
        return _returning(new, table, returning)

    return Statement(express)


def upsert(table: Table, *, on: tuple[str, ...], update: tuple[str, ...]) -> Statement:
    """Insert one row, or set the `update` columns of the one with the same `on` columns."""

    def express(dialect: DialectName) -> ClauseElement:
        new = _insert(dialect, table, ())
        changed = {name: new.excluded[name] for name in update}
        statement: ClauseElement = new.on_conflict_do_update(index_elements=list(on), set_=changed)
        return statement

    return Statement(express)


def _insert(dialect: DialectName, table: Table, generated: tuple[str, ...]) -> Any:
    values = {c.name: bindparam(c.name, type_=c.type) for c in table.columns if c.name not in generated}
    if dialect == "sqlite":
        return sqlite.insert(table).values(values)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - see `_dialect`

    return postgresql.insert(table).values(values)


def _returning(new: Any, table: Table, column: str | None) -> ClauseElement:
    statement: ClauseElement = new if column is None else new.returning(table.c[column])
    return statement
