"""Runge–Kutta methods: trees, order conditions, dense output, families."""
