"""∂f/∂z of states like z: which part of a state f couples, its matrices, and its products with vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from .state import VectorField
from .transforms import is_plain

Given = Callable[[Any, Any], Any]
"""jacobian(s, z) of the user: [*batch, n, n], or [N, N] of the whole state."""


@dataclass(frozen=True)
class Rows:
    """States like z as real vectors [count, size], between which f couples nothing: z's first `axes` count them."""

    shape: torch.Size
    axes: int
    complex: bool

    @property
    def count(self) -> int:
        return prod(self.shape[: self.axes])

    @property
    def size(self) -> int:
        return prod(self.shape[self.axes :]) * (2 if self.complex else 1)

    def flat(self, z: Tensor) -> Tensor:
        """A state as [count, size]."""
        return (torch.view_as_real(z) if self.complex else z).reshape(self.count, self.size)

    def back(self, flat: Tensor) -> Tensor:
        """The way back."""
        if self.complex:
            return torch.view_as_complex(flat.reshape(*self.shape, 2))
        return flat.reshape(self.shape)


class Jacobian:
    """∂f/∂z of f(s, z), by reverse-mode derivatives of whole batches; `given` computes it instead.

    each: the first axis of z counts samples, whatever f is. Otherwise as many of z's first axes count rows as f couples
    nothing along, which is found out where the matrix is first asked for. Where f has no derivatives, as where another
    library computes it, they are differences. `rows` are taken where they are known.
    """

    def __init__(
        self, f: VectorField, z: Tensor, given: Given | None = None, each: bool = False, rows: Rows | None = None
    ) -> None:
        self.f, self.given, self.each = f, given, each
        self.like = z.detach()
        self._rows = rows

    def rows(self, s: Any, z: Tensor) -> Rows:
        """Between which parts of a state f couples nothing; looked for at s and z, once.

        ValueError where samples with steps of their own are coupled.
        """
        if self._rows is None and self.each:
            _require_apart(self.f, s, z)
            self._rows = Rows(z.shape, 1, z.is_complex())
        if self._rows is None:
            axes = uncoupled(self.f, s, z) if self.given is None else self._axes(self._asked(s, z))
            self._rows = Rows(z.shape, axes, z.is_complex())
        return self._rows

    def at(self, s: Any, z: Tensor) -> Tensor:
        """The matrices [count, size, size] of its rows. ValueError where a given one has another shape."""
        rows = self.rows(s, z)
        if self.given is not None:
            return self._expanded(self._asked(s, z), rows)
        leaf, slope = watched(self.f, s, z)
        return by_rows(slope, leaf, rows) if slope.requires_grad else self._differences(s, z, slope, rows)

    def exactly_at(self, s: Any, z: Tensor) -> Tensor:
        """The same where nothing corrects them, as in gradients.

        f may couple rows here that it did not where they were looked for: then there are fewer from now on.
        """
        rows = self.rows(s, z)
        if self.given is not None or self.each or not rows.axes:
            return self.at(s, z)
        leaf, slope = watched(self.f, s, z)
        if not slope.requires_grad:
            return self._differences(s, z, slope, rows)
        found = by_rows(slope, leaf, rows)
        probe = torch.arange(slope.numel(), dtype=slope.dtype, device=slope.device).cos().reshape(rows.count, -1, 1)
        (pulled,) = torch.autograd.grad(
            slope, leaf, probe.reshape(slope.shape), retain_graph=True, materialize_grads=True
        )
        off = (pulled.reshape(probe.shape) - found.mT @ probe).abs().amax()
        if not bool(off > torch.finfo(slope.dtype).eps ** 0.5 * (found.abs().mT @ probe.abs()).amax()):
            return found
        aside = torch.Generator(device=z.device).manual_seed(0)
        fewer = (axes for axes in range(rows.axes - 1, 0, -1) if _apart(leaf, slope, prod(z.shape[:axes]), aside))
        self._rows = Rows(z.shape, next(fewer, 0), z.is_complex())
        return self.exactly_at(s, z)

    def joined(self) -> bool:
        """Take the whole state for one row from now on; whether it was not."""
        before, self._rows = self._rows, Rows(self.like.shape, 0, self.like.is_complex())
        return not self.each and self.given is None and before is not None and before.axes > 0

    def product(self, s: Any, z: Tensor) -> Callable[[Tensor], Tensor]:
        """v ↦ ∂f/∂z v for v like `rows`' vectors, [count, size], also of another dtype than z's.

        f is evaluated once for all products.
        """
        rows = self.rows(s, z)
        if self.given is not None:
            matrix = self._expanded(self._asked(s, z), rows)
            return lambda v: (matrix.to(v.dtype) @ v[..., None])[..., 0]
        leaf, slope = watched(self.f, s, z)
        if not slope.requires_grad:
            return lambda v: self._difference(s, z, slope, rows.flat(z), v.to(slope.dtype), rows).to(v.dtype)
        with torch.enable_grad(), unhooked():
            probe = torch.zeros_like(slope, requires_grad=True)
            (pulled,) = torch.autograd.grad(slope, leaf, probe, create_graph=True, materialize_grads=True)

        def pushed(v: Tensor) -> Tensor:
            if not pulled.requires_grad:
                return torch.zeros_like(v)
            shaped = v.reshape(leaf.shape).to(leaf.dtype)
            (found,) = torch.autograd.grad(pulled, probe, shaped, retain_graph=True, materialize_grads=True)
            return found.reshape(v.shape).to(v.dtype)

        return pushed

    def transposed(self, s: Any, z: Tensor) -> Callable[[Tensor], Tensor]:
        """v ↦ (∂f/∂z)ᵀ v, likewise."""
        rows = self.rows(s, z)
        if self.given is not None:
            matrix = self._expanded(self._asked(s, z), rows).mT
            return lambda v: (matrix.to(v.dtype) @ v[..., None])[..., 0]
        leaf, slope = watched(self.f, s, z)

        def pulled(v: Tensor) -> Tensor:
            if not slope.requires_grad:
                return torch.zeros_like(v)
            shaped = v.reshape(slope.shape).to(slope.dtype)
            (found,) = torch.autograd.grad(slope, leaf, shaped, retain_graph=True, materialize_grads=True)
            return found.reshape(v.shape).to(v.dtype)

        return pulled

    def _asked(self, s: Any, z: Tensor) -> Tensor:
        """What the user's function gives."""
        assert self.given is not None
        with torch.no_grad():
            state = z.detach().clone()  # what the function does to it is its own
            found = self.given(s, state)
        if not isinstance(found, Tensor) or found.ndim < 2 or found.shape[-1] != found.shape[-2]:
            told = f"shape {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
            raise ValueError(f"jacobian returned {told}: {self._wanted()} is wanted")
        if found.is_complex() and not z.is_complex():
            raise TypeError(f"jacobian returned {found.dtype} for a state of {z.dtype}: real numbers are wanted")
        return found.to(z)

    def _wanted(self) -> str:
        shape = tuple(self.like.shape)
        whole = "" if self.each else f", or [{self.like.numel()}, {self.like.numel()}] of the whole state"
        return f"[*batch, n, n] for states [*batch, n] of shape {shape}{whole}"

    def _axes(self, given: Tensor) -> int:
        """How many axes count rows of matrices like the given one."""
        shape = self.like.shape
        for axes in range(len(shape) + 1):
            if prod(shape[axes:]) == given.shape[-1] and given.ndim - 2 <= axes:
                return axes
        raise ValueError(f"jacobian returned the shape {tuple(given.shape)}: {self._wanted()} is wanted")

    def _expanded(self, given: Tensor, rows: Rows) -> Tensor:
        n = given.shape[-1]
        try:
            whole = given.expand(*rows.shape[: rows.axes], n, n).reshape(rows.count, n, n)
            fits = n * (2 if rows.complex else 1) == rows.size
        except RuntimeError:
            fits = False
        if not fits:
            raise ValueError(f"jacobian returned the shape {tuple(given.shape)}: {self._wanted()} is wanted")
        if not rows.complex:
            return whole
        real, imaginary = whole.real, whole.imag  # of a + bi the components stand side by side
        pairs = torch.stack((torch.stack((real, -imaginary), -1), torch.stack((imaginary, real), -1)), -2)
        return pairs.transpose(-3, -2).reshape(rows.count, rows.size, rows.size)

    def _differences(self, s: Any, z: Tensor, slope: Tensor, rows: Rows) -> Tensor:
        flat, columns = rows.flat(z.detach()), []
        for unit in torch.eye(rows.size, dtype=flat.dtype, device=flat.device):
            columns.append(self._difference(s, z, slope, flat, unit.expand_as(flat), rows))
        return torch.stack(columns, -1)

    def _difference(self, s: Any, z: Tensor, slope: Tensor, flat: Tensor, v: Tensor, rows: Rows) -> Tensor:
        length = torch.linalg.vector_norm(v, dim=-1, keepdim=True)
        length = torch.where(length > 0, length, 1)
        size = flat.abs().amax(-1, keepdim=True).clamp_min(1e-3) * torch.finfo(flat.dtype).eps ** 0.5 / length
        with torch.no_grad():
            moved = self.f(s, rows.back(flat + size * v))
        found: Tensor = (rows.flat(moved) - slope.reshape(flat.shape)) / size
        return found.to(v.dtype)


