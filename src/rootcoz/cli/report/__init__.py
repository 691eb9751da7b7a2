"""A finished analysis as documents: pure functions, one module a format, picked from `formats.FORMATS`.

What comes in was written by strangers (error texts, logs, AI answers): every format makes it harmless in its
own way, and nothing of it is ever interpreted by a terminal or a page.
"""
