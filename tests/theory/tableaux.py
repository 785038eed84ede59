"""Published tableaux, as exact numbers, and one family of any even order: extrapolated midpoint rules."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from hyperdsl.theory.numbers import irrational
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact
from hyperdsl.theory.runge_kutta.tableau import Tableau

Entry = Exact | Fraction | int | str


def exact(value: Entry) -> Exact:
    """A number; text stands for a rational one."""
    return value if isinstance(value, Exact) else Exact.of(Fraction(value))


def tableau(a: Sequence[Sequence[Entry]], c: Sequence[Entry], *weights: Sequence[Entry]) -> Tableau:
    """A tableau whose rows may leave out zeros at their end."""
    size = len(c)

    def row(values: Sequence[Entry]) -> tuple[Exact, ...]:
        return (*map(exact, values), *[ZERO] * (size - len(values)))

    return Tableau(tuple(map(row, a)), tuple(map(exact, c)), tuple(map(row, weights)))


def root(n: int) -> Exact:
    return irrational.sqrt(Exact.of(n))


def texts(*rows: str) -> list[list[Entry]]:
    """Rows of rational numbers."""
    return [list(row.split()) for row in rows]


EULER = tableau([[]], [0], [1])
BACKWARD_EULER = tableau([[1]], [1], [1])
IMPLICIT_MIDPOINT = tableau([["1/2"]], ["1/2"], [1])
TRAPEZOIDAL = tableau([[], ["1/2", "1/2"]], [0, 1], ["1/2", "1/2"])
MIDPOINT = tableau([[], ["1/2"]], [0, "1/2"], [0, 1])
HEUN = tableau([[], [1]], [0, 1], ["1/2", "1/2"])
RALSTON2 = tableau([[], ["2/3"]], [0, "2/3"], ["1/4", "3/4"])
KUTTA3 = tableau(texts("", "1/2", "-1 2"), [0, "1/2", 1], ["1/6", "2/3", "1/6"])
SSPRK33 = tableau(texts("", "1", "1/4 1/4"), [0, 1, "1/2"], ["1/6", "1/6", "2/3"])
RK4 = tableau(texts("", "1/2", "0 1/2", "0 0 1"), [0, "1/2", "1/2", 1], ["1/6", "1/3", "1/3", "1/6"])
RK38 = tableau(texts("", "1/3", "-1/3 1", "1 -1 1"), [0, "1/3", "2/3", 1], ["1/8", "3/8", "3/8", "1/8"])
BOSH3 = tableau(
    texts("", "1/2", "0 3/4", "2/9 1/3 4/9"),
    [0, "1/2", "3/4", 1],
    ["2/9", "1/3", "4/9", 0],
    ["7/24", "1/4", "1/3", "1/8"],
)
DOPRI5 = tableau(
    texts(
        "",
        "1/5",
        "3/40 9/40",
        "44/45 -56/15 32/9",
        "19372/6561 -25360/2187 64448/6561 -212/729",
        "9017/3168 -355/33 46732/5247 49/176 -5103/18656",
        "35/384 0 500/1113 125/192 -2187/6784 11/84",
    ),
    [0, "1/5", "3/10", "4/5", "8/9", 1, 1],
    ["35/384", 0, "500/1113", "125/192", "-2187/6784", "11/84", 0],
    ["5179/57600", 0, "7571/16695", "393/640", "-92097/339200", "187/2100", "1/40"],
)
FEHLBERG45 = tableau(
    texts(
        "",
        "1/4",
        "3/32 9/32",
        "1932/2197 -7200/2197 7296/2197",
        "439/216 -8 3680/513 -845/4104",
        "-8/27 2 -3544/2565 1859/4104 -11/40",
    ),
    [0, "1/4", "3/8", "12/13", 1, "1/2"],
    ["25/216", 0, "1408/2565", "2197/4104", "-1/5", 0],
    ["16/135", 0, "6656/12825", "28561/56430", "-9/50", "2/55"],
)
CASH_KARP = tableau(
    texts(
        "",
        "1/5",
        "3/40 9/40",
        "3/10 -9/10 6/5",
        "-11/54 5/2 -70/27 35/27",
        "1631/55296 175/512 575/13824 44275/110592 253/4096",
    ),
    [0, "1/5", "3/10", "3/5", 1, "7/8"],
    ["37/378", 0, "250/621", "125/594", 0, "512/1771"],
    ["2825/27648", 0, "18575/48384", "13525/55296", "277/14336", "1/4"],
)
LOBATTO_IIIC2 = tableau(texts("1/2 -1/2", "1/2 1/2"), [0, 1], ["1/2", "1/2"])
RADAU_IIA3 = tableau(texts("5/12 -1/12", "3/4 1/4"), ["1/3", 1], ["3/4", "1/4"])

_S2, _S3, _S6, _S15, _S21 = map(root, (2, 3, 6, 15, 21))

GAUSS4 = tableau(
    [[Fraction(1, 4), Fraction(1, 4) - _S3 / 6], [Fraction(1, 4) + _S3 / 6, Fraction(1, 4)]],
    [Fraction(1, 2) - _S3 / 6, Fraction(1, 2) + _S3 / 6],
    ["1/2", "1/2"],
)
GAUSS6 = tableau(
    [
        ["5/36", Fraction(2, 9) - _S15 / 15, Fraction(5, 36) - _S15 / 30],
        [Fraction(5, 36) + _S15 / 24, "2/9", Fraction(5, 36) - _S15 / 24],
        [Fraction(5, 36) + _S15 / 30, Fraction(2, 9) + _S15 / 15, "5/36"],
    ],
    [Fraction(1, 2) - _S15 / 10, "1/2", Fraction(1, 2) + _S15 / 10],
    ["5/18", "4/9", "5/18"],
)
RADAU_IIA5 = tableau(
    [
        [(88 - 7 * _S6) / 360, (296 - 169 * _S6) / 1800, (-2 + 3 * _S6) / 225],
        [(296 + 169 * _S6) / 1800, (88 + 7 * _S6) / 360, (-2 - 3 * _S6) / 225],
        [(16 - _S6) / 36, (16 + _S6) / 36, "1/9"],
    ],
    [(4 - _S6) / 10, (4 + _S6) / 10, 1],
    [(16 - _S6) / 36, (16 + _S6) / 36, "1/9"],
)
_GAMMA = 1 - _S2 / 2
SDIRK2 = tableau([[_GAMMA], [1 - _GAMMA, _GAMMA]], [_GAMMA, 1], [1 - _GAMMA, _GAMMA])
"""Alexander 1977, L-stable."""
_DELTA = Fraction(1, 2) + _S3 / 6
SDIRK3 = tableau([[_DELTA], [1 - 2 * _DELTA, _DELTA]], [_DELTA, 1 - _DELTA], ["1/2", "1/2"])
"""Nørsett 1974 and Crouzeix 1975, A-stable of order 3."""


def _with_root_21(*parts: str) -> list[Entry]:
    """Numbers p + q·√21, written `p` or `p,q`."""
    split = [(*part.split(","), "0")[:2] for part in parts]
    return [Fraction(p) + Fraction(q) * _S21 for p, q in split]


COOPER_VERNER8 = tableau(
    [
        [],
        ["1/2"],
        ["1/4", "1/4"],
        _with_root_21("1/7", "-1/14,3/98", "3/7,-5/49"),
        _with_root_21("11/84,-1/84", "0", "2/7,-4/63", "1/12,1/252"),
        _with_root_21("5/48,-1/48", "0", "1/4,-1/36", "-77/120,-7/180", "63/80,7/80"),
        _with_root_21("5/21,1/42", "0", "-48/35,-92/315", "211/30,29/18", "-36/5,-23/14", "9/5,13/35"),
        _with_root_21("1/14", "0", "0", "0", "1/9,1/42", "13/63,1/21", "1/9"),
        _with_root_21("1/32", "0", "0", "0", "91/576,7/192", "11/72", "-385/1152,25/384", "63/128,-13/128"),
        _with_root_21(
            "1/14", "0", "0", "0", "1/9", "-733/2205,1/15", "515/504,-37/168", "-51/56,11/56", "132/245,-4/35"
        ),
        _with_root_21(
            *("0", "0", "0", "0", "-7/3,-7/18", "-2/5,-28/45", "-91/24,53/72"),
            *("301/72,-53/72", "28/45,28/45", "49/18,7/18"),
        ),
    ],
    _with_root_21(
        *("0", "1/2", "1/2", "1/2,-1/14", "1/2,-1/14", "1/2", "1/2,1/14", "1/2,1/14", "1/2", "1/2,-1/14", "1")
    ),
    ["1/20", 0, 0, 0, 0, 0, 0, "49/180", "16/45", "49/180", "1/20"],
)
"""Cooper & Verner 1972, 11 stages."""

AUTONOMOUS_RK4 = tableau(texts("", "1/2", "0 1/2", "0 0 1"), [0, "1/2", "1/3", 1], ["1/6", "1/3", "1/3", "1/6"])
"""The classical method with one node wrong: order 4 only where f does not depend on time."""

ORDERS: dict[str, tuple[Tableau, tuple[int, ...]]] = {
    "euler": (EULER, (1,)),
    "backward_euler": (BACKWARD_EULER, (1,)),
    "implicit_midpoint": (IMPLICIT_MIDPOINT, (2,)),
    "trapezoidal": (TRAPEZOIDAL, (2,)),
    "midpoint": (MIDPOINT, (2,)),
    "heun": (HEUN, (2,)),
    "ralston2": (RALSTON2, (2,)),
    "kutta3": (KUTTA3, (3,)),
    "ssprk33": (SSPRK33, (3,)),
    "rk4": (RK4, (4,)),
    "rk38": (RK38, (4,)),
    "bosh3": (BOSH3, (3, 2)),
    "dopri5": (DOPRI5, (5, 4)),
    "fehlberg45": (FEHLBERG45, (4, 5)),
    "cash_karp": (CASH_KARP, (5, 4)),
    "lobatto_iiic2": (LOBATTO_IIIC2, (2,)),
    "radau_iia3": (RADAU_IIA3, (3,)),
    "gauss4": (GAUSS4, (4,)),
    "gauss6": (GAUSS6, (6,)),
    "radau_iia5": (RADAU_IIA5, (5,)),
    "sdirk2": (SDIRK2, (2,)),
    "sdirk3": (SDIRK3, (3,)),
    "cooper_verner8": (COOPER_VERNER8, (8,)),
}
"""Tableaux and the orders that the literature gives their rows."""


def second_order(alpha: Exact) -> Tableau:
    """Every explicit method of order 2 with two stages."""
    return tableau([[], [alpha]], [0, alpha], [1 - 1 / (2 * alpha), 1 / (2 * alpha)])


def fourth_order(u: Exact, v: Exact) -> Tableau:
    """Kutta's explicit methods of order 4 with four stages and nodes 0, u, v, 1 (Butcher 2016, §322)."""
    common = 6 * u * v - 4 * u - 4 * v + 3
    b2 = (2 * v - 1) / (12 * u * (v - u) * (1 - u))
    b3 = (1 - 2 * u) / (12 * v * (v - u) * (1 - v))
    b4 = common / (12 * (1 - u) * (1 - v))
    a32 = v * (v - u) / (2 * u * (1 - 2 * u))
    a42 = (1 - u) * (u + v - 1 - (2 * v - 1) ** 2) / (2 * u * (v - u) * common)
    a43 = (1 - u) * (1 - v) * (1 - 2 * u) / (v * (v - u) * common)
    rows = [[], [u], [v - a32, a32], [1 - a42 - a43, a42, a43]]
    return tableau(rows, [0, u, v, 1], [1 - b2 - b3 - b4, b2, b3, b4])


