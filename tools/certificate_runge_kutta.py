"""Orders of Runge-Kutta methods by their trees, for check_certificate.py; on the standard library alone."""

from __future__ import annotations

from collections import namedtuple
from fractions import Fraction
from itertools import chain, count, takewhile
from typing import Any

from tools.certificate_numbers import ONE, ZERO, dot

Tree = namedtuple("Tree", "text order below phi last", defaults=[-1])  # |t|, γ/|t|, φ, the number of the largest child


class Table(namedtuple("Table", "a c sums weights tolerance kind dense orders bounded")):
    """A Runge-Kutta method with numbers for coefficients; sums = A·1, `bounded` looks at the size of numbers."""

    def near(self, x: Any, y: Any) -> bool:
        """Whether two numbers are equal, or within the tolerance."""
        return not (x + y * -1) or (self.tolerance > 0 and abs(x + y * -1) <= self.tolerance)

    def trees(self, leaves: dict[str, list[Any]]) -> Any:
        """All trees, the smaller ones first: each is a smaller one with its largest child grafted on the root."""
        children = [Tree(name, 1, 1, vector) for name, vector in leaves.items()]  # of these φ stands for A·φ
        levels, ends = [[], [Tree("τ", 1, 1, [ONE] * len(self.a))]], [0, len(children)]
        yield levels[1][0]
        for order in count(2):
            levels.append([])
            for size in range(1, order):
                if size == len(ends):
                    children += (
                        t._replace(phi=[self.bounded(dot(a, t.phi), len(a)) for a in self.a]) for t in levels[size]
                    )
                    ends.append(len(children))
                for left in levels[order - size]:
                    for k in range(max(ends[size - 1], left.last), ends[size]):
                        child = children[k]
                        phi = [self.bounded(x * y) for x, y in zip(left.phi, child.phi, strict=True)]
                        text = f"[{child.text}]" if order == size + 1 else f"{left.text[:-1]},{child.text}]"
                        levels[order].append(Tree(text, order, left.below * child.order * child.below, phi, k))
                        yield levels[order][-1]

    def order(self, row: int = 0, *, timed: bool = True, dense: int = 0) -> Any:
        """The largest order of a row of weights and what fails next; of rows for powers of θ, at most `dense`."""
        leaves = {"τ": self.sums, "s": self.c} if timed and self.c != self.sums else {"τ": self.sums}
        bound, found = dense or len(self.c) * (1 if self.kind == "explicit" else 2), self.orders[len(leaves), dense]
        for t in takewhile(lambda _: row not in found, self.trees(leaves)):
            for i in set(range(len(self.weights))) - found.keys():
                value = self.bounded(dot(self.weights[i], t.phi), len(self.c))
                goal = Fraction(not dense or t.order == i + 1, t.order * t.below)
                if t.order > bound + (not dense) or not self.near(value, goal):
                    found[i] = min(t.order - 1, bound), f": Φ({t.text}) is {value!s:.99}, not {goal}" * (value != goal)
        return found[row]

    def dense_order(self, *, timed: bool, said: int) -> Any:
        """The order of dense output, at most what is said, where it goes with the method and ends at its weights."""
        d, more = self.dense, [ZERO] * (len(self.dense.c) - len(self.c))
        same = d.c[: len(self.c)] == self.c and d.a[: len(self.c)] == [row + more for row in self.a]
        if not same or not all(map(self.near, map(sum, zip(*d.weights, strict=True)), self.weights[0] + more)):
            return 0, ": its stages, or its weights for θ = 1, are not the method's"
        return min(d.order(row, timed=timed, dense=min(said, len(d.weights))) for row in range(len(d.weights)))

    def stage_order(self) -> int:
        """The largest q with B(q) and C(q)."""
        powers = [ONE] * len(self.c)
        for q in range(1, 2 * len(self.c) + 1):
            found = [dot(row, powers) * q for row in (self.weights[0], *self.a)]
            powers = [self.bounded(x * y) for x, y in zip(self.c, powers, strict=True)]
            if not all(map(self.near, found, [ONE, *powers])):
                return q - 1
        return 2 * len(self.c)

    def fsal(self) -> bool:
        ends = [*self.a[0], self.c[0], self.c[-1] + -1]
        return len(self.c) > 1 and self.a[-1] == self.weights[0] and not any(ends)

    def evaluations(self, claims: Any) -> int:
        """Evaluations of f in a further step; under a control f at its end serves the next one."""
        inputs, control, learned = claims["corrector_inputs"], claims["control"], claims["corrector"] is not None
        stages, errors = [[c, *row] for c, row in zip(self.c, self.a, strict=True)], control["error"] if control else []
        if any(stage in stages[:i] for i, stage in enumerate(stages)):
            raise NotImplementedError("equal stages")
        ends = [[ZERO] * (len(stages) + 1), [ONE, *self.weights[0]]][: 2 if errors else int("dz" in inputs)]
        known = [None if any(self.a[i][i:]) else stage for i, stage in enumerate(stages)]  # solved ones are not carried
        live = {-1 - i if s not in known or (i and learned) else known.index(s) for i, s in enumerate(ends)}
        live |= set(range(len(stages) * ("stages" in inputs)))
        for _ in stages:
            rows = chain(self.weights[: 1 + ("embedded" in errors)], (self.a[i] for i in [*live] if i >= 0))
            live |= {j for row in rows for j, x in enumerate(row) if x}
        return 3 * len(live) - 4 if "doubling" in errors else len(live) - bool(errors)
