"""The page of a report, from what was measured: the same numbers give the same bytes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import PurePath

from hyperdsl.evaluation.weights import of_another_version
from hyperdsl.reporting.about_cost import about_cost, about_training, paybacks
from hyperdsl.reporting.about_shapes import about_samples, about_stability
from hyperdsl.reporting.about_solver import about_solver, proven
from hyperdsl.reporting.about_steps import about_convergence, about_delta, about_states
from hyperdsl.reporting.measured import Measured
from hyperdsl.reporting.page import Page, Part, Table
from hyperdsl.reporting.page import Verdict as Top
from hyperdsl.reporting.subject import Subject
from hyperdsl.reporting.verdict import NFE, TIME, Cheapest, Verdict, percent, spelled

TONES = {"always": "good", "sometimes": "mixed", "evaluations": "mixed"}
"""How the top of the page looks; other verdicts are bad news."""
WORDS = (
    ("f, the vector field", "What says how a state z changes: z' = f(s, z). It is given, and is not changed."),
    (
        "solver, step, ε",
        "A solver goes from a known state along f in steps of size ε; shorter steps are more accurate and cost more.",
    ),
    (
        "order",
        "How fast errors fall: with steps half as long, the error falls to a half at order 1, to a quarter at order 2, "
        "to a sixteenth at order 4.",
    ),
    (
        "hypersolver, g",
        "A solver of a known order, its base, with a small neural network g added to each step, which has learned what "
        "the base gets wrong for this f.",
    ),
    (
        "K, rtol, 1e-03",
        "The settings of methods: how many steps they take over the span, or how small an error they aim at.",
    ),
    (
        "NFE",
        "How often f was evaluated. It is a fair measure where f is so dear that all else is nothing; it leaves out g.",
    ),
    ("MACs", "Multiplications with an addition each, of one sample, those of g included."),
    (
        "relative error",
        "How far the end is from the exact one, over the size of the exact one: 1 % is two correct digits. It is a "
        "median over states.",
    ),
    (
        "rk4, dopri5, euler",
        "Methods that everyone has: the classical one of order 4 in fixed steps, torchdiffeq's with steps of its own, "
        "and the simplest of all.",
    ),
)
"""Explained below the verdict."""


def page_of(subject: Subject, measured: Measured, verdict: Verdict, command: str) -> Page:
    """All sections; those that a solver has nothing for say why."""
    parts = (
        about_cost(subject, measured),
        about_training(subject, measured),
        about_states(subject, measured),
        about_delta(subject, measured),
        about_convergence(subject, measured),
        about_samples(subject, measured),
        about_solver(subject),
        proven(subject),
        about_stability(subject),
    )
    return Page(
        f"{subject.name} on {problem_name(subject)}",
        _about(subject, measured),
        _top(subject, measured, verdict),
        WORDS,
        (*(part for part in parts if not part.left_out), *_left_out(parts), _run(subject, measured, command)),
    )


def _left_out(parts: Sequence[Part]) -> list[Part]:
    """A section that says which others are left out, and why; none where all are there."""
    why = tuple(f"{part.title}: {part.left_out}." for part in parts if part.left_out)
    return [Part("left-out", "What is left out, and why", items=why)] if why else []


def problem_name(subject: Subject) -> str:
    """What the problem is called, without the folders of its file."""
    return base_name(subject.problem.whole_name)


def base_name(text: str) -> str:
    """A problem's whole name without the folders of its file, where it is in one."""
    file, mark, name = text.partition(".hyper:")
    return PurePath(file).name + mark + name if mark else text


def _about(subject: Subject, measured: Measured) -> str:
    problem, size = subject.problem, math.prod(subject.problem.state_shape)
    states = f"{size} number{'s' * (size != 1)}"
    return (
        f"The solver {subject.name} for z' = f(s, z), with states of {states} and s from {problem.span[0]:g} to "
        f"{problem.span[1]:g}, beside the methods that are usual for such problems: measured from "
        f"{len(measured.start.z0)} starts that no training has seen."
    )


