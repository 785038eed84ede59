"""Metrics by hand, comparisons on problems whose errors are known, and what is made of them."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torch import Tensor, nn

from hyperdsl.evaluation.contenders import fixed
from hyperdsl.evaluation.digits import (
    STATE_SHAPE,
    TEST_IMAGES,
    DigitsModel,
    Recipe,
    digits_data,
    digits_model,
    digits_problem,
)
from hyperdsl.evaluation.errors import EvaluationError
from hyperdsl.evaluation.metrics import l2, mape, relative_error
from hyperdsl.evaluation.packages import load_package
from hyperdsl.evaluation.plots import plot
from hyperdsl.evaluation.problems import Problem
from hyperdsl.evaluation.report import json_object, markdown, table
from hyperdsl.evaluation.solvers import TableauSolver
from hyperdsl.evaluation.training import build_solver
from hyperdsl.evaluation.verdict import cost_sentence, verdict
from hyperdsl.evaluation.work_precision import Row, compare
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.tableau import Tableau

ZERO, ONE = Exact.of(0), Exact.of(1)
EULER = TableauSolver("euler", Tableau(((ZERO,),), (ZERO,), ((ONE,),)))
DECAY = Problem(
    lambda s, z: -z,
    lambda batch, generator: 1 + torch.rand(batch, 3, generator=generator, dtype=torch.float64),
    (0.0, 1.0),
    (3,),
    name="decay",
)


class Exactly(nn.Module):
    """z' = −z solved exactly, at a cost of one evaluation of f and one product for each number a step."""

    def forward(self, f, z0: Tensor, span=(0.0, 1.0), steps: int = 1) -> Tensor:  # type: ignore[no-untyped-def]
        for _ in range(steps):
            f(torch.zeros(()), z0)
            z0 = z0 * math.exp(-1 / steps)
        return z0


class Unsolvable(Exactly):
    """One whose equations have no solution."""

    def odeint(self, *given: object) -> Tensor:
        raise RuntimeError("the implicit equations were not solved")


class Tuned(Exactly):
    def forward(self, f, z0: Tensor, span=(0.0, 1.0), steps: int = 1, *, alpha: float) -> Tensor:  # type: ignore[no-untyped-def, override]  # as a family does
        return alpha * super().forward(f, z0, span, steps)


def test_metrics_by_hand() -> None:
    reference = torch.tensor([[3.0, 4.0], [0.0, 5.0]])
    z = torch.tensor([[3.3, 4.0], [0.5, 4.0]])
    rms = math.sqrt((9 + 16 + 25) / 4)
    assert mape(z, reference) == pytest.approx(100 * (0.1 + 0 + 0.5 / (1e-3 * rms) + 0.2) / 4, rel=1e-6)
    assert l2(z, reference) == pytest.approx((0.3 + math.hypot(0.5, 1)) / 2, rel=1e-6)
    three = torch.cat([reference, torch.tensor([[1.0, 0.0]])])
    assert relative_error(torch.cat([z, torch.tensor([[2.0, 0.0]])]), three) == pytest.approx(
        math.hypot(0.5, 1) / 5, rel=1e-6
    )


def test_comparison_of_solvers_with_known_errors_and_costs() -> None:
    rows = compare(DECAY, "exact", Exactly(), {"euler": EULER}, [1, 4], samples=70, tolerances=(1e-3,))
    assert [(row.method, row.setting) for row in rows] == [
        ("exact", "K = 1"),
        ("exact", "K = 4"),
        ("euler", "K = 1"),
        ("euler", "K = 4"),
        ("dopri5", "1e-03"),
    ]
    by_name = {(row.method, row.setting): row for row in rows}
    for steps in (1, 4):
        exact, euler = by_name["exact", f"K = {steps}"], by_name["euler", f"K = {steps}"]
        assert exact.relative_error < 1e-10
        expected = abs((1 - 1 / steps) ** steps - math.exp(-1)) * math.e
        assert euler.relative_error == pytest.approx(expected, rel=1e-6)
        assert euler.mape == pytest.approx(100 * expected, rel=1e-6)
        assert (exact.evaluations, exact.macs) == (steps, 3 * steps)
        assert (euler.evaluations, euler.macs) == (steps, 3 * steps)
        assert exact.milliseconds > 0
    assert by_name["dopri5", "1e-03"].evaluations >= 8
    assert by_name["dopri5", "1e-03"].relative_error < 1e-2


