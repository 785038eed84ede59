"""What has to be chosen for a new solver, after the seven steps of the blueprint for hypersolvers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from hyperdsl.diagnostics import did_you_mean
from hyperdsl.pages.listing import Kind, rows
from hyperdsl.semantics.reading.names import package_fault
from hyperdsl.semantics.reading.units import meant

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
STIFF = ("robertson", "van_der_pol_stiff", "hires", "oregonator_stiff", "brusselator_1d")
SPLIT = ("brusselator_1d",)
"""Those whose f has an explicit and an implicit part."""
SMOOTH = ("van_der_pol", "lotka_volterra", "pendulum", "duffing", "lorenz", "brusselator", "fitzhugh_nagumo")
BUILT_IN = (*SMOOTH, *STIFF)
"""Problems of the command line whose states are numbers, and whose f is known without training."""
Learnt = Literal["corrector", "coefficients", "nothing"]
LEARNT: tuple[Learnt, ...] = get_args(Learnt)
STATES = ("trajectory", "noise", "box")
FIXED = "fixed"
MOST = 1_000_000
_CALL = re.compile(r"\s*(\w+)\s*(?:\(\s*([^{}#\"\n]+?)\s*\))?\s*")
_NUMBER = re.compile(r"(?:\d{1,4}(?:\.\d{1,20})?|\.\d{1,20})(?:e-?\d{1,2})?")


@dataclass(frozen=True)
class Base:
    """A base method ψ: its proven order, evaluations of f in a step, and whether it has an embedded method.

    `source` is the declaration of a method that is not of the library. `values` are those of a family's parameters, as
    written: `alpha = 1/2`. A step reads so many `points` of its past.
    """

    name: str
    order: int
    evaluations: int
    embedded: bool
    source: str = ""
    kind: Kind = "explicit"
    values: str = ""
    points: int = 0

    @property
    def written(self) -> str:
        """What names it in a solver."""
        return f"{self.name}({self.values})" if self.values else self.name

    @property
    def is_split(self) -> bool:
        """Whether f comes in two parts."""
        return self.kind == "additive"

    @property
    def is_explicit(self) -> bool:
        """Whether stiffness is beside its reach."""
        return self.kind in ("explicit", "explicit multistep", "predictor-corrector")

    @property
    def estimate(self) -> str:
        """How the error of adaptive steps is estimated."""
        return "embedded" if self.embedded or self.points else "doubling"


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
        """How many steps that many evaluations are, and no fewer than have a history."""
        return max(self.base.points + 1, self.evaluations // self.base.evaluations)

    @property
    def absolutely(self) -> int:
        """How many times smaller the absolute tolerance is: some parts of stiff problems are small, and matter."""
        return 10**6 if self.problem in STIFF else 10

    @property
    def range_of_steps(self) -> tuple[int, int]:
        """Around these: half as many to twice as many."""
        return max(self.base.points + 1, self.steps // 2), 2 * self.steps


def library_base(text: str, problem: str = EXAMPLE) -> Base:
    """A base of the library, with the values of a family's parameters in brackets, `second_order(alpha = 1/2)`.

    ValueError, a sentence, where there is none of that name, or where it does not serve the `problem` ("" for equations
    of one's own).
    """
    found = _CALL.fullmatch(text)
    fitting = {row.name: row for row in rows() if row.evaluations is not None}
    row = fitting.get(found[1]) if found else None
    if row is None or found is None:
        near = meant(found[1] if found else text, fitting) or "`hyperdsl list` names them"
        raise ValueError(f"the library has no method `{text}` that a solver can be built on: {near}")
    values = found[2] or ""
    if row.parameters and not values:
        wanted = ", ".join(f"{parameter} = ..." for parameter in row.parameters)
        raise ValueError(f"`{row.name}` is a family: write values of its parameters, `{row.name}({wanted})`")
    assert row.evaluations is not None  # of those that fit
    base = Base(
        row.name, row.order, row.evaluations, bool(row.embedded), kind=row.kind, values=values, points=row.steps or 0
    )
    if base.is_split and problem not in (EXAMPLE, *SPLIT) and ":" not in problem:
        known = ", ".join((EXAMPLE, *SPLIT))
        raise ValueError(
            f"`{row.name}` takes f in two parts, as {known} or a `Problem` of your own with `parts` have it"
        )
    if problem in STIFF and base.is_explicit:
        raise ValueError(
            f"`{problem}` is stiff and `{row.name}` explicit: choose an implicit base, as {BASES[problem]}"
        )
    return base


BASES = dict.fromkeys(STIFF, "radau_iia5") | dict.fromkeys(SPLIT, "ark324l2sa")
"""Where it is not heun."""


def usual_tolerance(problem: str) -> str:
    """Stiff problems are not for equal steps."""
    return "1e-4" if problem in STIFF else FIXED


def learnable(base: Base, tolerance: str | None, problem: str) -> tuple[tuple[Learnt, ...], str]:
    """What can be learned, the usual first, and why it is not all."""
    if problem in STIFF:
        return ("nothing",), f"`{problem}` always starts from the same state, so there is nothing to train on"
    if base.points and tolerance is not None:
        return ("nothing",), f"with a tolerance the order of `{base.name}` varies, and g would belong to one"
    if base.kind != "explicit" or base.values or tolerance is not None:
        return (
            "corrector",
            "nothing",
        ), "only coefficients of explicit Runge–Kutta methods with fixed steps are learned"
    return LEARNT, ""


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


def tolerance_of(text: str, problem: str) -> str | None:
    """A relative tolerance as written; None for fixed steps."""
    if text == FIXED:
        if usual_tolerance(problem) != FIXED:
            raise ValueError(f"equal steps are too long or too many for `{problem}`, which is stiff: say a tolerance")
        return None
    if not _NUMBER.fullmatch(text) or not 0 < float(text) < 1:
        raise ValueError(f"the tolerance is `{FIXED}` or a number between 0 and 1 such as 1e-3, not `{text}`")
    return text


def learnt_of(text: str, able: tuple[Learnt, ...] = LEARNT, reason: str = "") -> Learnt:
    """What is learned, of what one is `able` to learn for some `reason`."""
    learnt = LEARNT[LEARNT.index(one_of("choice", text, LEARNT))]
    if learnt not in able:
        raise ValueError(f"`{learnt}` cannot be learned: {reason}; choose {' or '.join(able)}")
    return learnt


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
