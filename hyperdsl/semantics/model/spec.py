"""The checked model of a spec: frozen, with exact numbers and every default filled in.

Nothing here refers to text except `Place`, kept for the messages of later stages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from hyperdsl.semantics.model.additive import Additive, AdditiveDense, AdditiveFacts
from hyperdsl.semantics.model.control import Control
from hyperdsl.semantics.model.entries import Entries
from hyperdsl.semantics.model.facts import Facts
from hyperdsl.semantics.model.layers import Bilinear, Conv2d, Layer, Residual
from hyperdsl.semantics.model.left_open import Free, Grid, Learned
from hyperdsl.semantics.model.parameter import Parameter
from hyperdsl.semantics.model.path import PathModel
from hyperdsl.semantics.model.problem import ProblemModel
from hyperdsl.semantics.model.rosenbrock import Rosenbrock, RosenbrockDense, RosenbrockFacts
from hyperdsl.semantics.model.solving import Solving
from hyperdsl.semantics.model.sweep import Sweep
from hyperdsl.semantics.model.training import Loss, Optimizer, StateShare, StepRange
from hyperdsl.source import Place, Source
from hyperdsl.theory.additive.pair import Pair
from hyperdsl.theory.multistep.formulas import LinearMultistep
from hyperdsl.theory.multistep.predictor_corrector import FormulaPair
from hyperdsl.theory.multistep.variable import Variable
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.numbers.polynomials import Polynomial
from hyperdsl.theory.rosenbrock.tableau import RosenbrockTableau
from hyperdsl.theory.runge_kutta.tableau import Tableau


@dataclass(frozen=True)
class Method:
    """A Runge–Kutta method or family.

    `entries` are the coefficients as written, for readable generated code; the family is proven where its parameters
    are in their intervals and no expression of `nonzero` vanishes.
    """

    name: str
    place: Place
    tableau: Tableau
    entries: Entries
    parameters: tuple[Parameter, ...]
    claimed_order: int
    claimed_embedded: tuple[int, ...]
    tolerance: Exact | None
    autonomous: bool
    facts: Facts
    nonzero: tuple[Exact, ...] = ()
    dense: Dense | None = None


@dataclass(frozen=True)
class Dense:
    """Dense output z(s + θε) = z + ε Σ b_i(θ)·k_i, proven to have at least this order for every θ.

    `tableau` and `entries` have the method's stages and then the extra ones; `weights` are the b_i, polynomials in θ
    with the constant coefficient first, and the only row of weights of `entries` shows them as written.
    """

    order: int
    tableau: Tableau
    entries: Entries
    weights: tuple[Polynomial, ...]


@dataclass(frozen=True)
class Start:
    """How a method with a history gets its first states: a one-step method, `substeps` steps to each of them."""

    method: Method
    substeps: int


@dataclass(frozen=True)
class Multistep:
    """A linear multistep method; `start` is None where the library's default serves."""

    name: str
    place: Place
    formula: LinearMultistep
    claimed_order: int
    start: Start | None


@dataclass(frozen=True)
class PredictorCorrector:
    """A predictor-corrector pair; `predictor` and `corrector` name its formulas, `mode` is PEC, PECE, PECEC, ..."""

    name: str
    place: Place
    formula: FormulaPair
    predictor: str
    corrector: str
    mode: str
    start: Start | None


OneStep = Method | Additive | Rosenbrock
"""What `method` declares."""

Base = OneStep | Multistep | PredictorCorrector
"""What a solver can be built on."""


CorrectorInput = str  # "z", "dz", "s", "eps", "x", "stages", or the name of a parameter of the base


