"""Additive Runge–Kutta methods: order conditions of trees whose nodes belong to the parts of f."""
