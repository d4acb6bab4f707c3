"""What can go wrong with the database itself, in one sentence for the operator."""

from __future__ import annotations


class DatabaseProblem(Exception):
    """The database cannot be used as asked; the text is one sentence without any password."""


class DatabaseNewer(DatabaseProblem):
    """The database was written by a newer program than this one."""
