"""Where answers go besides our own store: enriched JUnit XML, and Report Portal."""
