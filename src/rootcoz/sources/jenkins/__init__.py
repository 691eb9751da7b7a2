"""Reads a Jenkins build: its result, failures, console, child builds and artifacts.

Enters: where the server is and what it lets us in with (`client.JenkinsAccess`), and the name of a build. Leaves:
`source.JenkinsBuild`, a frozen tree of builds with the failures of each, and notes on what was left out.
`wait` decides whether a build is finished; `artifacts` downloads what a build keeps. All requests go through
`client`; replies are checked in `replies`, `test_report` and `console` and travel no further in as they came.
"""