@dataclass(frozen=True)
class Corrector:
    """The network g: what it reads, its hidden layers, and the elementwise bound on its output, if any.

    `start`: g is zero until it is trained, or has the weights of the vector field's own first layers. `outside`: what a
    solve does where ε, s or the number of steps leave the ranges of training. `output`: whether in- and outputs are
    relative to the size of dz.
    """

    name: str
    place: Place
    inputs: tuple[CorrectorInput, ...]
    layers: tuple[Layer, ...]
    bound: Exact | None
    start: Literal["zero", "field"] = "zero"
    outside: Literal["warn", "base", "ignore"] = "warn"
    output: Literal["relative", "absolute"] = "absolute"

    @property
    def convolutional(self) -> bool:
        """Whether its layers are convolutions, of states [channels, height, width]."""
        return any(
            isinstance(layer, Conv2d) or (isinstance(layer, Residual | Bilinear) and layer.kernel is not None)
            for layer in self.layers
        )

    @property
    def bilinear(self) -> Bilinear | None:
        """Its first layer, where that is bilinear."""
        first = self.layers[0]
        return first if isinstance(first, Bilinear) else None


@dataclass(frozen=True)
class External:
    """The corrector is an `nn.Module` that the user passes."""


@dataclass(frozen=True)
class Reference:
    """How targets are made: fixed substeps of a library method over each [s, s + ε]."""

    method: Method
    substeps: int
    dtype: Literal["float64", "float32"]


@dataclass(frozen=True)
class Training:
    """Fitting of a corrector. `place` is None for the defaults; `then` are the phases that follow, in their order.

    A further phase is whole, with what it inherits; its own `then` is empty. `trajectories` is how many starting
    states the reference has, in all phases the same ones.
    """

    name: str
    place: Place | None
    loss: Loss
    states: tuple[StateShare, ...]
    steps: StepRange
    reference: Reference
    optimizer: Optimizer
    schedule: Literal["cosine", "constant"]
    iterations: int
    batch: int
    seed: int
    trajectories: int = 512
    then: tuple[Training, ...] = ()

    @property
    def phases(self) -> tuple[Training, ...]:
        """All phases, the training's own settings first."""
        return (self, *self.then)


class _Correctable:
    """What may have a corrector."""

    corrector: Corrector | External | None

    @property
    def order(self) -> int:
        """The proven order of the base."""
        raise NotImplementedError

    @property
    def residual_power(self) -> int | None:
        """p + 1, the power of ε on g; None without a corrector."""
        return None if self.corrector is None else self.order + 1


@dataclass(frozen=True)
class Solver(_Correctable):
    """A solver or, with a corrector, a hypersolver.

    `tableau`, `entries`, `facts` and `dense` are the base's with the fixed parameters put in; `free` are those left
    open, `fixed` those put in, `learned` those that training finds. Where there is a `path`, f is a model on it.
    `solving` says how the equations of an implicit base are solved.
    """

    name: str
    place: Place
    base: Method
    tableau: Tableau
    entries: Entries
    facts: Facts
    fixed: tuple[tuple[str, Exact], ...]
    free: tuple[Free, ...]
    corrector: Corrector | External | None
    training: Training | None
    control: Control | None = None
    dense: Dense | None = None
    learned: tuple[Learned, ...] = ()
    grid: Grid | None = None
    path: PathModel | None = None
    solving: Solving | None = None

    @property
    def order(self) -> int:
        return self.facts.order

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names that the step is written in, of free and learned parameters."""
        return _open(self)


@dataclass(frozen=True)
class RosenbrockSolver(_Correctable):
    """A solver or hypersolver on a Rosenbrock method.

    `tableau`, `facts` and `dense` are the base's with the fixed parameters put in; `free` are those left open,
    `learned` those that training finds.
    """

    name: str
    place: Place
    base: Rosenbrock
    tableau: RosenbrockTableau
    facts: RosenbrockFacts
    fixed: tuple[tuple[str, Exact], ...]
    corrector: Corrector | External | None
    training: Training | None
    control: Control | None = None
    grid: Grid | None = None
    path: PathModel | None = None
    dense: RosenbrockDense | None = None
    free: tuple[Free, ...] = ()
    learned: tuple[Learned, ...] = ()
    solving: ClassVar[None] = None

    @property
    def order(self) -> int:
        return self.facts.order

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names that the step is written in, of free and learned parameters."""
        return _open(self)


