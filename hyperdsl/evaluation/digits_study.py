"""The digits classifier solved by a trained HyperEuler and by others: what the demo and the benchmark both measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hyperdsl.evaluation.classifier import Recipe, unseen_images
from hyperdsl.evaluation.contenders import ADAPTIVE, adaptive, fixed
from hyperdsl.evaluation.digits import RECIPE, digits_data, digits_model, digits_problem
from hyperdsl.evaluation.packages import Package
from hyperdsl.evaluation.solvers import TableauSolver
from hyperdsl.evaluation.training import Trained, train_package
from hyperdsl.evaluation.work_precision import Row, measure


@dataclass(frozen=True)
class DigitsStudy:
    """One seed's classifier, and the solvers trained on it, by name. `accuracy` is the reference's."""

    seed: int
    accuracy: float
    trained: Mapping[str, Trained]
    rows: list[Row]

    def row(self, method: str, steps: int | None = None) -> Row:
        """The row of a method at a number of steps; of dopri5 without."""
        setting = None if steps is None else f"K = {steps}"
        return next(row for row in self.rows if row.method == method and setting in (None, row.setting))

    def gains(self, name: str) -> dict[int, float]:
        """Euler's MAPE over a solver's at equal numbers of steps."""
        counts = [int(row.setting.split()[-1]) for row in self.rows if row.method == name]
        return {count: self.row("euler", count).mape / self.row(name, count).mape for count in counts}

    def speed_up(self, name: str, steps: int = 2) -> float:
        """dopri5's time over a solver's at a number of steps, for a batch of 64."""
        return self.row(ADAPTIVE).milliseconds / self.row(name, steps).milliseconds

    def cost_ratio(self, name: str) -> float:
        """The cost of g over that of f, in multiply-accumulates."""
        return self.row(name, 1).macs / self.row("euler", 1).macs - 1


def measured(
    solvers: Sequence[tuple[Package, str, Sequence[int]]],
    methods: Mapping[str, TableauSolver],
    steps: Sequence[int],
    seed: int = 0,
    folder: Path | None = None,
    progress: bool = True,
    recipe: Recipe = RECIPE,
    overrides: Mapping[str, object] | None = None,
) -> DigitsStudy:
    """Trains f where it is not trained yet and the packages' solvers always, then measures on the test images.

    `solvers` are named apart, each with its own numbers of steps, and `steps` are those of the methods; weights go into
    `folder`, by default below runs/.
    """
    model = digits_model(seed, recipe, progress=progress)
    _, test = digits_data(seed)
    trained = {}
    for package, name, _ in solvers:
        output = folder / f"{name}_{seed}.safetensors" if folder else None
        problem = digits_problem(seed, model)
        trained[name] = train_package(
            package, problem, solver=name, seed=seed, output=output, progress=progress, overrides=overrides
        )
    start = unseen_images(model, test.images)
    accuracy = partial(model.accuracy, classes=test.classes)
    contenders = adaptive()
    for name, method in methods.items():
        contenders += fixed(name, method, steps)
    for _, name, own in solvers:
        contenders += fixed(name, trained[name].solver, own)
    return DigitsStudy(seed, accuracy(start.reference), trained, measure(contenders, start, accuracy=accuracy))
