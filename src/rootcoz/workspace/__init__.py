"""What an analysis has on disk: clones of repositories, unpacked artifacts, files for each group.

Enters: addresses of repositories, downloaded archives. Leaves: a private folder (`folder.py`) with clones
(`repositories.py`, addresses in `addresses.py`) and unpacked archives (`artifacts.py`), which `search.py` reads
for tools and claim checks and `prompt_files.py` for a team's own instructions. `analysis` makes it before it asks
and removes it afterwards.

Everything in there was written by others and is hostile until proven otherwise: nothing of it is run, no link is
followed, nothing grows without a limit, and no secret is written into it.
"""
