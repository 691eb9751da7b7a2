"""What supports a finding: the telling lines of a console, texts without secrets, and claims that are really there.

`excerpt.py` picks the lines of a console that say why it failed; `secrets.py` removes secrets from whatever an AI
is to see; `claims.py` takes an answer and the texts it may quote, and leaves the same answer with each claim
marked as found or not (nothing is dropped; `analysis/ask.py` calls it for every provider's answer).
"""
