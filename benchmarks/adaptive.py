"""Adaptive solvers beside their peers: python -m benchmarks.adaptive [--skip-times]

Error and evaluations of the generated pairs beside torchdiffeq's at equal tolerances; steps of its own for each sample
beside joint ones; milliseconds beside torchdiffeq, and beside torchode and torchdyn where they are installed. Writes
benchmarks/results/adaptive.md and .json.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchdiffeq import odeint
from torchdiffeq._impl.odeint import SOLVERS
from torchdiffeq._impl.rk_common import RKAdaptiveStepsizeODESolver, _ButcherTableau

from benchmarks import study
from hyperdsl.compiler import library_method
from hyperdsl.evaluation.cost import milliseconds
from hyperdsl.evaluation.packages import load_package
from hyperdsl.evaluation.problems import CLASSICAL, VectorField
from hyperdsl.evaluation.report import markdown
from hyperdsl.evaluation.solvers import reference_solution
from hyperdsl.runtime.field import Counted

STATES, UNSEEN = 16, 1_000_003
TOLERANCES = (1e-3, 1e-5, 1e-7, 1e-9)
Table = tuple[str, list[str], list[list[str]]]


def tsit5_of_torchdiffeq() -> type[RKAdaptiveStepsizeODESolver]:
    """torchdiffeq's own machinery with the tableau that it does not have."""
    method = library_method("tsit5")
    assert method is not None
    a, c, (b, embedded) = method.tableau.a, method.tableau.c, method.tableau.weights[:2]
    rows = [torch.tensor([float(value) for value in row[:i]], dtype=torch.float64) for i, row in enumerate(a)][1:]
    weights = torch.tensor([float(value) for value in b], dtype=torch.float64)
    error = torch.tensor([float(x - y) for x, y in zip(b, embedded, strict=True)], dtype=torch.float64)

    class Tsit5(RKAdaptiveStepsizeODESolver):  # type: ignore[misc]  # torchdiffeq has no types
        order = 5
        tableau = _ButcherTableau(torch.tensor([float(x) for x in c[1:]], dtype=torch.float64), rows, weights, error)
        mid = 0.5 * weights  # is for requested times alone

    return Tsit5


def generated(package: str) -> Any:
    return next(iter(load_package(Path("generated") / package).solvers.values()))()


def pairs(small: bool) -> Table:
    """Error and evaluations over torchdiffeq's."""
    SOLVERS["tsit5"] = tsit5_of_torchdiffeq()
    rows = []
    for name in ("dopri5", "tsit5", "bosh3")[: 1 if small else None]:
        solver = generated(f"adaptive_{name}")
        for system, problem in list(CLASSICAL.items())[: 1 if small else None]:
            z0, _ = problem.draw(STATES, torch.Generator().manual_seed(UNSEEN))
            exact = reference_solution(problem.f, z0, problem.span, tolerance=1e-11).z
            for tolerance in TOLERANCES[: 1 if small else None]:
                own = solver.solve(
                    problem.f, z0, problem.span, rtol=tolerance, atol=tolerance, max_steps=10**6, dense=False
                )
                f, times = Counted(problem.f), torch.tensor(problem.span, dtype=torch.float64)
                other = odeint(f, z0, times, rtol=tolerance, atol=tolerance, method=name)[-1]
                errors = float((own.z - exact).norm()), float((other - exact).norm())
                counts = own.statistics.evaluations, f.evaluations
                row = [
                    name,
                    system,
                    f"{tolerance:.0e}",
                    f"{errors[0]:.2e}",
                    f"{errors[1]:.2e}",
                    f"{errors[0] / errors[1]:.2f}",
                ]
                rows.append([*row, *map(str, counts), f"{counts[0] / counts[1]:.3f}"])
    heads = [
        "method",
        "system",
        "tolerance",
        "error",
        "torchdiffeq's",
        "ratio",
        "evaluations",
        "torchdiffeq's",
        "ratio",
    ]
    return "The pairs beside torchdiffeq", heads, rows


def van_der_pol(mu: Tensor) -> VectorField:
    def f(s: Tensor, z: Tensor) -> Tensor:
        x, y = z.unbind(-1)
        return torch.stack((y, mu[: len(x)] * (1 - x * x) * y - x), -1)

    return f


def stepping(seeds: Sequence[int], small: bool) -> Table:
    """Steps of its own for each sample, μ in 1..20, beside joint steps; errors beside those of solves one by one."""
    rows = []
    own, joint = generated("adaptive_per_sample"), generated("adaptive_dopri5")
    for batch in (2,) if small else (16, 64):
        for seed in seeds:
            generator = torch.Generator().manual_seed(seed)
            mu = 1 + 19 * torch.rand(batch, dtype=torch.float64, generator=generator)
            z0 = torch.rand(batch, 2, dtype=torch.float64, generator=generator) * 4 - 2
            given: dict[str, Any] = {"rtol": 1e-6, "atol": 1e-8, "max_steps": 10**5, "dense": False}
            exact = joint.solve(
                van_der_pol(mu), z0, (0.0, 2.0 if small else 20.0), **given | {"rtol": 1e-11, "atol": 1e-12}
            ).z
            each, together = (
                solver.solve(van_der_pol(mu), z0, (0.0, 2.0 if small else 20.0), **given) for solver in (own, joint)
            )
            alone = torch.cat(
                [
                    joint.solve(van_der_pol(mu[i : i + 1]), z0[i : i + 1], (0.0, 2.0 if small else 20.0), **given).z
                    for i in range(batch)
                ]
            )
            counts = each.statistics.evaluations, together.statistics.evaluations
            errors = [float((end - exact).norm(dim=1).max()) for end in (each.z, alone, together.z)]
            apart = float(((each.z - exact).norm(dim=1) / ((alone - exact).norm(dim=1) + 1e-7)).max())
            row = [str(batch), str(seed), *map(str, counts), f"{counts[0] / counts[1]:.2f}"]
            rows.append([*row, *(f"{error:.1e}" for error in errors), f"{apart:.2f}"])
    heads = [
        "batch",
        "seed",
        "evaluations",
        "joint",
        "ratio",
        "worst error",
        "solved alone",
        "joint",
        "worst ratio to alone",
    ]
    return "Steps of its own for each sample, van der Pol, μ in 1..20", heads, rows


