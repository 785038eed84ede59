"""∂f/∂z and ∂f/∂s of methods whose result hangs on them: what torch and users say is held against f."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .jacobian import Jacobian, Rows, by_rows, unhooked, watched
from .state import VectorField

HIDDEN = 0.05
"""The part of a difference of f, in the components that change most, that a derivative may miss."""
NOISE = 100
"""Differences of f count where they are so much larger than their own change, or than units of rounding."""


class Rates(Jacobian):
    """A Jacobian, and the derivative by time beside it: those of f, whatever torch sees of it.

    Torch sees nothing of what f makes of `float(s)`, NumPy's arrays or `detach`, and it believes any backward. So its
    derivatives are held against f's values, in the steps 1, 2, 4, 8, ... of a solve, and where these refute them,
    differences are taken from there on; `unseen` says of which.
    """

    looked = 0
    unseen: frozenset[str] = frozenset()
    """"time", "state", or both."""

    def all(self, s: Any, z: Tensor, size: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """f [count, size], the matrices as `at` gives them, and ∂f/∂s [count, size].

        size: of the step, 0-d or [batch].

        ValueError where a given matrix has another shape, or is not that of f. A UserWarning where torch's is not.
        """
        rows = self.rows(s, z)
        now = s.detach().clone() if isinstance(s, Tensor) else torch.full((), s, dtype=torch.float64, device=z.device)
        leaf, slope = watched(self.f, now.requires_grad_(), z)
        if not slope.requires_grad:
            self.unseen = frozenset(("time", "state"))
        self.looked += 1
        looks = not self.looked & (self.looked - 1) and z.real.dtype.itemsize >= 4
        place = _Place(self.f, rows, now.detach(), z.detach(), slope.detach().reshape(rows.count, rows.size))
        drift = self._drift(place, slope, now, size.detach(), looks)
        return place.value, self._matrix(place, slope, leaf, looks), drift

    def _drift(self, place: _Place, slope: Tensor, now: Tensor, size: Tensor, looks: bool) -> Tensor:
        """∂f/∂s [count, size]."""
        if "time" not in self.unseen:
            told = along_time(slope, now).reshape(place.value.shape)
            if not (looks and place.refutes_time(told, size)):
                return told
            self.unseen |= {"time"}
        return place.rate(size)

    def _matrix(self, place: _Place, slope: Tensor, leaf: Tensor, looks: bool) -> Tensor:
        """∂f/∂z [count, size, size]."""
        s, z, rows, blind = place.s, place.z, place.rows, "state" in self.unseen
        if self.given is None:
            matrix = None if blind else by_rows(slope, leaf, rows)
            if matrix is not None and looks and place.refutes(matrix):
                matrix, self.unseen = None, self.unseen | {"state"}
                warnings.warn(
                    "torch's gradient of f is not the derivative of f (is there a `detach`, a `no_grad` or a backward "
                    "of one's own in it?): differences are taken in its place; gradients of what hangs on it are off",
                    stacklevel=2,
                )
            return self._differences(s, z, place.value, rows) if matrix is None else matrix
        matrix = self._expanded(self._asked(s, z), rows)
        apart = 0.0 if blind else _apart_from_own(matrix, slope, leaf, rows)
        if apart and place.refutes(by_rows(slope, leaf, rows)):  # it is torch that is wrong
            self.unseen, apart, looks = self.unseen | {"state"}, 0.0, True
        if apart or ("state" in self.unseen and looks and place.refutes(matrix)):
            raise ValueError(
                "jacobian is not the derivative of f: its product with a vector differs from what f's own gradient or "
                "f's differences give, and with another matrix a Rosenbrock method has another solution"
            )
        return matrix


@dataclass(frozen=True)
class _Place:
    """f where a step starts, its value as [count, size]; derivatives are held against its values beside that."""

    f: VectorField
    rows: Rows
    s: Tensor
    z: Tensor
    value: Tensor

    def refutes(self, matrix: Tensor) -> bool:
        """Whether the matrix cannot be ∂f/∂z: neither on one side of z nor on the other."""
        flat = self.rows.flat(self.z)
        aside = (
            torch.rand(
                flat.shape, generator=torch.Generator(flat.device).manual_seed(0), dtype=flat.dtype, device=flat.device
            )
            + 0.5
        )
        largest = flat.abs().amax(-1, keepdim=True)
        scale = flat.abs() + torch.where(largest > 0, 0.01 * largest, 1e-6)
        aside = aside * torch.where(flat < 0, -scale, scale) * self._unit ** (1 / 3)
        told = (matrix @ aside[..., None])[..., 0]
        return self._refuted(
            told, self._at(self.s, flat + aside) - self.value, lambda: self.value - self._at(self.s, flat - aside)
        )

    def refutes_time(self, told: Tensor, size: Tensor) -> bool:
        """Whether that cannot be ∂f/∂s: f is evaluated at times within the step."""
        aside, first, second = self._within(size)
        return self._refuted(told * aside, first, second)

    def rate(self, size: Tensor) -> Tensor:
        """∂f/∂s by differences within the step, of second order; where f jumps there, on the smooth side."""
        aside, first, second = self._within(size)
        one, other = first / aside, second() / aside
        smooth = (other - one).abs() <= 0.5 * torch.minimum(one.abs(), other.abs())
        return torch.where(smooth, 1.5 * one - 0.5 * other, torch.where(one.abs() <= other.abs(), one, other))

    def _within(self, size: Tensor) -> tuple[Tensor, Tensor, Callable[[], Tensor]]:
        """A small part of the step, with the next differences of f over so much each."""
        real = self.z.real.dtype
        part = torch.maximum(self._unit ** (1 / 3) * size.abs().double(), 8 * self._unit * self.s.abs())
        part = torch.where(part > 0, part, self._unit ** (1 / 3)).copysign(size)
        start = self.s.to(real).double()
        middle = (start + part).to(real).double()
        part, flat = middle - start, self.rows.flat(self.z)
        there = self._at(middle, flat)
        aside = part.to(flat.dtype)
        if aside.ndim:
            aside = aside.repeat_interleave(len(flat) // len(aside))[:, None]
        return aside, there - self.value, lambda: self._at(middle + part, flat) - there

    def _refuted(self, told: Tensor, first: Tensor, second: Callable[[], Tensor]) -> bool:
        """Whether differences of f are not what was told, though the first and the second are alike."""
        apart = (told - first).abs().amax(-1)
        allowed = HIDDEN * torch.maximum(told.abs(), first.abs()).amax(-1)
        allowed = allowed + NOISE * self._unit * self.value.abs().amax(-1)
        if not bool((apart > allowed).any()):
            return False
        noise = (second() - first).abs().amax(-1)
        return bool((apart > allowed + NOISE * noise).any())

    def _at(self, s: Tensor, flat: Tensor) -> Tensor:
        with torch.no_grad():
            return self.rows.flat(self.f(s, self.rows.back(flat)))

    @property
    def _unit(self) -> float:
        return torch.finfo(self.z.real.dtype).eps


def along_time(slope: Tensor, now: Tensor) -> Tensor:
    """∂f/∂s by two reverse sweeps, of which the second is along one vector for all components."""
    with torch.inference_mode(False), torch.enable_grad(), unhooked():
        probe = torch.zeros_like(slope, requires_grad=True)
        (pulled,) = torch.autograd.grad(slope, now, probe, create_graph=True, allow_unused=True)
        if pulled is None or not pulled.requires_grad:
            return torch.zeros_like(slope)
        (found,) = torch.autograd.grad(pulled.sum(), probe, retain_graph=True, materialize_grads=True)
        return found.detach()


def _apart_from_own(matrix: Tensor, slope: Tensor, leaf: Tensor, rows: Rows) -> float:
    """By how much vᵀJ is not what torch's own gradient is, for one v; zero where that is rounding."""
    shape, seed = (rows.count, rows.size), torch.Generator(device=slope.device).manual_seed(0)
    v = torch.rand(slope.shape, generator=seed, dtype=slope.dtype, device=slope.device) + 0.5
    (own,) = torch.autograd.grad(slope, leaf, v, retain_graph=True, materialize_grads=True)
    parts = v.reshape(*shape, 1) * matrix
    apart, size = parts.sum(-2) - own.reshape(shape), parts.abs().sum(-2) + own.reshape(shape).abs()
    far = bool((apart.abs() > torch.finfo(slope.dtype).eps ** 0.5 * size.amax(-1, keepdim=True)).any())
    return float(apart.abs().max()) if far else 0.0