def test_free_parameters_of_generated_solvers_need_values() -> None:
    solver = build_solver(load_package("generated/hyper_alpha"), DECAY)
    with pytest.raises(EvaluationError, match="--set alpha=NUMBER"):
        compare(DECAY, "family", solver, {}, [1])
    (row,) = compare(DECAY, "family", solver, {}, [1], parameters={"alpha": 0.5}, tolerances=())
    assert row.relative_error == pytest.approx((0.5 - math.exp(-1)) * math.e, rel=1e-6)


def test_a_trajectory_that_is_not_finite_ends_in_nan() -> None:
    """As an end does: what draws trajectories goes on."""
    (contender,) = fixed("unsolvable", Unsolvable(), [2])
    assert contender.states is not None
    states = contender.states(DECAY.f, torch.ones(3, 1), (0.0, 1.0), None)
    assert states.shape == (2, 3, 1)
    assert states[-1].isnan().all()


def test_free_parameters_need_values() -> None:
    with pytest.raises(EvaluationError, match="--set alpha=NUMBER"):
        compare(DECAY, "tuned", Tuned(), {}, [1])
    with pytest.raises(EvaluationError, match="no free parameter beta: it has alpha"):
        compare(DECAY, "tuned", Tuned(), {}, [1], parameters={"alpha": 1.0, "beta": 2.0})
    rows = compare(DECAY, "tuned", Tuned(), {}, [1], parameters={"alpha": 2.0}, tolerances=())
    assert rows[0].relative_error == pytest.approx(1.0)


