"""Settings changed by plain values and told as plain values."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from hyperdsl.training.changes import SettingsError, changed, plain_settings
from hyperdsl.training.settings import Adversarial, End, Share, Trajectory
from tests.training.posed import rk4, settings

SECOND = settings(iterations=5, loss=Trajectory(4), learning_rate=1e-3)
THIRD = settings(iterations=5, loss=None, learning_rate=1e-3, batch=99)
PHASED = settings(then=(SECOND, THIRD))


def test_fields_are_replaced() -> None:
    found = changed(PHASED, {"iterations": 7, "seed": 3})
    assert (found.iterations, found.seed, found.batch) == (7, 3, PHASED.batch)
    assert changed(PHASED, {}) == PHASED
    assert PHASED.iterations == 10


def test_phases_inherit_what_they_do_not_set() -> None:
    found = changed(PHASED, {"batch": 64, "learning_rate": 0.5, "iterations": 7})
    assert [phase.batch for phase in (found, *found.then)] == [64, 64, 99]
    assert [phase.learning_rate for phase in (found, *found.then)] == [0.5, 1e-3, 1e-3]  # the second sets its own
    assert [phase.iterations for phase in (found, *found.then)] == [7, 5, 5]
    assert [phase.loss for phase in (found, *found.then)] == [None, Trajectory(4), None]


def test_further_phases_are_changed_one_by_one() -> None:
    found = changed(PHASED, {"then": [{"iterations": 1, "substeps": 4}]})
    assert [phase.iterations for phase in (found, *found.then)] == [10, 1, 1]  # the third followed the second
    assert [phase.substeps for phase in (found, *found.then)] == [2, 4, 4]
    again = changed(PHASED, {"iterations": 3, "then": [{}, {"iterations": 2}]})
    assert [phase.iterations for phase in (again, *again.then)] == [3, 5, 2]


def test_the_seed_is_the_first_phases() -> None:
    assert [phase.seed for phase in changed(PHASED, {"seed": 8}).then] == [0, 0]


def test_a_phase_that_there_is_not() -> None:
    with pytest.raises(SettingsError, match="has 2 further phases, not 3: change the spec"):
        changed(PHASED, {"then": [{}, {}, {}]})


def test_a_range_is_in_one_unit() -> None:
    eps = changed(PHASED, {"eps": (0.1, 0.2)})
    assert [(phase.eps, phase.steps) for phase in (eps, *eps.then)] == [((0.1, 0.2), None)] * 3
    back = changed(eps, {"steps": (3, 4)})
    assert [(phase.eps, phase.steps) for phase in (back, *back.then)] == [(None, (3, 4))] * 3


def test_a_list_of_grids_takes_the_place_of_a_range() -> None:
    listed = changed(PHASED, {"grids": (1, 2)})
    assert [(phase.grids, phase.steps) for phase in (listed, *listed.then)] == [((1, 2), None)] * 3
    back = changed(listed, {"steps": (3, 4)})
    assert [(phase.grids, phase.steps) for phase in (back, *back.then)] == [(None, (3, 4))] * 3


def test_a_phase_with_a_range_of_its_own_keeps_it() -> None:
    own = settings(then=(settings(steps=(8, 40)), settings(steps=None, eps=(0.1, 0.2))))
    found = changed(own, {"eps": (0.3, 0.4)})
    assert [(phase.eps, phase.steps) for phase in (found, *found.then)] == [
        ((0.3, 0.4), None),
        (None, (8, 40)),
        ((0.1, 0.2), None),
    ]


@pytest.mark.parametrize("given", [{"lr": 1}, {"then": [{}, {"lr": 1}]}])
def test_a_setting_that_there_is_not(given: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=r"no setting lr; it has batch, clip, .*, weight_decay"):
        changed(PHASED, given)


@pytest.mark.parametrize(
    ("name", "plain", "value"),
    [
        ("dtype", "float32", torch.float32),
        ("dtype", torch.float32, torch.float32),
        ("loss", ("trajectory", 4), Trajectory(4)),
        ("loss", ("adversarial", 0.5, 3), Adversarial(0.5, 3)),
        ("loss", ("residual",), None),
        ("loss", None, None),
        ("states", (("noise", 0.5, 0.1), ("box", 0.5)), (Share("noise", 0.5, 0.1), Share("box", 0.5))),
    ],
)
def test_plain_values_are_typed(name: str, plain: object, value: object) -> None:
    found = getattr(changed(SECOND, {name: plain}), name)
    assert found == value
    assert type(found) is type(value)


def test_the_loss_at_the_end_by_its_name() -> None:
    assert changed(PHASED, {"loss": ("end",)}).loss == End()
    assert plain_settings(settings(loss=End()))["loss"] == {"end": []}


def test_shares_have_names() -> None:
    states = changed(SECOND, {"states": (("noise", 0.5, 0.1), ("box", 0.5))}).states
    assert [(share.kind, share.share, share.noise) for share in states] == [("noise", 0.5, 0.1), ("box", 0.5, 0)]


def test_settings_as_plain_values() -> None:
    told: dict[str, Any] = plain_settings(settings(loss=Adversarial(0.5, 3), then=(settings(loss=Trajectory(4)),)))
    assert told["reference"] == rk4.__name__
    assert told["loss"] == {"adversarial": [0.5, 3]}
    assert told["states"] == [["trajectory", 3 / 5, 0.0], ["noise", 1 / 5, 1 / 20], ["box", 1 / 5, 0.0]]
    assert told["steps"] == [2, 20]
    assert told["eps"] is None
    assert str(told["dtype"]) == "torch.float64"
    (then,) = told["then"]
    assert then["loss"] == {"trajectory": [4]}
    assert json.loads(json.dumps(told, default=str))["then"][0]["batch"] == 8
