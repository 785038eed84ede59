"""What rows of several seeds say together, on rows whose answers are plain."""

from __future__ import annotations

import math

import pytest

from hyperdsl.evidence.image_rows import Key, Seeds, named
from hyperdsl.evidence.study import Found

DOPRI5, EULER1, EULER2 = ("dopri5", "1e-03"), ("euler", "K = 1"), ("euler", "K = 2")
RK4, HYPER1, HYPER2 = ("rk4", "K = 1"), ("HyperEuler, conv g", "K = 1"), ("HyperEuler, conv g", "K = 2")
LEARNED = ("learned(2)", "K = 1")
ROWS: dict[Key, tuple[int, int, float, float, float]] = {  # evaluations, MACs, ms, MAPE, accuracy
    DOPRI5: (20, 2000, 40.0, 1.0, 98.0),
    EULER1: (1, 100, 1.0, 80.0, 97.0),
    EULER2: (2, 200, 2.0, 40.0, 97.85),
    RK4: (4, 400, 4.0, 8.0, 98.1),
    ("kutta3", "K = 2"): (6, 600, 6.0, 6.0, 98.0),
    HYPER1: (1, 250, 2.5, 20.0, 97.9),
    HYPER2: (2, 500, 5.0, 5.0, 98.0),
    LEARNED: (2, 200, 2.0, 16.0, 97.95),
}


def part(times: float = 1.0, mape: float = 1.0, **accuracy: float) -> Found:
    """One seed's rows, all times and errors so many times as large, some accuracies replaced."""
    rows = [
        {
            "method": method,
            "setting": setting,
            "evaluations": evaluations,
            "macs": macs,
            "milliseconds": {str(batch): times * batch * ms / 64 for batch in (1, 64, 256)},
            "mape": mape * error,
            "l2": error / 10,
            "accuracy": accuracy.get(method, correct),
        }
        for (method, setting), (evaluations, macs, ms, error, correct) in ROWS.items()
    ]
    return {"accuracy": 98.0, "rows": rows}


SEEDS = Seeds([part(3.0), part(), part(2.0, 9.0, euler=90.0)])


def test_numbers_are_medians_over_the_seeds() -> None:
    assert SEEDS.keys == [*ROWS]
    assert SEEDS.adaptive == DOPRI5
    assert SEEDS.value(RK4, "mape") == 8.0
    assert SEEDS.milliseconds(EULER2, 64) == 4.0
    assert SEEDS.milliseconds(EULER2, 256) == 16.0
    assert SEEDS.loss(EULER1) == pytest.approx(1.0)
    assert SEEDS.loss(RK4) == pytest.approx(-0.1)


def test_ratios_are_those_of_each_seed() -> None:
    assert SEEDS.gain("HyperEuler, conv g", "K = 2") == pytest.approx(8.0)
    assert SEEDS.speed_up(HYPER2, 64) == pytest.approx(8.0)
    assert SEEDS.rivals_time(LEARNED, 64) == pytest.approx(2.0)  # RK4's, as Euler's two steps have more MAPE
    assert SEEDS.rivals_time(HYPER2, 64) == math.inf


def test_the_quickest_is_among_those_as_accurate_as_dopri5() -> None:
    assert SEEDS.quickest(["euler"], 64) == EULER2
    assert SEEDS.quickest(["euler", "rk4"], 64) == EULER2
    assert SEEDS.quickest(["HyperEuler, conv g"], 1) == HYPER1
    assert Seeds([part(euler=97.7)]).quickest(["euler"], 64) is None


def test_the_front_is_what_no_fixed_step_method_beats_at_no_more_cost() -> None:
    def evaluations(key: Key) -> float:
        return SEEDS.value(key, "evaluations")

    def macs(key: Key) -> float:
        return SEEDS.value(key, "macs")

    assert SEEDS.on_front(HYPER1, evaluations)
    assert SEEDS.on_front(HYPER1, macs)
    assert SEEDS.on_front(HYPER2, macs)
    assert not SEEDS.on_front(HYPER1, lambda key: 0.0 if key == RK4 else 1.0)  # were RK4 so cheap
    assert SEEDS.on_front(HYPER2, lambda key: 0.0 if key == RK4 else 1.0)  # it still has more MAPE


def test_the_table_has_a_row_for_each_setting_and_says_what_is_lost() -> None:
    lines = SEEDS.table().splitlines()
    assert len(lines) == 2 + len(ROWS)
    (euler,) = [line for line in lines if line.startswith("| euler | K = 2 |")]
    assert euler.endswith("| 97.85 (−0.15) |")
    assert "| 2 | 0k |" in euler


def test_a_learned_method_has_no_number_of_steps() -> None:
    assert named(EULER2) == "euler, K = 2"
    assert named(LEARNED) == "learned(2)"
