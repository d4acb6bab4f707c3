"""What must survive a restart: conversations, turns, stored actions, settings, people, usage, files.

`records` is the plain data, `database` opens it all; each table's verbs stand in a module of their own. SQLAlchemy
Core on SQLite by default, PostgreSQL (asyncpg) by URL. This room knows no chats, models or HTTP.
"""
