"""Rosenbrock methods: order conditions and linear stability."""
