"""Orders of additive and of Rosenbrock methods by their trees, for check_certificate.py; on the standard library alone.

Vertices have a mode, the part of f or what acts there, and a vertex multiplies what its children contribute: Φ(t) =
b·φ(t) is 1/γ(t), or 0 where a matrix acts that is not the Jacobian (Araújo, Murua & Sanz-Serna 1997; Kennedy &
Carpenter 2003, §2; Hairer & Wanner II, §IV.7; Steihaug & Wolfbrandt 1979).
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterator
from fractions import Fraction
from itertools import count
from typing import Any

from tools.certificate_numbers import ONE, ZERO, dot

Tree = namedtuple("Tree", "text mode density phi foreign")  # γ(t), φ(t), whether another matrix than J acts in it
Forest = namedtuple("Forest", "texts density phi foreign")

EXPLICIT, IMPLICIT = PARTS = ("explicit", "implicit")
MANY, FIELD, MATRIX, BOTH = "α", "α'", "γ", "β"  # a vertex of several children or none, and three that have one child
HIGHEST = 10


class Grammar(namedtuple("Grammar", "modes leaves contributed arity bounded")):
    """What trees are made of: `leaves` of a mode are (name, what it contributes), `contributed` is the vector that a
    tree contributes to a parent of a mode, `arity` tells how many children a vertex of a mode may have."""

    def trees(self, size: int) -> Iterator[list[Tree]]:
        """The trees of 1, 2, 3, ... nodes, for methods of so many stages."""
        levels: list[list[Tree]] = [[]]
        for order in count(1):
            found = []
            for mode in self.modes:
                nothing = Forest((), 1, [ONE] * size, mode == MATRIX)
                for forest in self.forests(mode, order - 1, nothing, levels, 1, 0):
                    if self.arity(mode, len(forest.texts)):
                        text = f"[{','.join(forest.texts)}]" if forest.texts else "τ"
                        density = order * forest.density
                        found.append(Tree(f"{text}_{mode}", mode, density, forest.phi, forest.foreign))
            levels.append(found)
            yield found

    def forests(
        self, mode: str, nodes: int, so_far: Forest, levels: list[list[Tree]], size: int, first: int
    ) -> Iterator[Forest]:
        """The sets of children of a vertex with so many nodes more, none before the child `first` of `size` nodes."""
        if not nodes:
            yield so_far
        for order in range(size, nodes + 1):
            children: list[Any] = self.leaves(mode) if order == 1 else levels[order]
            for k in range(first if order == size else 0, len(children)):
                if order == 1:
                    (text, vector), density, foreign = children[k], 1, False
                else:
                    text, density, foreign = children[k].text, children[k].density, children[k].foreign
                    vector = self.contributed(mode, children[k])
                phi = [self.bounded(x * y) for x, y in zip(so_far.phi, vector, strict=True)]
                more = Forest((*so_far.texts, text), so_far.density * density, phi, so_far.foreign or foreign)
                yield from self.forests(mode, nodes - order, more, levels, order, k)


def first_failure(grammar: Grammar, weights: Any, near: Any, size: int, highest: int) -> tuple[int, str]:
    """The order of the weights of each mode's roots, at most `highest`, and what fails next."""
    for order, trees in enumerate(grammar.trees(size), 1):
        for tree in trees:
            value = grammar.bounded(dot(weights(tree.mode), tree.phi), size)
            goal = Fraction(not tree.foreign, tree.density)
            if order > highest or not near(value, goal):
                return min(order - 1, highest), f": Φ({tree.text}) is {value!s:.99}, not {goal}" * (value != goal)
    raise AssertionError


def distinct(*leaves: tuple[str, Any]) -> list[tuple[str, Any]]:
    """The leaves without those that read what another one reads."""
    return [leaf for i, leaf in enumerate(leaves) if all(leaf[1] != other for _, other in leaves[:i])]


