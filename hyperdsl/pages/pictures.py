"""Stability regions as SVG, for pages that have them inline."""

from __future__ import annotations

from io import StringIO

from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from hyperdsl.pages.analysis import of_solver
from hyperdsl.pages.multistep_regions import draw_multistep_region
from hyperdsl.pages.regions import as_ever, draw_region
from hyperdsl.pages.sheet import Shown
from hyperdsl.semantics.model.additive import Additive
from hyperdsl.semantics.model.rosenbrock import Rosenbrock
from hyperdsl.semantics.model.spec import Method, Multistep, Solver
from hyperdsl.theory.runge_kutta.tableau import Tableau


@as_ever
def region_svg(value: Shown) -> str | None:
    """The stability region |R(z)| ≤ 1 of a method or of a solver's base: of an additive method its explicit part's.

    None for families and for methods of which no region is drawn.
    """
    figure = Figure(figsize=(4.0, 3.6), layout="constrained")
    FigureCanvasSVG(figure)
    panel = figure.subplots()
    if isinstance(value, Multistep):
        draw_multistep_region(panel, value.formula)
    else:
        found = _linear(of_solver(value) if isinstance(value, Solver) else value)
        if found is None or found[0].parameters:
            return None
        draw_region(panel, *found)
    panel.set_title("stability region", fontsize="medium")
    text = StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


def _linear(value: object) -> tuple[Tableau, float | None] | None:
    """The tableau whose stability function counts, and its real interval."""
    match value:
        case Method():
            return value.tableau, value.facts.real_stability
        case Rosenbrock():
            return value.tableau.linear, value.facts.real_stability
        case Additive():
            return value.pair.parts[0][1], value.facts.real_stability
        case _:
            return None
