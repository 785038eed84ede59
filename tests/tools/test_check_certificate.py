"""The checker of certificates, which shares no code with hyperdsl: it says what hyperdsl says."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from copy import deepcopy
from fractions import Fraction
from functools import reduce
from itertools import combinations_with_replacement
from pathlib import Path
from random import Random
from typing import Any

import pytest

from hyperdsl.theory.multistep.root_condition import satisfies_root_condition
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.numbers.polynomials import times
from tests.tools.claims import holds
from tools.check_certificate import Checker, checked

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "check_certificate.py"
CERTIFICATES = sorted((ROOT / "generated").glob("*/certificate.json"))
OF_PARTS = ("additive", "rosenbrock")
HOLDS, REFUTED, MALFORMED, UNDECIDED = range(4)

Claims = dict[str, Any]


def verdict(tmp_path: Path, *solvers: Claims) -> int:
    path = tmp_path / "certificate.json"
    path.write_text(json.dumps({"solvers": solvers}), "utf-8")
    return checked(str(path))


def solvers(package: str) -> list[Claims]:
    found: list[Claims] = json.loads((ROOT / "generated" / package / "certificate.json").read_text("utf-8"))["solvers"]
    return found


@pytest.mark.parametrize("path", [TOOL, *sorted(TOOL.parent.glob("certificate_*.py"))], ids=lambda path: path.stem)
def test_it_is_short_and_imports_the_standard_library_alone(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            beside = {name for name in names if name.startswith("tools.certificate_")}
            assert {name.partition(".")[0] for name in {*names} - beside} <= sys.stdlib_module_names


def test_it_runs_anywhere_without_what_is_installed(tmp_path: Path) -> None:
    path = ROOT / "generated" / "imex_pairs" / "certificate.json"
    command = [sys.executable, "-I", "-S", str(TOOL), str(path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (HOLDS, "")


@pytest.mark.parametrize("path", CERTIFICATES, ids=lambda path: path.parent.name)
def test_every_certificate_of_a_generated_package_holds(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(str(path)) == HOLDS
    assert "not checked" not in capsys.readouterr().out
    assert all(holds(path.parent.name, claims) for claims in solvers(path.parent.name))


# Mutations: a digit, a sign, an order or a flag.


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where in nested lists and objects there are texts, numbers and flags."""
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in _leaves(item, (*path, key))]
    if isinstance(value, list):
        return [leaf for i, item in enumerate(value) for leaf in _leaves(item, (*path, i))]
    return [path]


COEFFICIENTS = {"tableau", "tableaux", "gamma_sums", "dense", "alpha", "beta", "error_constant"}
FACTS = {"order", "order_autonomous", "claimed_order", "embedded_orders", "claimed_embedded_orders", "stages", "fsal"}
FACTS |= {"stage_order", "dense_order", "residual_power", "evaluations_per_step", "explicit", "steps", "zero_stable"}
FACTS |= {"kind", "autonomous", "conditions", "parts", "w_order"}
UNSEEN = {"kind", "evaluations_per_step", "dense_order"}
"""Of methods with parts: they have one kind, and of the others nothing is said."""


def _changed(value: Any, random: Random) -> Any:
    """Another value of the same kind; a text of a number may also be written in another way.

    Roots stay, since a tableau with two different ones is beyond the checker.
    """
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + random.choice((-1, 1))
    if value in ("explicit", "dirk", "implicit"):
        return random.choice(("explicit", "dirk", "implicit"))
    digits = [i for number in re.finditer(r"(?<!sqrt\()\b\d+", value) for i in range(*number.span())]
    match random.choice(("digit", "digit", "sign", "same") if digits else ("sign", "same")):
        case "sign":
            return f"-({value})"
        case "same":
            return f"2*({value})/2"
        case _:
            at = random.choice(digits)
            return f"{value[:at]}{random.choice('123456789')}{value[at + 1 :]}"


