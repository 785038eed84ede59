"""What the solvers of generated/ cost in plain eager mode, against an earlier release's, side by side in one process.

    python -m benchmarks.unchanged.speed --before 82bb389

Each round solves with both in turn; a ratio is the median over rounds of processor time after over before.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.unchanged.steps import PACKAGES, packages_of
from hyperdsl.evaluation.packages import load_package

ROUNDS = 41
LEAST = 0.02  # seconds that a solve's repetitions take together in a round


def van_der_pol(s: Tensor, z: Tensor) -> Tensor:
    """μ = 1."""
    x, y = z.unbind(-1)
    return torch.stack((y, (1 - x * x) * y - x), -1)


def lotka_volterra(s: Tensor, z: Tensor) -> Tensor:
    """All rates 1."""
    x, y = z.unbind(-1)
    return torch.stack((x * (1 - y), y * (x - 1)), -1)


class Perceptron(torch.nn.Module):
    """64 – 128 – 128 – 64."""

    def __init__(self) -> None:
        super().__init__()
        sizes = ((64, 128), (128, 128), (128, 64))
        layers = [part for size in sizes for part in (torch.nn.Linear(*size), torch.nn.Tanh())]
        self.net = torch.nn.Sequential(*layers[:-1])

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        """Like z."""
        slope: Tensor = self.net(z)
        return slope


def rows() -> list[tuple[str, str, str, Callable[..., Tensor], Tensor, dict[str, Any]]]:
    """Name, package, solver, field, states, and what a call takes."""
    torch.manual_seed(0)
    small, wide, perceptron = torch.rand(64, 2) + 0.5, torch.randn(512, 64), Perceptron()
    found: list[tuple[str, str, str, Callable[..., Tensor], Tensor, dict[str, Any]]] = []
    for package, solver in (
        ("adaptive_dopri5", "AdaptiveDopri5"),
        ("adaptive_tsit5", "AdaptiveTsit5"),
        ("adaptive_bosh3", "AdaptiveBosh3"),
    ):
        for field, name in ((van_der_pol, "van der Pol"), (lotka_volterra, "Lotka-Volterra")):
            for rtol in (1e-3, 1e-6):
                given = {"span": (0.0, 5.0), "rtol": rtol, "atol": rtol}
                found.append((f"{solver}, {name}, {rtol:g}", package, solver, field, small, given))
    found.append(
        (
            "AdaptiveDopri5, perceptron, 1e-4",
            "adaptive_dopri5",
            "AdaptiveDopri5",
            perceptron,
            wide,
            {"span": (0.0, 1.0), "rtol": 1e-4, "atol": 1e-4},
        )
    )
    found.append(
        (
            "PerSampleDopri5, van der Pol, 1e-4",
            "adaptive_per_sample",
            "PerSampleDopri5",
            van_der_pol,
            small,
            {"span": (0.0, 5.0), "rtol": 1e-4, "atol": 1e-4},
        )
    )
    for package, solver in (
        ("adaptive_hyper_euler", "AdaptiveHyperEuler"),
        ("adaptive_hyper_heun", "AdaptiveHyperHeun"),
    ):
        found.append((f"{solver}, Lotka-Volterra, 1e-2", package, solver, lotka_volterra, small, {"span": (0.0, 5.0)}))
    for package, solver in (
        ("hyper_rk4", "HyperRK4"),
        ("hyper_heun", "HyperHeun"),
        ("hyper_pece", "HyperPECE"),
        ("abm4", "ABM4"),
        ("learned_families", "LearnedFourth"),
    ):
        given = {"span": (0.0, 1.0), "steps": 20}
        found.append((f"{solver}, van der Pol, 20 steps", package, solver, van_der_pol, small, given))
    return found


def main() -> int:
    """Print the table; the exit code is 1 where the bounds are not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", required=True, metavar="COMMIT_OR_FOLDER", help="where the earlier packages are")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    ratios = {}
    with packages_of(arguments.before) as folder:
        for name, package, solver, field, z, given in rows():
            ratios[name] = ratio(folder, package, solver, field, z, given, arguments.rounds)
            print(f"{name:45} {ratios[name]:.3f}", flush=True)
    mean = statistics.geometric_mean(ratios.values())
    print(f"geometric mean {mean:.3f}, largest {max(ratios.values()):.3f}")
    return int(mean > 1.02 or max(ratios.values()) > 1.06)


def ratio(
    before: Path, package: str, solver: str, field: Callable[..., Tensor], z: Tensor, given: dict[str, Any], rounds: int
) -> float:
    """The median over rounds of the time after over the time before."""
    models = []
    for folder in (before, PACKAGES):
        torch.manual_seed(0)
        cls: Any = load_package(folder / package).solvers[solver]
        model = cls(z.shape[1:]) if hasattr(cls, "residual_power") and cls.residual_power else cls()
        with torch.no_grad():
            for weight in model.parameters() if hasattr(model, "corrector") else ():
                weight.add_(0.05)
        models.append(model)
    times: tuple[list[float], list[float]] = ([], [])
    with torch.no_grad():
        repeats = max(1, int(LEAST / seconds(models[0], field, z, given, 1)))
        for round_ in range(rounds):
            for which in (0, 1) if round_ % 2 else (1, 0):
                times[which].append(seconds(models[which], field, z, given, repeats))
    found: float = statistics.median(after / earlier for earlier, after in zip(*times, strict=True))
    return found


def seconds(model: Any, field: Callable[..., Tensor], z: Tensor, given: dict[str, Any], repeats: int) -> float:
    """Of processor time for so many solves."""
    model(field, z, **given)
    begin = time.process_time()
    for _ in range(repeats):
        model(field, z, **given)
    return time.process_time() - begin


if __name__ == "__main__":
    sys.exit(main())
