"""Bodies: forces are those of their energy, and the compositions have their orders and keep it."""

from __future__ import annotations

import math

import pytest
import torch

from hyperdsl.evaluation.bodies import BODIES, SOLAR, Bodies
from hyperdsl.evaluation.solvers import reference_solution

ALL = pytest.mark.parametrize("bodies", BODIES.values(), ids=list(BODIES))


@ALL
def test_accelerations_are_those_of_the_energy(bodies: Bodies) -> None:
    z = bodies.first.clone().requires_grad_()
    (slope,) = torch.autograd.grad(bodies.energy(z), z)
    q, v = bodies.first.chunk(2)
    masses = bodies.mass.repeat_interleave(len(q) // len(bodies.masses))
    acceleration = bodies.acceleration(torch.zeros(()), q)
    torch.testing.assert_close(-slope[: len(q)] / masses, acceleration, rtol=1e-9, atol=1e-20)
    torch.testing.assert_close(slope[len(q) :], masses * v)
    assert float((masses * acceleration).reshape(len(bodies.masses), -1).sum(0).abs().max()) < 1e-12 * float(
        (masses * acceleration).abs().max()
    )


@pytest.mark.parametrize(("name", "order"), [("leapfrog", 2), ("Yoshida 4", 4)])
def test_compositions_have_their_order(name: str, order: int) -> None:
    span = 2000.0
    exact = reference_solution(SOLAR.field, SOLAR.first, (0.0, span), tolerance=1e-11).z
    errors = [float((SOLAR.composed(name, SOLAR.first, span / k, k) - exact).norm()) for k in (10, 20)]
    assert order - 0.3 < math.log2(errors[0] / errors[1]) < order + 0.5


@ALL
def test_the_trajectory_keeps_the_energy_and_samples_are_near_it(bodies: Bodies) -> None:
    energies = bodies.energy(bodies.trajectory)
    assert float((energies / energies[0] - 1).abs().max()) < 0.01
    z = bodies.sample(50, torch.Generator().manual_seed(0))
    assert float((bodies.energy(z) / energies[0] - 1).abs().median()) < 0.05
