"""Random methods that satisfy their order conditions by construction, as text and as the numbers in it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import sympy
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, composite

RADICALS = (2, 3, 5, 7)


@dataclass(frozen=True)
class Drawn:
    """A declaration and the numbers in it. `parameters` of a family lie in 1/4 .. 3/4."""

    name: str
    text: str
    numbers: dict[str, object]
    parameters: tuple[str, ...] = ()
    weights: int = 1
    dense: tuple[str, ...] = ()
    explicit: bool = True
    order: int = 1


KNOWN: dict[str, tuple[dict[str, object], int]] = {
    "euler": ({"c": ["0"], "a": [[]], "weights": [["1"]]}, 1),
    "midpoint": ({"c": ["0", "1/2"], "a": [[], ["1/2"]], "weights": [["0", "1"]]}, 2),
    "heun": ({"c": ["0", "1"], "a": [[], ["1"]], "weights": [["1/2", "1/2"]]}, 2),
    "rk4": (
        {
            "c": ["0", "1/2", "1/2", "1"],
            "a": [[], ["1/2"], ["0", "1/2"], ["0", "0", "1"]],
            "weights": [["1/6", "1/3", "1/3", "1/6"]],
        },
        4,
    ),
}
"""Methods that learned coefficients may start from, as every textbook has them, and their evaluations a step."""


def adams(count: int) -> dict[str, object]:
    """Adams–Bashforth 2 on so many equal parts of a step, its first Euler's: half, whole, …, whole, one and a half."""
    rows = [[], [f"1/{count}"]]
    rows += [[f"1/{2 * count}", *[f"1/{count}"] * (i - 2), f"3/{2 * count}"] for i in range(2, count + 1)]
    return {"c": [f"{i}/{count}" for i in range(count)], "a": rows[:-1], "weights": rows[-1:]}


fractions = st.builds(Fraction, st.integers(-12, 12), st.integers(1, 12))
nonzero = fractions.filter(bool)


@composite
def spelled(draw: DrawFn, value: Fraction) -> str:
    """One of the ways to write a number."""
    ways = [str(value), f"{value.numerator}/{value.denominator}", f"({value.numerator})/({value.denominator})"]
    ways.append(f"2^-1*({2 * value})")
    part = draw(fractions)
    ways.append(f"{part} - ({part - value})")
    if 10**6 % value.denominator == 0:
        ways += [f"{float(value):.6f}", f"{int(value * 10**6)}e-6"]
    return draw(st.sampled_from(ways))


@composite
def coefficients(draw: DrawFn, radical: int | None, parameters: tuple[str, ...]) -> str:
    """A number, one of ℚ(√d), or an expression in the parameters."""
    text = draw(spelled(draw(fractions)))
    spoken = draw(st.booleans()) if parameters else False
    if spoken:
        name = draw(st.sampled_from(parameters))
        form = draw(st.sampled_from(["{q}*{p}", "{q} + {p}", "{q}*{p}^2", "({q})/(1 + {p})", "{q} - {p}*(1 - {p})"]))
        return form.format(q=text, p=name) if "-" not in text[:1] else form.format(q=f"({text})", p=name)
    if radical and draw(st.booleans()):
        return f"{text} + ({draw(nonzero)})*sqrt({radical})"
    return text


def exact(text: str) -> sympy.Expr:
    names = {name: sympy.Symbol(name, positive=True) for name in ("alpha", "beta", "theta")}
    return sympy.sympify(text.replace("^", "**"), locals=names, rational=True)


def written(value: sympy.Expr) -> str:
    return str(value).replace("**", "^")


