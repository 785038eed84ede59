"""The vector field as solvers call it: what it gets, and what is held against it before it is believed."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from .clock import Time
from .state import VectorField, real_dtype, require_like, with_input
from .transforms import is_plain

LOOKS = 4
"""Evaluations after which nothing more is kept to see whether f writes where it should not."""


class Field:
    """f(s, z) on one tensor: it gets s in z's real dtype on z's device, and its input x where there is one.

    In plain eager mode every result must have z's shape and dtype, and z must be as it was; the first `LOOKS` results
    must be on its device and are watched too, for f may write again into what it has returned. Errors are TypeError and
    ValueError.
    Under torch.compile and torch.export nothing is looked at, under other transforms shape and dtype are. `looks` is
    how many results are watched: none of an f that was watched before.
    """

    is_field: ClassVar[bool] = True
    """Tells one also where it is of another copy of this module: those of training and of a package meet."""

    def __init__(self, f: VectorField, x: Any, z: Tensor, looks: int = LOOKS) -> None:
        if not callable(f):
            raise TypeError(f"the vector field must be a function f(s, z), not {type(f).__name__}")
        eager = is_plain(z)
        if eager:
            require_arguments(f, ("s", "z") if x is None else ("s", "x", "z"))
        self.f = with_input(f, x)
        if eager and torch.is_autocast_enabled(z.device.type):
            self.f = _Mixed(self.f, z.device.type)
        given = getattr(f, "given_jacobian", None)
        if given is not None and eager:
            require_arguments(given, ("s", "z") if x is None else ("s", "x", "z"), "jacobian=", "jacobian")
        self.given_jacobian = None if given is None else with_input(given, x)
        self.device, self.dtype = z.device, real_dtype(z)
        self.looks = looks if eager else 0
        self.counted = eager and not (z.is_inference() or torch.is_inference_mode_enabled())
        self.given: list[_Seen] = []

    def __call__(self, s: Any, z: Tensor) -> Tensor:
        """The slope at z; s is a tensor or a `Time`."""
        if type(s) is Time:  # which is eager, on the CPU
            s = torch.full((), s, dtype=self.dtype)
        else:
            if s.dtype != self.dtype or s.device != self.device:
                s = s.to(self.device, self.dtype)
            if torch.compiler.is_compiling() or not isinstance(z, Tensor):
                unseen: Tensor = self.f(s, z)
                return unseen
        if self.looks:
            return self._watched(s, z)
        version = z._version if self.counted else 0
        slope: Tensor = self.f(s, z)
        if type(slope) is not Tensor or slope.shape != z.shape or slope.dtype != z.dtype:
            require_like(slope, z, "the state")
        if self.counted and z._version != version:
            raise _changed()
        return slope

    def _watched(self, s: Tensor, z: Tensor) -> Tensor:
        first = self.looks == LOOKS
        before = _Seen(z, first)
        slope: Tensor = self.f(s, z)
        self.looks -= 1
        require_like(slope, z, "the state")
        if before.changed():
            raise _changed()
        if any(one.changed() for one in self.given):
            raise ValueError(
                "f wrote again into a tensor that it had returned before, which the step still needs: "
                "return a new tensor from each call"
            )
        self.given = [*self.given, _Seen(slope, first)] if self.looks else []
        return slope


def require_arguments(f: Any, names: tuple[str, ...], what: str = "the vector field", named: str = "f") -> None:
    """TypeError where f cannot be called with these arguments; functions whose signature is not known may.

    `what` is what f is, in the error's words, and `named` what a call of it is.
    """
    try:
        signature = inspect.signature(f.forward if isinstance(f, nn.Module) else f)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*names)
    except TypeError:
        told, less = ", ".join(names), ", ".join(names[1:])
        whose = f", not {type(f).__name__ if isinstance(f, nn.Module) else named}{signature}"
        raise TypeError(
            f"{what} is called as {named}({told}){whose:.120}: one that does not read the time is "
            f"`lambda {told}: {named}({less})`"
        ) from None


def fielded(f: VectorField, x: Any, z: Tensor, looks: int = LOOKS) -> VectorField:
    """f as solvers call it, where it is not so already; of a sum of two, each part."""
    if getattr(type(f), "is_split", False) and not getattr(type(f), "is_field", False):
        parts: VectorField = f.each(lambda part: fielded(part, x, z, looks))  # type: ignore[attr-defined]
        return parts
    return f if getattr(type(f), "is_field", False) else Field(f, x, z, looks)


class _Mixed:
    """f under the autocast that is around now, also where a solver leaves that for its own arithmetic."""

    def __init__(self, f: VectorField, kind: str) -> None:
        self.f, self.kind, self.dtype = f, kind, torch.get_autocast_dtype(kind)

    def __call__(self, s: Any, z: Tensor) -> Any:
        with torch.autocast(self.kind, self.dtype):
            return self.f(s, z)


class Counted:
    """f(s, z) that counts its evaluations, matrices of its derivatives, their factorisations and products with them."""

    is_solvable: ClassVar[bool] = False
    """Whether it has what solves equations of f; tells it of other copies of this module too."""
    jacobians = factorisations = products = 0

    def __init__(self, f: VectorField) -> None:
        self.f, self.evaluations = f, 0

    def __call__(self, s: Tensor, z: Tensor) -> Tensor:
        self.evaluations += 1
        slope: Tensor = self.f(s, z)
        return slope


class _Seen:
    """A tensor, and how to tell later whether it was written to: its version, and a copy where that is cheap."""

    def __init__(self, tensor: Tensor, copied: bool) -> None:
        self.tensor, self.version = tensor, _version(tensor)
        # writes through NumPy or .data leave the version as it is; on a device a comparison would synchronise
        self.copy = tensor.detach().clone() if copied and tensor.device.type == "cpu" else None

    def changed(self) -> bool:
        """Whether it was written to since."""
        if _version(self.tensor) != self.version:
            return True
        if self.copy is None or torch.equal(self.copy, self.tensor):
            return False
        return bool(((self.copy != self.tensor) & ((self.copy == self.copy) | (self.tensor == self.tensor))).any())


def _version(tensor: Tensor) -> int:
    """How often it was written to; inference tensors do not count."""
    return 0 if tensor.is_inference() else tensor._version


def _changed() -> ValueError:
    return ValueError(
        "f changed its argument z in place, which is the solver's state: compute the slope in a new tensor"
    )


def within(f: Any, holds: Callable[[Any], bool]) -> Any:
    """The first of f and the fields that it wraps of which that holds; None where there is none."""
    while f is not None and not holds(f):
        f = getattr(f, "f", None)
    return f


def massed_of(f: Any) -> Any:
    """The field with a mass matrix that others may have wrapped; None where there is none."""
    return within(f, lambda one: getattr(type(one), "is_massed", False))


def slope_at(f: VectorField, s: Any, z: Tensor, kept: Callable[[VectorField], VectorField] = lambda f: f) -> Tensor:
    """z' = f(s, z), also where algebraic equations determine a part of z; of f alone so much is `kept`."""
    massed = massed_of(f)
    found: Tensor = kept(f)(s, z) if massed is None else massed.slope(f, s, z)
    return found


def require_own_between(f: Any, slope: Tensor, stages: Tensor | None = None) -> None:
    """RuntimeError where gradients between steps would be those of slopes that algebraic equations determine."""
    if stages is None and slope.requires_grad:
        massed = massed_of(f)
        if massed is not None and massed.singular:
            raise RuntimeError(
                "between steps of this method there are no gradients through algebraic equations: take times "
                "that steps end at (stops=), or a method with a dense output of its own, such as radau_iia5"
            )
