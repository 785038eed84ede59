"""What the fields of a checked model are called where two models are compared."""

from __future__ import annotations

from collections.abc import Mapping

from hyperdsl.comparing.meaning import Identity, Interface
from hyperdsl.semantics.model import spec as m
from hyperdsl.semantics.model.additive import Additive, AdditiveDense, AdditiveFacts
from hyperdsl.semantics.model.control import Control
from hyperdsl.semantics.model.facts import Facts
from hyperdsl.semantics.model.parameter import Parameter
from hyperdsl.semantics.model.path import PathModel
from hyperdsl.semantics.model.problem import ProblemModel, ProblemParameter, ProblemState
from hyperdsl.semantics.model.rosenbrock import Rosenbrock, RosenbrockDense, RosenbrockFacts
from hyperdsl.semantics.model.solving import Solving
from hyperdsl.semantics.model.sweep import Sweep, SweptBase, SweptNumber
from hyperdsl.semantics.model.training import Optimizer, StepRange
from hyperdsl.theory.additive.order import OrderReport as AdditiveReport
from hyperdsl.theory.additive.pair import Pair
from hyperdsl.theory.multistep.formulas import LinearMultistep
from hyperdsl.theory.multistep.predictor_corrector import FormulaPair
from hyperdsl.theory.rosenbrock.order import OrderReport as RosenbrockReport
from hyperdsl.theory.rosenbrock.tableau import RosenbrockTableau
from hyperdsl.theory.runge_kutta.order import OrderReport
from hyperdsl.theory.runge_kutta.tableau import Tableau

Words = Mapping[str, str]
"""A field or property, or a path of them, and what it is called; "" adds nothing to what it is a part of."""

_CLAIMS = {
    "claimed_order": "claimed order",
    "claimed_embedded": "claimed embedded orders",
    "tolerance": "proven within",
    "autonomous": "claimed without time alone",
    "facts": "",
    "parameters": "parameter",
    "nonzero": "not zero",
}
_PROVEN = {
    "embedded": "proven embedded orders",
    "principal_error": "principal error",
    "real_stability": "real stability",
    "imaginary_stability": "imaginary stability",
    "l_stable": "L-stable",
    "stiffly_accurate": "stiffly accurate",
}
_ORDERS = {"order": "proven order", "order_autonomous": "proven order without time"}
COEFFICIENTS = "the base's coefficients"
"""Of which a digest is compared."""

