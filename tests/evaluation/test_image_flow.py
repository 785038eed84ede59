"""The model of digits that comes along, and its guidance."""

from __future__ import annotations

import torch

from hyperdsl.evaluation.built_in import built_in
from hyperdsl.evaluation.image_flow import NO_CLASS, WEIGHTS, image_problem, shipped_field
from hyperdsl.evaluation.solvers import torchdiffeq_solve


def test_guidance_is_part_of_the_problem() -> None:
    field, x = shipped_field(), torch.tensor([1, 4])
    z, s = torch.randn(2, 1, 14, 14, generator=torch.Generator().manual_seed(0)), torch.tensor(0.5)
    without, under = field(s, torch.full_like(x, NO_CLASS), z), field(s, x, z)
    for weight in (0.0, 1.0, 2.0):
        found = image_problem(field, weight).f(s, x, z)
        assert torch.allclose(found, without + weight * (under - without), atol=1e-5)


def test_the_field_that_comes_along_makes_the_digits_it_is_asked_for() -> None:
    """Ones are thin, and zeros have a hole: what a classifier would say first, without one."""
    problem = built_in("mnist_flow")
    assert problem.generative
    z0, _ = problem.draw(8, torch.Generator().manual_seed(0))
    x = torch.tensor([0, 1] * 4)
    with torch.no_grad():
        z = torchdiffeq_solve(problem.f, z0, problem.span, x, tolerance=1e-2)
    ink = ((z + 1) / 2).clamp(0, 1).mean((1, 2, 3))
    assert ink[0::2].min() > 1.5 * ink[1::2].max()
    hole, rim = z[0::2, 0, 6:8, 6:8].mean((1, 2)), z[0::2, 0].amax((1, 2))
    assert bool((hole < -0.5).all()) and bool((rim > 0.5).all())  # noqa: PT018  (one fact of a zero)


def test_weights_that_come_along_are_small() -> None:
    assert WEIGHTS.stat().st_size < 400_000
    assert sum(p.numel() for p in shipped_field().parameters()) < 200_000


def test_times_are_one_or_one_for_each_image() -> None:
    field, x = shipped_field(), torch.tensor([3, NO_CLASS])
    z = torch.randn(2, 1, 14, 14, generator=torch.Generator().manual_seed(0))
    one = field(torch.tensor(0.25), x, z)
    assert torch.allclose(one, field(torch.full((2,), 0.25), x, z), atol=1e-5)
    assert not torch.allclose(one, field(torch.tensor(0.75), x, z))
    assert image_problem(field, 1.0).f(torch.tensor(0.25), x, z).shape == z.shape
