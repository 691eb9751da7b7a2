"""Issue trackers: Jira (Cloud and Data Center) and GitHub (with Enterprise).

Enters: words that an issue may have in it. Leaves: issues as `domain.issue.TrackerIssue`, read from the vendors'
answers at the edge. Who calls: `analysis/enrich.py`. `connection.py` decides which server is spoken to and with
which credential; `http.py` is the only module that sends anything.
"""
