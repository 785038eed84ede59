"""How a package's tests measure solvers of variable order: each order's numbers against the formula of a textbook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .nordsieck import Numbers

Formula = tuple[Sequence[float], Sequence[float]]
"""The α and β of Σ α_j z[n+j] = h Σ β_j f[n+j], the oldest first."""

CLOSE = 1e-6
"""Sums of some hundred products agree to so many digits; a changed coefficient shows in the first ones."""


def require_backward(solver: Any, formulas: Sequence[Formula]) -> None:
    """AssertionError where a step of an order is not its BDF formula, or the history does not go through the states."""
    numbers = Numbers(torch.zeros((), dtype=torch.float64), solver.corrections, solver.errors, solver.changes)
    for q, (alpha, beta) in enumerate(formulas, 1):
        states = _drawn(q + 2)  # z[n], z[n-1], …
        table = _through(states[: q + 1], numbers.highest)
        predicted, e = numbers.predicted(table, _ONE), _drawn(1)[0]
        row = numbers.corrections[q - 1]
        new, slope = predicted[0] + e, predicted[1] + row[1] * e
        past = torch.stack((new, *states[: len(alpha) - 1])).flip(0)
        _require((past * past.new_tensor(alpha)).sum(), beta[-1] * slope, f"order {q}: z[n+1]")
        after = predicted + row * e
        found = torch.stack((new, *states[: q + 1]))
        _require(_at(after, q + 1), found[: q + 1], f"order {q}: the history")
        _require_changes(numbers, q, after, e, lambda table, count, found=found: (_at(table, count), found[:count]))


def require_adams(solver: Any, pairs: Sequence[tuple[Formula, Formula]]) -> None:
    """AssertionError where a step of an order is not predicted and corrected by these formulas of Adams."""
    numbers = Numbers(torch.zeros((), dtype=torch.float64), solver.corrections, solver.errors, solver.changes)
    for q, ((_, predicting), (_, correcting)) in enumerate(pairs, 1):
        z, slopes = _drawn(1)[0], _drawn(q + 1)  # h f[n], h f[n-1], …
        table = _sloped(z, slopes[:q], numbers.highest)
        predicted, new = numbers.predicted(table, _ONE), _drawn(1)[0]
        row, e = numbers.corrections[q - 1], new - predicted[1]
        _require(predicted[0], z + _weighed(predicting[:-1], slopes), f"order {q}: what is predicted")
        past = torch.stack((new, *slopes))
        _require(predicted[0] + row[0] * e, z + _weighed(correcting, past), f"order {q}: what is corrected")
        after = predicted + row * e
        _require(_slopes_at(after, q), past[:q], f"order {q}: the history")
        _require_changes(
            numbers, q, after, e, lambda table, count, past=past: (_slopes_at(table, count - 1), past[: count - 1])
        )


def _require_changes(numbers: Numbers, q: int, table: Tensor, e: Tensor, values: Any) -> None:
    """A history of one order less, or more, has the same values in fewer, or more, places."""
    if q > 1:
        found, expected = values(numbers.changed(table, q, -1, e), q)
        _require(found, expected, f"order {q} lowered")
    if q < numbers.highest:
        found, expected = values(numbers.changed(table, q, 1, e), q + 2)
        _require(found, expected, f"order {q} raised")


_ONE = torch.ones((), dtype=torch.float64)


def _drawn(count: int) -> Tensor:
    return torch.randn(count, generator=_GENERATOR, dtype=torch.float64)


_GENERATOR = torch.Generator().manual_seed(0)


def _through(states: Tensor, highest: int) -> Tensor:
    """The table of the polynomial through states at 0, −1, −2, …"""
    found = torch.linalg.solve(_powers(len(states), len(states) - 1), states)
    return torch.cat((found, found.new_zeros(highest + 1 - len(found))))


def _sloped(z: Tensor, slopes: Tensor, highest: int) -> Tensor:
    """The table of the polynomial that is z at 0 and has these slopes at 0, −1, −2, …"""
    count = len(slopes)
    found = torch.linalg.solve(_powers(count, count - 1), slopes) / torch.arange(1, count + 1)
    return torch.cat((z[None], found, found.new_zeros(highest - count)))


def _at(table: Tensor, count: int) -> Tensor:
    """The polynomial at 0, −1, −2, …"""
    return _powers(count, len(table) - 1) @ table


def _slopes_at(table: Tensor, count: int) -> Tensor:
    return _powers(count, len(table) - 2) @ (table[1:] * torch.arange(1, len(table)))


def _powers(count: int, highest: int) -> Tensor:
    return (-torch.arange(count, dtype=torch.float64)[:, None]) ** torch.arange(highest + 1)


def _weighed(beta: Sequence[float], slopes: Tensor) -> Tensor:
    """Σ β_j h f, β the oldest first and slopes the newest first."""
    newest = torch.tensor(list(reversed(beta)), dtype=torch.float64)
    return (newest * slopes[: len(newest)]).sum()


def _require(found: Tensor, expected: Any, what: str) -> None:
    wanted = torch.as_tensor(expected, dtype=torch.float64)
    size = 1 + max(float(found.abs().max()), float(wanted.abs().max()))
    assert float((found - wanted).abs().max()) <= CLOSE * size, f"{what} is {found.tolist()}, not {wanted.tolist()}"
