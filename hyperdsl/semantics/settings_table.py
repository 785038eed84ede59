"""Every declaration and the words of its block, from the tables that their readers read: for editors and reference."""

from __future__ import annotations

from collections.abc import Mapping

from hyperdsl.semantics.tables import methods, solvers, studies, training
from hyperdsl.semantics.tables.word import Word
from hyperdsl.syntax import brackets

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

BLOCKS: Mapping[str, tuple[Word, ...]] = {
    "method": (*methods.ADDITIVE, methods.GAMMA, methods.GAMMA_SUMS, *methods.TABLES),
    "multistep": methods.MULTISTEP,
    "predictor_corrector": methods.PREDICTOR_CORRECTOR,
    "control": solvers.CONTROL,
    "corrector": solvers.CORRECTOR,
    "training": training.TRAINING,
    "then": training.PHASE,
    "reference": training.REFERENCE,
    "path": solvers.PATH,
    "problem": studies.PROBLEM,
    "solver": solvers.SOLVER,
    "hypersolver": solvers.HYPERSOLVER,
    "sweep": studies.SWEEP,
}
"""The words of each block by the word that it stands after; `then` and `reference` stand in a training."""

SETTINGS: Mapping[str, frozenset[str]] = {
    block: frozenset(word.word for word in words) for block, words in BLOCKS.items()
}
"""The settings of each block by name, for the messages of the parser."""
