"""Which failures are the same failure."""
