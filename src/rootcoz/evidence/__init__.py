"""What supports a finding, and whether it is really there.

Enters: an answer and the texts it may quote. Leaves: the same answer with each claim marked as found
or not; nothing is dropped. `analysis/ask.py` calls `check_claims` for every provider's answer.
"""
