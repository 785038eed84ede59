"""A whole solve as one module, to compile, to export, and to record as a CUDA graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from .field import fielded
from .program import Evaluation, Program, Row, program
from .state import Scalar, VectorField, real_dtype

LOOKED_BACK = 32
"""States from which the next may be made: more than the stages of any step."""


class Sum(NamedTuple):
    """The vector of number `base`, plus coefficients times vectors of other numbers."""

    base: int
    terms: tuple[tuple[int, float], ...]


class Slope(NamedTuple):
    """f at the vector `point` and the time of that number; `field` is how a model's prediction makes it, if it does."""

    time: int
    point: int
    field: tuple[float, float, float] | None


class Term(NamedTuple):
    """g(ε, s, x, *arguments, **parameters), of numbers and vectors."""

    eps: int
    time: int
    arguments: tuple[int, ...]
    parameters: tuple[tuple[str, int], ...]


class Whole(nn.Module):
    """`solver(f, z0, span, steps)` as a module of z0: its evaluations of f and g, and sums between them.

    whole(z0), or whole(z0, x) for f(s, x, z), gives what the solver's call gives, but for rounding: the coefficients
    are multiplied out once, in float64, and the vectors are added in another order. z0 is one tensor, [*batch, *shape].

    All numbers are constants: those of a learned base or grid as they are when the module is made; f and g are the
    modules themselves, whose weights may still change. A call makes no tensor but those of states, waits for no device
    and looks at no number, nor whether the end is finite: `torch.compile(fullgraph=True)`, `torch.export` and CUDA
    graphs take it as it is.
    """

    numbers: Tensor

    def __init__(
        self,
        solver: nn.Module,
        f: VectorField,
        span: Sequence[Scalar] | None = None,
        steps: int | None = None,
        *,
        dtype: torch.dtype | None = None,
        **free: Scalar,
    ) -> None:
        """solver: one of fixed steps, with or without g; f is the model, and the span left out, where it has a path.

        steps: None for a solver with a grid of its own. free: the values of the method's free parameters.
        dtype: the real dtype of the states, by default that of f's weights, g's, or torch's default.
        ValueError for a solver whose evaluations depend on the state, TypeError as the solver's call raises it.
        """
        super().__init__()
        path: Any = None
        if span is None:
            path = getattr(solver, "path", None)
            if path is None:
                raise TypeError(f"{type(solver).__name__} has no path, and so needs a span")
            span = path.span
        self.f, self.corrector = f, getattr(solver, "corrector", None)
        made = _Lines(path)
        end = made.all_of(program(solver, span, steps, free))
        self.lines, self.end = tuple(made.lines), end
        self.forgotten = _forgotten(self.lines, end)
        self.before, self.after = (1.0, 1.0) if path is None else _ends(path)
        dtype, device = _home(dtype, f, self.corrector)
        self.register_buffer("numbers", torch.tensor(made.numbers, dtype=dtype, device=device), persistent=False)

    @property
    def evaluations(self) -> int:
        """How often f is evaluated."""
        return sum(isinstance(line, Slope) for line in self.lines)

    def forward(self, z0: Tensor, x: Tensor | None = None) -> Tensor:
        """The state at the end, like z0. TypeError or ValueError for one of another dtype or on another device."""
        self._require_fitting(z0)
        z = z0 if self.before == 1 else self.before * z0
        field, numbers, vectors = fielded(self.f, x, z), self.numbers.unbind(), [z]
        for line, forgotten in zip(self.lines, self.forgotten, strict=True):
            vectors.append(self._line(line, field, x, numbers, vectors))
            for number in forgotten:
                vectors[number] = z0
        end = vectors[self.end]
        return end if self.after == 1 else self.after * end

    def _line(
        self,
        line: Sum | Slope | Term,
        field: Callable[[Tensor, Tensor], Tensor],
        x: Tensor | None,
        numbers: Sequence[Tensor],
        vectors: Sequence[Tensor],
    ) -> Tensor:
        if isinstance(line, Sum):
            (first, factor), *others = line.terms
            change = factor * vectors[first]
            for number, coefficient in others:
                change = torch.add(change, vectors[number], alpha=coefficient)
            return vectors[line.base] + change
        if isinstance(line, Slope):
            s, z = numbers[line.time], vectors[line.point]
            if line.field is None:
                return field(s, z)
            scale, share, gain = line.field
            return gain * (share * z - field(s, scale * z))
        given = {name: numbers[number] for name, number in line.parameters}
        arguments = (vectors[number] for number in line.arguments)
        corrector: Any = self.corrector  # there is one wherever there is a term of it
        g: Tensor = corrector(numbers[line.eps], numbers[line.time], x, *arguments, **given)
        return g

    def _require_fitting(self, z: Tensor) -> None:
        if not isinstance(z, Tensor):
            raise TypeError(f"the state of a whole solve is one tensor, not {type(z).__name__}")
        dtype, device = real_dtype(z), self.numbers.device
        if dtype != self.numbers.dtype:
            raise TypeError(
                f"the state is {dtype}, and this was made for {self.numbers.dtype}: Whole(..., dtype={dtype})"
            )
        if z.device != device:
            raise ValueError(f"the state is on {z.device} and this module on {device}: whole.to({str(z.device)!r})")


