"""Tools that any project could use, one module a subject. Knows nothing of failures or analyses."""
