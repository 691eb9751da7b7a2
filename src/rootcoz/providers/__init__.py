"""Who is asked about a failure group: one module a provider, all behind the protocol of `base.py`.

Enters: a `Question`. Leaves: a `Reply` whose text is in the answer contract of `prompts`, or an `OutsideError`.
`analysis/ask.py` calls them; `registry.py` is the one list of them, read by `wiring` alone.
"""
