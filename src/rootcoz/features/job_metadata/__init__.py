"""Metadata of Jenkins jobs.

Enters: what administrators say of jobs, and a file of rules that derive it from a job's name. Leaves: the metadata of
a job, and what the rules would assign to a new one. Called by the routes, and by the analysis of a build when its
result is saved.
"""
