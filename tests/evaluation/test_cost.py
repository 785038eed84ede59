"""Costs of nets whose arithmetic is known, and what a solve adds to them."""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn

from hyperdsl.evaluation.cost import cost_of, milliseconds


def test_multiply_accumulates_of_known_nets_are_exact() -> None:
    net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 3))
    cost = cost_of(lambda f: f(torch.tensor(0.0), torch.ones(7, 3)), lambda s, z: net(z))
    assert (cost.evaluations, cost.macs) == (1, 7 * (3 * 5 + 5 + 5 * 3))

    conv = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.PReLU(), nn.Conv2d(4, 2, 1))
    cost = cost_of(lambda f: f(torch.tensor(0.0), torch.ones(1, 2, 8, 8)), lambda s, z: conv(z))
    assert cost.macs == 64 * (2 * 4 * 9 + 4 + 4 * 2)


def test_a_solver_pays_for_its_own_products_and_the_correctors() -> None:
    corrector = nn.Linear(3, 3)

    def step(f, z: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        k = f(torch.tensor(0.0), z)
        return z + 0.5 * k + 0.25 * corrector(z)

    def twice(f) -> Tensor:  # type: ignore[no-untyped-def]
        return step(f, step(f, torch.ones(2, 3)))

    cost = cost_of(twice, lambda s, z: z * z)
    assert (cost.evaluations, cost.macs) == (2, 2 * (6 + 6 + 2 * 9 + 6))


def test_parts_of_a_solve_are_told_apart() -> None:
    corrector, z = nn.Linear(3, 3), torch.ones(2, 3)

    def solve(f) -> Tensor:  # type: ignore[no-untyped-def]
        s = torch.tensor(0.0)
        return f(s, f(s, z)) + 0.5 * corrector(z)

    cost = cost_of(solve, lambda s, z: z * z, corrector)
    assert (cost.macs, cost.field_macs, cost.corrector_calls, cost.corrector_macs) == (2 * 6 + 6 + 18, 12, 1, 18)
    assert cost.corrector_over_field == 18 / 6
    assert cost_of(solve, lambda s, z: z + z, corrector).corrector_over_field is None
    assert cost_of(solve, lambda s, z: z * z).corrector_over_field is None
    assert not corrector._forward_hooks
    assert not corrector._forward_pre_hooks


def test_additions_are_free_unless_they_scale() -> None:
    z = torch.ones(4)
    assert cost_of(lambda f: z + z - z, torch.sin).macs == 0
    assert cost_of(lambda f: torch.add(z, z, alpha=3), torch.sin).macs == 4
    assert cost_of(lambda f: z.clone().mul_(2).tanh_(), torch.sin).macs == 8


def test_times_are_medians_on_one_thread_and_threads_are_restored() -> None:
    threads, seen = torch.get_num_threads(), []
    order: list[str] = []

    def slow() -> None:
        seen.append(torch.get_num_threads())
        order.append("slow")
        time.sleep(0.002)

    times = milliseconds({"slow": slow, "fast": lambda: order.append("fast")}, repeats=5, warm_up=1)
    assert set(seen) == {1}
    assert order == ["slow", "fast"] * 6
    assert times["slow"] >= 2 > times["fast"]
    assert torch.get_num_threads() == threads
