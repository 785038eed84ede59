"""Linear stability, A-stability, strong stability preservation."""
