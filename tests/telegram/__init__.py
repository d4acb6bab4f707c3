"""The Telegram adapter against the fake Telegram, over real sockets."""
