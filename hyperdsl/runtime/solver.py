"""What all solvers are: modules with an order, perhaps a corrector g, and the parameters of their method."""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from torch import Tensor, nn

from .field import fielded
from .precision import doubted
from .ranges import OutsideWarning, Ranges
from .state import (
    Restore,
    Scalar,
    State,
    VectorField,
    in_range,
    is_eager,
    numbers_of,
    one_tensor,
    real_dtype,
    require_numbers,
    scalars,
    sizes_of,
    times_of,
)
from .weights import load_weights, made_for, save_weights

Evaluated = tuple[Tensor, tuple[Tensor, ...]]
"""The state at the end of a step of the base method, and what g reads besides ε, s, x and z."""

_CHOSEN = {
    "method": "a solver is of one method, that of its class; take another class, or another base in the spec",
    "options": "settings are keywords of the call, such as max_steps= and first_step= where steps follow an error",
}
"""What is said of keywords that choose a method elsewhere."""


class Solver(nn.Module):
    """z' = f(s, z) in steps of a method of proven order.

    With a corrector g a step adds ε^(p+1) g (Poli et al. 2020, eq. 4). The parameters of a family are keywords of
    every call: `free` has their names, ranges and the brackets around them. `learned` names those that are trained,
    whose values `coefficients` holds. `base_digest` tells the base's coefficients from others'.

    `about` is what is known of the training of the weights, as a weights file tells it, and `left` how the last solve
    left the ranges of ε, s and numbers of steps of that training: empty where it stayed in them.
    """

    order: int
    evaluations_per_step: int
    residual_power: int | None = None
    base_digest: str | None = None
    free: ClassVar[tuple[tuple[str, float, float, str], ...]] = ()
    takes: ClassVar[str]
    """What decides the steps of a solve, as errors tell it; a class for each kind says it."""
    learned: ClassVar[tuple[str, ...]] = ()
    coefficients: nn.Parameter
    corrector: nn.Module

    def __init__(self, corrector: nn.Module | None = None) -> None:
        super().__init__()
        if corrector is not None:
            self.corrector = corrector
        self.about: dict[str, str] = {}
        self.left: tuple[str, ...] = ()
        self._ranges: Ranges | None = None
        self._warned = False

    def save(self, file: str | os.PathLike[str]) -> None:
        """Write the weights to a safetensors file, whole or not at all, with their identity and what is known of them.

        ValueError where a number is not finite, OSError where the file cannot be written.
        """
        save_weights(self, file, self.about)

    def load(self, file: str | os.PathLike[str]) -> None:
        """Take the weights from a safetensors file; ValueError where it is damaged or of another solver.

        A WeightsWarning where the file does not say of which it is, as those of hyperdsl 0.1.
        """
        self.remember(load_weights(self, file))

    @classmethod
    def from_file(cls, file: str | os.PathLike[str], **given: Any) -> Self:
        """A trained solver from its weights alone: the file tells its shapes and dtypes.

        given: arguments of the class that no file tells, such as `field=`, and `state_shape=` for older files.

        Raises ValueError as `load` does, and where the file does not tell a shape.
        """
        solver = made_for(cls, file, given)
        solver.load(file)
        return solver

    def remember(self, about: Mapping[str, str]) -> None:
        """Take what is known of the weights' training; solves are held against its ranges from now on."""
        self.about, self._ranges, self._warned, self.left = dict(about), Ranges.told(about), False, ()
        limit = getattr(getattr(self, "corrector", None), "limit", None)
        if limit is not None:
            limit(self._ranges)

    def values(self) -> dict[str, float]:
        """The learned parameters of the base."""
        return dict(zip(self.learned, self.coefficients.tolist(), strict=True)) if self.learned else {}

    def handed(self, z: Tensor, given: Mapping[str, Scalar]) -> dict[str, Tensor]:
        """The parameters that a step takes, as scalars like ε: those that are `given`, and those that are learned.

        TypeError where one is missing or unknown, ValueError for a float out of range.
        """
        names = [name for name, _, _, _ in self.free]
        for name in (*names, *given):
            if name not in given:
                raise TypeError(f"{type(self).__name__} needs {name}=, a parameter of its method")
            if name not in names:
                told = _CHOSEN.get(name, self.takes)
                raise TypeError(f"{type(self).__name__} got an unexpected keyword argument {name!r}: {told}")
        values = {name: in_range(z, name, given[name], low, high, ends) for name, low, high, ends in self.free}
        if self.learned:
            values.update(zip(self.learned, scalars(z, *self.coefficients), strict=True))
        return values

    def _look(
        self,
        z: Tensor,
        times: Any,
        steps: int,
        eps: float | None = None,
        taken: int | None = None,
        parts: Sequence[float] | None = None,
    ) -> None:
        """Hold a solve over these times against the ranges of g's training, and warn once where it leaves them; of
        fixed steps warn too where they are more than z's dtype bears.

        There are `steps` steps from one time to the next, equal ones unless `parts` are what each takes of the way; or
        the longest was `eps` and there were `taken`. Only numbers at hand are looked at: no device is waited for, and
        nothing is in a trace.
        """
        if not is_eager(z):
            return
        if eps is None:
            doubted(z, steps * (len(times) - 1))
        numbers = None if self._ranges is None else numbers_of(times)
        if self._ranges is None or numbers is None:
            return
        ways = [abs(after - before) for before, after in itertools.pairwise(numbers) if before != after]
        sizes = [way * part for way in ways for part in parts or (1 / steps,)] if eps is None else [eps]
        self.left = self._ranges.left(numbers, sizes, steps * len(ways) if taken is None else taken)
        g = getattr(self, "corrector", None)
        if self.left and not self._warned and getattr(g, "outside", "warn") == "warn":
            self._warned = True
            what, advice = "it", "train it for that too"
            if g is not None:
                what, advice = (
                    "its g",
                    "train g for it, or write `outside base` in the corrector, which leaves g out there",
                )
            told = f"{type(self).__name__} leaves what {what} was trained for: {', '.join(self.left)}"
            warnings.warn(f"{told}; {advice}", OutsideWarning, stacklevel=5)

    def _one_tensor(self, f: VectorField, z: Any, *, learned: bool = True) -> tuple[VectorField, Tensor, Restore]:
        """The state as one tensor, f for it and the way back; a hypersolver takes nothing but one tensor.

        learned: whether g will read it, and so has to fit.
        """
        if self.residual_power is not None:
            if not isinstance(z, Tensor):
                raise TypeError(
                    f"the state of a hypersolver is one tensor, as its corrector reads it, not {type(z).__name__}"
                )
            require_fitting = getattr(self.corrector, "require_fitting", None)
            if learned and require_fitting is not None:
                require_fitting(z)
        return one_tensor(f, z)

    def _field(self, f: VectorField, x: Any, z: Tensor) -> VectorField:
        """f as steps call it."""
        return self._prepared(fielded(f, x, z), z)

    def _prepared(self, f: VectorField, z: Tensor) -> VectorField:
        """f with what steps need of it besides its values."""
        return f

    def _placed(self, z: Tensor, s: Scalar, eps: Scalar) -> tuple[Tensor, Tensor]:
        """The time and the size of a step."""
        now, size = times_of(z, s, eps)
        require_numbers((s, eps), now, size)
        (size,) = sizes_of(z, size)
        return now, size

    def _g(
        self, eps: Tensor, s: Tensor, x: Tensor | None, z: Tensor, seen: tuple[Tensor, ...], handed: dict[str, Tensor]
    ) -> Tensor:
        """The corrector's g, like z; it gets ε and s as f gets s."""
        device, dtype = z.device, real_dtype(z)
        g: Tensor = self.corrector(eps.to(device, dtype), s.to(device, dtype), x, z, *seen, **handed)
        return g


