"""Prompt texts, a typed function that fills each, and a parser for its reply.

`analyse` asks for the root cause of one failure group; `answer` is the contract that every provider
replies in, `builtin` included. `analysis/ask.py` uses both. Texts are Markdown files beside their module.
"""
