"""The page: a chat in the browser, served by the same process, with the same commands, buttons, forms and files.

`adapter.py` drives it, `server.py` serves it, `receive.py` turns what the browser posts into events, `send.py` turns
pages into Server-Sent Events, `guard.py` decides who comes in, `rooms.py` and `spool.py` hold what is in work.
"""
