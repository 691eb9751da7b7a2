"""The typed client of our own API: report files and options go in, validated replies come out, or errors.

The command line talks through it, in process and over HTTP alike; scripts may use it too. It knows the wire
and nothing of the server's inside.
"""