def _mutants(count: int) -> list[tuple[str, str, Claims]]:
    random = Random(7)
    every = [(path.parent.name, claims) for path in CERTIFICATES for claims in solvers(path.parent.name)]
    found: list[tuple[str, str, Claims]] = []
    while len(found) < count:
        package, claims = random.choice(every)
        mutant = deepcopy(claims)
        kind = random.choice((COEFFICIENTS, FACTS))
        fixed = {"kind"} if "tableau" not in claims else set()  # that of a method without a tableau has no other value
        unseen = UNSEEN if claims["kind"] in OF_PARTS else set()
        left = {"name", "method", "tolerance", "mode", *fixed, *unseen}
        places = [at for at in _leaves(mutant) if kind & {*at[:4]} and at[-1] not in left]
        *path, last = random.choice(places)
        place: Any = mutant
        for key in path:
            place = place[key]
        if place[last] is not None:
            place[last] = _changed(place[last], random)
            found.append((package, f"{'.'.join(map(str, [*path, last]))} = {place[last]}", mutant))
    return found


def test_it_agrees_with_hyperdsl_on_mutated_certificates(tmp_path: Path) -> None:
    mutants = _mutants(110)
    expected = [HOLDS if holds(package, mutant) else REFUTED for package, _, mutant in mutants]
    found = [verdict(tmp_path, mutant) for _, _, mutant in mutants]
    differing = [mutants[i][:2] for i, pair in enumerate(zip(found, expected, strict=True)) if pair[0] != pair[1]]
    assert differing == []
    assert 10 < expected.count(HOLDS) < 60


WRONG = [  # of solvers with parts: a claim each, or a coefficient, that is not so
    ("imex_pairs", "ImexEuler", ("order",), 2),
    ("imex_pairs", "ImexEuler", ("parts", "implicit"), 2),
    ("imex_pairs", "ImexEuler", ("stiffly_accurate",), False),
    ("imex_pairs", "ImexEuler", ("fsal",), False),
    ("imex_pairs", "ImexEuler", ("conditions",), 1),
    ("imex_pairs", "ImexEuler", ("tableaux", "implicit", "a", 1, 1), "2"),
    ("imex_pairs", "HyperArs222", ("residual_power",), 2),
    ("imex_pairs", "HyperArs222", ("stage_order",), 2),
    ("imex_pairs", "HyperArs222", ("tableaux", "explicit", "a", 2, 0), "1/2"),
    ("imex_pairs", "Ark3Adaptive", ("order_autonomous",), 4),
    ("imex_pairs", "Ark3Adaptive", ("embedded_orders", 0), 3),
    ("imex_pairs", "Ark3Adaptive", ("tableaux", "implicit", "weights", 1, 0), "1/6"),
    ("stiff_rodas", "LangVerwer3", ("w_order",), 2),
    ("stiff_rodas", "LangVerwer3", ("stiffly_accurate",), True),
    ("stiff_rodas", "LangVerwer3", ("tableau", "gamma", 1, 0), "1"),
    ("stiff_rodas", "LangVerwer3", ("gamma_sums", 0), "1/2"),
    ("stiff_rodas", "Rodas5p", ("order",), 6),
    ("stiff_rodas", "Rodas5p", ("claimed_embedded_orders", 0), 5),
    ("stiff_rodas", "Rodas4", ("tableau", "c", 1), "1/2"),
    ("stiff_rodas", "HyperRos2", ("conditions",), 1),
]


@pytest.mark.parametrize(("package", "name", "path", "value"), WRONG)
def test_wrong_claims_of_additive_and_rosenbrock_methods_are_refused(
    tmp_path: Path, package: str, name: str, path: tuple[Any, ...], value: object
) -> None:
    (claims,) = (one for one in solvers(package) if one["name"] == name)
    *way, last = path
    place: Any = claims
    for key in way:
        place = place[key]
    assert place[last] != value
    place[last] = value
    assert not holds(package, claims)
    assert verdict(tmp_path, claims) == REFUTED


