"""Prompt texts, a typed function that fills each, and a parser for its reply.

`analyse` asks for the root cause of one failure group; `answer` is the contract that every provider
replies in, `builtin` included. `analysis/ask.py` uses both. `duplicates` asks which issues of a tracker are about a
finding. Texts are Markdown files beside their module; `texts` knows their versions.
"""
