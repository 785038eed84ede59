"""The search over the ranges that a spec declares: space, points, store, run, report."""
