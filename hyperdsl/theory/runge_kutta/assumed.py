"""Orders by Butcher's simplifying assumptions, without a tree, exactly or to a tolerance.

B(p), C(η), D(ζ) with p ≤ η + ζ + 1 and p ≤ 2η + 2 imply order p (Butcher 1964; Hairer, Nørsett & Wanner I, Thm
II.7.4). Where they hold but for residuals, the same proof bounds by how much a condition can fail. Let

    |Σ b_i c_i^(k−1) − 1/k| ≤ β for k ≤ p,
    |Σ_j a_ij c_j^(k−1) − c_i^k/k| ≤ γ for every i and k ≤ η,
    Σ_j |Σ_i b_i c_i^(k−1) a_ij − b_j (1 − c_j^k)/k| ≤ δ for k ≤ ζ,

M = max(1, ‖A‖∞, ‖c‖∞) and W = Σ |b_i|. For a tree t with n nodes let g_t be the stages' vector with Φ(t) = b·g_t, the
product of the u_s over the children s of its root, u_s = A·g_s, or for a leaf c or A·1: either, so that all colourings
are meant. Then ‖u_t‖∞ ≤ Mⁿ and ‖g_t‖∞ ≤ Mⁿ⁻¹.

1. n ≤ η: ‖u_t − cⁿ/γ(t)‖∞ ≤ n·Mⁿ⁻¹·γ. A leaf is c, or A·1, which C(1) says is within γ of it. Otherwise the children
   are replaced in the product one after another, the others being at most M to the number of their nodes; A carries
   the sum of these errors, at most (n−1)·Mⁿ⁻²·γ, over with a factor of at most M, and C(n) adds at most γ.
2. Every child of the root has at most η nodes: by 1 and B(n), |Φ(t) − 1/γ(t)| ≤ W·(n−1)·Mⁿ⁻²·γ + β.
3. Otherwise one child r has m > η nodes, and only one, since n ≤ p ≤ 2η + 2. The others, k − 1 nodes, k = n − m ≤ ζ,
   are replaced as in 2, which costs W·(k−1)·Mⁿ⁻²·γ, and D(k), at most δ·Mᵐ⁻¹ off, turns Σ b_i c_i^(k−1) (A·g_r)_i
   into (Φ(r) − Φ(r′))/k, where r′ is r with k more leaves c at its root: n nodes, as t has, but the largest child of
   both is smaller than m. The densities fulfil the same equation, so the errors of Φ(r) and Φ(r′), bounded by
   induction on m, come in with 1/k. (The factor 1/Π γ(s) of the replaced children is at most 1.)

The bound is linear in β, γ and δ; `_growth` finds the three coefficients by this recursion, for the worst tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

import flint
from flint import arb, arb_mat, fmpq

from hyperdsl.theory.numbers.budget import spend
from hyperdsl.theory.numbers.exact import ONE, Exact, ball_ends
from hyperdsl.theory.numbers.matrices import dot
from hyperdsl.theory.runge_kutta.simplifying import simplifying_assumptions
from hyperdsl.theory.runge_kutta.tableau import HIGHEST_ORDER, Tableau

_TRIED = 3


def exact_order(tableau: Tableau, row: int = 0) -> int:
    """An order that the assumptions prove of c = A·1 and a row of weights, identically in the parameters; 0 for none.

    Stages that the weights do not depend on are left out.
    """
    found = simplifying_assumptions(_needed(tableau, row), None, highest=HIGHEST_ORDER + 1)
    return int(min(found.b, found.c + found.d + 1, 2 * found.c + 2, HIGHEST_ORDER)) if found.c else 0


def order_within(tableau: Tableau, tolerance: Exact, row: int = 0) -> int:
    """An order such that |Φ(t) − 1/γ(t)| ≤ τ is proven for every tree up to it and every colouring; 0 for none."""
    residuals = Residuals.of(_needed(tableau, row), _bits(tolerance))
    limit = _rational(tolerance)
    possible = (p for p in range(HIGHEST_ORDER, 0, -1) if residuals.least(p) <= limit)
    return next((p for p in possible if residuals.bound(p) <= limit), 0)


def bound_to(tableau: Tableau, order: int, row: int = 0) -> Fraction:
    """A bound on |Φ(t) − 1/γ(t)| for all trees up to an order, every colouring; it need not be small."""
    return Residuals.of(_needed(tableau, row), 512).bound(min(order, HIGHEST_ORDER))


def dense_order(tableau: Tableau, highest: int, tolerance: Exact | None) -> int:
    """An order, `highest` at most, of the weights Σ_j θ^j·(row j − 1), which 2 proves: from C(k − 1) and from
    Σ_i b_i(θ) c_i^(k−1) = θ^k/k."""
    if tolerance is None or tableau.parameters:
        rows = tableau.weights
        stage_order = simplifying_assumptions(tableau, None, highest=highest).c
        powers: tuple[Exact, ...] = (ONE,) * tableau.stages
        for k in range(1, int(min(highest, stage_order + 1)) + 1):
            wanted = (Exact.of(Fraction(1, k) if j == k else 0) for j in range(1, len(rows) + 1))
            if stage_order == 0 or any(dot(row, powers) != q for row, q in zip(rows, wanted, strict=True)):
                return k - 1
            powers = tuple(c * power for c, power in zip(tableau.c, powers, strict=True))
        return int(min(highest, stage_order + 1))
    limit, bits = _rational(tolerance), _bits(tolerance)
    orders = [Residuals.of(tableau, bits, row, power=row + 1).dense(limit) for row in range(len(tableau.weights))]
    return min(highest, *orders)


@dataclass(frozen=True)
class Residuals:
    """Bounds on the residuals of B, C and D up to k = 1, 2, …, and the sizes that carry them on."""

    b: tuple[Fraction, ...]
    c: tuple[Fraction, ...]
    d: tuple[Fraction, ...]
    factor: arb
    """M."""
    weight: arb
    """W."""

    @staticmethod
    def of(tableau: Tableau, bits: int, row: int = 0, power: int | None = None) -> Residuals:
        """Those of a row of weights, k up to `HIGHEST_ORDER`, from balls of so many bits; of the weights of θ^power in
        dense output, where Σ b_i c_i^(k−1) is to be 0 for all other k."""
        spend(HIGHEST_ORDER * tableau.stages**2)
        with flint.ctx.workprec(bits):
            balls = _Balls(tableau, row)
            b = [_upper(abs(q)) for q in _quadrature(balls, power)]
            c, d = [], []
            for k, (before, after) in enumerate(balls.powers(), start=1):
                c.append(_upper(_largest(p - q / k for p, q in zip(balls.applied(before), after, strict=True))))
                scaled = balls.carried([w * x for w, x in zip(balls.b, before, strict=True)])
                wanted = ((w - w * x) / k for w, x in zip(balls.b, after, strict=True))
                d.append(_upper(sum((abs(p - q) for p, q in zip(scaled, wanted, strict=True)), arb(0))))
            rows = (sum(map(abs, values), arb(0)) for values in balls.a)
            factor = arb(_largest([arb(1), *rows, *balls.c]).upper())
            up_to_b, up_to_c, up_to_d = (tuple(accumulate(found, max)) for found in (b, c, d))
            return Residuals(up_to_b, up_to_c, up_to_d, factor, arb(sum(map(abs, balls.b), arb(0)).upper()))

    def dense(self, limit: Fraction) -> int:
        """The largest order up to which 2 bounds every condition by the limit."""
        order = 0
        with flint.ctx.workprec(64):
            carried, power = self.weight, arb(1)
            while order < HIGHEST_ORDER:
                stages = self.c[order - 1] if order else Fraction(0)
                growth = ball_ends(carried * order * power)[1]
                if growth * stages + self.b[order] > limit:
                    break
                power = power * self.factor if order else power
                order += 1
        return order

    def least(self, order: int) -> Fraction:
        """Less than any bound for an order."""
        return max(self.b[order - 1], min(self._crude(order, eta) for eta in self._etas(order)))

    def bound(self, order: int) -> Fraction:
        """A bound for all trees up to an order, with those η and ζ of which most is to be hoped."""
        chosen = sorted(self._etas(order), key=lambda eta: self._crude(order, eta))[:_TRIED]
        return min(self._bound(order, eta) for eta in chosen)

    def _etas(self, order: int) -> range:
        """The η with order ≤ 2η + 2 that leave η + ζ + 1 = order with ζ ≥ 0."""
        return range(max(1, (order - 1) // 2), max(2, order))

    def _crude(self, order: int, eta: int) -> Fraction:
        zeta = order - 1 - eta
        return max(self.c[eta - 1], self.d[zeta - 1]) if zeta > 0 else self.c[eta - 1]

    def _bound(self, order: int, eta: int) -> Fraction:
        zeta = max(0, order - 1 - eta)
        with flint.ctx.workprec(64):
            growth = _growth(order, eta, self.factor, self.weight)
            x, y, z = (ball_ends(q)[1] for q in growth)
        return x * self.b[order - 1] + y * self.c[eta - 1] + (z * self.d[zeta - 1] if zeta else 0)


def _growth(order: int, eta: int, factor: arb, weight: arb) -> tuple[arb, arb, arb]:
    """The coefficients of β, γ and δ in the bound, for all trees up to an order.

    `worst[n]` is for trees with n nodes whose largest child has at most m; it never falls as m grows.
    """
    powers = [arb(1)]
    for _ in range(order):
        powers.append(arb((powers[-1] * factor).upper()))
    worst = [(arb(1), weight * max(0, n - 1) * powers[max(0, n - 2)], arb(0)) for n in range(order + 1)]
    for m in range(eta + 1, order):
        before = list(worst)
        for n in range(m + 1, order + 1):
            k = n - m
            own = (arb(0), weight * (k - 1) * powers[n - 2], powers[m - 1])
            found = [q + (p + r) / k for q, p, r in zip(own, before[m], before[n], strict=True)]
            worst[n] = _larger(before[n], (found[0], found[1], found[2]))
    result = worst[1]
    for values in worst[2:]:
        result = _larger(result, values)
    return result


def _larger(x: tuple[arb, arb, arb], y: tuple[arb, arb, arb]) -> tuple[arb, arb, arb]:
    first, second, third = (p.max(q) for p, q in zip(x, y, strict=True))
    return first, second, third


class _Balls:
    """A tableau's numbers as balls of the current precision."""

    def __init__(self, tableau: Tableau, row: int) -> None:
        self.a = [[q.ball() for q in values] for values in tableau.a]
        self.c = [q.ball() for q in tableau.c]
        self.b = [q.ball() for q in tableau.weights[row]]
        self._matrix = arb_mat(self.a)

    def powers(self) -> Iterator[tuple[list[arb], list[arb]]]:
        """c^(k−1) and c^k, entry by entry, for k = 1, 2, …, `HIGHEST_ORDER`."""
        before = [arb(1)] * len(self.c)
        for _ in range(HIGHEST_ORDER):
            after = [p * x for p, x in zip(before, self.c, strict=True)]
            yield before, after
            before = after

    def applied(self, values: Sequence[arb]) -> list[arb]:
        """A·v."""
        product: list[arb] = (self._matrix * arb_mat([[q] for q in values])).entries()
        return product

    def carried(self, values: Sequence[arb]) -> list[arb]:
        """vᵀ·A."""
        product: list[arb] = (arb_mat([list(values)]) * self._matrix).entries()
        return product


