"""Vector fields that are a sum, f = explicit + implicit, and solvers whose steps evaluate each part by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor

from .clock import Time
from .field import Counted
from .implicit import ImplicitSteps, given_of, with_jacobian
from .jacobian import Given
from .newton import Solvable
from .state import Restore, VectorField
from .stops import Sided
from .transforms import is_plain

PAIR = "the vector field of an additive method is a pair (explicit, implicit) of functions f(s, z)"


class Split(Counted):
    """f(s, z) = explicit(s, z) + implicit(s, z), of which each part can be called.

    Solvers take it as they take a tuple of the parts; it is a vector field for type checkers, too. Where it
    `remembers`, what the parts gave at the last state where all of f was wanted, which is where steps start and end, is
    not evaluated again. What solves equations is asked of the implicit part.
    """

    is_field: ClassVar[bool] = False
    is_split: ClassVar[bool] = True

    def __init__(self, explicit: VectorField, implicit: VectorField, remembers: bool = True) -> None:
        self.explicit: Any = explicit
        self.implicit: Any = implicit
        self.remembers = remembers

    def __call__(self, *arguments: Any) -> Any:
        """All of f."""
        return self.explicit(*arguments) + self.implicit(*arguments)

    def each(self, change: Callable[[Any], Any]) -> Split:
        """With both parts changed."""
        return Split(change(self.explicit), change(self.implicit), self.remembers)


class Prepared(Split):
    """A `Split` as steps call it: evaluations are counted, of either part, and equations of the implicit one solved."""

    is_field: ClassVar[bool] = True
    is_solvable: ClassVar[bool] = True

    def __call__(self, s: Any, z: Tensor) -> Tensor:
        """All of f."""
        if not self.remembers:
            return super().__call__(s, z)  # type: ignore[no-any-return]
        total: Tensor = self.explicit.kept(s, z) + self.implicit.kept(s, z)
        return total

    @property
    def evaluations(self) -> int:  # type: ignore[override]
        """Of the explicit and of the implicit part together."""
        return int(self.explicit.evaluations + self.implicit.evaluations)

    @property
    def jacobians(self) -> int:  # type: ignore[override]
        return int(self.implicit.jacobians)

    @property
    def factorisations(self) -> int:  # type: ignore[override]
        return int(self.implicit.factorisations)

    @property
    def products(self) -> int:  # type: ignore[override]
        return int(self.implicit.products)

    @property
    def ahead(self) -> Any:
        """What a control says of the step, for the equations of the implicit part."""
        return self.implicit.ahead

    @ahead.setter
    def ahead(self, value: Any) -> None:
        self.implicit.ahead = value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.implicit, name)  # what solves equations


class _Kept(Counted):
    """A part of f that knows its last slope where all of f was wanted."""

    last: tuple[Any, Tensor, Tensor] | None = None

    def __call__(self, s: Any, z: Tensor) -> Tensor:
        last = self.last
        if last is not None and last[1] is z and _same(last[0], s):
            return last[2]
        return super().__call__(s, z)

    def kept(self, s: Any, z: Tensor) -> Tensor:
        """f(s, z), remembered."""
        slope = self(s, z)
        self.last = s, z, slope
        return slope


class _Implicit(_Kept, Solvable):
    """The implicit part, with what solves its equations."""


def _same(one: Any, other: Any) -> bool:
    """Whether two times are one, without waiting for a device."""
    return one is other or (_at_hand(one) and _at_hand(other) and float(one) == float(other))


def _at_hand(s: Any) -> bool:
    return isinstance(s, Time) or (isinstance(s, Tensor) and s.ndim == 0 and s.is_cpu)


def split(f: Any) -> Split:
    """The pair as one vector field.

    It is a `Split`, a tuple or list of two functions, or has them as attributes `explicit` and `implicit`. TypeError
    for what is no pair of functions, ValueError for another number of them.
    """
    if isinstance(f, tuple | list):
        if len(f) != 2:
            raise ValueError(f"{PAIR}, not {len(f)} of them")
        explicit, implicit = f
    elif hasattr(f, "explicit") and hasattr(f, "implicit"):
        explicit, implicit = f.explicit, f.implicit
    else:
        raise TypeError(f"{PAIR}, not {_called(f)}")
    for name, part in (("explicit", explicit), ("implicit", implicit)):
        if not callable(part):
            raise TypeError(f"{PAIR}, and its {name} part is {_called(part)}")
    return f if isinstance(f, Split) else Split(explicit, implicit)


def _called(value: Any) -> str:
    return "one function" if callable(value) else type(value).__name__


class AdditiveSteps(ImplicitSteps):
    """Put before a class of steps, it takes f as a pair (explicit, implicit).

    Equations are those of the implicit part, and `jacobian=` is that part's. `evaluations_per_step` and statistics
    count evaluations of either part.
    """

    field_names: ClassVar[tuple[str, ...]] = ("explicit", "implicit")

    def adjoint(self, *arguments: Any, **settings: Any) -> Any:
        """As without equations; what is computed again must not depend on what was before."""
        f, *others = arguments
        pair = split(f)
        forgetful = Split(pair.explicit, pair.implicit, remembers=False)
        return self._above.adjoint(forgetful, *others, **settings)

    def _given(self, f: Any, jacobian: Given | None, mass: Any) -> VectorField:
        if mass is not None:
            raise ValueError("an additive method takes no mass=: take an implicit or a Rosenbrock method for M z' = f")
        pair = split(f)
        return Split(pair.explicit, with_jacobian(pair.implicit, jacobian), pair.remembers)

    def _one_tensor(self, f: Any, z: Any, *, learned: bool = True) -> tuple[VectorField, Tensor, Restore]:
        pair = split(f)
        explicit, flat, restore = super()._one_tensor(pair.explicit, z, learned=learned)
        implicit = super()._one_tensor(pair.implicit, z, learned=learned)[0]
        return Split(explicit, implicit, pair.remembers), flat, restore

    def _prepared(self, f: Any, z: Tensor) -> VectorField:
        if isinstance(f, Sided):  # at a stop f has two values, of which none is remembered
            pair: Any = f.f
            sided = Split(_Inside(f, pair.explicit), _Inside(f, pair.implicit), remembers=False)
            return self._prepared(sided, z)
        if isinstance(f, Prepared) or not is_plain(z):
            return f  # type: ignore[no-any-return]
        implicit = _Implicit(f.implicit, z, self.rule, given_of(f.implicit), getattr(self, "each", False))
        return Prepared(_Kept(f.explicit), implicit, f.remembers)


class _Inside:
    """A part of f at times between the stops."""

    def __init__(self, sided: Sided, f: VectorField) -> None:
        self.sided, self.f = sided, f

    def __call__(self, s: Any, z: Tensor) -> Tensor:
        slope: Tensor = self.f(self.sided.inside(s), z)
        return slope