def collocation(nodes: Sequence[Exact]) -> Tableau:
    """a_ij = ∫₀^c_i ℓ_j and b_j = ∫₀¹ ℓ_j, with the nodes' Lagrange polynomials ℓ_j (HNW I, §II.7)."""
    a: list[list[Exact]] = [[] for _ in nodes]
    weights = []
    for j, node in enumerate(nodes):
        basis = [ONE]
        for other in (*nodes[:j], *nodes[j + 1 :]):
            shifted = zip([ZERO, *basis], [*basis, ZERO], strict=True)
            basis = [(p - other * q) / (node - other) for p, q in shifted]
        integral = [ZERO, *(q / (k + 1) for k, q in enumerate(basis))]
        for i, c in enumerate(nodes):
            a[i].append(sum((q * c**k for k, q in enumerate(integral)), ZERO))
        weights.append(sum(integral, ZERO))
    return Tableau(tuple(map(tuple, a)), tuple(nodes), (tuple(weights),))


def extrapolated_midpoint(columns: int) -> Tableau:
    """Gragg's rule with 2, 4, …, 2k substeps, extrapolated: order 2k in 1 + k² stages (HNW I, §II.9)."""
    substeps = [2 * (k + 1) for k in range(columns)]
    rows: list[list[Fraction]] = [[]]
    nodes = [Fraction(0)]
    weights: dict[int, Fraction] = {}
    for n in substeps:
        before, state = {}, {0: Fraction(1, n)}  # a state is a combination of stages
        for j in range(1, n):
            stage = len(rows)
            rows.append([state.get(i, Fraction(0)) for i in range(stage)])
            nodes.append(Fraction(j, n))
            before, state = state, {**before, stage: Fraction(2, n)}
        share = Fraction(1)
        for m in substeps:
            share *= Fraction(n * n, n * n - m * m) if m != n else 1
        for i, q in state.items():
            weights[i] = weights.get(i, Fraction(0)) + share * q
    return tableau(rows, nodes, [weights.get(i, Fraction(0)) for i in range(len(rows))])


def rounded(method: Tableau, digits: int) -> Tableau:
    """Every coefficient cut to so many decimals, as tables are printed."""

    def cut(row: Sequence[Exact]) -> tuple[Exact, ...]:
        return tuple(Exact.of(Fraction(x.decimal(digits + 3)).__round__(digits)) for x in row)

    return Tableau(tuple(map(cut, method.a)), cut(method.c), tuple(map(cut, method.weights)))


def changed(method: Tableau, part: str, row: int, column: int, value: Exact) -> Tableau:
    """The tableau with one other coefficient; `part` is "a", "c" or "b"."""

    def put(rows: tuple[tuple[Exact, ...], ...]) -> tuple[tuple[Exact, ...], ...]:
        new = [list(values) for values in rows]
        new[row][column] = value
        return tuple(map(tuple, new))

    if part == "c":
        return Tableau(method.a, put((method.c,))[0], method.weights)
    return Tableau(
        put(method.a) if part == "a" else method.a, method.c, put(method.weights) if part == "b" else method.weights
    )
