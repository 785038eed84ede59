"""The published methods, in files of the language; `method(NAME)` gives one as sympy's objects."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def method(name: str) -> Any:
    """A method of the library as sympy's objects, a `hyperdsl.symbolic.RungeKutta` or `Multistep`.

    KeyError where there is none of that name, with the nearest one. sympy is loaded by the first call: the compiler
    reads this folder's files, and does not wait for it.
    """
    return import_module("hyperdsl.symbolic").method(name)
