"""Speaks to the outside: Slack, Teams, webhooks, mail servers and push services.

Enters: a message, free of secrets and otherwise as it came, from `features.deliveries`. Leaves: the same in the words
and the escaping of one kind of channel, over the network; or an error that says whether another attempt makes sense.
One module a kind; `registry.py` lists them, and `wiring` picks.
"""
