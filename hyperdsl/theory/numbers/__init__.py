"""Exact numbers, of any real number field and with parameters; their polynomials, roots and matrices."""
