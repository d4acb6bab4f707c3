"""The whole bot: people type into a fake Telegram, a fake Discord and the page; a stand-in relay answers."""
