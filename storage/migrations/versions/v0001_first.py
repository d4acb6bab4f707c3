"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
UNFINISHED = sa.text("ended_at IS NULL")
MERGED = sa.text("merged_into IS NOT NULL")


def upgrade() -> None:
    """Make all tables."""
    _turns()
    _presence()
    _messages()
    _conversations()
    _links()
    _message_files()
    _actions()
    _questions()
    _settings()
    _people()
    _usage()


def downgrade() -> None:
    """Delete all tables."""
    for table in (
        "usage",
        "people",
        "settings",
        "questions",
        "actions",
        "message_files",
        "links",
        "conversations",
        "messages",
        "presence",
        "turns",
    ):
        op.drop_table(table)


def _turns() -> None:
    op.create_table(
        "turns",
        sa.Column("id", ID, nullable=False),
        sa.Column("event_digest", sa.LargeBinary(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("conversation", KEY, nullable=False),
        sa.Column("person", KEY, nullable=False),
        sa.Column("message", KEY),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("merged_into", ID),
        sa.Column("accepted_at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float()),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("via", sa.Text()),
        sa.Column("incoming", sa.LargeBinary(), nullable=False),
        sa.Column("reply", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("event_digest"),
    )
    op.create_index("turns_by_conversation", "turns", ["conversation", "id", "message"])
    op.create_index("turns_merged", "turns", ["merged_into"], sqlite_where=MERGED, postgresql_where=MERGED)
    op.create_index("turns_unfinished", "turns", ["id"], sqlite_where=UNFINISHED, postgresql_where=UNFINISHED)


def _presence() -> None:
    op.create_table(
        "presence",
        sa.Column("conversation", KEY, nullable=False),
        sa.Column("person", KEY, nullable=False),
        sa.PrimaryKeyConstraint("conversation", "person"),
        sqlite_with_rowid=False,
    )
    op.create_index("presence_by_person", "presence", ["person"])


def _messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("conversation", KEY, nullable=False),
        sa.Column("parent", ID),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("person", KEY),
        sa.Column("model", sa.Text()),
        sa.Column("said_at", sa.Float(), nullable=False),
        sa.Column("summary_tokens", sa.Integer()),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("messages_by_conversation", "messages", ["conversation", "id"])


def _conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("key", KEY, nullable=False),
        sa.Column("head", ID),
        sa.PrimaryKeyConstraint("key"),
        sqlite_with_rowid=False,
    )


def _links() -> None:
    op.create_table(
        "links",
        sa.Column("conversation", KEY, nullable=False),
        sa.Column("platform_message", KEY, nullable=False),
        sa.Column("message", ID, nullable=False),
        sa.PrimaryKeyConstraint("conversation", "platform_message"),
        sqlite_with_rowid=False,
    )


def _message_files() -> None:
    op.create_table(
        "message_files",
        sa.Column("message", ID, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["message"], ["messages.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("message", "position"),
        sqlite_with_rowid=False,
    )
    op.create_index("message_files_by_digest", "message_files", ["digest"])


def _actions() -> None:
    op.create_table(
        "actions",
        sa.Column("id", KEY, nullable=False),
        sa.Column("conversation", KEY, nullable=False),
        sa.Column("person", KEY, nullable=False),
        sa.Column("turn", ID),
        sa.Column("action", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.Float()),
        sa.Column("used_by", ID),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=False,
    )
    op.create_index("actions_by_conversation", "actions", ["conversation"])


def _questions() -> None:
    op.create_table(
        "questions",
        sa.Column("conversation", KEY, nullable=False),
        sa.Column("person", KEY, nullable=False),
        sa.Column("action", KEY, nullable=False),
        sa.Column("answers", sa.Text(), nullable=False),
        sa.Column("message", KEY),
        sa.Column("asked_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("conversation", "person"),
        sqlite_with_rowid=False,
    )


def _settings() -> None:
    op.create_table(
        "settings",
        sa.Column("scope", KEY, nullable=False),
        sa.Column("name", KEY, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "name"),
        sqlite_with_rowid=False,
    )


def _people() -> None:
    op.create_table(
        "people",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=False,
    )


def _usage() -> None:
    op.create_table(
        "usage",
        sa.Column("id", ID, nullable=False),
        sa.Column("turn", ID),
        sa.Column("person", KEY),
        sa.Column("conversation", KEY),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("completion_tokens", sa.Integer(), nullable=False),
        sa.Column("cost", sa.Text()),
        sa.Column("estimated", sa.Boolean(), nullable=False),
        sa.Column("relay_request", sa.Text(), nullable=False),
        sa.Column("spent_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("usage_by_conversation", "usage", ["conversation", "spent_at"])
    op.create_index("usage_by_person", "usage", ["person", "spent_at"])