WORDS: Mapping[type, Words] = {
    m.Method: {**_CLAIMS, "tableau": "", "dense": "dense output"},
    Additive: {**_CLAIMS, "pair": "", "dense": "dense output"},
    Rosenbrock: {**_CLAIMS, "tableau": "", "dense": "dense output"},
    m.Multistep: {
        "claimed_order": "claimed order",
        "formula": "",
        "start.method.name": "start",
        "start.substeps": "start substeps",
    },
    m.PredictorCorrector: {
        "mode": "mode",
        "predictor": "predictor",
        "corrector": "corrector",
        "formula": "",
        "start.method.name": "start",
        "start.substeps": "start substeps",
    },
    Tableau: {"kind": "kind", "stages": "stages", "a": "a", "c": "c", "weights": "b"},
    RosenbrockTableau: {
        "stages": "stages",
        "alpha": "α",
        "gamma": "γ",
        "c": "c",
        "gamma_sums": "γ sum",
        "weights": "b",
    },
    Pair: {"stages": "stages", "parts": ""},
    LinearMultistep: {
        **{"order": "proven order", "explicit": "explicit", "steps": "steps", "is_zero_stable": "zero-stable"},
        **{"error_constant": "error constant", "alpha": "α", "beta": "β"},
    },
    FormulaPair: {
        "order": "proven order",
        "evaluations_per_step": "evaluations a step",
        "predictor": "predictor's",
        "corrector": "corrector's",
    },
    Facts: {
        "report": "",
        **_PROVEN,
        "stage_order": "stage order",
        "fsal": "first same as last",
        "symplectic": "symplectic",
        "symmetric": "symmetric",
    },
    AdditiveFacts: {
        "report": "",
        **_PROVEN,
        "stage_order": "stage order",
        "fsal": "first same as last",
        "a_stable": "A-stable",
    },
    RosenbrockFacts: {"report": "", **_PROVEN, "w_order": "order with any matrix", "a_stable": "A-stable"},
    OrderReport: _ORDERS,
    RosenbrockReport: _ORDERS,
    AdditiveReport: {**_ORDERS, "parts": "proven order of the part"},
    m.Dense: {"order": "order", "tableau": "", "weights": "weight"},
    RosenbrockDense: {"order": "order", "weights": "weight"},
    AdditiveDense: {"order": "order", "weights": "weight"},
    Parameter: {"interval": "range"},
    m.Corrector: {
        "inputs": "inputs",
        "layers": "layers",
        "bound": "bound",
        "output": "output",
        "start": "start",
        "outside": "outside",
    },
    m.Training: {
        "loss": "loss",
        "states": "states",
        "steps": "steps",
        "reference": "reference",
        "optimizer": "optimizer",
        "schedule": "schedule",
        "iterations": "iterations",
        "batch": "batch",
        "seed": "seed",
        "trajectories": "trajectories",
        "then": "phase",
    },
    StepRange: {"unit": "unit", "lower": "from", "upper": "to", "numbers": "list", "given": "given"},
    m.Reference: {"method.name": "method", "substeps": "substeps", "dtype": "dtype"},
    Optimizer: {"learning_rate": "lr", "weight_decay": "weight_decay", "clip": "clip"},
    Control: {
        **{word: word for word in ("error", "fallback", "rtol", "atol", "gains", "safety", "factor", "first_step")},
        **{word: word for word in ("max_steps", "per_sample", "max_step", "min_step")},
    },
    ProblemModel: {"parameters": "parameter", "states": "state", "span": "span"},
    ProblemParameter: {"lower": "from", "upper": "to"},
    ProblemState: {"derivative": "derivative", "lower": "from", "upper": "to"},
    PathModel: {
        "parameters": "parameter",
        "alpha": "alpha",
        "sigma": "sigma",
        "predicts": "predicts",
        "times": "times",
    },
    Solving: {"by": "by", "tolerance": "tolerance", "iterations": "iterations"},
    Sweep: {
        "solver": "solver",
        "bases": "bases",
        "numbers": "range of",
        "steps": "steps",
        "trials": "trials",
        "seed": "seed",
    },
    SweptBase: {"text": "base"},
    SweptNumber: {"lower": "from", "upper": "to", "listed": "list"},
    Interface: {
        "kind": "kind",
        "base": "base",
        "digest": COEFFICIENTS,
        "order": "proven order",
        "residual_power": "residual power",
        "evaluations": "evaluations a step",
        "steps": "steps",
        "field": "parts of f",
        "made_with": "arguments when made",
        "called_with": "arguments of calls",
        "control": "control",
        "grid": "grid",
        "path": "path",
        "solving": "solve",
        "start": "start",
        "learned": "learned",
        "corrector": "corrector",
        "training": "training",
    },
    Identity: {
        "solver": "the solver's name",
        "residual_power": "the residual power",
        "base": COEFFICIENTS,
        "inputs": "g's inputs",
        "slopes": "g's slopes",
        "bound": "g's bound",
        "output": "g's output form",
        "layers": "g's layers",
        "scaled": "g's scales",
        "learned": "the learned parameters",
        "increments": "the learned steps of the grid",
    },
}
LEFT_OUT: Mapping[type, frozenset[str]] = {
    m.Method: frozenset({"name", "place", "entries"}),
    Additive: frozenset({"name", "place", "entries"}),
    Rosenbrock: frozenset({"name", "place"}),
    m.Multistep: frozenset({"name", "place"}),
    m.PredictorCorrector: frozenset({"name", "place"}),
    FormulaPair: frozenset({"corrections", "evaluates_last"}),  # which the mode says
    Facts: frozenset({"conditions"}),  # which the claimed order says
    AdditiveFacts: frozenset({"conditions"}),
    RosenbrockFacts: frozenset({"conditions"}),
    OrderReport: frozenset({"failing", "failing_autonomous", "finished"}),
    RosenbrockReport: frozenset({"failing", "failing_autonomous"}),
    AdditiveReport: frozenset({"failing", "failing_autonomous", "finished"}),
    m.Dense: frozenset({"entries"}),
    AdditiveDense: frozenset({"written"}),
    Parameter: frozenset({"name"}),
    m.Corrector: frozenset({"name", "place"}),
    m.Training: frozenset({"name", "place"}),
    Control: frozenset({"name", "place"}),
    ProblemModel: frozenset({"name", "place"}),
    ProblemParameter: frozenset({"name"}),
    ProblemState: frozenset({"name"}),
    PathModel: frozenset({"name", "place", "span"}),  # the span follows from the times
    Sweep: frozenset({"name", "place"}),
    SweptBase: frozenset({"order"}),
    SweptNumber: frozenset({"word"}),
    Interface: frozenset({"name"}),
}
"""Fields that are no part of the meaning: names, by which models are matched, places, layout, and what follows."""
