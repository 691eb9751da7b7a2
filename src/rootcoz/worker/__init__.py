"""Does the accepted work, and goes on with it after any kind of stop.

`engine.py` is the only module that knows the durable engine; `recovery.py` reconciles what it remembers with what
our own store says at start; `service.py` opens everything one process needs.
"""
