"""The library as a table: what is proven of each of its methods, and who published it.

The facts stand in library/index.json, which `python -m tools.library_index` writes and tests/semantics/test_library.py
holds against the proofs, so that nothing is proven to list them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Kind = Literal[
    "explicit",
    "dirk",
    "implicit",
    "additive",
    "rosenbrock",
    "explicit multistep",
    "implicit multistep",
    "predictor-corrector",
]
INDEX = "index.json"


@dataclass(frozen=True)
class Row:
    """A method of the library.

    `embedded` has the order of each further row of weights. `stages` are those of a step, None for methods with a
    history, whose `steps` are the points that they read. `evaluations` of f are those of one further plain step in a
    loop, of an implicit formula those of the first iteration; None where no solver takes the method as its base.
    `principal_error` is the norm of the leading
    coefficients of the error, of a multistep method |C_(p+1)/σ(1)|. Stability intervals are lengths connected to 0 (of
    an additive method the explicit part's), infinite where unbounded, None where they depend on a parameter or are not
    known; so is the SSP coefficient. `properties` are those that hold: FSAL, A-stable, L-stable, stiffly accurate,
    symplectic, symmetric, SSP, zero-stable. `tolerance` is what a method known in decimals is proven within; None is
    exactly. `source` is the comment above the method, `about` the first sentence of its file.
    """

    name: str
    kind: Kind
    order: int
    embedded: tuple[int, ...]
    stages: int | None
    steps: int | None
    evaluations: int | None
    principal_error: float | None
    real_stability: float | None
    imaginary_stability: float | None
    ssp: float | None
    dense: int | None
    properties: tuple[str, ...]
    parameters: tuple[str, ...]
    tolerance: float | None
    source: str
    about: str
    file: str

    @property
    def orders(self) -> str:
        """`5(4)`"""
        return str(self.order) + (f"({', '.join(map(str, self.embedded))})" if self.embedded else "")

    @property
    def path(self) -> str:
        """Its file, as places in it call it."""
        return f"hyperdsl/library/{self.file}"

    @property
    def is_family(self) -> bool:
        """Whether it has parameters, for all of whose values it is proven."""
        return bool(self.parameters)

    def plain(self) -> dict[str, Any]:
        """The row as a JSON object; an infinite number is the text "inf"."""
        return {name: "inf" if value == float("inf") else value for name, value in vars(self).items()}


@cache
def rows() -> tuple[Row, ...]:
    """Every method of the library: by kind, then by order, stages or steps, and name."""
    found = json.loads((files("hyperdsl.library") / INDEX).read_text("utf-8"))
    return tuple(_row(row) for row in found)


def _row(content: dict[str, Any]) -> Row:
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else float(value) if value == "inf" else value
        for name, value in content.items()
    }
    return Row(**values)
