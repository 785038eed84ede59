"""The robots: what mechanics says of their fields."""

from __future__ import annotations

import torch
from torch import Tensor

from hyperdsl.evaluation.robots import GRAVITY, Arm, Quadrotor, arm, quadrotor
from hyperdsl.evaluation.solvers import reference_solution

AT = torch.zeros(())


def _masses(f: Arm, z: Tensor) -> Tensor:
    """The matrix of masses [n, 7, 7] at states [n, 14], from what torques do."""
    push = torch.eye(7, dtype=z.dtype).unsqueeze(1).expand(7, len(z), 7)
    still = f(AT, torch.zeros(len(z), 7, dtype=z.dtype), z)[:, 7:]
    return torch.linalg.inv((f(AT, push, z.expand(7, *z.shape))[..., 7:] - still).permute(1, 2, 0))


def _kinetic(f: Arm, z: Tensor) -> Tensor:
    speeds = z[:, 7:, None]
    return 0.5 * (speeds.mT @ _masses(f, z) @ speeds).flatten()


def test_the_arm_keeps_its_energy_without_damping_and_torques() -> None:
    f = Arm().double()
    f.DAMPING = 0.0
    z, _ = arm().draw(3, torch.Generator().manual_seed(0))
    matrices = _masses(f, z.double())
    assert torch.allclose(matrices, matrices.mT, atol=1e-12)
    assert float(torch.linalg.eigvalsh(matrices).min()) > f.ROTOR
    end = reference_solution(f, z, (0.0, 0.5), torch.zeros(3, 7), tolerance=1e-9).z
    torch.testing.assert_close(_kinetic(f, end), _kinetic(f, z.double()), rtol=1e-7, atol=0.0)


def test_torques_do_the_work_that_the_arm_gains() -> None:
    f = Arm().double()
    z, x = (part.double() for part in arm().draw(4, torch.Generator().manual_seed(1)))  # type: ignore[union-attr]
    step = 1e-5
    rate = (_kinetic(f, z + step * f(AT, x, z)) - _kinetic(f, z - step * f(AT, x, z))) / (2 * step)
    speeds = z[:, 7:]
    torch.testing.assert_close(rate, ((x - f.DAMPING * speeds) * speeds).sum(-1), rtol=1e-6, atol=1e-6)


def test_the_quadrotor_hovers_turns_and_keeps_its_quaternion() -> None:
    f = Quadrotor().double()
    rest = torch.zeros(13, dtype=torch.float64)
    rest[3] = 1
    hover = torch.tensor((GRAVITY, 0.0, 0.0, 0.0), dtype=torch.float64)
    assert float(f(AT, hover, rest).abs().max()) < 1e-6
    z, x = (part.double() for part in quadrotor().draw(3, torch.Generator().manual_seed(0)))  # type: ignore[union-attr]
    end = reference_solution(f, z, (0.0, 0.5), x, tolerance=1e-8).z
    assert torch.allclose(end[:, 3:7].norm(dim=-1), torch.ones(3, dtype=torch.float64), atol=1e-6)
    assert torch.allclose(end[:, 10:], x[:, 1:], atol=0.05)  # the rates that were asked for
    upside_down = rest.clone()
    upside_down[3:5] = torch.tensor((0.0, 1.0))
    assert torch.allclose(f(AT, hover, upside_down)[7:10], torch.tensor((0.0, 0.0, -2 * GRAVITY)).double(), atol=1e-5)
