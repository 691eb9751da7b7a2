"""The flow: from accepted input to a stored result.

`pipeline.py` names the steps; `intake.py` accepts, `ask.py` asks the provider about each group, `debate.py` lets
peers judge its answer, `duplicates.py` has it judge known issues, `ledger.py` books each call and knows when a budget
is spent, `consoles.py` and `materials.py` fill the workspace, `report.py` writes the result. Nothing here knows the
web, SQL or the durable engine.
"""