class SingleStep(Solver):
    """A solver whose step reads nothing of the steps before: `base` is one of its base method."""

    def step(
        self, f: VectorField, s: Scalar, z: State, eps: Scalar, *, x: Tensor | None = None, **free: Scalar
    ) -> State:
        """The state one step of size ε later, whatever its error."""
        f, flat, restore = self._one_tensor(f, z)
        now, size = self._placed(flat, s, eps)
        end: State = restore(self._stepped(self._field(f, x, flat), x, now, flat, size, self.handed(flat, free)))
        return end

    def base_step(
        self, f: VectorField, s: Scalar, z: State, eps: Scalar, *, x: Tensor | None = None, **free: Scalar
    ) -> State:
        """The same by the base method alone, which is all there is without a corrector."""
        f, flat, restore = self._one_tensor(f, z, learned=False)
        now, size = self._placed(flat, s, eps)
        end: State = restore(self.base(self._field(f, x, flat), now, x, flat, size, **self.handed(flat, free))[0])
        return end

    def base(
        self, f: VectorField, s: Tensor, x: Tensor | None, z: Tensor, eps: Tensor, **parameters: Tensor
    ) -> Evaluated:
        """A step of the base method on one tensor, and what g reads besides; `parameters` are all that it takes."""
        raise NotImplementedError

    def _stepped(
        self, f: VectorField, x: Tensor | None, s: Tensor, z: Tensor, eps: Tensor, handed: dict[str, Tensor]
    ) -> Tensor:
        """A step of f(s, z) on one tensor, with its learned term."""
        raise NotImplementedError
