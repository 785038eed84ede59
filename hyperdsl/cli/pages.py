"""What `hyperdsl show` prints of a method."""

from __future__ import annotations

import math

from rich.console import Console

from hyperdsl.cli.multistep_pages import print_multistep, print_predictor_corrector
from hyperdsl.semantics.families import range_text
from hyperdsl.semantics.model import Base, Method, Multistep, PredictorCorrector, Spec
from hyperdsl.semantics.proofs import shown
from hyperdsl.semantics.summary import orders
from hyperdsl.theory.order import principal_error
from hyperdsl.theory.tableau import Tableau
from hyperdsl.theory.trees import trees

MOST_TREES = 20


def methods_of(spec: Spec) -> dict[str, Base]:
    """The file's methods, and its solvers' bases."""
    own: tuple[Base, ...] = (*spec.methods, *spec.multisteps, *spec.predictor_correctors)
    return {method.name: method for method in own} | {solver.name: solver.base for solver in spec.solvers}


def print_base(method: Base, console: Console) -> None:
    match method:
        case Multistep():
            print_multistep(method, console)
        case PredictorCorrector():
            print_predictor_corrector(method, console)
        case Method():
            print_method(method, console)


def print_method(method: Method, console: Console) -> None:
    facts, tableau = method.facts, method.tableau
    proof = "proven exactly" if method.tolerance is None else f"proven within {float(method.tolerance):.0e}"
    console.print(f"[bold]{method.name}[/]: order {orders(method)}, {proof}")
    for parameter in method.parameters:
        console.print(f"  for {range_text(parameter.name, parameter.interval, method.nonzero)}", markup=False)
    console.print()
    for line in tableau_lines(tableau):
        console.print(f"    {line}", markup=False)
    console.print()
    fsal = ", first same as last" if facts.fsal else ""
    console.print(f"  kind           {tableau.kind}, {tableau.stages} stages, stage order {facts.stage_order}{fsal}")
    console.print(f"  conditions     {facts.conditions} trees up to order {method.claimed_order}")
    for tree in (tree for order in range(1, min(method.claimed_order, 4) + 1) for tree in trees(order)):
        console.print(f"                 {tree.condition()}", markup=False)
    if method.claimed_order > 4:
        console.print("                 and those of higher order")
    if facts.principal_error is not None:
        console.print(f"  error          ‖principal error‖ = {facts.principal_error:.6g}")
    _print_errors(method, console)
    if facts.real_stability is not None and facts.imaginary_stability is not None:
        real, imaginary = _length(facts.real_stability), _length(facts.imaginary_stability)
        console.print(f"  stability      real interval [-{real}, 0], imaginary [0, {imaginary}i]", markup=False)
    console.print()


def _length(value: float) -> str:
    return "∞" if math.isinf(value) else f"{value:.6g}"


def _print_errors(method: Method, console: Console) -> None:
    """The elementary differentials that the corrector has to learn as ε → 0, the largest first."""
    if method.facts.conditions > 1000:
        return
    found = [(tree, error) for tree, error in principal_error(method.tableau, method.facts.order) if not error.is_zero]
    if method.tolerance is not None:
        found = [(tree, error) for tree, error in found if abs(float(error)) > float(method.tolerance)]
    for tree, error in found[:MOST_TREES]:
        console.print(f"                 {shown(error)} · {tree.differential()}", markup=False)
    if len(found) > MOST_TREES:
        console.print(f"                 and {len(found) - MOST_TREES} more trees of order {method.facts.order + 1}")


def tableau_lines(tableau: Tableau) -> list[str]:
    """The tableau as text, its columns aligned, zeros above the diagonal left out."""
    rows = [[shown(c), *(map(shown, a))] for c, a in zip(tableau.c, tableau.a, strict=True)]
    for i, row in enumerate(rows):
        last = max((j for j, a in enumerate(tableau.a[i]) if not a.is_zero), default=-1)
        del row[last + 2 :]
    weights = [["", *map(shown, row)] for row in tableau.weights]
    widths = [
        max((len(row[j]) for row in (*rows, *weights) if j < len(row)), default=0) for j in range(tableau.stages + 1)
    ]

    def line(row: list[str]) -> str:
        cells = [f"{text:{widths[j + 1]}}" for j, text in enumerate(row[1:])]
        return f"{row[0]:{widths[0]}} | {'  '.join(cells)}".rstrip()

    body = [line(row) for row in rows]
    foot = [line(row) for row in weights]
    width = max(len(text) for text in (*body, *foot)) - widths[0] - 2
    return [*body, "-" * (widths[0] + 1) + "+" + "-" * max(2, width), *foot]
