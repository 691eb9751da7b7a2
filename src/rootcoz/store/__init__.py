"""Everything that is kept, and all SQL there is.

`engine.py` alone knows which database it is; `schema.py` has the tables; one module of queries a noun. Callers
open a transaction (`Database.read` or `Database.write`), hand its connection to the queries and thereby decide
what is one unit: one request or one task is one transaction.
"""