@composite
def weight_rows(draw: DrawFn, c: list[str], order: int, radical: int | None, parameters: tuple[str, ...]) -> list[str]:
    """Weights with Σ b = 1 and, for order 2, Σ b c = 1/2: all but two drawn, those two solved for."""
    nodes = [exact(text) for text in c]
    chosen = [draw(coefficients(radical, parameters)) for _ in c]
    pivot = next((i for i in range(1, len(c)) if nodes[i] != 0 and nodes[i] != nodes[0]), None)
    if order == 2:
        assert pivot is not None
        rest = [(exact(chosen[i]), nodes[i]) for i in range(1, len(c)) if i != pivot]
        left, moment = 1 - sum(b for b, _ in rest), sympy.Rational(1, 2) - sum(b * node for b, node in rest)
        chosen[pivot] = written((moment - left * nodes[0]) / (nodes[pivot] - nodes[0]))
    chosen[0] = written(1 - sum(exact(text) for text in chosen[1:]))
    return chosen


def tableau_text(c: list[str], rows: list[list[str]], weights: list[list[str]]) -> str:
    lines = [f"        {node} | {', '.join(row)}" for node, row in zip(c, rows, strict=True)]
    lines += ["        --+--", *(f"          | {', '.join(row)}" for row in weights)]
    return "    tableau {\n" + "\n".join(lines) + "\n    }\n"


@composite
def dense_weights(draw: DrawFn, c: list[str], weights: list[str], order: int) -> list[str]:
    """b_i(θ) = θ (b_i + (θ − 1) d_i), with Σ d = 0 and, for order 2, Σ d c = 1/2."""
    extra = [str(draw(fractions)) for _ in c]
    nodes = [exact(text) for text in c]
    if order == 2:
        pivot = next(i for i in range(1, len(c)) if nodes[i] != nodes[0])
        others = [i for i in range(1, len(c)) if i != pivot]
        left, moment = -sum(exact(extra[i]) for i in others), sympy.Rational(1, 2)
        moment -= sum(exact(extra[i]) * nodes[i] for i in others)
        extra[pivot] = written((moment - left * nodes[0]) / (nodes[pivot] - nodes[0]))
    extra[0] = written(-sum(exact(text) for text in extra[1:]))
    return [f"theta*({b} + (theta - 1)*({d}))" for b, d in zip(weights, extra, strict=True)]


@composite
def tableaux(draw: DrawFn, name: str, *, explicit: bool = True, family: bool = False, pair: bool = False) -> Drawn:
    """A Runge–Kutta method: c = A·1, of order 1 or 2; a pair has rows of weights of orders 2 and 1, or 1 and 1."""
    parameters = draw(st.sampled_from([("alpha",), ("alpha", "beta")])) if family else ()
    radical = None if family else draw(st.sampled_from([None, None, *RADICALS]))
    stages = draw(st.integers(2 if pair or family else 1, 3 if family else 5))
    c, rows = _stages(draw, stages, radical, parameters, explicit=explicit)
    several = stages > 1 and len({str(sympy.nsimplify(exact(text))) for text in c}) > 1
    order = draw(st.sampled_from([1, 2])) if several else 1
    weights = [draw(weight_rows(c, order, radical, parameters))]
    if pair:
        weights.append(draw(weight_rows(c, 1, radical, parameters)))
    dense: tuple[str, ...] = ()
    if explicit and not family and draw(st.integers(0, 2)) == 0:
        dense = tuple(draw(dense_weights(c, weights[0], order)))
    dense_text = f"    dense {order} {{\n        | {', '.join(dense)}\n    }}\n" if dense else ""
    if explicit and draw(st.integers(0, 3)) == 0:
        _end_on_a_stage(draw, c, rows, weights)
    where = "    where " + ", ".join(f"1/4 <= {p} <= 3/4" for p in parameters) + "\n" if parameters else ""
    head = f"method {name}({', '.join(parameters)}) {{\n" if parameters else f"method {name} {{\n"
    claim = f"    order {order}(1)\n" if pair else f"    order {order}\n"
    text = head + where + claim + tableau_text(c, rows, weights) + dense_text + "}\n"
    numbers: dict[str, object] = {"c": c, "a": rows, "weights": weights}
    return Drawn(name, text, numbers, parameters, len(weights), dense, explicit, order)


