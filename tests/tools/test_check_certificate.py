"""The checker of certificates, which shares no code with hyperdsl: it says what hyperdsl says."""

from __future__ import annotations

import ast
import json
import re
import sys
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.tools.claims import holds
from tools.check_certificate import checked

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "check_certificate.py"
CERTIFICATES = sorted((ROOT / "generated").glob("*/certificate.json"))
HOLDS, REFUTED, MALFORMED, UNDECIDED = range(4)

Claims = dict[str, Any]


def verdict(tmp_path: Path, *solvers: Claims) -> int:
    path = tmp_path / "certificate.json"
    path.write_text(json.dumps({"solvers": solvers}), "utf-8")
    return checked(str(path))


def solvers(package: str) -> list[Claims]:
    found: list[Claims] = json.loads((ROOT / "generated" / package / "certificate.json").read_text("utf-8"))["solvers"]
    return found


def test_it_is_short_and_imports_the_standard_library_alone() -> None:
    text = TOOL.read_text("utf-8")
    assert len(text.splitlines()) <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


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


COEFFICIENTS = {"tableau", "dense", "alpha", "beta", "error_constant"}
FACTS = {"order", "order_autonomous", "claimed_order", "embedded_orders", "claimed_embedded_orders", "stages", "fsal"}
FACTS |= {"stage_order", "dense_order", "residual_power", "evaluations_per_step", "explicit", "steps", "zero_stable"}
FACTS |= {"kind", "autonomous"}


def _changed(value: Any, random: Random) -> Any:
    """Another value of the same kind; a text of a number may also be written in another way."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + random.choice((-1, 1))
    if value in ("explicit", "dirk", "implicit"):
        return random.choice(("explicit", "dirk", "implicit"))
    digits = [i for number in re.finditer(r"\b\d+", value) for i in range(*number.span())]
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
        places = [at for at in _leaves(mutant) if kind & {*at[:2]} and at[-1] not in ("name", "method", "tolerance")]
        *path, last = random.choice(places)
        place: Any = mutant
        for key in path:
            place = place[key]
        if place[last] is not None:
            place[last] = _changed(place[last], random)
            found.append((package, f"{'.'.join(map(str, [*path, last]))} = {place[last]}", mutant))
    return found


def test_it_agrees_with_hyperdsl_on_mutated_certificates(tmp_path: Path) -> None:
    mutants = _mutants(250)
    expected = [HOLDS if holds(package, mutant) else REFUTED for package, _, mutant in mutants]
    found = [verdict(tmp_path, mutant) for _, _, mutant in mutants]
    differing = [mutants[i][:2] for i, pair in enumerate(zip(found, expected, strict=True)) if pair[0] != pair[1]]
    assert differing == []
    assert 20 < expected.count(HOLDS) < len(expected) - 100