def test_coupled_conditions_are_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Heun's method and the midpoint rule have order 2 each, and together 1."""
    (claims,) = (one for one in solvers("imex_pairs") if one["name"] == "ImexEuler")
    heun = _tableau([], ["1"], c=["0", "1"], weights=["1/2", "1/2"])
    midpoint = _tableau(["1/2"], [], c=["1/2", "0"], weights=["1", "0"])
    changed = {
        "tableaux": {"explicit": heun, "implicit": midpoint},
        "order": 2,
        "order_autonomous": 2,
        "parts": {"explicit": 2, "implicit": 2},
    }
    assert verdict(tmp_path, {**claims, **changed}) == REFUTED
    assert "order is said to be 2, is 1: Φ([τ_implicit]_explicit) is 1/4, not 1/2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("package", "key", "value"), [("imex_pairs", "tableaux", []), ("stiff_rodas", "gamma_sums", "1")]
)
def test_parts_of_a_wrong_shape_are_refused(tmp_path: Path, package: str, key: str, value: object) -> None:
    assert verdict(tmp_path, _with(package, **{key: value})) == MALFORMED
    upper = solvers("stiff_rodas")[0]
    upper["tableau"]["gamma"][0] = ["1", "1"]
    assert verdict(tmp_path, upper) == MALFORMED


# What is no certificate, or is beyond the checker.


def _with(package: str, **changes: Any) -> Claims:
    return {**solvers(package)[0], **changes}