def uncoupled(f: VectorField, s: Any, z: Tensor) -> int:
    """How many of z's first axes count rows that f does not couple: ∂f/∂z is zero between different ones.

    Looked for at z and beside it, for at z itself a coupling may vanish: gradients of some rows must be exactly zero in
    all others, for sets of rows that tell any two apart, the binary digits of their numbers.
    """
    aside = torch.Generator(device=z.device).manual_seed(0)
    points = [z.detach(), _beside(z.detach(), aside)]
    pairs = [pair for pair in (watched(f, s, point) for point in points) if bool(pair[1].isfinite().all())]
    if not pairs or not all(slope.requires_grad for _, slope in pairs):
        return 0
    for axes in range(z.ndim, 0, -1):
        if all(_apart(leaf, slope, prod(z.shape[:axes]), aside) for leaf, slope in pairs):
            return axes
    return 0


def _beside(z: Tensor, generator: torch.Generator) -> Tensor:
    """A state near z, none of whose components is zero."""
    around = torch.rand(z.shape, generator=generator, dtype=z.real.dtype, device=z.device) + 0.5
    size = z.abs().amax() if z.numel() else 0
    return z + 0.01 * around * (z.abs() + 0.01 * size + 1e-6)


def _require_apart(f: VectorField, s: Any, z: Tensor) -> None:
    leaf, slope = watched(f, s, z)
    if not (slope.requires_grad and bool(slope.isfinite().all())):
        return
    if not _apart(leaf, slope, len(z), torch.Generator(device=z.device).manual_seed(0)):
        raise ValueError(
            f"f couples samples, the {len(z)} along the first axis of a state of shape {tuple(z.shape)}, and each has "
            "steps of its own: give a batch, [batch, *state_shape], or take a solver without `per_sample yes`"
        )