def mlp() -> nn.Module:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(64, 128), nn.Tanh(), nn.Linear(128, 128), nn.Tanh(), nn.Linear(128, 64))

    class Field(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, s: Tensor, z: Tensor) -> Tensor:
            found: Tensor = 3 * self.net(z)
            return found

    return Field()


def peers(
    f: VectorField, z0: Tensor, span: tuple[float, float], tolerance: float, *, compiling: bool
) -> dict[str, Callable[[VectorField], Tensor]]:
    """dopri5 of each library at one tolerance."""
    times, solver = torch.tensor(span, dtype=z0.dtype), generated("adaptive_dopri5")
    calls: dict[str, Callable[[VectorField], Tensor]] = {
        "hyperdsl": lambda f: solver(f, z0, span, rtol=tolerance, atol=tolerance),
        "torchdiffeq": lambda f: odeint(f, z0, times, rtol=tolerance, atol=tolerance, method="dopri5")[-1],
    }
    if compiling:
        compiled = generated("adaptive_dopri5")
        compiled.compile()
        calls["hyperdsl, compiled"] = lambda f: compiled(f, z0, span, rtol=tolerance, atol=tolerance)
    if find_spec("torchode"):
        import torchode  # noqa: PLC0415

        def by_torchode(f: VectorField) -> Tensor:
            term = torchode.ODETerm(f)
            control = torchode.IntegralController(atol=tolerance, rtol=tolerance, term=term)
            adjoint = torchode.AutoDiffAdjoint(torchode.Dopri5(term=term), control)
            found: Tensor = adjoint.solve(torchode.InitialValueProblem(y0=z0, t_eval=times.repeat(len(z0), 1))).ys[
                :, -1
            ]
            return found

        calls["torchode"] = by_torchode
    if find_spec("torchdyn"):
        from torchdyn.numerics import odeint as dyn  # noqa: PLC0415

        calls["torchdyn"] = lambda f: dyn(f, z0, times, solver="dopri5", atol=tolerance, rtol=tolerance)[1][-1]
    return calls


def timings(repeats: int, small: bool) -> Table:
    """Milliseconds side by side, with the error of each and its evaluations of f."""
    oscillator = CLASSICAL["van_der_pol"]
    drawn, _ = oscillator.draw(64, torch.Generator().manual_seed(0))
    turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
    cases: list[tuple[str, VectorField, Tensor, tuple[float, float]]] = [
        ("oscillator z' = Az, batch 64", lambda s, z: z @ turn.to(z.dtype), torch.ones(64, 2), (0.0, 10.0)),
        (
            "van der Pol, batch 64",
            oscillator.f,
            drawn.float(),
            (0.0, 8.0),
        ),
        (
            "MLP 64-128-128-64, batch 512",
            mlp(),
            torch.randn(512, 64, generator=torch.Generator().manual_seed(0)),
            (0.0, 2.0),
        ),
    ]
    rows = []
    for name, f, z0, span in cases[: 1 if small else None]:
        with torch.no_grad():
            exact = reference_solution(f, z0, span, tolerance=1e-9).z
            for tolerance in (1e-3, 1e-5)[: 1 if small else None]:
                calls = peers(f, z0, span, tolerance, compiling=not small)
                times = milliseconds({peer: partial(call, f) for peer, call in calls.items()}, repeats, best=True)
                for peer, call in calls.items():
                    counted = Counted(f)
                    if peer != "hyperdsl, compiled":  # whose field is compiled and counts once
                        call(counted)
                    error = float((call(f).double() - exact).norm() / exact.norm())
                    row = [
                        name,
                        f"{tolerance:.0e}",
                        peer,
                        f"{times[peer]:.2f}",
                        f"{times[peer] / times['hyperdsl']:.2f}",
                    ]
                    rows.append([*row, str(counted.evaluations or "–"), f"{error:.1e}"])
    heads = ["field", "tolerance", "library", "ms", "over hyperdsl", "evaluations", "error"]
    return "Milliseconds of dopri5, one thread, the fastest of all rounds", heads, rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study.parser(__doc__)
    parser.add_argument("--only", choices=("pairs", "stepping", "timings"), help="one of the tables")
    parser.add_argument("--repeats", type=int, default=30)
    given = study.given(parser, arguments)
    small = given.smallest
    makers: dict[str, Callable[[], Table]] = {
        "pairs": partial(pairs, small),
        "stepping": partial(stepping, given.seeds, small),
        "timings": partial(timings, 1 if small else given.repeats, small),
    }
    stored = given.output / "adaptive.json"
    tables: dict[str, Any] = json.loads(stored.read_text("utf-8")) if stored.exists() else {}
    for key, make in makers.items():
        if given.only in (None, key):
            title, heads, rows = make()
            tables[key] = {"title": title, "heads": heads, "rows": rows}
    ordered = [tables[key] for key in makers if key in tables]
    text = "\n".join(f"## {table['title']}\n\n{markdown(table['heads'], table['rows'])}" for table in ordered)
    tables.pop("command", None)
    study.write(given, "adaptive", text, tables)
    print(text)


if __name__ == "__main__":
    main()
