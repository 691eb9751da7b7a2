"""Issue trackers: Jira (Cloud and Data Center) and GitHub (with Enterprise).

Enters: words that an issue may have in it, or a new issue with a text that people wrote. Leaves: issues as
`domain.issue.TrackerIssue` and `FiledIssue`, read from the vendors' answers at the edge. Who calls:
`analysis/enrich.py` to search, `features/issues.py` to file, `features/tracker_access.py` to look around.

`connection.py` decides which server is spoken to and with which credential; `http.py` is the only module that sends
anything. `jira_text.py` turns a text into what Jira reads: Markdown and wiki text become the nodes of `adf.py`, and
those a document or wiki text again.
"""
