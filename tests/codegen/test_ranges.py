"""A solve that leaves what its g was trained for says so, once; in no trace, and of numbers at hand alone."""

from __future__ import annotations

import importlib
import json
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from hyperdsl.runtime.ranges import Followed, Ranges
from hyperdsl.runtime.state import numbers_of

TRAINED = {"eps": [0.1, 0.4], "s": [0.0, 2.0], "steps": [1, 20]}
Solve = Callable[[Any], object]


def f(s: Tensor, z: Tensor) -> Tensor:
    return -z


def trained(module: ModuleType, name: str = "HyperHeun", **changes: object) -> Any:
    solver = getattr(module, name)((3,))
    solver.remember({"trained": json.dumps(TRAINED | changes)})
    return solver


def said(solver: Any, *solves: Solve) -> list[str]:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        for solve in solves:
            solve(solver)
    return [str(one.message) for one in found]


def over(start: float, end: float, steps: int) -> Solve:
    return lambda solver: solver(f, torch.ones(2, 3), (start, end), steps)


@pytest.mark.parametrize(
    ("solve", "left"),
    [
        (over(0.0, 2.0, 10), ""),
        (over(0.0, 2.0, 20), ""),
        (over(0.0, 0.2, 1), ""),  # a part of a trained span
        (over(2.0, 0.0, 10), ""),
        (over(0.0, 2.0, 4), "ε = 0.5 (0.1 .. 0.4)"),
        (over(0.0, 0.2, 4), "ε = 0.05 (0.1 .. 0.4)"),
        (over(1.0, 3.0, 10), "s = 1 .. 3 (0 .. 2)"),
        (lambda solver: solver.odeint(f, torch.ones(3), [0.0, 0.2, 1.2]), "ε = 1 (0.1 .. 0.4)"),
        (lambda solver: solver.odeint(f, torch.ones(3), torch.linspace(0.0, 2.0, 5), steps=2), ""),
        (lambda solver: solver.odeint(f, torch.ones(3), torch.linspace(0.0, 2.4, 25)), "24 steps (up to 20)"),
        (lambda solver: solver(f, torch.ones(3), (torch.tensor(5.0), 6.0), 4), "s = 5 .. 6 (0 .. 2)"),
        (lambda solver: solver.step(f, 50.0, torch.ones(3), 9.0), ""),
    ],
)
def test_what_is_left_is_named(everything: ModuleType, solve: Solve, left: str) -> None:
    solver = trained(everything)
    messages = said(solver, solve)
    assert bool(messages) == bool(left)
    assert left in "".join(messages)


def test_once_for_each_solver(everything: ModuleType) -> None:
    solver, other = trained(everything), trained(everything)
    assert len(said(solver, over(5.0, 6.0, 4), over(7.0, 8.0, 4))) == 1
    assert solver.left == ("s = 7 .. 8 (0 .. 2)",)
    assert len(said(other, over(5.0, 6.0, 4))) == 1
    solver.remember(solver.about)
    assert len(said(solver, over(5.0, 6.0, 4), over(0.0, 1.0, 4))) == 1
    assert solver.left == ()


def test_where_nothing_is_known_or_time_is_not_read_nothing_is_said(everything: ModuleType) -> None:
    assert not said(everything.HyperHeun((3,)), over(50.0, 51.0, 1))
    assert not said(trained(everything, s=None), over(50.0, 51.0, 4))
    solver = trained(everything)
    solver.corrector.outside = "ignore"
    assert not said(solver, over(50.0, 51.0, 1))
    assert len(solver.left) == 2


def test_a_g_that_is_to_be_left_out_is(everything: ModuleType) -> None:
    solver, z = trained(everything), torch.ones(2, 3)
    with torch.no_grad():
        for value in solver.corrector.parameters():
            value.uniform_(-1, 1)
    solver.corrector.outside = "base"
    for s, eps, kept in ((0.0, 0.2, True), (5.0, 0.2, False), (0.0, 1.0, False), (1.0, 0.01, False)):
        same = torch.equal(solver.step(f, s, z, eps), solver.base_step(f, s, z, eps))
        assert same != kept
    assert not said(solver, over(50.0, 51.0, 1))
    each = solver.corrector(torch.tensor([0.2, 1.0]), torch.tensor([0.0, 0.0]), None, z, z)
    assert each[0].all()
    assert not each[1].any()


GRIDS: dict[str, Any] = {"eps": [0.5, 2.0], "steps": [1, 4], "sizes": [0.5, 2.0], "grids": [1, 4]}


@pytest.mark.parametrize(("steps", "left"), [(1, ""), (4, ""), (2, "ε = 1 (0.5, 2)"), (3, "ε = 0.6667 (0.5, 2)")])
def test_between_grids_nothing_is_trained_for(everything: ModuleType, steps: int, left: str) -> None:
    messages = said(trained(everything, **GRIDS), over(0.0, 2.0, steps))
    assert bool(messages) == bool(left)
    assert left in "".join(messages)


