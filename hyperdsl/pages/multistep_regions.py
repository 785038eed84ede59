"""A multistep method's stability region: where ρ(ζ) − zσ(ζ) has its roots in the unit circle, and the root locus curve
(Hairer & Wanner II, §V.1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hyperdsl.pages.regions import BLUE, LINE, RED, as_ever, save, window_lines
from hyperdsl.semantics.model.spec import Multistep
from hyperdsl.theory.multistep.formulas import LinearMultistep
from hyperdsl.theory.multistep.root_condition import boundary

_POINTS = 241
_LOCUS = 720
_WIDEST = 30.0


@as_ever
def plot_multistep_region(method: Multistep, path: Path) -> None:
    """Writes the region, filled, and the curve to a .png or .svg; OSError where the file cannot be written."""
    figure = Figure(figsize=(6.0, 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    panel = figure.subplots()
    draw_multistep_region(panel, method.formula)
    panel.set_title("stability region, and the root locus curve ρ(e^iθ)/σ(e^iθ)", fontsize="medium")
    figure.suptitle(f"{method.name}, order {method.formula.order}")
    save(figure, path)


def draw_multistep_region(
    panel: Axes, formula: LinearMultistep, colour: str = BLUE, curve: str = RED, line: str = LINE
) -> None:
    """The region of a formula and its root locus curve."""
    locus = np.array(boundary(formula.rho, formula.sigma, _LOCUS))
    near = locus[np.abs(locus) < _WIDEST]
    reach = 1.25 * max(0.5, float(np.abs(near).max(initial=0.0)))
    re, im = np.meshgrid(np.linspace(-reach, reach, _POINTS), np.linspace(-reach, reach, _POINTS))
    alpha, beta = (np.array([float(a) for a in row]) for row in (formula.alpha, formula.beta))
    largest = _largest_roots(alpha, beta, (re + 1j * im).ravel()).reshape(re.shape)
    panel.contourf(re, im, np.clip(largest - 1, -1, 1), levels=[-1.0, 0.0], colors=[colour], alpha=0.25)
    panel.plot(near.real, near.imag, ".", color=curve, markersize=1.5)
    window_lines(panel, line)


def _largest_roots(alpha: Any, beta: Any, z: Any) -> Any:
    """The largest modulus of a root of ρ − zσ at each z, from the eigenvalues of companion matrices."""
    polynomials = alpha[None, :] - z[:, None] * beta[None, :]
    lead = polynomials[:, -1:]
    k = len(alpha) - 1
    companions = np.zeros((len(z), k, k), dtype=complex)
    companions[:, 1:, :-1] = np.eye(k - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        companions[:, :, -1] = -polynomials[:, :-1] / lead
    usable = np.isfinite(companions).all((1, 2))
    found = np.full(len(z), np.inf)
    found[usable] = np.abs(np.linalg.eigvals(companions[usable])).max(1)
    return found
