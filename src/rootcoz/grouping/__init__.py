"""Which failures are the same failure.

Enters: the failures of a build. Leaves: an error signature for each (`signature.py`) and the groups that share one
(`groups.py`), both pure and without I/O; `analysis` calls them before anything is asked, `store` keeps the value with
its version, and `explanation.py` shows people how it came about.

    Failure -> lines -> noise.py takes out what changes from run to run
                     -> frames.py says which function a frame names and whose it is
            -> signature.py hashes what is left -> groups.py

To change a rule, change it together with `SIGNATURE_VERSION` and with a case in `tests/corpus/signature`; a new kind of
noise is one `NoiseRule` with its examples.

Apart from these stands `template.py`, which says which log statement wrote a line: looser, and no part of a signature.
"""
