"""Solvers in the form in which others run them: `hyperdsl export`."""
