"""Stiff problems beside SciPy's methods: python -m benchmarks.stiff [--only TABLE]

Error, evaluations, Jacobians and factorisations of Radau and BDF beside SciPy's at equal tolerances, and how their
ratios are spread at tolerances near by; 1,000 Robertson reactions, each with steps of its own, beside a loop over
SciPy's Radau and LSODA; the Brusselator with diffusion by implicit-explicit pairs, Newton–Krylov and explicit steps;
slopes of convergence where a problem is not stiff and where it is; Robertson's reaction with an algebraic equation.
Writes benchmarks/results/stiff.md and .json.
"""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from scipy.integrate import solve_ivp
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks import study
from benchmarks.stiff_tolerances import ENDS, Table, equal_tolerances, nearby, solvers
from hyperdsl.evaluation.report import markdown
from hyperdsl.evaluation.scipy_methods import scipy_solve
from hyperdsl.evaluation.stiff import STIFF, brusselator_1d

REACTIONS, LOOPED = 1000, 20


def reaction(k: Sequence[float]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """f and its Jacobian in plain numbers, as a user of SciPy writes them."""
    slow, fast, back = k

    def f(s: float, y: Any) -> list[float]:
        a, b, c = y
        return [
            back * b * c - slow * a,
            slow * a - back * b * c - fast * b * b,
            fast * b * b,
        ]

    def jacobian(s: float, y: Any) -> Any:
        _, b, c = y
        rows = [-slow, back * c, back * b], [slow, -back * c - 2 * fast * b, -back * b], [0, 2 * fast * b, 0]
        return np.array(rows)

    return f, jacobian


def batches(small: bool) -> Table:
    """Reactions with parameters of their own: all at once, and in a loop."""
    count, looped = (4, 2) if small else (REACTIONS, LOOPED)
    problem = STIFF["robertson"].problem({"k1": (0.02, 0.08), "k2": (1.5e7, 6e7), "k3": (5e3, 2e4)})
    z0, x = problem.draw(count, torch.Generator().manual_seed(0))
    assert x is not None
    rtol, atol, span = 1e-6, 1e-12, (0.0, 10.0 if small else 1e11)
    loops: dict[str, list[Any]] = {}
    seconds: dict[str, float] = {}
    for method in ("Radau", "LSODA"):
        start = time.perf_counter()
        loops[method] = [
            solve_ivp(f, span, [1.0, 0.0, 0.0], method=method, rtol=rtol, atol=atol, jac=jacobian)
            for f, jacobian in map(reaction, x[:looped].tolist())
        ]
        seconds[method] = (time.perf_counter() - start) / looped * count
    exact = torch.from_numpy(
        np.array(
            [
                solve_ivp(f, span, [1.0, 0, 0], method="LSODA", rtol=1e-11, atol=1e-18, jac=jacobian).y[:, -1]
                for f, jacobian in map(reaction, x[:looped].tolist())
            ]
        )
    )

    def worst(ends: Tensor) -> str:
        return f"{float(((ends[:looped] - exact) / exact).abs().max()):.1e}"

    rows = []
    for method, found in loops.items():
        ends = torch.from_numpy(np.array([one.y[:, -1] for one in found]))
        evaluations = statistics.fmean(one.nfev for one in found)
        rows.append([f"SciPy's {method}, a loop", f"{seconds[method]:.1f}", "1.0", f"{evaluations:.0f}", worst(ends)])
        rows[-1][2] = f"{seconds['Radau'] / seconds[method]:.1f}"
    for name in ("RadauEach", "Rodas5pEach"):
        solver, given = solvers()[name], {"rtol": rtol, "atol": atol, "jacobian": problem.jacobian, "x": x}
        solver.solve(problem.f, z0[:2], (0.0, 1e-3), **given | {"x": x[:2]})  # what torch makes once
        start = time.perf_counter()
        end = solver.solve(problem.f, z0, span, throw=False, dense=False, **given)
        taken = time.perf_counter() - start
        calls = str(end.statistics.evaluations)
        rows.append([f"{name}, all at once", f"{taken:.1f}", f"{seconds['Radau'] / taken:.1f}", calls, worst(end.z)])
        print(*rows[-1], flush=True)
    heads = ["method", f"seconds for {count}", "Radau's time over it", "evaluations (a sample; of the batch)"]
    title = f"{count} Robertson reactions to {span[1]:g}, rtol {rtol:g} (loops timed on {looped})"
    return title, [*heads, "largest relative error"], rows


class Largest(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves the base untyped
    """The numbers in the largest tensor that is made within."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            self.numbers = max(self.numbers, result.numel())
        return result


def diffusion(small: bool) -> Table:
    """The Brusselator on a line, by implicit and explicit steps."""
    rows = []
    for cells in (20,) if small else (100, 500):
        problem = brusselator_1d(cells).problem()
        z0, _ = problem.draw(1, torch.Generator())
        span = (0.0, 0.1) if small else (0.0, 1.0)
        given: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-6}
        exact = scipy_solve(problem.f, z0, span, method="radau", rtol=1e-9, atol=1e-9, jacobian=problem.jacobian).z
        explicit = math.nan
        for name in ("Dopri5", "Imex", "Radau", "Rodas5p", "EsdirkKrylov"):
            solver = solvers()[name]
            more = {"jacobian": problem.jacobian} if name in {"Radau", "Rodas5p"} else {}
            f: Any = problem.parts if name == "Imex" else problem.f
            start = time.perf_counter()
            found = solver.solve(f, z0, span, throw=False, dense=False, **given, **more)
            taken = time.perf_counter() - start
            explicit = taken if name == "Dopri5" else explicit
            with Largest() as largest:
                solver.solve(f, z0, (0.0, span[1] / 1000), throw=False, dense=False, **given, **more)
            error = float((found.z - exact).norm() / exact.norm())
            row = [str(cells), name, f"{taken:.2f}", f"{explicit / taken:.1f}", str(found.statistics.accepted)]
            row += [str(found.statistics.evaluations), str(found.statistics.products)]
            row += [f"{error:.1e}", f"{largest.numbers / z0.numel():.0f}"]
            rows.append(row)
            print(*row, flush=True)
    heads = ["cells", "method", "seconds", "explicit over it", "steps", "evaluations"]
    heads += ["products J v", "relative error"]
    return "The Brusselator with diffusion from 0 to 1, rtol 1e-4", [*heads, "largest tensor, in states"], rows


FIXED = (
    "BackwardEuler",
    "Sdirk2",
    "TrBdf2",
    "Gauss4",
    "RadauIIA3",
    "RadauIIA5",
    "LobattoIIIC4",
    "HairerWannerSdirk4",
    "Ros3p",
    "Rodas4",
    "Rodas4p",
    "Bdf2",
    "Bdf4",
)
STIFFNESS = {1.0: (8, 16, 32, 64, 128, 256, 512), 1e4: (8, 16, 32, 64)}
"""λ, and numbers of steps: for the slope of a stiff problem ελ stays above 300."""


def prothero_robinson(stiffness: float) -> Callable[..., Tensor]:
    """z' = −λ (z − φ) + φ' with φ = sin(s + π/4), whose solution from φ on is φ."""

    def f(s: Any, z: Tensor) -> Tensor:
        now = torch.as_tensor(s) + math.pi / 4
        return -stiffness * (z - torch.sin(now)) + torch.cos(now)

    return f


def slope(solver: Any, stiffness: float, small: bool) -> tuple[float, float]:
    """Of the error at 2 over the step, by least squares of the last three above rounding; and the error of 64 steps.

    Longer steps show terms of higher orders, and of a formula with a history its start.
    """
    span, exact = (0.0, 2.0), math.sin(2 + math.pi / 4)
    z0 = torch.full((1, 1), math.sin(math.pi / 4), dtype=torch.float64)
    errors = {
        steps: abs(float(solver(prothero_robinson(stiffness), z0, span, steps)) - exact)
        for steps in STIFFNESS[stiffness][: 2 if small else None]
    }
    points = [(math.log(2 / steps), math.log(error)) for steps, error in errors.items() if error > 3e-13][-3:]
    if len(points) < 2:
        return math.nan, errors.get(64, math.nan)
    x, y = np.array(points).T
    return float(np.polyfit(x, y, 1)[0]), errors.get(64, math.nan)


def order_reduction(small: bool) -> Table:
    """Slopes where Prothero and Robinson's problem is not stiff and where it is."""
    rows = []
    for name in FIXED[: 2 if small else None]:
        solver = solvers()[name]
        row = [name, str(solver.order)]
        for stiffness in STIFFNESS:
            found, last = slope(solver, stiffness, small)
            row += [f"{found:.2f}", f"{last:.1e}"]
        rows.append(row)
        print(*row, flush=True)
    heads = ["method", "proven order", "slope, λ = 1", "error, 64 steps", "slope, λ = 1e4", "error, 64 steps"]
    return "Order reduction on z' = −λ (z − φ) + φ', fixed steps from 0 to 2", heads, rows


def algebraic(small: bool) -> Table:
    """Robertson's reaction with the sum of its substances as an algebraic equation."""
    rows = []
    own = STIFF["robertson"].problem()
    z0, _ = own.draw(1, torch.Generator())
    exact = torch.tensor([ENDS["robertson"]], dtype=torch.float64)

    def f(s: Any, z: Tensor) -> Tensor:
        return torch.cat((own.f(s, z)[..., :2], z.sum(-1, keepdim=True) - 1), -1)

    for name in ("Radau", "Rodas5p")[: 1 if small else None]:
        for rtol in (1e-4,) if small else (1e-4, 1e-6, 1e-8):
            mass = torch.diag(torch.tensor([1.0, 1.0, 0.0]))
            given: dict[str, Any] = {"rtol": rtol, "atol": rtol * 1e-6, "dense": False}
            found = solvers()[name].solve(f, z0, own.span, mass=mass, **given)
            worst = float(((found.z - exact) / exact).abs().max())
            held = f"{abs(float(found.z.sum()) - 1):.1e}"
            rows.append([name, f"{rtol:.0e}", f"{worst:.1e}", held, str(found.statistics.accepted)])
    return (
        "Robertson's reaction to 1e11 with a + b + c = 1 in place of c' (mass = diag(1, 1, 0))",
        ["method", "rtol", "largest relative error", "equation misses by", "steps"],
        rows,
    )


TABLES: dict[str, Callable[[bool], Table]] = {
    "tolerances": equal_tolerances,
    "nearby": nearby,
    "batches": batches,
    "diffusion": diffusion,
    "orders": order_reduction,
    "algebraic": algebraic,
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study.parser(__doc__, seeds=None)
    parser.add_argument("--only", choices=tuple(TABLES), help="one of the tables; the others stay as they are")
    given = study.given(parser, arguments)
    stored = given.output / "stiff.json"
    tables: dict[str, Any] = json.loads(stored.read_text("utf-8")) if stored.exists() else {}
    for key, make in TABLES.items():
        if given.only in (None, key):
            title, heads, rows = partial(make, given.smallest)()
            tables[key] = {"title": title, "heads": heads, "rows": rows}
    ordered = [tables[key] for key in TABLES if key in tables]
    text = "\n".join(f"## {table['title']}\n\n{markdown(table['heads'], table['rows'])}" for table in ordered)
    tables.pop("command", None)
    study.write(given, "stiff", text, tables)
    print(text)


if __name__ == "__main__":
    main()
