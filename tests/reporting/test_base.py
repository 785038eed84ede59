"""What a learned term gains is held against the base alone, of every kind of steps."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from hyperdsl.evaluation.contenders import Contender
from hyperdsl.evaluation.packages import load_package
from hyperdsl.evaluation.problems import Problem
from hyperdsl.reporting.subject import Subject, subject_of
from hyperdsl.reporting.work import in_steps


def swing(s: Tensor, z: Tensor) -> Tensor:
    x, y = z.unbind(-1)
    return torch.stack((y, -torch.sin(x)), -1)


def starts(batch: int, generator: torch.Generator) -> Tensor:
    return torch.rand(batch, 2, generator=generator, dtype=torch.float64) + 0.5


PROBLEM = Problem(swing, starts, (0.0, 1.0), (2,), name="swing", tolerance=1e-4, eps=(1 / 8, 0.5))
KINDS = {"stiff_hyper": "HyperSdirk2", "hyper_pece": "HyperPECE"}


def subject(package: str, name: str | None) -> Subject:
    found = subject_of(load_package(f"generated/{package}"), PROBLEM, name, None, {})
    for weights in found.solver.parameters():  # as bad as training can end
        nn.init.normal_(weights, generator=torch.Generator().manual_seed(0))
    return found


def alone(found: Subject) -> list[Contender]:
    return [one for one in in_steps(found, [64]) if one.method.endswith(" alone")]


@pytest.mark.parametrize(("package", "name"), list(KINDS.items()))
def test_the_base_alone_takes_the_base_s_steps(package: str, name: str) -> None:
    found = subject(package, name)
    contenders = alone(found)
    assert len(contenders) > 2
    z0, x = PROBLEM.draw(4, torch.Generator().manual_seed(0))
    one = contenders[-1]
    steps = int(one.setting.removeprefix("K = "))
    with torch.no_grad():
        end = one.run(PROBLEM.f, z0, PROBLEM.span, x)
        assert torch.equal(end, found.start(PROBLEM.f, z0, span=PROBLEM.span, steps=steps))
        assert not torch.allclose(end, found.solver(PROBLEM.f, z0, span=PROBLEM.span, steps=steps))
    assert one.corrector is None
