"""Prompt texts, a typed function that fills each, and a parser for its reply."""
