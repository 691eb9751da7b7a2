"""The command line: arguments go in; a report, an exit code and one sentence for each trouble come out.

It talks to a server through `client`, or to the same application in its own process (`local`). `main` knows
the commands and is cheap to import; everything else is loaded by the command that needs it.
"""
