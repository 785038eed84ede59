"""Solutions of many groups at once: the same as one by one, also where f cannot be vmapped."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import Tensor

from hyperdsl.runtime.state import VectorField
from hyperdsl.training import targets as targets_module
from hyperdsl.training.rows import Columns
from hyperdsl.training.settings import Loss, Trajectory
from hyperdsl.training.store import _share
from hyperdsl.training.targets import drawn
from hyperdsl.training.together import Making, Sought, together
from tests.runtime.methods import Adams, Euler, Family
from tests.training.posed import STATES, settings, targets


def swinging(s: Tensor, z: Tensor) -> Tensor:
    return torch.sin(z + s) * z


def columns(solver: object, f: VectorField, loss: Loss | None, x: Tensor | None = None) -> list[Columns]:
    ranges = (("alpha", 0.25, 1.0),) if isinstance(solver, Family) else ()
    given = settings(loss=loss, trajectories=len(STATES), substeps=16)
    made = targets(solver, f, settings=given, ranges=ranges)  # type: ignore[arg-type]
    group = drawn(made, STATES, x, None)
    return [group(k) for k in range(made.groups)]


def close(some: list[Columns], others: list[Columns]) -> None:
    for one, other in zip(some, others, strict=True):
        for column, same in zip(one, other, strict=True):
            assert (column is None) == (same is None)
            assert column is None or same is None or torch.allclose(column, same, rtol=1e-9, atol=1e-9, equal_nan=True)


def counting(f: VectorField, calls: list[int]) -> VectorField:
    def counted(*given: Tensor) -> Tensor:
        calls.append(1)
        return f(*given)

    return counted


@pytest.mark.parametrize(
    ("solver", "loss"), [(Euler(), None), (Family(), None), (Adams(), None), (Euler(), Trajectory(8))]
)
def test_groups_made_together_are_those_made_one_by_one(
    solver: object, loss: Loss | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    together = columns(solver, counting(swinging, calls), loss)
    few = len(calls)
    calls.clear()
    monkeypatch.setattr(targets_module, "AT_ONCE", 1)
    close(together, columns(solver, counting(swinging, calls), loss))
    assert few < len(calls) / 2


def test_inputs_go_with_their_states(monkeypatch: pytest.MonkeyPatch) -> None:
    def f(s: Tensor, x: Tensor, z: Tensor) -> Tensor:
        return -torch.tensor([0.5, 1.0, 2.0])[x][:, None] * z

    x = torch.tensor([0, 1, 2, 0, 1, 2])
    together = columns(Euler(), f, None, x)
    monkeypatch.setattr(targets_module, "AT_ONCE", 1)
    close(together, columns(Euler(), f, None, x))


def _looks_at_numbers(s: Tensor, z: Tensor) -> Tensor:
    return swinging(s, z) if float(s) < 100 else z


def _branches(s: Tensor, z: Tensor) -> Tensor:
    return z if s > 100 else swinging(s, z)


def _goes_elsewhere(s: Tensor, z: Tensor) -> Tensor:
    return torch.from_numpy(swinging(s, z).numpy())


@pytest.mark.parametrize("f", [_looks_at_numbers, _branches, _goes_elsewhere])
def test_what_cannot_be_vmapped_is_solved_one_by_one(f: VectorField) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        close(columns(Euler(), f, None), columns(Euler(), swinging, None))


def test_a_mistake_of_f_is_told_as_ever() -> None:
    def wrong(s: Tensor, z: Tensor) -> Tensor:
        raise ArithmeticError("no slope here")

    with pytest.raises(ArithmeticError, match="no slope here"):
        columns(Euler(), wrong, None)


def test_solutions_of_different_forms_are_found_apart() -> None:
    """Each gets the end of what it sought, however many it seeks."""

    def making(rows: int, count: int) -> Making[Tensor]:
        z = torch.full((rows,), float(rows))
        for _ in range(count):
            z = yield Sought(torch.zeros(()), None, z, torch.ones(()), rows)
        return z

    def solve(s: Tensor, x: Tensor | None, z: Tensor, eps: Tensor, substeps: int) -> Tensor:
        return z + substeps * eps

    made = together([making(2, 1), making(3, 2), making(2, 3), making(1, 0)], solve)
    assert [one.tolist() for one in made] == [[4.0] * 2, [9.0] * 3, [8.0] * 2, [1.0]]


@pytest.mark.parametrize(("groups", "parts"), [(256, 1), (256, 3), (3, 4), (1, 2)])
def test_processes_share_the_groups(groups: int, parts: int) -> None:
    """Each group is one process's; one without any makes a group all the same, for the shapes."""
    shares = [_share(groups, part, parts) for part in range(parts)]
    assert all(len(share) for share in shares)
    assert [k for share in shares for k in share if k < groups] == [*range(groups)]
