"""The field's words as frozen types, and the tree of errors.

Nothing here does I/O or knows a library outside Python's own. Every other package speaks in these types;
`docs/reference/glossary.md` explains the words.
"""
