"""The settings of solvers, controls, correctors and paths."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal, get_args

from hyperdsl.semantics.model.control import ErrorEstimate
from hyperdsl.semantics.model.layers import Activation, SmoothActivation
from hyperdsl.semantics.model.path import Prediction
from hyperdsl.semantics.model.solving import Way
from hyperdsl.semantics.reading.units import GROUPS
from hyperdsl.semantics.tables.word import POSITIVE, SHARE, Integer, Word, between, one_of, plain
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact

ERRORS: tuple[ErrorEstimate, ...] = get_args(ErrorEstimate)
YES_NO: tuple[Literal["no", "yes"], ...] = ("no", "yes")
DEFAULT_RTOL = Exact.of(Fraction(1, 10**6))
DEFAULT_ATOL = Exact.of(Fraction(1, 10**8))
DEFAULT_GAINS = (ZERO, ONE, ZERO)
"""The integral controller, the most efficient where the step size is not bound by stability (Söderlind 2003)."""
DEFAULT_SAFETY = Exact.of(Fraction(9, 10))
DEFAULT_FACTOR = (Exact.of(Fraction(1, 5)), Exact.of(10))
DEFAULT_MAX_STEPS = 4096

CONTROL = (
    Word(
        "error",
        "the estimate of a step's error; with two, the second where the first is not to be trusted",
        one_of(ERRORS) + ", or `learned, embedded`",
        choices=plain(*ERRORS),
    ),
    Word("rtol", "the relative tolerance", POSITIVE, str(DEFAULT_RTOL)),
    Word("atol", "the absolute tolerance", POSITIVE, str(DEFAULT_ATOL)),
    Word("gains", "P, I and D of the controller; D, and I and D, may be left out", "P ≥ 0, I > 0, D ≥ 0", "0, 1, 0"),
    Word("safety", "the share of the predicted step that is taken", SHARE, str(DEFAULT_SAFETY)),
    Word(
        "factor",
        "by how much a step may be shorter or longer than the one before",
        "a range from a number between 0 and 1 to one above 1",
        between(DEFAULT_FACTOR),
    ),
    Word("first_step", "the size of the first step", POSITIVE, "chosen from f at the start"),
    Word("max_steps", "the most steps of a solve", Integer(1), str(DEFAULT_MAX_STEPS)),
    Word("max_step", "the longest step", POSITIVE, "none"),
    Word("min_step", "the shortest step", POSITIVE, "the floor of the number format"),
    Word("per_sample", "whether every sample of a batch has steps of its own", one_of(YES_NO), "no", plain(*YES_NO)),
)

INPUTS = ("z", "dz", "s", "eps", "x", "stages")
DEFAULT_INPUTS = ("z", "dz", "s", "eps")
STARTS: tuple[Literal["zero", "field"], ...] = ("zero", "field")
OUTSIDE: tuple[Literal["warn", "base", "ignore"], ...] = ("warn", "base", "ignore")
Output = Literal["relative", "absolute", "potential"]
SMOOTH: tuple[SmoothActivation, ...] = get_args(SmoothActivation)
ACTIVATIONS: tuple[Activation, ...] = (*SMOOTH, "relu", "prelu")
MAX_LAYERS = 64
LARGEST_WIDTH = 65536
WIDTH = Word("width", "hidden features, or channels", Integer(1, LARGEST_WIDTH))
KERNEL = Word("kernel", "the side of a square kernel, which makes it a convolution", Integer(1, 63), "none")
LINEAR = (WIDTH,)
CONV2D = (
    Word("channels", "channels", Integer(1, LARGEST_WIDTH)),
    Word("kernel", "the side of the square kernel, odd", Integer(1, 63), "3"),
)
RESIDUAL = (WIDTH, Word("activation", "inside the block", one_of(ACTIVATIONS), "silu", plain(*ACTIVATIONS)), KERNEL)
BILINEAR = (WIDTH, Word("activation", "whose σ' is a factor", one_of(SMOOTH), "tanh", plain(*SMOOTH)), KERNEL)

CORRECTOR = (
    Word(
        "inputs",
        "what g reads: the state z, dz = f(s, z), time s, ε, the input x, the other stages, parameters of the base",
        "names: " + ", ".join(INPUTS) + ", and parameters of the base",
        ", ".join(DEFAULT_INPUTS),
        choices=plain(*INPUTS),
    ),
    Word(
        "layers",
        "the hidden layers; the last one, to the state's shape, is implied",
        f"1 to {MAX_LAYERS} layers and activations",
        "linear(64), silu, linear(64), silu",
        {"linear": LINEAR, "conv2d": CONV2D, "residual": RESIDUAL, "bilinear": BILINEAR, **plain(*ACTIVATIONS)},
    ),
    Word("bound", "the largest |g|, elementwise: bound·tanh(g/bound)", POSITIVE, "none"),
    Word(
        "start", "where training starts: at zero, or warm from f's first layer", one_of(STARTS), "zero", plain(*STARTS)
    ),
    Word(
        "outside",
        "what a solve does where ε, s or K leave the range that g was trained for",
        one_of(OUTSIDE),
        OUTSIDE[0],
        plain(*OUTSIDE),
    ),
    Word(
        "output",
        "whether in- and output are relative to the size of dz",
        "relative or absolute",
        "relative for dense layers that read dz, else absolute",
        plain("relative", "absolute"),
    ),
)

WAYS: tuple[Way, ...] = get_args(Way)
SOLVING = (
    Word("tolerance", "the error that is left, in parts of what the control allows", SHARE, "the runtime's"),
    Word("iterations", "the most iterations", Integer(1, 1000), "the runtime's"),
)
MOST_GRID_STEPS = 256
GRADED = (Word("steps", "steps, equal before training", Integer(2, MOST_GRID_STEPS)),)
MOST_STAGES = 16
OF_METHOD = (
    Word(
        "method",
        "the method that training starts from",
        "a Runge–Kutta method",
        names=("method",),
        instead="evaluations",
    ),
    Word("steps", "equal steps of `method` that are one step", Integer(1, 16), "1"),
)
OF_EVALUATIONS = (
    Word("evaluations", "evaluations of a step", Integer(2, MOST_STAGES), instead="method"),
    Word(
        "start",
        "the method whose coefficients training starts from, beside `evaluations`",
        "euler, ab2, dpmpp_2m, midpoint, heun or rk4, of which they are whole steps",
        "ab2",
    ),
)
LEARNED_PARAMETER = (
    Word("start", "the value that training starts from", "a number in the range"),
    Word("range", "the range that training keeps to", "a range: `3/10 .. 1`", "that of `where`, closed"),
)
BASES = tuple(word for word, group in GROUPS.items() if group == "method")
BASE = Word(
    "base",
    "the method of the steps; free, fixed or learned parameters of a family in brackets",
    "a method: `rk4`, `second_order(alpha = 1/2)`, `learned(rk4)`, `learned(6, start = ab2)`",
    choices={"learned": (*OF_METHOD, *OF_EVALUATIONS)},
    names=BASES,
)
CORRECTED = Word(
    "corrector", "the network g", "a corrector, or `external`", choices=plain("external"), names=("corrector",)
)
SHARED = (
    Word("training", "how what is learned is trained", "a training", "the default training", names=("training",)),
    Word("control", "the step-size rule", "a control", "none: steps are fixed", names=("control",)),
    Word(
        "grid",
        "the points of a fixed grid, as fractions of the span",
        f"`0, 1/10, 1`, at most {MOST_GRID_STEPS} steps; `learned(4)` for trained points",
        "equal steps",
        {"learned": GRADED},
    ),
    Word("path", "the path of the diffusion models that are solved", "a path", "none", names=("path",)),
    Word(
        "solve",
        "how the equations of implicit steps are solved",
        one_of((*WAYS, "linear")),
        WAYS[0],
        {**dict.fromkeys(WAYS, SOLVING), "linear": ()},
    ),
)
SOLVER = (BASE, *SHARED)
HYPERSOLVER = (BASE, CORRECTED, *SHARED)

PREDICTIONS: tuple[Prediction, ...] = get_args(Prediction)
TIMES = (ONE, ONE / Exact.of(1000))
PATH = (
    Word("alpha", "the share of the data", "an expression in the time t and the parameters"),
    Word("sigma", "the size of the noise", "an expression in t, the parameters and alpha"),
    Word("predicts", "what the model predicts", one_of(PREDICTIONS), "noise", plain(*PREDICTIONS)),
    Word("times", "the model's times, from noise to data", "a range, which may descend", between(TIMES)),
)
