"""The step language: what every kind of method lowers to, and all that a back end reads of a method.

A step goes from the state z at s to the state at s + ε. It is a list of statements, each of which gives one or several
names a value; a name has one value in a step. Values are states (of the unit of z), slopes (of z per s) and learned
terms, and what joins them are linear combinations with exact coefficients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hyperdsl.plan.constants import folded
from hyperdsl.plan.quotients import expression_of
from hyperdsl.semantics.model.expressions import Expression
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact
from hyperdsl.theory.numbers.polynomials import Polynomial

Way = Literal["iteration", "newton", "krylov"]
"""How equations are solved."""

STATE = "z"
"""The name of the state at the start of the step."""


@dataclass(frozen=True)
class Coefficient:
    """A coefficient of the method: its exact value, and the expression that gives it, for readers of the code.

    Where the value depends on parameters it is computed as it is written, with exact constants folded: all that
    compute it read the same doubles.
    """

    value: Exact
    written: Expression

    def __post_init__(self) -> None:
        if self.value.parameters:
            object.__setattr__(self, "written", folded(self.written))


@dataclass(frozen=True)
class Term:
    """coefficient · ε^power · name; the power is 0 for a state, 1 for a slope, and more for a learned term."""

    coefficient: Coefficient
    name: str
    power: int = 0


Linear = tuple[Term, ...]
"""The sum of its terms, in the order in which a back end adds them up."""


Field = Literal["f", "explicit", "implicit"]
"""Which vector field is evaluated: all of f, or a part of an f that is a sum of two."""


@dataclass(frozen=True)
class Evaluate:
    """Let name = field(s + node·ε, Σ of); among the equations of a `Solve` the name may occur in the sum."""

    name: str
    node: Coefficient
    of: Linear
    field: Field = "f"


@dataclass(frozen=True)
class Solve:
    """Let the names be what fulfils equations that read one another; `guess` is a state to start from, near the end.

    A back end solves them by functional iteration, or by Newton's method with factors of matrices or, for large states,
    with products in Krylov subspaces. Equations that can be solved one after the other are a `Solve` each.
    """

    equations: tuple[Evaluate, ...]
    guess: Linear
    by: Way


@dataclass(frozen=True)
class Linearise:
    """Let `matrix` be I − ratio·ε·∂f/∂z and `drift` be ∂f/∂s, both where the step starts.

    `node` and `state` say which step that is: all of this one, unless it is part of a doubled step.
    """

    matrix: str
    drift: str
    ratio: Coefficient
    node: Exact = ZERO
    state: str = STATE


@dataclass(frozen=True)
class Resolve:
    """Let name = matrix⁻¹ Σ of, a slope; the sum's terms are slopes of power 0, and drifts of power 1."""

    name: str
    matrix: str
    of: Linear


@dataclass(frozen=True)
class Combine:
    """Let name = Σ sum, a state."""

    name: str
    sum: Linear


@dataclass(frozen=True)
class Learn:
    """Let name = g(size·ε, s + node·ε, x, state, *reads), what the corrector's network makes of these slopes.

    `size`, `node` and `state` say which step g belongs to: all of this one, unless it is part of a doubled step.
    """

    name: str
    reads: tuple[str, ...]
    size: Exact = ONE
    node: Exact = ZERO
    state: str = STATE


Statement = Evaluate | Solve | Linearise | Resolve | Combine | Learn


@dataclass(frozen=True)
class Estimate:
    """Σ error, an estimate of the local error of size ε^power, and where the step ends if this estimate counts.

    `role`: the `main` one; a `fallback`, which counts instead where the main one is not to be trusted; or a `doubt`,
    which counts beside the main one where it is larger. `against` is the order of the solution that the end is compared
    with; None where it is compared with none. With a `gamma`, stiffness is taken out of the error by (I − ε γ J)⁻¹; it
    is `doubtful` where it has γ ε f(s, z) in it, which can be evaluated again nearer to the solution.
    """

    error: Linear
    power: int
    end: Linear
    role: Literal["main", "fallback", "doubt"] = "main"
    against: int | None = None
    gamma: Coefficient | None = None
    doubtful: bool = False


