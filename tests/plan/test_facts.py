"""What is said of solvers beside their steps, word for word: certificates and docstrings are made of it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from hyperdsl import compiler
from hyperdsl.plan import plan
from hyperdsl.plan.facts import base_in_words, proven
from hyperdsl.semantics.model.spec import AnySolver
from hyperdsl.source import SpecFile

TEXT = """
control cautious {
    error learned, embedded
    rtol 1/100
    atol 1/1000
    gains 1/5, 3/10, 1/10
    safety 4/5
    factor 1/3 .. 7
    first_step 1/50
    max_steps 77
    max_step 1/4
    min_step 1/9000
    per_sample yes
}
control plain {
    error embedded
}
hypersolver Cautious {
    base bosh3
    corrector external
    control cautious
}
solver Plain {
    base tsit5
    control plain
}
solver Fixed {
    base third_order(u = 1/2, v = 3/4)
}
solver Open {
    base third_order(u = 1/2, v = 4/5 .. 1)
}
solver Found {
    base third_order(u = learned(1/2), v = learned(3/4))
}
solver Coefficients {
    base learned(rk4)
}
predictor_corrector pece {
    predict ab2
    correct am2
    start rk4(substeps = 3)
}
predictor_corrector decimals {
    predict ab2
    correct am2
    start tsit5
}
solver Started {
    base decimals
}
solver Pair {
    base pece
}
solver Backward {
    base bdf2
}
solver Leapfrog {
    base nystrom2
}
"""


@cache
def solvers() -> dict[str, AnySolver]:
    with TemporaryDirectory() as name:
        path = Path(name) / "facts.hyper"
        path.write_text(TEXT, "utf-8")
        checked = compiler.check([SpecFile(path, path.name)])
    return {solver.name: solver for solver in checked.specs[0].solvers}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Cautious", "bosh3 (order 3, proven)"),
        ("Plain", "tsit5 (order 5, proven within 1e-75)"),
        ("Fixed", "third_order(u = 1/2, v = 3/4) (order 3, proven)"),
        ("Open", "third_order(u = 1/2, v) (order 3, proven)"),
        ("Found", "third_order(u, v) (order 3, proven), u, v learned"),
        ("Coefficients", "rk4 (order 1, proven), its 9 coefficients learned"),
        ("Pair", "pece, PECE with ab2 and am2 (order 3, proven)"),
        ("Backward", "bdf2 (order 2, proven)"),
    ],
)
def test_bases_in_words(name: str, words: str) -> None:
    assert base_in_words(solvers()[name]) == words


BOGACKI_SHAMPINE = {
    "c": ["0", "1/2", "3/4", "1"],
    "a": [[], ["1/2"], ["0", "3/4"], ["2/9", "1/3", "4/9"]],
}


def test_what_a_certificate_holds_of_a_pair_with_a_control() -> None:
    said = {
        "base_parameters": {},
        "free_parameters": [],
        "learned_parameters": {},
        "tableau": {
            **BOGACKI_SHAMPINE,
            "weights": [["2/9", "1/3", "4/9"], ["7/24", "1/4", "1/3", "1/8"]],
        },
        "dense": {
            "tableau": {
                **BOGACKI_SHAMPINE,
                "weights": [["1"], ["-4/3", "1", "4/3", "-1"], ["5/9", "-2/3", "-8/9", "1"], []],
            }
        },
        "autonomous": False,
        "kind": "explicit",
        "stages": 4,
        "claimed_order": 3,
        "order": 3,
        "order_autonomous": 3,
        "claimed_embedded_orders": [2],
        "embedded_orders": [2],
        "stage_order": 1,
        "fsal": True,
        "proof": "exact",
        "tolerance": None,
        "conditions": 4,
        "principal_error": pytest.approx(0.04181, abs=1e-4),
        "real_stability": pytest.approx(2.5127, abs=1e-4),
        "imaginary_stability": pytest.approx(3**0.5),
        "symplectic": False,
        "symmetric": False,
        "l_stable": False,
        "stiffly_accurate": False,
        "dense_order": 3,
        "control": {
            "name": "cautious",
            "error": ["learned", "embedded"],
            "rtol": "1/100",
            "atol": "1/1000",
            "gains": ["1/5", "3/10", "1/10"],
            "safety": "4/5",
            "factor": ["1/3", "7"],
            "first_step": "1/50",
            "max_steps": 77,
            "max_step": "1/4",
            "min_step": "1/9000",
            "per_sample": True,
        },
        "corrector_inputs": ["z", "dz", "s", "eps", "x"],
    }
    assert proven(solvers()["Cautious"]) == said


def test_what_a_certificate_holds_of_decimals_and_defaults() -> None:
    facts = proven(solvers()["Plain"])
    control = facts["control"]
    assert isinstance(control, dict)
    assert (facts["proof"], facts["tolerance"]) == ("tolerance", "1/1" + 75 * "0")
    assert (control["error"], control["first_step"], control["per_sample"]) == (["embedded"], None, False)
    assert (control["max_step"], control["min_step"]) == (None, None)


def test_what_a_certificate_holds_of_parameters() -> None:
    some = {name: proven(solvers()[name]) for name in ("Fixed", "Open", "Found", "Coefficients")}
    assert some["Fixed"]["base_parameters"] == {"u": "1/2", "v": "3/4"}
    assert (some["Open"]["base_parameters"], some["Open"]["free_parameters"]) == ({"u": "1/2"}, ["v"])
    assert some["Found"]["learned_parameters"] == {"u": "1/2", "v": "3/4"}
    assert (some["Fixed"]["dense_order"], some["Fixed"]["control"]) == (None, None)
    assert (some["Open"]["principal_error"], some["Open"]["real_stability"]) == (None, None)


def started(substeps: int) -> dict[str, object]:
    """What is said of a start by the classical method."""
    a = [[], ["1/2"], ["0", "1/2"], ["0", "0", "1"]]
    tableau = {"c": ["0", "1/2", "1/2", "1"], "a": a, "weights": [["1/6", "1/3", "1/3", "1/6"]]}
    return {"method": "rk4", "order": 4, "tolerance": None, "tableau": tableau, "substeps": substeps}


ENDS = ["4/9 - 1/36*sqrt(6)", "4/9 + 1/36*sqrt(6)", "1/9"]
RADAU = {
    "c": ["2/5 - 1/10*sqrt(6)", "2/5 + 1/10*sqrt(6)", "1"],
    "a": [
        ["11/45 - 7/360*sqrt(6)", "37/225 - 169/1800*sqrt(6)", "-2/225 + 1/75*sqrt(6)"],
        ["37/225 + 169/1800*sqrt(6)", "11/45 + 7/360*sqrt(6)", "-2/225 - 1/75*sqrt(6)"],
        ENDS,
    ],
    "weights": [ENDS],
}
"""What is said of Radau IIA of order 5 (Hairer & Wanner II, Table IV.5.6)."""


def test_what_a_certificate_holds_of_a_start_from_decimals() -> None:
    start = proven(solvers()["Started"])["start"]
    assert isinstance(start, dict)
    assert (start["method"], start["order"], start["substeps"]) == ("tsit5", 5, 1)
    assert start["tolerance"] == "1/1" + 75 * "0"


def test_what_a_certificate_holds_of_methods_with_a_history() -> None:
    two_steps = {"steps": 2, "zero_stable": True, "alpha": ["0", "-1", "1"]}
    ab2 = {"explicit": True, "order": 2, "error_constant": "5/12", "beta": ["-1/2", "3/2", "0"]}
    am2 = {"explicit": False, "order": 3, "error_constant": "-1/24", "beta": ["-1/12", "2/3", "5/12"]}
    assert proven(solvers()["Pair"]) == {
        "kind": "predictor_corrector",
        "mode": "PECE",
        "order": 3,
        "predictor": {"name": "ab2", **two_steps, **ab2},
        "corrector_formula": {"name": "am2", **two_steps, **am2},
        "proof": "exact",
        "start": started(3),
        "corrector_inputs": [],
    }
    assert proven(solvers()["Backward"]) == {
        "kind": "multistep",
        "explicit": False,
        "alpha": ["1/3", "-4/3", "1"],
        "beta": ["0", "0", "2/3"],
        "steps": 2,
        "order": 2,
        "error_constant": "-1/3",
        "zero_stable": True,
        "proof": "exact",
        "start": {"method": "radau_iia5", "order": 5, "tolerance": None, "tableau": RADAU, "substeps": 1},
        "corrector_inputs": [],
    }


@pytest.mark.parametrize("name", ["Cautious", "Open", "Found", "Pair"])
def test_plans_hold_what_their_solvers_say(name: str) -> None:
    said = solvers()[name]
    found = plan(said)
    assert (found.free, found.learned, found.control) == (said.free, said.learned, said.control)
    assert (found.corrector, found.training) == (said.corrector, said.training)
    assert (found.training is None) is (name not in ("Cautious", "Found"))
    assert (found.tables == ()) is (name == "Pair")
