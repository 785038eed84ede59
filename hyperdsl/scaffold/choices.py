"""What has to be chosen for a new solver, after the seven steps of the blueprint for hypersolvers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from hyperdsl.diagnostics import did_you_mean
from hyperdsl.pages.listing import Row, rows

STEPS = (
    "design the continuous model and task",
    "train the neural ODE",
    "choose a high-accuracy solver",
    "choose a base solver ψ",
    "choose a model g",
    "generate nominal trajectories with the high-accuracy solver",
    "train the hypersolver network",
)
"""The blueprint of Poli & Massaroli et al. (Hypersolvers: Toward Fast Continuous-Depth Models, 2020)."""
EXAMPLE = "example"
BUILT_IN = ("van_der_pol", "lotka_volterra", "pendulum", "duffing", "lorenz", "brusselator", "fitzhugh_nagumo")
"""Problems of the command line whose states are few numbers."""
Learnt = Literal["corrector", "coefficients", "nothing"]
LEARNT: tuple[Learnt, ...] = get_args(Learnt)
STATES = ("trajectory", "noise", "box")


@dataclass(frozen=True)
class Base:
    """A base method ψ: its proven order, evaluations of f in a step, and whether it has an embedded method.

    `source` is the declaration of a method that is not of the library.
    """

    name: str
    order: int
    evaluations: int
    embedded: bool
    source: str = ""


@dataclass(frozen=True)
class Choices:
    """The answers; `equations` and `domains` are those of a problem that the spec itself declares.

    `tolerance` is the relative one of adaptive steps, None for fixed ones. `evaluations` are those of f in a solve,
    which decide the numbers of steps that training is for.
    """

    name: str
    problem: str
    equations: tuple[str, ...]
    domains: tuple[str, ...]
    span: str
    base: Base
    tolerance: str | None
    learn: Learnt
    evaluations: int
    states: tuple[str, ...]
    iterations: int

    @property
    def steps(self) -> int:
        """How many steps that many evaluations are."""
        return max(1, self.evaluations // self.base.evaluations)

    @property
    def range_of_steps(self) -> tuple[int, int]:
        """Around these: half as many to twice as many."""
        return max(1, self.steps // 2), 2 * self.steps


def library_base(name: str) -> Base:
    """A base of the library; ValueError, a sentence, where there is none of that name that one vector field serves."""
    fitting = {row.name: row for row in rows() if _fits(row)}
    row = fitting.get(name)
    if row is None:
        near = did_you_mean(name, fitting)
        raise ValueError(f"the library has no method `{name}` for one f without parameters" + (f": {near}" if near else ""))
    assert row.evaluations is not None  # `_fits`
    return Base(row.name, row.order, row.evaluations, bool(row.embedded))


def _fits(row: Row) -> bool:
    return row.evaluations is not None and not row.parameters and row.kind not in ("additive", "rosenbrock")


def problem_fault(name: str) -> str | None:
    """Why this names no problem; None where it does."""
    module, colon, attribute = name.partition(":")
    if colon:
        fine = all(part.isidentifier() for part in (*module.split("."), attribute))
        return None if fine else f"`{name}` is not module:attribute"
    if name in (EXAMPLE, *BUILT_IN):
        return None
    near = did_you_mean(name, (EXAMPLE, *BUILT_IN))
    return f"there is no problem `{name}`: " + (near or f"there are {', '.join((EXAMPLE, *BUILT_IN))}, module:attribute")


_EQUATION = re.compile(r"\s*([A-Za-z_]\w*)\s*'+\s*=")


def domains_of(equations: tuple[str, ...], domains: tuple[str, ...]) -> tuple[str, ...]:
    """Where each state of the equations starts: as said, else between -1 and 1."""
    said = {domain.split()[0]: domain for domain in domains if domain.split()}
    names = [found[1] for equation in equations if (found := _EQUATION.match(equation))]
    return tuple(({name: f"{name} in -1 .. 1" for name in names} | said).values())
