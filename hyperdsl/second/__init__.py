"""The second prover: every claim of a method proven again with sympy alone.

It starts from the syntax tree and shares nothing with `theory`: not the reading of numbers, not their arithmetic, not
the trees, not the proofs. `agreement` holds what it finds against the checked model; where the two differ, one of
them is wrong. Loading it takes half a second, so that only `check --prover sympy` does.
"""

from __future__ import annotations

import os


def alone() -> None:
    """Have sympy count with Python's own integers, where it is not loaded yet: else it takes the exact engine's."""
    os.environ["SYMPY_GROUND_TYPES"] = "python"
