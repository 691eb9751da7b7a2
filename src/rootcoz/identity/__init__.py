"""Who somebody is, as an identity provider says.

Enters: what the provider sent the browser back with. Leaves: a `Person`, whose identity token has been checked. Who
calls: `features/openid.py`, which decides which user that is. Nothing in here knows users, cookies or the store.
"""
