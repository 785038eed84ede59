"""What each word of a block means, for editors and the reference: defaults and choices are those of the readers.

A test holds the words of each block to those that its reader knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import get_args

from hyperdsl.semantics.methods.predictor_correctors import DEFAULT_MODE
from hyperdsl.semantics.model.path import Prediction
from hyperdsl.semantics.model.training import Optimizer
from hyperdsl.semantics.reading.units import GROUPS
from hyperdsl.semantics.solvers import controls, correctors, layers, trainings
from hyperdsl.semantics.solvers.grids import MOST_STEPS
from hyperdsl.semantics.solvers.paths import TIMES
from hyperdsl.semantics.solvers.solving import MOST_ITERATIONS, WAYS
from hyperdsl.semantics.solvers.starts import MOST_SUBSTEPS
from hyperdsl.semantics.studies import sweeps
from hyperdsl.syntax import brackets
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.tableau import HIGHEST_ORDER

NONE: Mapping[str, tuple[str, ...]] = {}
BASES = tuple(word for word, group in GROUPS.items() if group == "method")


@dataclass(frozen=True)
class Word:
    """A word that begins a statement.

    `takes` says the type and range of its values. `choices` are the words that may be among them, each with the names
    of its arguments. `names` are the
    words of the declarations that the values may name (`method`, `corrector`, ...). `default`
    is None where the word has to be there or nothing is the default. `block` says that it has one of its own.
    """

    word: str
    means: str
    takes: str
    default: str | None = None
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: NONE)
    names: tuple[str, ...] = ()
    block: bool = False


def _plain(*words: str) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(words, ())


def _range(pair: tuple[Exact, Exact]) -> str:
    return f"{pair[0]} .. {pair[1]}"


def _adamw(optimizer: Optimizer) -> str:
    rate, decay, clip = optimizer.learning_rate, optimizer.weight_decay, optimizer.clip
    return f"adamw(lr = {rate}, weight_decay = {decay}, clip = {clip})"


DECLARED: Mapping[str, str] = {
    "method": "a Runge–Kutta, additive or Rosenbrock method by its tableaux; its order is proven",
    "multistep": "a linear multistep method by its formula; its order and zero-stability are proven",
    "predictor_corrector": "a pair of multistep methods, the first of which predicts what the second corrects",
    "control": "a step-size rule",
    "corrector": "the network g of a hypersolver",
    "training": "how correctors, and what else is learned, are trained",
    "path": "a diffusion model as a field on the straight path between noise and data",
    "problem": "a system of differential equations, with ranges of initial values",
    "solver": "a class of the generated package that solves with a base method",
    "hypersolver": "a solver with a learned term: base + ε^(p+1) g",
    "sweep": "variants of a hypersolver that `hyperdsl sweep` trains and compares",
}
"""What each declaration declares."""

assert tuple(DECLARED) == brackets.DECLARATIONS

ORDER = Word("order", "the claimed order, which is proven", f"1 to {HIGHEST_ORDER}; `5(4)` for a pair")
METHOD = (
    Word(
        "order",
        "the claimed order, which is proven, then the orders of further rows of weights",
        f"1 to {HIGHEST_ORDER}, `5(4)` for a pair, then `within 1e-12` and `autonomous` where they are needed",
    ),
    Word("where", "the ranges of a family's parameters", "comparisons: `0 < alpha <= 1, u != v`"),
    Word("explicit", "the explicit part, by a method", "the name of an explicit method", names=("method",)),
    Word("implicit", "the implicit part, by a method", "the name of an implicit method", names=("method",)),
    Word("gamma", "the γ of every stage of a transformed Rosenbrock method", "a number", block=True),
    Word("gamma_sums", "the γ_i of a transformed Rosenbrock method", "a number for each stage"),
    Word("tableau", "the coefficients: stages `c | a`, a rule line, weights `| b`", "a table", block=True),
    Word("dense", "dense output: weights b_i(theta), a column each", "its order, then a table", block=True),
)
START = Word(
    "start",
    "the method of the first states",
    f"a Runge–Kutta method: `rk4(substeps = 8)`, with 1 to {MOST_SUBSTEPS} substeps",
    "a method of the library of sufficient order",
    names=("method",),
)
SOLVER = (
    Word(
        "base",
        "the method of the steps",
        "a method, its parameters put in: `second_order(alpha = 1/2)`; `learned(rk4)`, `learned(6, start = ab2)`",
        choices={"learned": ("start", "steps")},
        names=BASES,
    ),
    Word("training", "how what is learned is trained", "a training", "the default training", names=("training",)),
    Word("control", "the step-size rule; without it steps are fixed", "a control", names=("control",)),
    Word(
        "grid",
        "the points of a fixed grid, as fractions of the span",
        f"numbers from 0 to 1, at most {MOST_STEPS} steps: `0, 1/10, 1`; `learned(4)` for trained points",
        choices={"learned": ("steps",)},
    ),
    Word("path", "the path of the diffusion models that are solved", "a path", names=("path",)),
    Word(
        "solve",
        "how the equations of implicit steps are solved",
        f"`newton(tolerance = 1/100, iterations = 10)`: a tolerance up to 1, 1 to {MOST_ITERATIONS} iterations",
        WAYS[0],
        choices={**dict.fromkeys(WAYS, ("tolerance", "iterations")), "linear": ()},
    ),
)
CORRECTOR = Word("corrector", "the network g", "a corrector", choices=_plain("external"), names=("corrector",))
NETWORK = (
    Word(
        "inputs",
        "what g reads: the state, f there, time, step size, the problem's input, the stages, the base's parameters",
        "names: " + ", ".join(correctors.INPUTS),
        ", ".join(correctors.DEFAULT_INPUTS),
        choices=_plain(*correctors.INPUTS),
    ),
    Word(
        "layers",
        "the hidden layers of g; the last one, to the state's shape, is implied",
        f"1 to {layers.MAX_LAYERS} layers: sizes up to {layers.LARGEST_WIDTH}, and activations",
        "linear(64), silu, linear(64), silu",
        choices={
            "linear": ("width",),
            "conv2d": ("channels", "kernel"),
            "residual": ("width", "activation", "kernel"),
            "bilinear": ("width", "activation", "kernel"),
            **_plain(*layers.ACTIVATIONS),
        },
    ),
    Word("bound", "a bound of g, elementwise: bound·tanh(g/bound)", "a positive number", "no bound"),
    Word("start", "where training starts", "zero or field", "zero", choices=_plain("zero", "field")),
    Word(
        "outside",
        "what a solve does where ε, s or K leave the range that g was trained for",
        "warn, base or ignore",
        "warn",
        choices=_plain("warn", "base", "ignore"),
    ),
    Word(
        "output",
        "whether in- and output are relative to the size of dz",
        "relative or absolute",
        "relative for dense layers that read dz",
        choices=_plain("relative", "absolute"),
    ),
)
CONTROL = (
    Word(
        "error",
        "the estimate of a step's error",
        "one of " + ", ".join(controls.ERRORS) + ", or `learned, embedded`",
        choices=_plain(*controls.ERRORS),
    ),
    Word("rtol", "the relative tolerance", "a positive number", str(controls.DEFAULT_RTOL)),
    Word("atol", "the absolute tolerance", "a positive number", str(controls.DEFAULT_ATOL)),
    Word(
        "gains",
        "the controller's gains",
        "P, I, D: P ≥ 0, I > 0, D ≥ 0; those at the end may be left out",
        ", ".join(map(str, controls.DEFAULT_GAINS)),
    ),
    Word("safety", "the share of the predicted step that is taken", "above 0, at most 1", str(controls.DEFAULT_SAFETY)),
    Word(
        "factor",
        "by how much a step may be shorter or longer than the one before",
        "a range around 1",
        _range(controls.DEFAULT_FACTOR),
    ),
    Word("first_step", "the size of the first step", "a positive number", "chosen from f at the start"),
    Word("max_steps", "the most steps of a solve", "an integer, at least 1", str(controls.DEFAULT_MAX_STEPS)),
    Word("max_step", "the longest step", "a positive number", "none"),
    Word("min_step", "the shortest step", "a positive number", "the floor of the number format"),
    Word("per_sample", "whether every sample of a batch has steps of its own", "yes or no", "no", _plain("yes", "no")),
)


@cache
def _training() -> tuple[Word, ...]:
    return (
        Word(
            "loss",
            "what is made small",
            f"`residual`, `trajectory(steps = {trainings.DEFAULT_ROLLOUT})`, "
            f"`adversarial(radius = {trainings.DEFAULT_RADIUS}, steps = {trainings.DEFAULT_ATTACK})` or `end`",
            "residual",
            {"residual": (), "trajectory": ("steps",), "adversarial": ("radius", "steps"), "end": ()},
        ),
        Word(
            "states",
            "where training states come from",
            f"a mixture: `trajectory(share = 3/5), noise({trainings.DEFAULT_NOISE}), box`",
            f"trajectory(share = 3/5), noise({trainings.DEFAULT_NOISE}, share = 1/5), box(share = 1/5)",
            {"trajectory": ("share",), "noise": ("size", "share"), "box": ("share",)},
        ),
        Word("steps", "the numbers of steps over the span", "`2 .. 20`, at least 1, or a list: `1, 2, 4`", "2 .. 20"),
        Word("eps", "the step size, in units of s, in place of `steps`", "a positive range: `1/20 .. 1/2`"),
        Word(
            "reference",
            "the method of the targets, by fixed substeps",
            "a Runge–Kutta method, and a block",
            trainings.DEFAULT_REFERENCE,
            names=("method",),
            block=True,
        ),
        Word(
            "optimizer",
            "the optimizer",
            "`adamw(...)`: `lr` and `clip` positive, `weight_decay` at least 0",
            _adamw(trainings.DEFAULT_OPTIMIZER),
            dict.fromkeys(trainings.OPTIMIZERS, ("lr", "weight_decay", "clip")),
        ),
        Word("schedule", "of the learning rate", "cosine or constant", "cosine", _plain(*trainings.SCHEDULES)),
        Word("iterations", "the number of iterations", "an integer, at least 1", "3000"),
        Word("batch", "the size of a batch", "an integer, at least 1", "256"),
        Word("seed", "of every random number", "an integer, at least 0", "0"),
        Word("trajectories", "starting states of the reference", "an integer, at least 1", "512"),
        Word("then", "a further phase, which inherits all that it does not set", "a block", "none", block=True),
    )


REFERENCE = (
    Word("substeps", "fixed substeps of each step", "an integer, at least 1", "32"),
    Word("dtype", "the number format of the targets", "float64 or float32", "float64", _plain(*trainings.DTYPES)),
)
PATH = (
    Word("alpha", "the share of the data, as a function of the model's time t", "an expression in t"),
    Word("sigma", "the size of the noise, as a function of t and alpha", "an expression in t and alpha"),
    Word("predicts", "what the model predicts", "noise, data, v or velocity", "noise", _plain(*get_args(Prediction))),
    Word("times", "the model's times, from noise to data", "a range, which may descend", _range(TIMES)),
)
SWEEP = (
    Word("solver", "the hypersolver that is varied", "a hypersolver of this file", names=("hypersolver",)),
    Word("base", "alternatives for its base", "methods: `euler, heun`", "its own", names=BASES),
    Word("width", "of the corrector's layers", sweeps.RANGE, "its own"),
    Word("depth", "the number of the corrector's layers", sweeps.RANGE, "its own"),
    Word("iterations", "of its training", sweeps.RANGE, "its own"),
    Word("batch", "of its training", sweeps.RANGE, "its own"),
    Word("lr", "the learning rate of its training", sweeps.RANGE, "its own"),
    Word(
        "steps",
        "the numbers of steps at which variants are measured",
        f"integers up to {sweeps.LARGEST_STEPS}",
        ", ".join(map(str, sweeps.DEFAULT_STEPS)),
    ),
    Word("trials", "how many variants are tried", "an integer, at least 1", str(sweeps.DEFAULT_TRIALS)),
    Word("seed", "of the search", "an integer, at least 0", "0"),
)


@cache
def blocks() -> Mapping[str, tuple[Word, ...]]:
    """The words of each block by the word that it stands after; `then` and `reference` stand in a training."""
    training = _training()
    return {
        "method": METHOD,
        "multistep": (ORDER, START),
        "predictor_corrector": (
            Word("predict", "the method that predicts", "an explicit multistep method", names=("multistep",)),
            Word("correct", "the method that corrects", "an implicit multistep method", names=("multistep",)),
            Word("mode", "how often each is evaluated and corrected", "PECE, PEC, PECECE, ...", DEFAULT_MODE),
            START,
        ),
        "control": CONTROL,
        "corrector": NETWORK,
        "training": training,
        "then": tuple(word for word in training if word.word in trainings.PHASE_SETTINGS),
        "reference": REFERENCE,
        "path": PATH,
        "problem": (Word("span", "where solves begin and end", "`0 .. 5`", "0 .. 1"),),
        "solver": SOLVER,
        "hypersolver": (SOLVER[0], CORRECTOR, *SOLVER[1:]),
        "sweep": SWEEP,
    }