def _quadrature(balls: _Balls, power: int | None) -> Iterator[arb]:
    for k, (before, _) in enumerate(balls.powers(), start=1):
        total = sum((w * x for w, x in zip(balls.b, before, strict=True)), arb(0))
        yield total - arb(fmpq(1, k)) if power in (None, k) else total


def _needed(tableau: Tableau, row: int) -> Tableau:
    """The stages on which a row of weights depends, with that row alone."""
    weights = tableau.weights[row]
    pending = [i for i, weight in enumerate(weights) if not weight.is_zero]
    kept = set(pending)
    while pending:
        further = {j for j, q in enumerate(tableau.a[pending.pop()]) if not q.is_zero} - kept
        kept |= further
        pending += further
    stages = sorted(kept) or [0]
    a = tuple(tuple(tableau.a[i][j] for j in stages) for i in stages)
    return Tableau(a, tuple(tableau.c[i] for i in stages), (tuple(weights[i] for i in stages),))


def _largest(balls: Iterator[arb] | Sequence[arb]) -> arb:
    largest = arb(0)
    for ball in balls:
        largest = largest.max(abs(ball))
    return largest


def _upper(ball: arb) -> Fraction:
    return ball_ends(ball)[1]


def _rational(tolerance: Exact) -> Fraction:
    """The tolerance, or a number just below it."""
    return tolerance.fraction() if tolerance.is_rational else tolerance.enclosure(256)[0]


def _bits(tolerance: Exact) -> int:
    """Enough bits for residuals much smaller than a tolerance."""
    value = _rational(tolerance)
    return 512 + max(0, value.denominator.bit_length() - value.numerator.bit_length())
