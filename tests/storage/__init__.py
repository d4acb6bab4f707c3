"""The database and the file store, on real SQLite, and on PostgreSQL where POLOBOT_TEST_POSTGRES holds its URL."""
