"""The process around the bot: settings, command line, log, metrics, the lock, and what the repository promises."""