def test_between_grids_a_g_is_left_out(everything: ModuleType) -> None:
    solver, z = trained(everything, **GRIDS), torch.ones(2, 3)
    with torch.no_grad():
        for value in solver.corrector.parameters():
            value.uniform_(-1, 1)
    solver.corrector.outside = "base"
    for eps, kept in ((2.0, True), (0.5, True), (0.503, True), (1.0, False), (0.4, False), (2.1, False)):
        assert torch.equal(solver.step(f, 0.0, z, eps), solver.base_step(f, 0.0, z, eps)) != kept
    each = solver.corrector(torch.tensor([0.5, 1.0, 2.0]), torch.zeros(3), None, torch.ones(3, 3), torch.ones(3, 3))
    assert [bool(row.any()) for row in each] == [True, False, True]
    solver.remember({"trained": json.dumps(TRAINED)})  # a range again
    assert not torch.equal(solver.step(f, 0.0, z, 0.3), solver.base_step(f, 0.0, z, 0.3))


def test_traces_and_transforms_are_left_alone(everything: ModuleType) -> None:
    solver, z = trained(everything), torch.ones(2, 3)
    mapped = said(solver, lambda one: torch.func.vmap(lambda row: one(f, row, (50.0, 51.0), 1))(z))
    assert not mapped
    assert numbers_of(torch.ones(2, device="meta")) is None
    assert numbers_of([0.0, torch.ones((), device="meta")]) is None
    assert numbers_of([0.5, torch.tensor(2.0)]) == [0.5, 2.0]


UNORDERED = '{"eps": [1, 2], "s": null, "steps": [1, 2], "sizes": [1, 3]}'


@pytest.mark.parametrize("wrong", ["[", "{}", '{"eps": [1, 2], "s": 3, "steps": [1, 2]}', '{"eps": [0, 1]}', UNORDERED])
def test_ranges_that_are_none_are_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="not readable"):
        Ranges.told({"trained": wrong})
    assert Ranges.told({}) is None


def test_the_longest_step_that_was_taken_counts() -> None:
    followed, z = Followed(lambda *arguments: arguments), torch.zeros(2)
    for s, eps in ((0.0, 9.0), (0.0, 0.5), (0.5, 0.25), (0.75, 2.0), (0.75, 0.125)):
        given = torch.tensor(s), z, torch.tensor(eps), z
        assert followed(*given) == given
    assert followed.longest == 0.5  # 9 and 2 were rejected
    followed.note()
    assert followed.longest == 0.5
    each = Followed(lambda *arguments: arguments)
    each(torch.tensor([0.0, 0.0]), z, torch.tensor([0.5, -3.0]), z)
    each(torch.tensor([0.5, 0.0]), z, torch.tensor([0.25, -1.0]), z)
    assert each.longest == 0.5
    each.note()
    assert each.longest == 1.0


def test_adaptive_solves_are_looked_at_too() -> None:
    module: Any = importlib.import_module("generated.adaptive_hyper_heun")
    z = torch.ones(2, 3)
    inside: Solve = lambda solver: solver.solve(f, z, (0.0, 2.0))  # noqa: E731
    later: Solve = lambda solver: solver(f, z, (5.0, 6.0))  # noqa: E731
    listed: Solve = lambda solver: solver.odeint(f, z, [0.0, 1.0, 9.0])  # noqa: E731
    known = {"eps": [1e-6, 2.0], "s": [0.0, 2.0], "steps": [1, 2000]}
    for solve, left in ((inside, ""), (later, "s = 5 .. 6"), (listed, "s = 0 .. 9")):
        messages = said(trained(module, "AdaptiveHyperHeun", **known), solve)
        assert bool(messages) == bool(left)
        assert left in "".join(messages)
    small = trained(module, "AdaptiveHyperHeun", **known | {"eps": [1e-6, 1e-3]})
    assert "ε = " in "".join(said(small, inside))
    few = trained(module, "AdaptiveHyperHeun", **known | {"steps": [1, 2]})
    assert "steps (up to 2)" in "".join(said(few, inside))


SPEC = """corrector g {
    inputs z, dz, s, eps
    layers linear(4), tanh
    outside base
}
corrector product {
    inputs z, dz, s, eps
    layers bilinear(4)
    outside ignore
}
corrector plain {
    layers linear(4), tanh
}
control c {
    error embedded
}
hypersolver Kept {
    base heun
    corrector g
}
hypersolver Ignored {
    base heun
    corrector product
}
hypersolver Warned {
    base bosh3
    corrector plain
}
hypersolver Stepping {
    base bosh3
    corrector plain
    control c
}
"""


def test_a_spec_says_what_is_done_outside(build: Callable[[str], ModuleType]) -> None:
    module = build(SPEC)
    kept, ignored, warned, stepping = (getattr(module, name) for name in ("Kept", "Ignored", "Warned", "Stepping"))
    assert [one((2,)).corrector.outside for one in (kept, ignored, warned)] == ["base", "ignore", "warn"]
    assert kept.base_digest == ignored.base_digest  # the same base
    assert warned.base_digest == stepping.base_digest  # and so it is under a control
    assert kept.base_digest != warned.base_digest
