"""Learned parameters of a base: kept in their range and off poles, and what training sees of them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from hyperdsl.training.learned import (
    Learned,
    corrector_of,
    dtype_of,
    kept_in_range,
    learned_tensors,
    learned_values,
    loss_for,
    missed,
    parameter_groups,
    ranges_of,
    trained_part,
)
from hyperdsl.training.rows import Rows
from hyperdsl.training.settings import Adversarial, Trajectory
from tests.runtime.methods import Euler, Family, HyperEuler
from tests.training.posed import power, targets


class Trained(Family):
    """With one learned parameter."""

    free = ()
    learned = ("alpha",)

    def __init__(self, start: float = 0.5, corrector: nn.Module | None = None) -> None:
        super().__init__(corrector)
        self.coefficients = nn.Parameter(torch.tensor([start], dtype=torch.float64))


def allowed(low: float = -1.0, high: float = 1.0, bound: float = 5.0) -> Learned:
    """The tableau has 1/(2α), which has a pole at 0."""
    return Learned({"alpha": (0.5, low, high)}, bound, lambda alpha: (1 - 1 / (2 * alpha), 1 / (2 * alpha)))


def moved(start: float, wanted: float, keep: Learned | None) -> float:
    solver = Trained(start)
    with kept_in_range(solver, keep), torch.no_grad():
        solver.coefficients.fill_(wanted)
    return solver.values()["alpha"]


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        (0.6, 0.6),
        (0.2, 0.2),
        (0.04, 0.27),  # a half of the step
        (0.0, 0.25),  # the pole itself
        (3.0, 1.0),
        (-3.0, -1.0),
    ],
)
def test_towards_a_pole_steps_are_halved(wanted: float, kept: float) -> None:
    assert moved(0.5, wanted, allowed()) == pytest.approx(kept, rel=1e-15)


def test_a_step_is_cut_at_the_range_before_it_is_halved() -> None:
    assert moved(0.5, -0.5, allowed(low=0.0)) == 0.25


def test_halvings_go_on() -> None:
    start = 0.11  # 1/(2 · 0.1) is the bound
    found = moved(start, 0.0, allowed())
    assert found == pytest.approx(start - start / 16, rel=1e-15)
    assert 1 / (2 * found) <= 5 < 1 / (2 * (start - start / 8))


def test_where_no_part_of_a_step_will_do_none_is_taken() -> None:
    assert moved(0.05, 0.01, allowed()) == 0.05
    assert moved(0.5, math.nan, allowed()) == 0.5


def test_without_a_range_steps_are_free() -> None:
    assert moved(0.5, 7.0, None) == 7
    plain = nn.Linear(1, 1)
    with kept_in_range(plain, allowed()), torch.no_grad():
        plain.weight.fill_(9)
    assert plain.weight.item() == 9


def test_an_error_is_the_callers() -> None:
    solver = Trained()
    with pytest.raises(ZeroDivisionError), kept_in_range(solver, allowed()):
        raise ZeroDivisionError


def test_ranges_to_draw_from() -> None:
    assert ranges_of(Family(), None) == (("alpha", 0.25, 1),)
    assert ranges_of(Trained(), allowed()) == (("alpha", 0.5, 0.5),)
    assert ranges_of(Euler(), None) == ()


def test_what_training_changes() -> None:
    g = nn.Linear(1, 1)
    hyper, both, base = HyperEuler(g), Trained(corrector=g), Trained()
    assert [corrector_of(solver) for solver in (hyper, both, base)] == [g, g, None]
    assert [trained_part(solver) for solver in (hyper, both, base)] == [g, both, base]
    assert [learned_values(solver) for solver in (hyper, both)] == [{}, {"alpha": 0.5}]


def test_what_training_computes_in() -> None:
    states = torch.zeros(1, dtype=torch.complex64)
    assert dtype_of(Trained(), states) == torch.float64
    assert dtype_of(HyperEuler(nn.Linear(1, 1).double()), states) == torch.float64
    assert dtype_of(HyperEuler(nn.Linear(1, 1, dtype=torch.complex64)), states.real.double()) == torch.float32
    assert dtype_of(HyperEuler(nn.Identity()), states) == torch.float32


def test_the_loss_of_a_base_that_changes() -> None:
    hyper, both = HyperEuler(nn.Linear(1, 1)), Trained()
    attack = Adversarial(0.5, 2)
    assert [loss_for(hyper, loss) for loss in (None, Trajectory(3), attack)] == [None, Trajectory(3), attack]
    assert [loss_for(both, loss) for loss in (None, Trajectory(3))] == [Trajectory(1), Trajectory(3)]
    with pytest.raises(ValueError, match="not trained adversarially"):
        loss_for(both, attack)


def test_learned_parameters_keep_their_gradients() -> None:
    solver = Trained()
    z = torch.zeros(2, dtype=torch.complex64)
    tensors = learned_tensors(solver, z)
    assert tensors["alpha"].dtype == torch.float32
    (3 * tensors["alpha"]).backward()
    assert solver.coefficients.grad is not None
    assert solver.coefficients.grad.tolist() == [3]
    assert learned_tensors(Euler(), z) == {}


def test_learned_parameters_are_a_group_that_does_not_decay() -> None:
    both = Trained(corrector=nn.Linear(1, 1))
    weights, coefficients = parameter_groups(both)
    assert {id(value) for value in weights["params"]} == {id(value) for value in both.corrector.parameters()}
    assert "weight_decay" not in weights
    assert coefficients["params"][0] is both.coefficients
    assert coefficients["weight_decay"] == 0
    assert len(parameter_groups(Trained())) == len(parameter_groups(nn.Linear(1, 1))) == 1


def test_what_a_corrector_misses() -> None:
    target = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    rows = Rows((torch.tensor(0.5).double(), torch.tensor(0.0).double(), None, 3 * target), target, ())
    made = targets(Euler(), power(2), trained=torch.float32)
    assert torch.equal(missed(None, rows, made), -target)

    class Same(nn.Module):
        def forward(self, eps: Tensor, s: Tensor, x: Tensor | None, z: Tensor) -> Tensor:
            assert z.dtype == torch.float32
            return z

    left = missed(Same(), rows, made)
    assert torch.equal(left, 2 * target)
    assert left.dtype == torch.float64