def _top(subject: Subject, measured: Measured, verdict: Verdict) -> Top:
    notes = of_another_version(subject.origin, subject.package) if subject.origin else []
    trained_on = subject.origin.problem if subject.origin else subject.problem.whole_name
    if trained_on != subject.problem.whole_name:
        whose = base_name(trained_on) if trained_on else "a problem that their file does not name"
        notes.append(f"The weights were trained on {whose}, not on {problem_name(subject)}.")
    return Top(
        TONES.get(verdict.kind, "bad"),
        verdict.headline,
        (*verdict.reasons, *notes),
        verdict.advice,
        _costs(subject, verdict),
        _figures(subject, measured, verdict),
    )


def _figures(subject: Subject, measured: Measured, verdict: Verdict) -> tuple[tuple[str, str], ...]:
    """The few numbers that matter most: the solver's best accuracy, its time and evaluations beside the next best."""
    if verdict.kind == "untrained":
        return ()
    own = [one for one in verdict.table if subject.name in one.spent]
    level = min((one.level for one in own if one.cost is TIME and one.won(subject.name)), default=None)
    level = level or next((one.level for one in reversed(own) if one.level >= 1e-2), None)
    found = []
    for one in own:
        ratio = one.ratio(subject.name)
        if one.level != level or ratio is None or one.cost not in (TIME, NFE):
            continue
        rival = next(method for method in one.spent if method != subject.name)
        found.append((f"{ratio:.2g} ×", f"the {one.cost.name} of {rival}, at {percent(one.level)} error"))
    steps = measured.local
    if steps is not None and subject.trained:
        middle = steps.delta[len(steps.delta) // 2]
        if 0 < middle < math.inf:
            found.append(
                (
                    f"{1 / middle:.3g} ×",
                    f"more accurate steps than without what was learned (ε = {abs(steps.size):.2g})",
                )
            )
    seconds = subject.origin.seconds if subject.origin else None
    paid = [one.batches(seconds) for one in paybacks(measured.rows, subject.name)] if seconds is not None else []
    if paid and math.isfinite(min(paid)):
        found.append((f"{math.ceil(min(paid)):,}", f"batches of {measured.batch} solves pay for the training"))
    return tuple(found)


def _costs(subject: Subject, verdict: Verdict) -> Table:
    """At each accuracy the cheapest method in each cost, and what the solver spends over the best of the others."""
    costs = tuple(dict.fromkeys(one.cost for one in verdict.table))
    levels = tuple(dict.fromkeys(one.level for one in verdict.table))
    by = {(one.level, one.cost): one for one in verdict.table}
    rows = []
    for level in levels:
        found = [by[level, cost] for cost in costs]
        beside = [one.ratio(subject.name) for one in found]
        told = [
            f"{_times(ratio)} {one.cost.unit}" for one, ratio in zip(found, beside, strict=True) if ratio is not None
        ]
        own = ", ".join(told) or ("the only one" if any(subject.name in one.spent for one in found) else "not reached")
        rows.append((percent(level), *(_cheapest(one) for one in found), own))
    heads = ("error", *(f"least {cost.name}" for cost in costs), f"{subject.name} over the best other")
    return Table(
        "The cheapest method for each accuracy, and how many times as much this solver spends", heads, tuple(rows)
    )


def _cheapest(one: Cheapest) -> str:
    return "unknown" if one.method is None else f"{one.method}, {spelled(one.spent[one.method])} {one.cost.unit}"


def _times(ratio: float) -> str:
    return f"{ratio:.2g} ×" if ratio < 100 else f"{ratio:,.0f} ×"


def _run(subject: Subject, measured: Measured, command: str) -> Part:
    """What made the page, and nothing of whose machine it was."""
    machine, origin = measured.machine, subject.origin
    lines = [
        f"hyperdsl {machine.hyperdsl}, torch {machine.torch}, Python {machine.python}",
        f"processor: {machine.processor}, {machine.threads} thread",
        f"starts drawn with seed {machine.seed}, which no training draws from",
        f"{len(measured.start.z0)} starts, their exact ends within {measured.tolerance:.0e}",
        f"times are those of batches of {measured.batch}",
    ]
    if origin is not None:
        versions = ", ".join(f"{name} {version}" for name, version in origin.versions.items()) or "unknown versions"
        seed = "" if origin.seed is None else f", seed {origin.seed}"
        lines.append(f"weights trained on {base_name(origin.problem) or 'an unknown problem'}{seed}, by {versions}")
    return Part("run", "What was run", items=tuple(lines), code=("The command", command))
