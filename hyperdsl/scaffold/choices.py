"""What has to be chosen for a new solver, after the seven steps of the blueprint for hypersolvers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from hyperdsl.diagnostics import did_you_mean
from hyperdsl.pages.listing import Row, rows
from hyperdsl.semantics.reading.names import package_fault

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
FIXED = "fixed"
MOST = 1_000_000
_NUMBER = re.compile(r"(?:\d{1,4}(?:\.\d{1,20})?|\.\d{1,20})(?:e-?\d{1,2})?")


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
        near = did_you_mean(name, fitting) or "`hyperdsl list` names them"
        raise ValueError(f"the library has no method `{name}` without parameters for one f: {near}")
    assert row.evaluations is not None  # `_fits`
    return Base(row.name, row.order, row.evaluations, bool(row.embedded))


def _fits(row: Row) -> bool:
    return row.evaluations is not None and not row.parameters and row.kind not in ("additive", "rosenbrock")


def name_of(text: str) -> str:
    """The name of a spec and its package; ValueError where none can be called so."""
    fault = package_fault(text)
    if fault:
        raise ValueError(f"a solver cannot be called `{text}`: {fault}")
    return text


def problem_of(text: str) -> str:
    """A problem's name; ValueError where there is none, as far as its name tells."""
    module, colon, attribute = text.partition(":")
    if colon:
        if all(part.isidentifier() for part in (*module.split("."), attribute)):
            return text
        raise ValueError(f"`{text}` is not module:attribute")
    return one_of("problem", text, (EXAMPLE, *BUILT_IN))


def tolerance_of(text: str) -> str | None:
    """A relative tolerance as written; None for fixed steps."""
    if text == FIXED:
        return None
    if not _NUMBER.fullmatch(text) or not 0 < float(text) < 1:
        raise ValueError(f"the tolerance is `{FIXED}` or a number between 0 and 1 such as 1e-3, not `{text}`")
    return text


def learnt_of(text: str) -> Learnt:
    """What is learned."""
    return LEARNT[LEARNT.index(one_of("choice", text, LEARNT))]


def count_of(text: str) -> int:
    """A number of evaluations or iterations."""
    if not text.isdecimal() or not 0 < int(text) <= MOST:
        raise ValueError(f"`{text}` is not a whole number between 1 and {MOST}")
    return int(text)


def states_of(text: str) -> tuple[str, ...]:
    """Kinds of training states."""
    return tuple(dict.fromkeys(one_of("kind of states", word.strip(), STATES) for word in text.split(",")))


def one_of(what: str, text: str, known: Sequence[str]) -> str:
    """A word that is known; ValueError with the nearest one where it is not."""
    if text in known:
        return text
    raise ValueError(f"there is no {what} `{text}`: {did_you_mean(text, known) or 'there are ' + ', '.join(known)}")


_EQUATION = re.compile(r"\s*([A-Za-z_]\w*)\s*'+\s*=")


def domains_of(equations: tuple[str, ...], domains: tuple[str, ...]) -> tuple[str, ...]:
    """Where each state of the equations starts: as said, else between -1 and 1."""
    said = {domain.split()[0]: domain for domain in domains if domain.split()}
    names = [found[1] for equation in equations if (found := _EQUATION.match(equation))]
    return tuple(({name: f"{name} in -1 .. 1" for name in names} | said).values())
