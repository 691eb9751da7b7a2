"""rootcoz reads failed CI runs and says why they failed.

`docs/explanation/architecture.md` names every package; `analysis/pipeline.py` is the product as one function.
"""

__version__ = "0.1.0"
