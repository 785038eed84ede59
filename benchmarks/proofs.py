"""Speed of proofs, and NodePy beside them.

    pip install -e '.[bench]'
    python -m benchmarks.proofs

runs the benchmarks of this file with pytest-benchmark, compares exact checks with NodePy's, and writes
results/proofs.md. `python -m pytest benchmarks/proofs.py` runs the benchmarks alone.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from benchmarks import study
from hyperdsl.semantics.methods.proofs import prove
from hyperdsl.semantics.model.spec import Method
from hyperdsl.semantics.reading.scope import Project
from hyperdsl.theory.numbers import irrational
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.order import prove_order
from hyperdsl.theory.runge_kutta.stages import exact_stages
from hyperdsl.theory.runge_kutta.tableau import Tableau
from hyperdsl.theory.runge_kutta.trees import PLAIN
from hyperdsl.theory.runge_kutta.weights import elementary_weights


@cache
def project() -> Project:
    return Project()


def method(name: str) -> Method:
    return project().library_method(name)


def orders(name: str) -> tuple[int, ...]:
    """The orders of all rows of weights."""
    found = method(name)
    return tuple(prove_order(found.tableau, row, found.tolerance).order for row in range(len(found.tableau.weights)))


def facts(name: str) -> int:
    """All that `check` prints of a method, computed afresh."""
    found = method(name)
    return prove.__wrapped__(found.tableau, found.claimed_order, found.tolerance).order


def exact_weights(name: str, order: int) -> int:
    """Every elementary weight of an order, in exact arithmetic."""
    return sum(1 for _ in elementary_weights(exact_stages(method(name).tableau), PLAIN, order))


CASES: dict[str, tuple[Callable[[], object], object, float | None]] = {
    "order 8, 13 stages, rational: dverk8": (lambda: orders("dverk8"), (8, 7), 20),
    "order 8, 13 stages, rational: fehlberg78": (lambda: orders("fehlberg78"), (7, 8), 20),
    "order 10, 17 stages, 85 digits: all 1205 weights of hairer10, exactly": (
        lambda: exact_weights("hairer10", 10),
        1205,
        1000,
    ),
    "order 10, 17 stages, 85 digits: hairer10 to its tolerance": (lambda: orders("hairer10"), (10,), 1000),
    "order 8 over Q(sqrt(21)): cooper_verner8": (lambda: orders("cooper_verner8"), (8,), 100),
    "family of order 4 in two parameters: fourth_order": (lambda: orders("fourth_order"), (4,), 300),
    "order 9, 16 stages, rational: verner_efficient9": (lambda: orders("verner_efficient9"), (9, 8), None),
    "order 10 over a field of degree 8: gauss10": (lambda: orders("gauss10"), (10,), None),
    "order 10 over a field of degree 8: lobatto_iiic10": (lambda: orders("lobatto_iiic10"), (10,), None),
    "order 4 over Q(cos(pi/18)): crouzeix4": (lambda: orders("crouzeix4"), (4,), None),
    "order 14, 35 stages, 85 digits: feagin14 to its tolerance": (lambda: orders("feagin14"), (14,), None),
    "all facts of dverk8": (lambda: facts("dverk8"), 8, None),
    "all facts of hairer10": (lambda: facts("hairer10"), 10, None),
    "all facts of cooper_verner8": (lambda: facts("cooper_verner8"), 8, None),
}
"""What is measured, its result, and the median in milliseconds that it must not exceed."""


@pytest.mark.parametrize("name", CASES)
def test_proof(benchmark: Any, name: str) -> None:
    run, expected, _ = CASES[name]
    run()  # trees are made once in a process
    assert benchmark(run) == expected


def measured(cases: Iterable[str], smallest: bool) -> dict[str, float]:
    """Medians in milliseconds: by pytest-benchmark, where that is installed and not only the smallest run is wanted."""
    if smallest or find_spec("pytest_benchmark") is None:
        return {name: median_of(CASES[name][0]) for name in cases}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "benchmarks.json"
        command = [sys.executable, "-m", "pytest", "-q", str(Path(__file__)), f"--benchmark-json={file}"]
        subprocess.run([*command, "--benchmark-min-rounds=5", "--benchmark-max-time=0.5"], check=True)
        found = json.loads(file.read_text())["benchmarks"]
    return {entry["params"]["name"]: entry["stats"]["median"] * 1e3 for entry in found}


COMPARED = (
    *("rk4", "rk38", "ssprk104", "gauss4", "radau_iia5", "lobatto_iiic6", "bosh3", "merson4", "zonneveld4", "bosh5"),
    *("fehlberg45", "cash_karp", "dopri5", "higham_hall5", "gauss6", "butcher6", "dverk6", "verner_efficient6"),
    *("enright_verner7", "verner_efficient7", "fehlberg78", "cooper_verner8", "dverk8", "verner8_1978"),
)


PATIENCE = 60
"""Seconds after which an exact check of NodePy's is given up."""


