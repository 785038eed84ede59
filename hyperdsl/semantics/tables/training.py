"""The settings of trainings."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from hyperdsl.semantics.model.training import Optimizer, StepRange
from hyperdsl.semantics.tables.word import NOT_NEGATIVE, POSITIVE, SHARE, Integer, Word, one_of, plain
from hyperdsl.theory.numbers.exact import ONE, Exact

LOSSES = ("residual", "trajectory", "adversarial", "end")
STATES = ("trajectory", "noise", "box")
OPTIMIZERS = ("adamw",)
SCHEDULES: tuple[Literal["cosine", "constant"], ...] = ("cosine", "constant")
DTYPES: tuple[Literal["float64", "float32"], ...] = ("float64", "float32")
DEFAULT_NOISE = Exact.of(Fraction(1, 20))
DEFAULT_OPTIMIZER = Optimizer(Exact.of(Fraction(1, 100)), Exact.of(Fraction(1, 10**6)), ONE)
DEFAULT_REFERENCE = "rk4"
DEFAULT_SUBSTEPS = 32
DEFAULT_STEPS = StepRange("steps", Exact.of(2), Exact.of(20), given=False)
DEFAULT_ROLLOUT = 8
DEFAULT_RADIUS = Exact.of(Fraction(1, 10))
DEFAULT_ATTACK = 5
DEFAULT_ITERATIONS = 3000
DEFAULT_BATCH = 256
DEFAULT_SEED = 0
DEFAULT_TRAJECTORIES = 512

ROLLED = (Word("steps", "steps of a rollout", Integer(1, 10_000), str(DEFAULT_ROLLOUT)),)
ATTACKED = (
    Word("radius", "how far states move, in standard deviations of the states", POSITIVE, str(DEFAULT_RADIUS)),
    Word("steps", "gradient steps to the worst state", Integer(1, 1000), str(DEFAULT_ATTACK)),
)
OF_STATES = (Word("share", "the part of the batch", SHARE, "what the others leave, in equal parts"),)
OF_NOISE = (
    Word("size", "its standard deviation, in those of the states", POSITIVE, str(DEFAULT_NOISE)),
    *OF_STATES,
)
OF_ADAMW = (
    Word("lr", "the learning rate", POSITIVE, str(DEFAULT_OPTIMIZER.learning_rate)),
    Word("weight_decay", "the weight decay", NOT_NEGATIVE, str(DEFAULT_OPTIMIZER.weight_decay)),
    Word("clip", "the largest norm of a gradient", POSITIVE, str(DEFAULT_OPTIMIZER.clip)),
)
REFERENCE = (
    Word("substeps", "fixed substeps of each step", Integer(1), str(DEFAULT_SUBSTEPS)),
    Word("dtype", "the number format of the targets", one_of(DTYPES), DTYPES[0], plain(*DTYPES)),
)
TRAINING = (
    Word(
        "loss",
        "what is made small",
        one_of(LOSSES),
        "residual",
        {"residual": (), "trajectory": ROLLED, "adversarial": ATTACKED, "end": ()},
    ),
    Word(
        "states",
        "where training states come from",
        "a mixture: `trajectory(share = 3/5), noise(1/20), box`",
        f"trajectory(share = 3/5), noise({DEFAULT_NOISE}, share = 1/5), box(share = 1/5)",
        {"trajectory": OF_STATES, "noise": OF_NOISE, "box": OF_STATES},
    ),
    Word(
        "steps",
        "numbers of steps over the span: a log-uniform range, or a list, each trained for exactly",
        "`2 .. 20`, at least 1, or a list: `1, 2, 4`",
        f"{DEFAULT_STEPS.lower} .. {DEFAULT_STEPS.upper} (1 with `loss end`)",
    ),
    Word("eps", "the step size ε in units of s, in place of `steps`", "a positive range: `1/20 .. 1/2`", "`steps`"),
    Word(
        "reference",
        "the method of the targets, by fixed substeps",
        "a Runge–Kutta method, with the parameters of a family, and a block",
        DEFAULT_REFERENCE,
        names=("method",),
        block=True,
    ),
    Word("optimizer", "the optimizer", "`adamw(lr = 1e-2)`", "adamw", {OPTIMIZERS[0]: OF_ADAMW}),
    Word("schedule", "how the learning rate falls", one_of(SCHEDULES), SCHEDULES[0], plain(*SCHEDULES)),
    Word("iterations", "updates of the weights", Integer(1), str(DEFAULT_ITERATIONS)),
    Word("batch", "rows of a batch, of all processes together", Integer(1), str(DEFAULT_BATCH)),
    Word("seed", "of every random number", Integer(0), str(DEFAULT_SEED)),
    Word("trajectories", "starting states of the reference", Integer(1), str(DEFAULT_TRAJECTORIES)),
    Word("then", "a further phase, which inherits all that it does not set", "a block", "none", block=True),
)
PHASE = tuple(word for word in TRAINING if word.word not in ("seed", "trajectories"))
