"""`--set integral.rtol=1e-3`: settings of a control, read by the language's own grammar."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from hyperdsl import compiler
from hyperdsl.cli.inputs import WRONG_USAGE, say, stop
from hyperdsl.diagnostics import has_errors
from hyperdsl.semantics.tables.solvers import CONTROL

FIXED = ("error", "per_sample")
"""What the generated code is made for."""


def split_overrides(items: Sequence[str]) -> tuple[list[str], dict[str, object]]:
    """The items that are not about a control, and the fields of a package's `Control` that the others set.

    Ends the run where one is wrong.
    """
    others: list[str] = []
    words: dict[str, str] = {}
    for item in items:
        path, equals, value = item.partition("=")
        name, _, word = path.strip().partition(".")
        if not (equals and name.isidentifier() and word in {known.word for known in CONTROL}):
            others.append(item)
        elif word in FIXED:
            stop(f"`{word}` of a control is part of the generated code: change the spec and compile it again")
        else:
            words[word] = value
    return others, _fields(words) if words else {}


def _fields(words: dict[str, str]) -> dict[str, object]:
    control, diagnostics = compiler.override_control("\n".join(f"{word} {value}" for word, value in words.items()))
    say(diagnostics)
    if control is None or has_errors(diagnostics):
        raise typer.Exit(WRONG_USAGE)
    shortest, longest = (float(end) for end in control.factor)
    values: dict[str, dict[str, object]] = {
        "rtol": {"rtol": float(control.rtol)},
        "atol": {"atol": float(control.atol)},
        "gains": {"gains": tuple(float(gain) for gain in control.gains)},
        "safety": {"safety": float(control.safety)},
        "factor": {"shortest": shortest, "longest": longest},
        "first_step": {"first_step": None if control.first_step is None else float(control.first_step)},
        "max_steps": {"max_steps": control.max_steps},
        "max_step": {"max_step": None if control.max_step is None else float(control.max_step)},
        "min_step": {"min_step": None if control.min_step is None else float(control.min_step)},
    }
    return {field: value for word in words for field, value in values[word].items()}