def _stages(
    draw: DrawFn, stages: int, radical: int | None, parameters: tuple[str, ...], *, explicit: bool
) -> tuple[list[str], list[list[str]]]:
    """Rows of A and their sums; in a family the first node after 0 is a parameter, so that it may be divided by."""
    rows: list[list[str]] = []
    for i in range(stages):
        length = i if explicit else stages
        if parameters and i == 1:
            rows.append([parameters[0]])
        else:
            rows.append([draw(coefficients(radical, parameters)) for _ in range(length)])
    if explicit and stages > 2 and draw(st.integers(0, 4)) == 0:  # the same stage twice
        again = draw(st.integers(0, stages - 2))
        rows[-1] = [*rows[again], *["0"] * (stages - 1 - again)]
    return [written(sum((exact(text) for text in row), sympy.Integer(0))) for row in rows], rows


def _end_on_a_stage(draw: DrawFn, c: list[str], rows: list[list[str]], weights: list[list[str]]) -> None:
    """A last stage at the end of the step (FSAL), which the second row of weights may read."""
    rows.append(list(weights[0]))
    c.append("1")
    share = str(draw(fractions))
    for row, last in zip(weights, ("0", share), strict=False):
        row.append(last)
        row[0] = written(exact(row[0]) - exact(last))


@composite
def multisteps(draw: DrawFn, name: str, *, implicit: bool) -> Drawn:
    """A zero-stable formula: states' weights that are positive and sum to 1, derivatives' that solve the moments."""
    states = draw(st.integers(1, 3))
    shares = [draw(st.integers(1, 6)), *(draw(st.integers(0, 6)) for _ in range(states - 1))]
    a = [Fraction(share, sum(shares)) for share in shares]
    order = draw(st.integers(1, 4))
    times = list(range(1 if implicit else 0, (1 if implicit else 0) - order, -1))
    moments = [
        (1 - sum((w * Fraction((-j) ** q) for j, w in enumerate(a)), Fraction(0))) / q for q in range(1, order + 1)
    ]
    matrix = sympy.Matrix([[sympy.Integer(t) ** (q - 1) for t in times] for q in range(1, order + 1)])
    b = list(matrix.LUsolve(sympy.Matrix([sympy.Rational(m.numerator, m.denominator) for m in moments])))
    z_terms = [f"({draw(spelled(w))})*z[n{-j if j else ''}]" for j, w in enumerate(a)]
    f_terms = [f"({written(w)})*f[n{'+1' if t == 1 else t if t else ''}]" for t, w in zip(times, b, strict=True)]
    start = draw(st.sampled_from(["", "    start rk4(substeps = 2)\n"]))
    equation = f"z[n+1] = {' + '.join(z_terms)} + h*({' + '.join(f_terms)})"
    text = f"multistep {name} {{\n    order {order}\n    {equation}\n{start}}}\n"
    numbers: dict[str, object] = {"a": [str(w) for w in a], "b": [str(w) for w in b], "newest": times[0]}
    explicit = not implicit or b[0] == 0
    return Drawn(name, text, numbers, explicit=explicit, order=order)


@composite
def pairs(draw: DrawFn, name: str) -> Drawn:
    """A predictor, a corrector, and how often that corrects."""
    predictor = draw(multisteps(f"{name}p", implicit=False))
    corrector = draw(multisteps(f"{name}c", implicit=True).filter(lambda drawn: not drawn.explicit))
    mode = "P" + "EC" * draw(st.integers(1, 3)) + draw(st.sampled_from(["", "E"]))
    text = f"predictor_corrector {name} {{\n    predict {name}p\n    correct {name}c\n    mode {mode}\n}}\n"
    numbers: dict[str, object] = {"predict": predictor.numbers, "correct": corrector.numbers, "mode": mode}
    return Drawn(name, predictor.text + corrector.text + text, numbers)
