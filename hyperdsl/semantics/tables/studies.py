"""The settings of problems and sweeps."""

from __future__ import annotations

from typing import get_args

from hyperdsl.semantics.model.sweep import SweptWord
from hyperdsl.semantics.tables.solvers import BASES
from hyperdsl.semantics.tables.word import Integer, Word
from hyperdsl.theory.numbers.exact import ONE, ZERO

UNIT_SPAN = (ZERO, ONE)
PROBLEM = (Word("span", "where solves begin and end", "a range, which may descend: `0 .. 5`", "0 .. 1"),)

RANGE = "a range such as `8 .. 128`, or numbers: `16, 32, 64`"
NUMBERS: tuple[SweptWord, ...] = get_args(SweptWord)
LARGEST_STEPS = 10**6
DEFAULT_STEPS = (2, 5, 10, 20)
DEFAULT_TRIALS = 24
OF_NUMBER = {
    "width": "the sizes of the corrector's layers",
    "depth": "how often the pattern of its layers stands there",
    "iterations": "iterations of its training",
    "batch": "the batch of its training",
    "lr": "the learning rate of its training",
}
SWEEP = (
    Word("solver", "the hypersolver that is varied", "a hypersolver of this file", names=("hypersolver",)),
    Word("base", "alternatives for its base", "methods: `euler, heun`", "its own", names=BASES),
    *(Word(word, OF_NUMBER[word], RANGE, "its own") for word in NUMBERS),
    Word(
        "steps",
        "the numbers of steps at which variants are measured",
        f"integers from 1 to {LARGEST_STEPS}",
        ", ".join(map(str, DEFAULT_STEPS)),
    ),
    Word("trials", "networks in all", Integer(1), str(DEFAULT_TRIALS)),
    Word("seed", "of the search", Integer(0), "0"),
)
