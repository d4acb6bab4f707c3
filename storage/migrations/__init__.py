"""Alembic's revisions, one module each in `versions`, run by `storage.migrate` when a database is opened."""
