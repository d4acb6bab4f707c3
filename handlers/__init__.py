"""The features: every command said once, for every platform.

`handlers/features/` holds one module a command. The modules beside it are the words features are made of:
`words` (a sentence in each language), `command` (a declaration), `turn` (one request), `reply` (what is shown),
`services` (what a feature is handed). This room knows no platform, no SQL and no HTTP.
"""
