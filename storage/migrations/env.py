"""What Alembic runs: the missing revisions on the connection and in the transaction that `storage.migrate` gives."""

from __future__ import annotations

from alembic import context

from storage.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