@dataclass(frozen=True)
class Weight:
    """What dense output takes of the slope `name`: a polynomial in θ, its constant first, and as written."""

    polynomial: Polynomial
    written: Expression
    name: str


@dataclass(frozen=True)
class Dense:
    """Dense output z(s + θε) = z + ε Σ weights, of this order for every θ."""

    order: int
    weights: tuple[Weight, ...]


@dataclass(frozen=True)
class Start:
    """The one-step method that makes the first states of a history, `substeps` of its steps to each of them."""

    name: str
    order: int
    step: Step
    substeps: int


@dataclass(frozen=True)
class Step:
    """One step: the statements of `body`, then z at s + ε is Σ end.

    `takes` names values of the step before, which that one `gives` in the same order: f at the start of the step, or
    the past states (z1, z2, …, the newest first) and slopes of a history. `start` makes the first of them where they
    are a history.

    The body holds the statements of all phases in their order: those of the end, those that only an estimate reads,
    those that only the next step reads, and those of dense output. `hyperdsl.plan.passes.needed` tells them apart.
    """

    body: tuple[Statement, ...]
    end: Linear
    takes: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    estimates: tuple[Estimate, ...] = ()
    dense: Dense | None = None
    start: Start | None = None

    @property
    def learns(self) -> tuple[Learn, ...]:
        """The learned terms, in their order."""
        return tuple(statement for statement in self.body if isinstance(statement, Learn))

    @property
    def base(self) -> Linear:
        """Where the step ends without its learned terms."""
        learned = {learn.name for learn in self.learns}
        return tuple(term for term in self.end if term.name not in learned)


def exactly(value: Exact) -> Coefficient:
    """A coefficient that is written as the number that it is, or as what computes that of its parameters."""
    return Coefficient(value, expression_of(value))


def state(name: str = STATE) -> Linear:
    """That state alone."""
    return (Term(exactly(ONE), name),)


def defined(statement: Statement) -> tuple[str, ...]:
    """The names that a statement gives values."""
    match statement:
        case Solve():
            return tuple(equation.name for equation in statement.equations)
        case Linearise(matrix, drift):
            return matrix, drift
        case _:
            return (statement.name,)


def read(statement: Statement) -> frozenset[str]:
    """The names that a statement reads, its own among them where it solves for them."""
    match statement:
        case Evaluate():
            return names(statement.of)
        case Solve():
            return names(statement.guess).union(*(names(equation.of) for equation in statement.equations))
        case Linearise():
            return frozenset((statement.state,))
        case Resolve():
            return names(statement.of) | {statement.matrix}
        case Combine():
            return names(statement.sum)
        case Learn():
            return frozenset((*statement.reads, statement.state))


def names(linear: Linear) -> frozenset[str]:
    """The names in a linear combination."""
    return frozenset(term.name for term in linear)


def values(linear: Linear) -> frozenset[tuple[Exact, int, str]]:
    """A linear combination as what it is worth, however it is written and ordered."""
    return frozenset((term.coefficient.value, term.power, term.name) for term in linear)


def evaluations(statements: Sequence[Statement]) -> int:
    """Evaluations of f in these statements; of equations that are solved, those of one iteration.

    Where f has two parts, those of either part count.
    """
    fields = [equation.field for statement in statements for equation in equations(statement)]
    return len(fields) + (fields.count("f") if set(fields) > {"f"} else 0)


def equations(statement: Statement) -> tuple[Evaluate, ...]:
    """What is evaluated in a statement."""
    match statement:
        case Evaluate():
            return (statement,)
        case Solve(equations=found):
            return found
        case _:
            return ()


def derivative(step: Step) -> str | None:
    """The first statement that is f(s, z), the derivative at the start of the step; None where there is none."""
    evaluated = (statement for statement in step.body if isinstance(statement, Evaluate) and statement.field == "f")
    return next((one.name for one in evaluated if one.node.value.is_zero and values(one.of) == values(state())), None)
