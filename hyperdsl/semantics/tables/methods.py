"""The settings of methods."""

from __future__ import annotations

from hyperdsl.semantics.tables.word import Integer, Word
from hyperdsl.theory.runge_kutta.tableau import HIGHEST_ORDER

MOST_SUBSTEPS = 10_000
DEFAULT_MODE = "PECE"
MOST_CORRECTIONS = 16

ORDER = Word(
    "order",
    "the claimed order, which is proven, then the orders of further rows of weights",
    f"1 to {HIGHEST_ORDER}, `5(4)` for a pair; then `within 1e-12` (of decimals) and `autonomous` where needed",
)
WHERE = Word("where", "the ranges of a family's parameters", "comparisons: `0 < alpha <= 1, u != v`", "any number")
EXPLICIT = Word("explicit", "the explicit part, by a method", "the name of an explicit method", "", names=("method",))
IMPLICIT = Word("implicit", "the implicit part, by a method", "the name of an implicit method", "", names=("method",))
GAMMA = Word("gamma", "the γ of every stage of a transformed Rosenbrock method", "a number, or a table", "", block=True)
GAMMA_SUMS = Word("gamma_sums", "the γ_i of a transformed Rosenbrock method", "a number a stage", "sums of `gamma`")
TABLEAU = Word("tableau", "the coefficients: rows `c | a`, a rule line, rows of weights `| b`", "a table", block=True)
DENSE = Word("dense", "dense output: weights b_i(theta), a column each", "its order, a table", "none", block=True)
SUBSTEPS = (Word("substeps", "substeps of each step", Integer(1, MOST_SUBSTEPS), "1"),)
START = Word(
    "start",
    "the method of the first states",
    "a Runge–Kutta method of sufficient order: `rk4`, `rk4(substeps = 8)`, `second_order(alpha = 2/3)`",
    "a method of the library of sufficient order",
    names=("method",),
)

METHOD = (ORDER, WHERE)
ROSENBROCK = (*METHOD, GAMMA, GAMMA_SUMS)
ADDITIVE = (*METHOD, EXPLICIT, IMPLICIT)
TABLES = (TABLEAU, DENSE)
MULTISTEP = (
    Word("order", "the claimed order, which is proven", Integer(1)),
    START,
)
PREDICTOR_CORRECTOR = (
    Word("predict", "the formula that predicts", "the name of an explicit multistep method", names=("multistep",)),
    Word("correct", "the formula that corrects", "the name of an implicit multistep method", names=("multistep",)),
    Word(
        "mode",
        "the evaluations (E) after the prediction (P) and the corrections (C)",
        f"`PEC`, `PECE`, `PECECE`, …, at most {MOST_CORRECTIONS} corrections",
        DEFAULT_MODE,
    ),
    START,
)
