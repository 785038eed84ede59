"""One history for the formulas of every order of a family (Nordsieck 1962; Hairer, Nørsett & Wanner I, §III.6).

The history is a table of N_j = h^j p^(j)(s)/j! along a last axis, j = 0..K, with p the polynomial that the formula of
order q ≤ K keeps; what is above q is zero. A step predicts P_j = Σ_i C(i, j) N_i and gives P + l e, where the numbers l
are those of the order. A step of another size takes N_j r^j. Orders and sizes are for all samples, or [batch].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, factorial
from typing import Any

import torch
from torch import Tensor

from .state import real_dtype
from .transforms import unmixed

Rows = tuple[tuple[float, ...], ...]


class Numbers:
    """The numbers of a family for states like z, row q − 1 for order q.

    A step adds `corrections` times e to what was predicted, and has the error `errors` times e. An order is left for
    the one below, or reached from there, by `changes`.
    """

    def __init__(self, z: Tensor, corrections: Rows, errors: Sequence[float], changes: Rows) -> None:
        self.highest, self.like = len(errors), torch.zeros((), dtype=real_dtype(z), device=z.device)
        places = range(self.highest + 1)
        self.corrections, self.changes = self._rows(corrections), self._rows(changes)
        self.errors = self.like.new_tensor([abs(error) for error in errors])
        self.binomials = self._rows([[comb(i, j) for j in places] for i in places]).to(z.dtype)
        self.factorials = self.like.new_tensor([factorial(q) for q in range(1, self.highest + 1)])
        above = self.changes[1:] / self.factorials[1:, None]
        self.raises = torch.cat((above, torch.zeros_like(self.changes[:1])))
        self.tops = torch.eye(self.highest + 1, dtype=self.like.dtype, device=z.device)[1:]
        self.powers = torch.arange(self.highest + 1, device=z.device)

    def begun(self, z: Tensor, dz: Tensor) -> Tensor:
        """The table of z alone, where f is dz, for a step of size 1."""
        return torch.stack((z, dz, *[torch.zeros_like(z)] * (self.highest - 1)), -1)

    def forgotten(self, table: Tensor) -> Tensor:
        """The table of its newest state alone."""
        return torch.where(self.powers < 2, table, 0)

    def predicted(self, table: Tensor, ratio: Tensor) -> Tensor:
        """The table at the end of a step that is so many times longer than the one before, 0-d or [batch]."""
        rescaled = table * beside_table(ratio[..., None] ** self.powers, table)
        with unmixed(table):
            return rescaled.to(table.dtype) @ self.binomials

    def changed(self, table: Tensor, order: Any, change: Any, e: Tensor) -> Tensor:
        """The table of one order less, as much or one more, as `change` is -1, 0 or 1; e is that of the last step."""
        up = beside_table(self.raises[order - 1] * self._factor(change > 0), table)
        down = beside_table(self.changes[order - 1] * self._factor(change < 0), table)
        last = (table * beside_table(self.tops[order - 1], table)).sum(-1)
        return table + up * e[..., None] - down * last[..., None]

    def _factor(self, chosen: Any) -> Any:
        """A truth value, or [batch], as a factor of rows."""
        return chosen[:, None] if isinstance(chosen, Tensor) else float(chosen)

    def _rows(self, rows: Sequence[Sequence[float]]) -> Tensor:
        """Rows of different lengths, filled with zeros."""
        filled = [[*row, *[0.0] * (self.highest + 1 - len(row))] for row in rows]
        return self.like.new_tensor(filled)


@dataclass(frozen=True)
class Step:
    """A step of the formula from the state z on: what was `predicted`, and e.

    With these `corrections`, one row for all samples or one for each, it has its table. `following` is f at its end
    where the formula was solved for that; else f is evaluated there. Samples that stay have the size 0.
    """

    z: Tensor
    end: Tensor
    predicted: Tensor
    corrections: Tensor
    e: Tensor
    eps: Tensor
    solved: bool

    def table(self, following: Tensor) -> Tensor:
        """The table at the end of the step, where f is `following`."""
        e = self.correction(following)[..., None]
        whole = self.predicted + beside_table(self.corrections, self.predicted) * e
        return torch.cat((self.end[..., None], whole[..., 1:]), -1)

    def correction(self, following: Tensor) -> Tensor:
        """The e of the table: that of the formula, or, of a formula that was not solved, of f at the end."""
        return self.e if self.solved else scaled(self.eps, following) * following - self.predicted[..., 1]

    def last(self, order: Any) -> Tensor:
        """N_q, about h^q z^(q)/q!, by the e that the error is told by."""
        if isinstance(order, int):
            found: Tensor = self.predicted[..., order] + self.corrections[order] * self.e
            return found
        place = order.reshape(-1, *(1,) * (self.predicted.ndim - 1))
        before = self.predicted.take_along_dim(place, -1)[..., 0]
        return before + scaled(self.corrections.take_along_dim(order[:, None], -1)[:, 0], self.e) * self.e

    def stages(self, following: Tensor) -> Tensor:
        """What dense output reads, along a last axis: the table but for its first, and what the end lies beside it."""
        table = self.table(following)
        signs = torch.tensor([(-1.0) ** j for j in range(table.shape[-1])], dtype=table.dtype, device=table.device)
        beside = self.z - (table * signs).sum(-1)
        return torch.cat((table[..., 1:], beside[..., None]), -1)


def weights(highest: int, theta: Tensor) -> Tensor:
    """The weights of `Step.stages` at s + θ ε, along a last axis: z + Σ N_j ((θ − 1)^j − (−1)^j), the end at θ = 1."""
    powers = torch.arange(1, highest + 1, device=theta.device)
    signs = torch.tensor([(-1.0) ** j for j in range(1, highest + 1)], dtype=theta.dtype, device=theta.device)
    return torch.cat(((theta[..., None] - 1) ** powers - signs, -theta[..., None]), -1)


def beside_table(row: Tensor, table: Tensor) -> Tensor:
    """A row for all, or [batch, K + 1], in a form that goes with a table [batch, ..., K + 1]."""
    return row if row.ndim == 1 else row.reshape(row.shape[0], *(1,) * (table.ndim - 2), row.shape[1])


def scaled(value: Tensor, z: Tensor) -> Tensor:
    """A number, or [batch], in a form that goes with z."""
    return value.reshape(-1, *(1,) * (z.ndim - 1)) if value.ndim else value
