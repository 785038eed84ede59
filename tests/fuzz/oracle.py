"""One step in 50 digits, from the numbers that stand in a spec: knows nothing of hyperdsl."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy
from mpmath import cos, mp, mpf, sin

from tests.fuzz.parts import DIGITS, Call, Part, number

State = list[mpf]
Field = Callable[[mpf, State], State]


def field(s: mpf, z: State) -> State:
    """Nonlinear, not autonomous, and of moderate size: `runner.field` in torch is the same."""
    return [sin(3 * s) * z[i - len(z) + 1] + cos(z[i]) * (1 + s) for i in range(len(z))]


def network(eps: mpf, s: mpf, z: State, dz: State) -> State:
    """The external corrector."""
    return [sin(a) + eps * s - b / 3 for a, b in zip(z, dz, strict=True)]


def moved(z: State, eps: mpf, weights: Sequence[mpf], slopes: Sequence[State]) -> State:
    """z + ε Σ w k."""
    return [a + eps * sum((w * k[i] for w, k in zip(weights, slopes, strict=False)), mpf(0)) for i, a in enumerate(z)]


class Tableau:
    """The coefficients at the values of a call."""

    def __init__(self, numbers: Mapping[str, Any], call: Call) -> None:
        values = {**call.values, **call.starts}
        self.c = [number(text, values) for text in numbers["c"]]
        self.a = [[number(text, values) for text in row] for row in numbers["a"]]
        self.weights = [[number(text, values) for text in row] for row in numbers["weights"]]

    def slopes(self, s: mpf, z: State, eps: mpf) -> list[State]:
        found: list[State] = []
        for row, c in zip(self.a, self.c, strict=True):
            found.append(field(s + c * eps, moved(z, eps, row, found)))
        return found

    def step(self, s: mpf, z: State, eps: mpf) -> State:
        return moved(z, eps, self.weights[0], self.slopes(s, z, eps))

    def order(self, row: int = 0) -> int:
        """Up to 4, by the conditions as every textbook lists them (Hairer, Nørsett & Wanner I, table II.2.2)."""
        b, c, stages = self.weights[row], self.c, range(len(self.c))
        a = [[*line, *[mpf(0)] * (len(c) - len(line))] for line in self.a]
        ac = [sum((a[i][j] * c[j] for j in stages), mpf(0)) for i in stages]
        ac2 = [sum((a[i][j] * c[j] ** 2 for j in stages), mpf(0)) for i in stages]
        aac = [sum((a[i][j] * ac[j] for j in stages), mpf(0)) for i in stages]
        one = [mpf(1) for _ in stages]
        conditions: list[list[tuple[list[mpf], int]]] = [
            [(one, 1)],
            [(c, 2)],
            [([q**2 for q in c], 3), (ac, 6)],
            [([q**3 for q in c], 4), ([p * q for p, q in zip(c, ac, strict=True)], 8), (ac2, 12), (aac, 24)],
        ]
        for order, group in enumerate(conditions, 1):
            for phi, gamma in group:
                terms = [w * p for w, p in zip(b, phi, strict=True)]
                if abs(sum(terms, -1 / mpf(gamma))) > mpf(10) ** -35 * (1 + max(map(abs, terms))):
                    return order - 1
        return len(conditions)

    def largest(self) -> float:
        return float(max(abs(q) for row in (*self.a, *self.weights, [mpf(1)]) for q in row))


class History:
    """Past states and derivatives, the newest first."""

    def __init__(self, part: Part, states: Sequence[State], s: mpf, eps: mpf) -> None:
        self.part, self.states = part, list(states)
        self.slopes = [field(s - j * eps, z) for j, z in enumerate(states)]

    def step(self, s: mpf, eps: mpf) -> State:
        numbers = self.part.numbers
        if self.part.kind == "multistep":
            new = self._formula(numbers, s, eps, None)
            slope = field(s + eps, new)
        else:
            new, mode = self._formula(numbers["predict"], s, eps, None), numbers["mode"]
            for _ in range(mode.count("C")):
                slope = field(s + eps, new)
                new = self._formula(numbers["correct"], s, eps, slope)
            slope = field(s + eps, new) if mode.endswith("E") else slope
        self.states, self.slopes = [new, *self.states], [slope, *self.slopes]
        return new

    def _formula(self, numbers: Mapping[str, Any], s: mpf, eps: mpf, slope: State | None) -> State:
        """Σ a z + ε Σ b f, the newest f given, or found by iteration where the formula is implicit."""
        a, b = ([number(text, {}) for text in numbers[key]] for key in ("a", "b"))
        newest = b.pop(0) if numbers["newest"] == 1 else mpf(0)
        known = [
            sum((w * z[i] for w, z in zip(a, self.states, strict=False)), mpf(0)) for i in range(len(self.states[0]))
        ]
        known = moved(known, eps, b, self.slopes)
        if slope is not None:
            return moved(known, eps, [newest], [slope])
        new = known
        for _ in range(400 if newest else 0):
            new = moved(known, eps, [newest], [field(s + eps, new)])
        return new


def dense(part: Part, slopes: Sequence[State], z: State, eps: mpf, theta: mpf) -> State:
    """z + ε Σ b_i(θ) k_i."""
    at = sympy.Rational(float(theta))
    weights = [number(text, {"theta": str(at)}) for text in part.dense]
    return moved(z, eps, weights, slopes)


def right_hand_sides(part: Part, at: Mapping[str, float]) -> list[mpf]:
    """Those of a problem, at these values."""
    values = {name: str(sympy.Rational(value)) for name, value in at.items()} | {"mu": part.numbers["mu"]}
    return [number(text, values) for text in part.numbers["right"]]


def state(values: Sequence[float]) -> State:
    with mp.workdps(DIGITS):
        return [mpf(value) for value in values]