def median_of(run: Callable[[], object]) -> float:
    """Of as many runs as two seconds allow, at most seven; milliseconds."""
    times: list[float] = []
    while len(times) < 7 and sum(times) < 2:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def nodepys(theirs: Any) -> tuple[float, int | None]:
    """NodePy's milliseconds, infinite where it was given up, and the order that it finds."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        try:
            return pool.apply_async(_nodepys, (theirs,)).get(PATIENCE)
        except multiprocessing.TimeoutError:
            return math.inf, None


def _nodepys(theirs: Any) -> tuple[float, int]:
    found: list[int] = []
    return median_of(lambda: found.append(int(theirs.order(mode="exact")))), found[0]


def nodepy_method(tableau: Tableau) -> Any:
    import numpy as np
    from nodepy import rk

    a = np.array([[symbolic(value) for value in row] for row in tableau.a])
    b = np.array([symbolic(value) for value in tableau.weights[0]])
    kind = rk.ExplicitRungeKuttaMethod if tableau.kind == "explicit" else rk.RungeKuttaMethod
    with contextlib.redirect_stdout(io.StringIO()):
        return kind(a, b)


def symbolic(value: Exact) -> Any:
    import sympy

    terms = (sympy.Rational(int(q.p), int(q.q)) * sympy.sqrt(d) for d, q in value.terms.items())
    return sympy.Add(*terms)


def exact_of(expression: Any) -> Exact:
    """A number of NodePy's collection; ValueError where it is a float."""
    import sympy

    number = sympy.sympify(expression)
    if number.is_Rational:
        return Exact.of(Fraction(int(number.p), int(number.q)))
    arguments = number.args
    if number.is_Add:
        return sum(map(exact_of, arguments), Exact.of(0))
    if number.is_Mul:
        return math.prod(map(exact_of, arguments), start=Exact.of(1))
    if number.is_Pow and arguments[1].is_Integer:
        return exact_of(arguments[0]) ** int(arguments[1])
    if number.is_Pow and arguments[1] == sympy.Rational(1, 2):
        return irrational.sqrt(exact_of(arguments[0]))
    if number.func == sympy.cos and (arguments[0] / sympy.pi).is_Rational:
        turn = arguments[0] / sympy.pi
        return irrational.cos_pi(Fraction(int(turn.p), int(turn.q)))
    raise ValueError(f"{expression} is not exact")


def collection() -> list[tuple[str, Tableau, Any]]:
    """NodePy's own methods, those with exact coefficients."""
    from nodepy import rk

    found = []
    with contextlib.redirect_stdout(io.StringIO()):
        methods = rk.loadRKM("All")
    for name, theirs in methods.items():
        with contextlib.suppress(ValueError):
            a = tuple(tuple(map(exact_of, row)) for row in theirs.A)
            ours = Tableau(a, tuple(map(exact_of, theirs.c)), (tuple(map(exact_of, theirs.b)),))
            found.append((f"{name} (NodePy's)", ours, theirs))
    return found


def comparison() -> list[tuple[str, int, int, float, float, int | None]]:
    """(method, stages, order, hyperdsl, NodePy, the order that NodePy finds), both of the propagated row, exactly."""
    pairs = [(name, method(name).tableau, nodepy_method(method(name).tableau)) for name in COMPARED]
    rows = []
    for name, tableau, theirs in (*collection(), *pairs):
        slow, found = nodepys(theirs)
        quick = median_of(partial(prove_order, tableau))
        rows.append((name, tableau.stages, prove_order(tableau).order, quick, slow, found))
    return rows


def shown(milliseconds: float) -> str:
    return f"> {PATIENCE}000, given up" if math.isinf(milliseconds) else f"{milliseconds:.1f}"


def main(arguments: Sequence[str] | None = None) -> None:
    given = study.given(study.parser(__doc__, seeds=None), arguments)
    cases = list(CASES)[: 1 if given.smallest else None]
    medians = measured(cases, given.smallest)
    lines = ["# Speed of proofs", "", "Medians in milliseconds.", ""]
    lines += ["| proof | ms | at most |", "| --- | --- | --- |"]
    lines += [f"| {name} | {medians[name]:.2f} | {CASES[name][2] or ''} |" for name in cases]
    rows = comparison() if find_spec("nodepy") and not given.smallest else []
    lines += beside(rows) if rows else ["", "NodePy is not installed, or was not asked: no comparison."]
    study.write(given, "proofs", "\n".join(lines))
    if not given.smallest:
        for name, (_, _, limit) in CASES.items():
            assert limit is None or medians[name] <= limit, name
        assert all(slow > quick * (10 if order >= 6 else 1) for _, _, order, quick, slow, _ in rows)


def beside(rows: Iterable[tuple[str, int, int, float, float, int | None]]) -> list[str]:
    """The comparison with NodePy in Markdown."""
    lines = ["", "## Beside NodePy 1.1.1", "", "The order of the propagated row, exact arithmetic in both."]
    lines += ["", "| method | stages | order | hyperdsl | NodePy | NodePy's order |"]
    lines += ["| --- | --- | --- | --- | --- | --- |"]
    return lines + [
        f"| {name} | {stages} | {order} | {quick:.2f} | {shown(slow)} | {theirs or '–'} |"
        for name, stages, order, quick, slow, theirs in rows
    ]


if __name__ == "__main__":
    main()
