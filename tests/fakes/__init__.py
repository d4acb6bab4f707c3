"""A fake Telegram and a fake Discord over real sockets, refereed by the platforms own descriptions."""