def _tableau(*rows: list[str], c: list[str], weights: list[str]) -> dict[str, Any]:
    return {"a": list(rows), "c": c, "weights": [weights]}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\xfe\x00",
        b"[]",
        b'{"solvers": 1}',
        b'{"solvers": [1]}',
        b'{"solvers": [], "solvers": []}',
        b'{"solvers": [], "principal_error": NaN}',
        b"[" * 10**5,
        b'{"solvers": [' + b"9" * 10**6 + b"]}",
    ],
)
def test_what_is_no_certificate_is_refused(tmp_path: Path, text: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "certificate.json"
    path.write_bytes(text)
    assert checked(str(path)) == MALFORMED
    assert "this is no certificate" in capsys.readouterr().err
    assert checked(str(tmp_path)) == checked(str(tmp_path / "nothing.json")) == MALFORMED


@pytest.mark.parametrize(
    "number",
    [
        "",
        "1e9",
        "0.5",
        "0x1F",
        "1_0",
        "2**3",
        "1/0",
        "(1",
        "1 1",
        "True",
        "not 1",
        "1 if 1 else 2",
        "f'1'",
        "1" + "+1" * 9999,
        "(" * 300 + "1" + ")" * 300,
        "1" * 2 * 10**5,
        "2^-1",
        "2^99",
        "[1]",
        "1;1",
        "١",
        None,
        1,
        0.5,
        ["1"],
    ],
)
def test_what_is_no_number_is_refused(tmp_path: Path, number: object) -> None:
    tableau = solvers("hyper_heun")[0]["tableau"]
    assert verdict(tmp_path, _with("hyper_heun", tableau={**tableau, "c": ["0", number]})) == MALFORMED


@pytest.mark.parametrize("key", ["order", "kind", "tableau", "autonomous", "fsal", "tolerance"])
@pytest.mark.parametrize("value", [{}, [], "x", 1.5])
def test_a_wrong_type_is_refused(tmp_path: Path, key: str, value: object) -> None:
    beyond = (key, value) in (("kind", "x"), ("tolerance", "x"))
    assert verdict(tmp_path, _with("hyper_heun", **{key: value})) == (UNDECIDED if beyond else MALFORMED)


def test_what_is_beyond_the_checker_is_said_not_to_be_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two_roots = _tableau([], ["sqrt(2)*sqrt(3)"], c=["0", "sqrt(2)*sqrt(3)"], weights=["1/2", "1/2"])
    assert verdict(tmp_path, _with("hyper_heun", tableau=two_roots)) == UNDECIDED
    assert "several square roots" in capsys.readouterr().out
    cosine = _tableau([], ["cos(pi/7)"], c=["0", "cos(pi/7)"], weights=["1/2", "1/2"])
    assert verdict(tmp_path, _with("hyper_heun", tableau=cosine)) == UNDECIDED
    assert verdict(tmp_path, _with("hyper_heun", kind="nystrom")) == UNDECIDED
    assert "a method of the kind 'nystrom'" in capsys.readouterr().out


def test_work_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("tools.check_certificate.WORK", 10**6)
    powers = _tableau([], ["((9^64)^64)^64"], c=["0", "1"], weights=["1/2", "1/2"])
    assert verdict(tmp_path, _with("hyper_heun", tableau=powers)) == UNDECIDED
    wide = [[f"1/{10**90 + 8 * i + j}" for j in range(8)] for i in range(8)]
    filled = {"a": wide, "c": ["1"] * 8, "weights": [["1/8"] * 8]}
    verdict(tmp_path, _with("hyper_heun", tableau=filled, kind="implicit", autonomous=True))
    assert "stage_order (it takes too much work)" in capsys.readouterr().out


def test_the_first_condition_that_fails_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verdict(tmp_path, _with("hyper_rk4", order=5, residual_power=6)) == REFUTED
    assert "order is said to be 5, is 4: Φ([τ,τ,τ,τ]) is 5/24, not 1/5" in capsys.readouterr().out
    tableau = solvers("hyper_heun")[0]["tableau"]
    assert verdict(tmp_path, _with("hyper_heun", tableau={**tableau, "c": ["0", "1/2"]})) == REFUTED
    assert "autonomous is said to be False, is True" in capsys.readouterr().out


def test_one_square_root_and_every_kind_of_tableau(tmp_path: Path) -> None:
    root = "1/6*sqrt(3)"
    gauss = _tableau(
        ["1/4", f"1/4 - {root}"], [f"1/4 + {root}", "1/4"], c=[f"1/2 - {root}", f"1/2 + {root}"], weights=["1/2"] * 2
    )
    claims = {
        "kind": "implicit",
        "order": 4,
        "order_autonomous": 4,
        "claimed_order": 4,
        "stage_order": 2,
        "conditions": 8,
    }
    solver = _with("hyper_heun", tableau=gauss, corrector=None, corrector_inputs=[], residual_power=None, **claims)
    assert verdict(tmp_path, solver) == HOLDS
    assert verdict(tmp_path, {**solver, "order": 3}) == REFUTED
    gamma = "1 - 1/2*sqrt(2)"
    sdirk = _tableau([gamma], [f"1 - ({gamma})", gamma], c=[gamma, "1"], weights=[f"1 - ({gamma})", gamma])
    claims = {"kind": "dirk", "order": 2, "order_autonomous": 2, "claimed_order": 2, "stage_order": 1, "conditions": 2}
    assert verdict(tmp_path, {**solver, "tableau": sdirk, **claims}) == HOLDS


def test_a_method_of_several_files_is_refuted_before_it_is_undecided(tmp_path: Path) -> None:
    assert verdict(tmp_path, _with("hyper_heun", kind="nystrom"), _with("hyper_heun", order=3)) == REFUTED


FACTORS = [
    (-1, 1),
    (1, 1),
    (1, 0, 1),
    (1, 1, 1),
    (Fraction(1, 2), 1),
    (0, 1),
    (2, 1),
    (1, -1, 1),
    (1, Fraction(6, 5), 1),
]
"""Of the unit circle's polynomials, of those inside and outside, the constant first."""


@pytest.mark.parametrize(
    "chosen", [*combinations_with_replacement(FACTORS, 1), *combinations_with_replacement(FACTORS, 2)]
)
def test_the_root_condition_is_that_of_hyperdsl(chosen: tuple[tuple[Fraction, ...], ...]) -> None:
    product = reduce(times, (tuple(map(Exact.of, factor)) for factor in chosen))
    checker = Checker(Random(0), [10**6], {}, [], {})
    assert checker.stable([value.fraction() for value in product]) == satisfies_root_condition(product)


def test_dense_output_goes_with_its_method(tmp_path: Path) -> None:
    claims = solvers("adaptive_dopri5")[0]
    dense = claims["dense"]["tableau"]
    assert verdict(tmp_path, claims) == HOLDS
    for changed in ({"c": ["0", "1/5", "3/10", "4/5", "8/9", "1", "1/2"]}, {"weights": dense["weights"][:-2]}):
        assert verdict(tmp_path, {**claims, "autonomous": True, "dense": {"tableau": dense | changed}}) == REFUTED
    assert verdict(tmp_path, {**claims, "dense_order": 5}) == REFUTED
    assert verdict(tmp_path, {**claims, "dense_order": 3}) == HOLDS
