"""What generated solvers run on: plain modules on torch and the standard library alone.

A package gets a copy, byte for byte, of those that its solvers need, in its folder `_runtime/`; so they import one
another by relative names. Nothing here knows how a solver was declared.
"""
