"""A report: measured, judged, and written as one page."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperdsl.evaluation.packages import Package, load_package
from hyperdsl.evaluation.problems import Problem
from hyperdsl.evaluation.stopping import Stop
from hyperdsl.reporting.building import base_name, page_of
from hyperdsl.reporting.effort import Effort
from hyperdsl.reporting.measured import Measured, measure
from hyperdsl.reporting.subject import Subject, subject_of
from hyperdsl.reporting.verdict import Verdict, judge
from hyperdsl.training.files import write_whole


@dataclass(frozen=True)
class Report:
    """What was found: the verdict by rules, the measurements behind it, and the page as HTML."""

    subject: Subject
    measured: Measured
    verdict: Verdict
    html: str

    def plain(self) -> dict[str, Any]:
        """For JSON; numbers that are not finite are texts."""
        verdict = self.verdict
        return {
            "package": self.subject.package.name,
            "solver": self.subject.name,
            "problem": base_name(self.subject.problem.whole_name),
            "verdict": {
                "kind": verdict.kind,
                "headline": verdict.headline,
                "reasons": [*verdict.reasons],
                "advice": [*verdict.advice],
                "best": verdict.best,
                "cheapest": [
                    {"error": one.level, "cost": one.cost.name, "method": one.method, "spent": dict(one.spent)}
                    for one in verdict.table
                ],
            },
            **self.measured.plain(),
        }


def report(
    package: Package | Path | str,
    problem: Problem,
    *,
    solver: str | None = None,
    weights: Path | None = None,
    output: Path | None = None,
    parameters: Mapping[str, float] | None = None,
    effort: Effort | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Report:
    """Measure a solver of a generated package on a problem, say whether to use it, and write that as a page.

    package: a loaded package or its folder. solver: its name, where the package has several. weights: those of its
    training, without which what it learns is untrained. output: the HTML file, one that asks for nothing from any
    network; without it no file is written. parameters: values of the base's free parameters. effort: how much is
    measured, by default what takes a minute or two; its limit is by the `clock`, in seconds.

    PackageError, WeightsError and EvaluationError where these are not what they should be, NotConvergedError where
    the problem has no reference solution, OSError where a file cannot be read or written.
    """
    chosen = effort or Effort()
    stop = Stop(chosen.limit, clock)
    loaded = package if isinstance(package, Package) else load_package(package)
    subject = subject_of(loaded, problem, solver, weights, parameters or {})
    measured = measure(subject, chosen, stop)
    verdict = judge(
        measured.rows, subject.name, untrained=subject.learns and not subject.trained, train=_command("train", subject)
    )
    more = [] if weights is None else ["--weights", weights.name]
    more += [word for name, value in subject.parameters.items() for word in ("--set", f"{name}={value:g}")]
    page = page_of(subject, measured, verdict, _command("report", subject, *more)).html()
    if output is not None:
        write_whole(output, page.encode())
    return Report(subject, measured, verdict, page)


def _command(name: str, subject: Subject, *more: str) -> str:
    """A command of hyperdsl's on the solver and the problem, with no folder in it."""
    chosen = ["--solver", subject.name] if len(subject.package.solvers) > 1 else []
    words = ["hyperdsl", name, subject.package.name, "--problem", base_name(subject.problem.whole_name)]
    return shlex.join([*words, *chosen, *more])