class _Lines:
    """The lines that compute a program's vectors, each of them once."""

    def __init__(self, path: Any) -> None:
        self.path = path
        self.lines: list[Sum | Slope | Term] = []
        self.numbers: list[float] = []
        self.points: list[tuple[int, Row]] = []
        self.results = [0]

    def all_of(self, found: Program) -> int:
        """Lines for all of it; the number of the vector at the end."""
        self.points.append((0, tuple(float(number == 0) for number in range(len(found.end)))))
        for evaluation in found.evaluations:
            self.results.append(self._evaluated(evaluation))
        return self._vector(found.end)

    def _evaluated(self, evaluation: Evaluation) -> int:
        arguments = tuple(self._vector(row) for row in evaluation.arguments)
        if evaluation.eps is not None:
            eps, time = self._number(evaluation.eps), self._number(evaluation.time)
            parameters = tuple((name, self._number(value)) for name, value in evaluation.parameters)
            return self._add(Term(eps, time, arguments, parameters))
        (point,) = arguments
        if self.path is None:
            return self._add(Slope(self._number(evaluation.time), point, None))
        tau, *field = map(float, self.path.at(evaluation.time, torch.zeros((), dtype=torch.float64)))
        scale, share, gain = field
        return self._add(Slope(self._number(tau), point, (scale, share, gain)))

    def _vector(self, row: Row) -> int:
        """The number of a vector, made from that of the last states which differs from it by the fewest terms."""
        terms = [i for i, value in enumerate(row) if value]
        if len(terms) == 1 and row[terms[0]] == 1:
            return self.results[terms[0]]
        differences = {number: _difference(row, known) for number, known in self.points[-LOOKED_BACK:]}
        base = min(differences, key=lambda number: len(differences[number]))
        if not differences[base]:
            return base
        number = self._add(Sum(base, tuple((self.results[i], value) for i, value in differences[base])))
        self.points.append((number, row))
        return number

    def _number(self, value: float) -> int:
        if value not in self.numbers:
            self.numbers.append(value)
        return self.numbers.index(value)

    def _add(self, line: Sum | Slope | Term) -> int:
        self.lines.append(line)
        return len(self.lines)


def _difference(row: Row, known: Row) -> list[tuple[int, float]]:
    return [(i, mine - its) for i, (mine, its) in enumerate(zip(row, known, strict=True)) if mine != its]


def _read(line: Sum | Slope | Term) -> tuple[int, ...]:
    """The vectors that a line reads."""
    if isinstance(line, Sum):
        return (line.base, *(number for number, _ in line.terms))
    return (line.point,) if isinstance(line, Slope) else line.arguments


def _forgotten(lines: Sequence[Sum | Slope | Term], end: int) -> list[tuple[int, ...]]:
    """The vectors that no line after each one reads, so that they need no memory any more."""
    last = {number: index for index, line in enumerate(lines) for number in _read(line)}
    return [
        tuple(number for number, at in last.items() if at == index and number != end) for index in range(len(lines))
    ]


def _ends(path: Any) -> tuple[float, float]:
    """The factors of a path's noise and of the state at its end."""
    one = torch.ones((), dtype=torch.float64)
    return float(path.start(one)), float(path.end(one))


def _home(dtype: torch.dtype | None, *modules: Any) -> tuple[torch.dtype, torch.device]:
    """Where the modules' weights are, and their real dtype where none is given."""
    weights = [p for m in modules if isinstance(m, nn.Module) for p in chain(m.parameters(), m.buffers())]
    floating = [p for p in weights if p.is_floating_point() or p.is_complex()]
    if dtype is None:
        dtype = real_dtype(floating[0]) if floating else torch.get_default_dtype()
    return dtype, floating[0].device if floating else torch.device("cpu")