class Corrected(Exactly):
    """With a corrector of three products for each of three numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.corrector = nn.Linear(3, 3).double()

    def forward(self, f, z0: Tensor, span=(0.0, 1.0), steps: int = 1) -> Tensor:  # type: ignore[no-untyped-def]
        end = super().forward(f, z0, span, steps)
        moved: Tensor = end + 0 * self.corrector(z0)
        return moved


def test_the_share_of_the_corrector_is_measured() -> None:
    problem = replace(DECAY, f=lambda s, z: -1 * z)
    (row,) = compare(problem, "corrected", Corrected(), {}, [2], samples=5, tolerances=())
    assert row.macs == 2 * 3 + 2 * 3 + 9 + 3
    assert row.corrector_share == 9 / 24
    assert row.corrector_over_field == 3
    assert cost_sentence([row], "corrected") == "A call of g costs 3 evaluations of f, in multiply-accumulates."
    assert cost_sentence([row], "other") is None
    assert compare(problem, "exact", Exactly(), {}, [2], samples=5, tolerances=())[0].corrector_share == 0


def own(setting: str, macs: int, time: float, error: float) -> Row:
    return Row("hyper", setting, 1, macs, time, 0, 0, error, None, 0.5, 1.5)


def other(method: str, macs: int, time: float, error: float) -> Row:
    return Row(method, "K = 1", 1, macs, time, 0, 0, error)


def test_a_corrector_that_costs_more_than_it_gains_is_told() -> None:
    rows = [own("K = 1", 10, 1.0, 0.5), own("K = 2", 20, 2.0, 0.2), own("K = 4", 40, 4.0, 0.1)]
    rows += [other("rk4", 15, 2.0, 0.1), other("midpoint", 30, 3.0, 0.02), other("euler", 10, 1.0, 0.9)]
    assert verdict(rows, "hyper") == (
        "At equal time rk4 K = 1 has 2 times less error than hyper K = 2, and so it is for 2 of 3 settings at equal "
        "time and 2 of 3 settings at equal multiply-accumulates: a call of g costs 1.5 evaluations of f."
    )


def test_other_methods_are_read_between_their_rows() -> None:
    """On the line in logarithms: at cost 4 between (1, 1e-1) and (16, 1e-3) the error is 1e-2."""
    curve = [other("rk4", 1, 1.0, 1e-1), replace(other("rk4", 16, 16.0, 1e-3), setting="K = 16")]
    told = verdict([own("K = 4", 4, 4.0, 5e-2), *curve], "hyper")
    assert told is not None
    assert told.startswith("At equal time rk4 between K = 1 and K = 16 has 5 times less error than hyper K = 4")
    assert verdict([own("K = 4", 4, 4.0, 9e-3), *curve], "hyper") is None
    assert verdict([own("K = 4", 4, 4.0, 9e-3), replace(curve[1], macs=40, milliseconds=40.0)], "hyper") is None
    assert verdict([own("K = 1", 4, 4.0, math.nan), curve[0]], "hyper") is not None
    assert verdict([own("K = 4", 0, 4.0, 9e-3), other("rk4", 0, 9.0, 0.0)], "hyper") is None


def test_a_corrector_that_wins_is_not_told_off() -> None:
    rows = [own("K = 1", 10, 1.0, 0.5), own("K = 2", 20, 2.0, 0.2)]
    ahead = [other("rk4", 15, 1.5, 0.1), other("diverged", 1, 0.1, math.nan), other("late", 50, 9.0, 0.01)]
    assert verdict([*rows, *ahead], "hyper") is None  # one setting of two is no majority
    slower = [replace(row, milliseconds=9.0) for row in (other("rk4", 5, 1.5, 0.1), other("heun", 15, 2.0, 0.05))]
    told = verdict([*rows, *slower], "hyper")
    assert told is not None
    assert told.startswith("At equal multiply-accumulates heun K = 1 has 4 times less error than hyper K = 2")
    assert "time and" not in told
    assert verdict([*rows, other("rk4", 21, 2.1, 0.1), other("heun", 11, 1.1, 0.3)], "hyper") is not None
    assert verdict([*rows, other("rk4", 23, 2.3, 0.1), other("heun", 12, 1.2, 0.3)], "hyper") is None
    plain = [replace(row, corrector_over_field=None) for row in rows]
    assert verdict([*plain, other("rk4", 5, 0.5, 0.01)], "hyper") is None


ROWS = [
    Row("euler", "K = 1", 1, 12, 0.5, 10.0, 1.0, 0.1),
    Row("euler", "K = 2", 2, 24, 1.0, math.inf, math.inf, math.nan),
    Row("hyper", "K = 1", 1, 20, 0.7, 1.0, 0.1, 0.01, 97.5),
]


def test_tables_and_json_show_what_was_measured() -> None:
    stream = io.StringIO()
    Console(file=stream, width=200).print(table(ROWS, "Title"))
    text = stream.getvalue()
    assert "Title" in text
    assert "acc. %" in text
    assert "97.5" in text
    stream = io.StringIO()
    Console(file=stream, width=200).print(table(ROWS[:2], "Title"))
    assert "acc. %" not in stream.getvalue()
    made = json.loads(json.dumps(json_object(ROWS, package="p"), allow_nan=False))
    assert made["package"] == "p"
    assert made["rows"][1]["mape"] == "inf"
    assert made["rows"][1]["relative_error"] == "nan"
    assert made["rows"][2]["accuracy"] == 97.5
    assert markdown(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_plots_are_written_and_leave_out_what_is_not_finite(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "sub" / f"plot.{ending}"
    plot(ROWS, path, "Title", "mape", "MAPE, %")
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG") if ending == "png" else b"</svg>" in data
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_digits_are_split_in_equal_shares_and_by_seed() -> None:
    train, test = digits_data(0)
    assert (len(train.images), len(test.images)) == (1797 - TEST_IMAGES, TEST_IMAGES)
    shares = [images.classes.bincount(minlength=10) / len(images.classes) for images in (train, test)]
    assert float((shares[0] - shares[1]).abs().max()) < 0.002
    assert train.images.shape[1:] == (1, 8, 8)
    assert float(train.images.max()) == 1.0
    assert not torch.equal(test.images, digits_data(1)[1].images)
    known = {image.numpy().tobytes() for image in train.images}
    assert sum(image.numpy().tobytes() in known for image in test.images) == 0


def test_the_digits_model_learns_is_cached_and_gives_a_problem(tmp_path: Path) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    model = digits_model(0, Recipe(epochs=2), tmp_path, progress=False)
    assert torch.equal(torch.get_rng_state(), before)
    assert len(list(tmp_path.iterdir())) == 1
    again = digits_model(0, Recipe(epochs=2), tmp_path, progress=False)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    train, test = digits_data(0)
    scores = model(test.images)
    assert scores.shape == (TEST_IMAGES, 10)
    assert float((scores.argmax(1) == test.classes).double().mean()) > 0.6
    problem = digits_problem(0, model)
    z0, x = problem.draw(6, torch.Generator().manual_seed(0))
    assert x is None
    assert z0.shape == (6, *STATE_SHAPE)
    encoded = model.encode(train.images)
    assert all(bool((encoded == z).flatten(1).all(1).any()) for z in z0)
    assert problem.f(torch.zeros(()), z0).shape == z0.shape


def test_accuracy_is_a_percentage_of_end_states() -> None:
    model = DigitsModel()
    z = torch.randn(8, *STATE_SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    classes = model.decode(z.float()).argmax(1)
    assert model.accuracy(z, classes) == 100.0
    classes[:2] = (classes[:2] + 1) % 10
    assert model.accuracy(z, classes) == 75.0