def shapes(order: int, colours: int = 1) -> int:
    """The number of rooted trees of at most so many nodes, every node of one of so many colours."""
    found, forests = [0, colours], [1]
    for n in range(1, order):
        divisors = (sum(d * found[d] for d in range(1, k + 1) if k % d == 0) * forests[n - k] for k in range(1, n + 1))
        forests.append(sum(divisors) // n)
        found.append(colours * forests[n])
    return sum(found[: order + 1])


class Additive(namedtuple("Additive", "parts")):
    """A pair of tables with the same stages: `explicit` and `implicit`."""

    @property
    def tables(self) -> list[Any]:
        return list(self.parts.values())

    def order(self, row: int = 0, *, timed: bool = True) -> tuple[int, str]:
        first = self.parts[EXPLICIT]
        sums = [(f"τ_{part}", table.sums) for part, table in self.parts.items()]

        def leaves(mode: str) -> list[tuple[str, Any]]:
            return distinct(*sums, *([("s", self.parts[mode].c)] if timed else []))

        def contributed(mode: str, tree: Tree) -> list[Any]:
            return [first.bounded(dot(a, tree.phi), len(a)) for a in self.parts[tree.mode].a]

        grammar = Grammar(PARTS, leaves, contributed, lambda *_: True, first.bounded)
        return first_failure(grammar, lambda mode: self.parts[mode].weights[row], first.near, len(first.c), HIGHEST)

    def part(self, name: str) -> Any:
        """The order of a part alone."""
        return self.parts[name].order()

    def stage_order(self) -> int:
        first, second = self.tables
        return min(t.stage_order() for t in self.tables) if all(map(first.near, first.c, second.c)) else 0

    def stiffly_accurate(self) -> bool:
        """Whether a stage that the implicit part's weights depend on is the new state."""
        t = self.parts[IMPLICIT]
        needed = {i for i, weight in enumerate(t.weights[0]) if weight}
        for _ in t.c:
            needed |= {j for i in needed for j, entry in enumerate(t.a[i]) if entry}
        implicit = any(entry for i in needed for entry in t.a[i][i:])
        return implicit and any(all(map(t.near, [*t.a[i], t.c[i]], [*t.weights[0], ONE])) for i in needed)


class Rosenbrock(namedtuple("Rosenbrock", "table gamma gamma_sums")):
    """k_i = f(s + c_i·ε, z + ε Σ α_ij·k_j) + ε J Σ γ_ij·k_j + ε γ_i ∂f/∂s; the table has α, c and the weights."""

    def order(self, row: int = 0, *, timed: bool = True, any_matrix: bool = False) -> tuple[int, str]:
        t = self.table
        both = [[x + y for x, y in zip(*rows, strict=True)] for rows in zip(t.a, self.gamma, strict=True)]
        nodes = [x + y for x, y in zip(t.c, self.gamma_sums, strict=True)]
        acting = {MANY: (t.a, t.c), FIELD: (t.a, t.c), MATRIX: (self.gamma, self.gamma_sums), BOTH: (both, nodes)}

        def leaves(mode: str) -> list[tuple[str, Any]]:
            matrix, own = acting[mode]
            return distinct(("τ", [sum(line, ZERO) for line in matrix]), *([("s", own)] if timed else []))

        def contributed(mode: str, tree: Tree) -> list[Any]:
            return [t.bounded(dot(line, tree.phi), len(line)) for line in acting[mode][0]]

        grammar = Grammar(
            (MANY, FIELD, MATRIX) if any_matrix else (MANY, BOTH),
            leaves,
            contributed,
            lambda mode, children: (children == 1) != (mode == MANY),
            t.bounded,
        )
        return first_failure(grammar, lambda _: t.weights[row], t.near, len(t.c), min(len(t.c) + 1, HIGHEST))

    def consistent(self) -> bool:
        """Whether c and the γ_i are the sums of their rows."""
        t, sums = self.table, [sum(row, ZERO) for row in self.gamma]
        return all(map(t.near, t.c, t.sums)) and all(map(t.near, self.gamma_sums, sums))

    def stiffly_accurate(self) -> bool:
        t = self.table
        last = max((i for i, weight in enumerate(t.weights[0]) if weight), default=0)
        row = [x + y for x, y in zip(t.a[last], self.gamma[last], strict=True)]
        return all(map(t.near, [*row, t.c[last]], [*t.weights[0], ONE]))
