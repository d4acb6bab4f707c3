"""The tables. Times are Unix seconds, UTC; money is a decimal number as text, in USD; JSON is text.

What a transaction costs is the number of pages that it changes, each written whole to SQLite's log: so an index
stands only where a turn needs it. What hardly ever happens (forgetting, retention) walks one conversation's rows.
Large columns stand last in their rows: SQLite reads a row from its start, and only as far as it must.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

# SQLite numbers rows by itself only in a column declared INTEGER.
LARGEST_ID = 2**63 - 1
Id = BigInteger().with_variant(Integer, "sqlite")
# Keys are compared byte by byte on both databases, so that a range of them is a stretch of the index.
Key = Text().with_variant(Text(collation="C"), "postgresql")

METADATA = MetaData()

# Rows are numbered upwards, and the newest is never deleted: so no id is used twice, though buttons and chat
# messages refer to it long after its row is gone.
TURNS = Table(
    "turns",
    METADATA,
    Column("id", Id, primary_key=True),
    # BLAKE2b of the platform's event id: knows a repeated event even after its turn was forgotten.
    Column("event_digest", LargeBinary, nullable=False, unique=True),
    Column("event", Text, nullable=False),
    Column("conversation", Key, nullable=False),
    Column("person", Key, nullable=False),
    Column("message", Key),
    Column("state", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("merged_into", Id),
    Column("accepted_at", Float, nullable=False),
    Column("ended_at", Float),  # NULL: no outcome yet
    Column("shown", Text, nullable=False),  # JSON: list of message ids
    Column("via", Text),  # a secret for answering, deleted when the turn has its outcome
    Column("incoming", LargeBinary, nullable=False),
    Column("reply", LargeBinary),
)
# `message` at its end answers who asked by a chat message without a look at the rows.
Index("turns_by_conversation", TURNS.c.conversation, TURNS.c.id, TURNS.c.message)
_UNFINISHED = TURNS.c.ended_at.is_(None)
Index("turns_unfinished", TURNS.c.id, sqlite_where=_UNFINISHED, postgresql_where=_UNFINISHED)
_MERGED = TURNS.c.merged_into.is_not(None)
Index("turns_merged", TURNS.c.merged_into, sqlite_where=_MERGED, postgresql_where=_MERGED)

# Who was ever seen where: finds all of a person's rows by their conversation.
PRESENCE = Table(
    "presence",
    METADATA,
    Column("conversation", Key, primary_key=True),
    Column("person", Key, primary_key=True),
    sqlite_with_rowid=False,
)
Index("presence_by_person", PRESENCE.c.person)

# A message's id is its turn's id times MESSAGES_OF_A_TURN plus its place among them: unique for good, and a turn's
# messages stand side by side without an index.
MESSAGES_OF_A_TURN = 1024

MESSAGES = Table(
    "messages",
    METADATA,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("conversation", Key, nullable=False),
    # No foreign key, which would need an index: a parent that is no longer there counts as none.
    Column("parent", Id),
    Column("role", Text, nullable=False),
    Column("tokens", Integer, nullable=False),
    Column("files", Integer, nullable=False),  # how many rows of message_files
    Column("person", Key),
    Column("model", Text),
    Column("said_at", Float, nullable=False),
    Column("summary_tokens", Integer),
    Column("text", Text, nullable=False),
    # What stands for this message and everything above it, once it has been compacted.
    Column("summary", Text),
)
Index("messages_by_conversation", MESSAGES.c.conversation, MESSAGES.c.id)

CONVERSATIONS = Table(
    "conversations",
    METADATA,
    Column("key", Key, primary_key=True),
    Column("head", Id),  # the newest message; NULL, or one that is no longer there: begin a new tree
    sqlite_with_rowid=False,
)

LINKS = Table(
    "links",
    METADATA,
    Column("conversation", Key, primary_key=True),
    Column("platform_message", Key, primary_key=True),
    Column("message", Id, nullable=False),
    sqlite_with_rowid=False,
)

MESSAGE_FILES = Table(
    "message_files",
    METADATA,
    Column("message", Id, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("digest", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),  # bytes
    sqlite_with_rowid=False,
)
Index("message_files_by_digest", MESSAGE_FILES.c.digest)

ACTIONS = Table(
    "actions",
    METADATA,
    Column("id", Key, primary_key=True),
    Column("conversation", Key, nullable=False),
    Column("person", Key, nullable=False),
    Column("turn", Id),
    Column("action", LargeBinary, nullable=False),
    Column("used_at", Float),
    Column("used_by", Id),  # the turn that claimed it
    Column("created_at", Float, nullable=False),
    sqlite_with_rowid=False,
)
Index("actions_by_conversation", ACTIONS.c.conversation)

QUESTIONS = Table(
    "questions",
    METADATA,
    Column("conversation", Key, primary_key=True),
    Column("person", Key, primary_key=True),
    Column("action", Key, nullable=False),
    Column("answers", Text, nullable=False),  # JSON: object of text
    Column("message", Key),
    Column("asked_at", Float, nullable=False),
    sqlite_with_rowid=False,
)

SETTINGS = Table(
    "settings",
    METADATA,
    Column("scope", Key, primary_key=True),
    Column("name", Key, primary_key=True),
    Column("value", Text, nullable=False),  # JSON
    sqlite_with_rowid=False,
)

PEOPLE = Table(
    "people",
    METADATA,
    Column("id", Key, primary_key=True),
    Column("name", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("first_seen_at", Float, nullable=False),
    sqlite_with_rowid=False,
)

USAGE = Table(
    "usage",
    METADATA,
    Column("id", Id, primary_key=True),
    # No foreign key: what was spent outlives the turn that spent it.
    Column("turn", Id),
    Column("person", Key),  # NULL: forgotten
    Column("conversation", Key),  # NULL: forgotten
    Column("model", Text, nullable=False),
    Column("prompt_tokens", Integer, nullable=False),
    Column("completion_tokens", Integer, nullable=False),
    Column("cost", Text),  # decimal, USD; NULL: no price known
    Column("estimated", Boolean, nullable=False),
    Column("relay_request", Text, nullable=False),
    Column("spent_at", Float, nullable=False),
)
Index("usage_by_person", USAGE.c.person, USAGE.c.spent_at)
Index("usage_by_conversation", USAGE.c.conversation, USAGE.c.spent_at)