def require_own_times(f: VectorField, s: Tensor, z: Tensor) -> None:
    """ValueError where f takes the times [batch] of samples for those of another axis of the state as long.

    That is looked for where one is, by the derivatives of f by the times.
    """
    if len(z) < 2 or len(z) not in z.shape[1:] or not is_plain(z):
        return
    with torch.inference_mode(False), torch.enable_grad(), unhooked():
        times = s.detach().clone().requires_grad_()
        try:
            slope = f(times, z.detach().clone())
        except RuntimeError:  # it reads the time as what has no gradients
            return
        slope = torch.view_as_real(slope) if slope.is_complex() else slope
    if slope.requires_grad and not _apart(times, slope, len(z), torch.Generator(device=z.device).manual_seed(0)):
        raise ValueError(f"the slope of a sample hangs on the times of others: {of_own_times(z)}")


def of_own_times(z: Tensor) -> str:
    """What an f of samples with times of their own has to know."""
    axes = ", None" * (z.ndim - 1)
    return (
        f"with `per_sample yes` f gets a time for each sample, s of shape {tuple(z.shape[:1])}; beside a state of "
        f"shape {tuple(z.shape)} it is s[:{axes}]"
    )


def _apart(leaf: Tensor, slope: Tensor, count: int, generator: torch.Generator) -> bool:
    """Whether gradients stay within the rows that they are of."""
    random = torch.rand(slope.shape, generator=generator, dtype=slope.dtype, device=slope.device).reshape(
        count, slope.numel() // max(1, count)
    )
    numbers = torch.arange(count, device=slope.device)
    for digit in range((count - 1).bit_length()):
        chosen, coupled = (numbers >> digit) & 1 == 1, list[Tensor]()
        for mask in (chosen, ~chosen):
            cotangent = torch.where(mask[:, None], random + 0.5, 0).reshape(slope.shape)
            (found,) = torch.autograd.grad(slope, leaf, cotangent, retain_graph=True, materialize_grads=True)
            outside = found.reshape(count, found.numel() // max(1, count))[~mask]
            coupled.append((outside.nan_to_num(0.0) != 0).any())  # nothing times an infinite derivative is none
        if bool(torch.stack(coupled).any()):
            return False
    return True


def watched(f: VectorField, s: Any, z: Tensor) -> tuple[Tensor, Tensor]:
    """A leaf with z's real numbers, and those of f there, which gets them in a tensor that it might write to.

    An f that cannot be called with a leaf, as one that reads it as an array of NumPy, has no derivatives; one that
    cannot be called at all raises its own error.
    """
    now = s.detach() if isinstance(s, Tensor) and s.grad_fn is not None else s
    with torch.inference_mode(False), torch.enable_grad(), unhooked():
        leaf = torch.view_as_real(z.detach().clone()) if z.is_complex() else z.detach().clone()
        leaf.requires_grad_()
        try:
            slope = f(now, torch.view_as_complex(leaf.clone()) if z.is_complex() else leaf.clone())
        except RuntimeError:
            slope = None
    if slope is None:
        with torch.no_grad():
            slope = f(now, z.detach().clone())
    with torch.inference_mode(False), torch.enable_grad(), unhooked():
        return leaf, torch.view_as_real(slope) if z.is_complex() else slope


def by_rows(slope: Tensor, leaf: Tensor, rows: Rows) -> Tensor:
    """The matrices [count, size, size] of a slope by the leaf that it was computed from."""
    n, count = rows.size, rows.count
    basis = slope.new_zeros(n, count, n)
    basis[torch.arange(n), :, torch.arange(n)] = 1
    by_row = _pulled_back(slope, leaf, basis.reshape(n, *slope.shape)).reshape(n, count, n)
    return by_row.transpose(0, 1)


def unhooked() -> saved_tensors_hooks:
    """Graphs that are made within are nobody's but ours: a step that is recomputed does not count their tensors."""
    return saved_tensors_hooks(_itself, _itself)


def _itself(tensor: Tensor) -> Tensor:
    return tensor


def _pulled_back(slope: Tensor, leaf: Tensor, cotangents: Tensor) -> Tensor:
    """The gradients of each of the cotangents, at once where f's operations can be mapped."""
    more: dict[str, Any] = {"retain_graph": True, "allow_unused": True}
    try:
        (found,) = torch.autograd.grad(slope, leaf, cotangents, is_grads_batched=True, **more)
    except RuntimeError:
        each = [torch.autograd.grad(slope, leaf, one, **more)[0] for one in cotangents]
        found = None if each[0] is None else torch.stack(each)
    return torch.zeros_like(cotangents) if found is None else found
