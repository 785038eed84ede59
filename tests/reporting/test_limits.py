"""A page ends in its time: what there is no time for is left out, and it says so. The clock is the test's."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from hyperdsl.evaluation.errors import NotConvergedError
from hyperdsl.evaluation.packages import load_package
from hyperdsl.evaluation.problems import Problem
from hyperdsl.evaluation.stopping import Stop
from hyperdsl.reporting import Effort, report
from hyperdsl.reporting.measured import Measured, measure
from hyperdsl.reporting.starting import Started, started
from hyperdsl.reporting.subject import subject_of
from hyperdsl.reporting.verdict import judge

EFFORT = Effort(samples=8, batch=4, repeats=1, seconds=0.0, states=6, times=2, sizes=2, limit=100.0)
PACKAGE = load_package("generated/hyper_heun")


class Costly:
    """A swing whose f takes so long by its own clock, and a clock that nothing else moves."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.now, self.calls = seconds, 0.0, 0

    def __call__(self, s: Tensor, z: Tensor) -> Tensor:
        self.now += self.seconds * len(z)
        self.calls += 1
        x, y = z.unbind(-1)
        return torch.stack((y, -torch.sin(x)), -1)

    def clock(self) -> float:
        return self.now

    def problem(self, tolerance: float = 1e-4) -> Problem:
        return Problem(self, starts, (0.0, 1.0), (2,), name="swing", tolerance=tolerance, eps=(1 / 8, 0.5))


def starts(batch: int, generator: torch.Generator) -> Tensor:
    return torch.rand(batch, 2, generator=generator, dtype=torch.float64) + 0.5


def measured(seconds: float, effort: Effort = EFFORT) -> Measured:
    """What is measured of a solver where a state's evaluation of f takes so many seconds."""
    f = Costly(seconds)
    found = measure(subject_of(PACKAGE, f.problem(), None, None, {}), effort, Stop(effort.limit, f.clock))
    assert f.now < effort.limit + 8 * seconds
    return found


def begun(f: Costly, effort: Effort = EFFORT, tolerance: float = 1e-4) -> Started:
    stop = Stop(100.0, f.clock)
    with stop.watching(f.problem(tolerance)) as problem:
        return started(problem, effort, stop)


@pytest.fixture(scope="module")
def free() -> Measured:
    """With time enough."""
    return measured(1e-6)


def settings(found: Measured) -> list[tuple[str, str]]:
    return [(row.method, row.setting) for row in found.rows]


def test_with_time_enough_nothing_is_left_out_and_nothing_is_said(free: Measured) -> None:
    assert [*free.notes.values()] == [(), (), ()]
    assert free.plain()["reduced"] == []
    assert {method for method, _ in settings(free)} == {"HyperHeun", "heun alone", "euler", "midpoint", "rk4", "dopri5"}


def test_the_longer_f_takes_the_less_is_measured_and_the_page_says_what_is_not(free: Measured) -> None:
    f = Costly(0.04)
    made = report(PACKAGE, f.problem(), effort=EFFORT, clock=f.clock)
    gone = {*settings(free)} - {*settings(made.measured)}
    assert gone
    (left_out,) = (line for line in made.measured.notes["cost"] if line.startswith("Left out"))
    assert all(method in left_out for method, _ in gone)
    for line in (line for lines in made.measured.notes.values() for line in lines):
        assert line in made.html
    assert made.plain()["reduced"]


def test_a_solver_too_slow_to_be_measured_is_not_judged(free: Measured) -> None:
    others = [row for row in free.rows if row.method != "HyperHeun"]
    found = judge(others, "HyperHeun")
    assert found.kind == "unmeasured"
    assert found.headline == "HyperHeun is too slow here to be measured"
    assert found.best is not None
    assert found.best in found.advice[0]
    assert not judge([], "HyperHeun").advice


def test_fewer_starts_where_exact_ends_take_long() -> None:
    effort = replace(EFFORT, samples=128)
    found = begun(Costly(0.003), effort)
    count = len(found.start.z0)
    assert 4 < count < 128
    assert len(found.start.reference) == count
    assert f"those of {count} starts, where 128 are usual" in found.reduced[0]
    assert found.tolerance == 1e-4
    assert len(begun(Costly(1e-6), effort).start.z0) == 128


def test_where_the_usual_reference_takes_too_long_dopri5_has_the_exact_ends() -> None:
    found = begun(Costly(0.03), tolerance=1e-12)
    assert found.pace is None
    assert 1e-6 <= found.tolerance <= 1e-3
    assert "Exact ends are those of dopri5" in found.reduced[-1]
    usual = begun(Costly(1e-9)).start.reference
    torch.testing.assert_close(found.start.reference, usual[: len(found.start.z0)], rtol=1e-4, atol=1e-4)


def test_without_any_exact_end_there_is_no_page() -> None:
    with pytest.raises(NotConvergedError, match=r"exact ends of states were not found within 8\d seconds"):
        begun(Costly(3.0))


def test_multiply_accumulates_of_a_long_solve_are_reckoned_from_its_beginning(free: Measured) -> None:
    """Counting ends after 25 of up to 128 evaluations of the batch."""
    found = measured(1e-6, replace(EFFORT, counting=100e-6))
    assert any(line.startswith("Their multiply-accumulates") for line in found.notes["cost"])
    for row, whole in zip(found.rows, free.rows, strict=True):
        assert (row.method, row.setting, row.evaluations) == (whole.method, whole.setting, whole.evaluations)
        assert row.macs == pytest.approx(whole.macs, rel=0.2)