@dataclass(frozen=True)
class AdditiveSolver(_Correctable):
    """A solver or hypersolver on an additive method, for f = explicit + implicit.

    `pair`, `entries`, `facts` and `dense` are the base's with the fixed parameters put in; `free` are those left open,
    `learned` those that training finds. `solving` says how the equations of the implicit part are solved.
    """

    name: str
    place: Place
    base: Additive
    pair: Pair
    entries: tuple[Entries, ...]
    facts: AdditiveFacts
    fixed: tuple[tuple[str, Exact], ...]
    free: tuple[Free, ...]
    corrector: Corrector | External | None
    training: Training | None
    control: Control | None = None
    solving: Solving | None = None
    grid: Grid | None = None
    dense: AdditiveDense | None = None
    learned: tuple[Learned, ...] = ()
    path: ClassVar[None] = None

    @property
    def tableau(self) -> Tableau:
        """All evaluations as the stages of one tableau."""
        return self.pair.joined

    @property
    def order(self) -> int:
        return self.facts.order

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names that the step is written in, of free and learned parameters."""
        return _open(self)


@dataclass(frozen=True)
class HistorySolver(_Correctable):
    """A solver or hypersolver on a method with a history, which `start` gives its first states."""

    name: str
    place: Place
    base: Multistep | PredictorCorrector
    start: Start
    corrector: Corrector | External | None
    training: Training | None
    path: PathModel | None = None
    solving: Solving | None = None
    fixed: ClassVar[tuple[tuple[str, Exact], ...]] = ()
    free: ClassVar[tuple[Free, ...]] = ()
    learned: ClassVar[tuple[Learned, ...]] = ()
    parameters: ClassVar[tuple[str, ...]] = ()
    control: ClassVar[None] = None
    grid: ClassVar[None] = None

    @property
    def order(self) -> int:
        return self.base.formula.order


@dataclass(frozen=True)
class VaryingSolver:
    """A solver of variable order and step: a control on a method with a history.

    `method` has the formulas of all its orders; the base is the one of its highest order.
    """

    name: str
    place: Place
    base: Multistep | PredictorCorrector
    method: Variable
    control: Control
    path: PathModel | None = None
    solving: Solving | None = None
    fixed: ClassVar[tuple[tuple[str, Exact], ...]] = ()
    free: ClassVar[tuple[Free, ...]] = ()
    learned: ClassVar[tuple[Learned, ...]] = ()
    parameters: ClassVar[tuple[str, ...]] = ()
    corrector: ClassVar[None] = None
    training: ClassVar[None] = None
    residual_power: ClassVar[None] = None
    grid: ClassVar[None] = None

    @property
    def order(self) -> int:
        """The highest order."""
        return self.method.order


def _open(solver: StepSolver) -> tuple[str, ...]:
    return (*(free.name for free in solver.free), *(learned.name for learned in solver.learned))


StepSolver = Solver | RosenbrockSolver | AdditiveSolver
"""On a method whose steps stand for themselves."""

AnySolver = StepSolver | HistorySolver | VaryingSolver


@dataclass(frozen=True)
class Spec:
    """One checked file: what it declares itself, and the files that it imports."""

    source: Source
    methods: tuple[Method, ...]
    multisteps: tuple[Multistep, ...]
    predictor_correctors: tuple[PredictorCorrector, ...]
    correctors: tuple[Corrector, ...]
    trainings: tuple[Training, ...]
    problems: tuple[ProblemModel, ...]
    solvers: tuple[AnySolver, ...]
    imports: tuple[Source, ...]
    sweeps: tuple[Sweep, ...] = ()
    paths: tuple[PathModel, ...] = ()
    additives: tuple[Additive, ...] = ()
    rosenbrocks: tuple[Rosenbrock, ...] = ()
