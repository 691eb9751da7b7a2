"""The flow: from accepted input to a stored result.

`pipeline.py` names the steps; `intake.py` accepts, `ask.py` asks the provider about each group, `debate.py` lets
peers judge its answer, `report.py` writes the result. Nothing here knows the web, SQL or the durable engine.
"""
