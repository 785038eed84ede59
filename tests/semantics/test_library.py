"""The library is written in the language, and every claim in it is proven."""

from __future__ import annotations

import math
from importlib.resources import files
from pathlib import Path

import pytest

from hyperdsl.semantics.check import check_file
from hyperdsl.semantics.scope import Project
from hyperdsl.semantics.units import library_index

FILES = sorted(Path(str(files("hyperdsl.library"))).glob("*.hyper"), key=lambda path: path.name)

ORDERS = {
    "euler": (1,),
    "midpoint": (2,),
    "heun": (2,),
    "ralston2": (2,),
    "ralston3": (3,),
    "ralston4": (4,),
    "kutta3": (3,),
    "rk4": (4,),
    "rk38": (4,),
    "ssprk33": (3,),
    "ssprk54": (4,),
    "bosh3": (3, 2),
    "fehlberg45": (4, 5),
    "cash_karp": (5, 4),
    "dopri5": (5, 4),
    "tsit5": (5, 4),
    "dopri8": (8, 7),
    "second_order": (2,),
    "gauss4": (4,),
    "gauss6": (6,),
    "radau_iia5": (5,),
    "crank_nicolson": (2,),
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_claims_are_borne_out(path: Path) -> None:
    _, found = check_file(path, path.name, Project())
    assert {diagnostic.code for diagnostic in found} <= ({"H212"} if path.stem == "multistep" else set())


@pytest.mark.parametrize("name", ORDERS)
def test_published_orders(name: str) -> None:
    method = Project().library_method(name)
    assert (method.facts.order, *method.facts.embedded) == ORDERS[name]
    assert method.facts.report.order_autonomous == method.facts.order


@pytest.mark.parametrize(("name", "fsal"), [("bosh3", True), ("dopri5", True), ("tsit5", True), ("rk4", False)])
def test_first_same_as_last_is_read_off_exactly(name: str, fsal: bool) -> None:
    assert Project().library_method(name).facts.fsal is fsal


def test_rational_tableaux_are_proven_exactly_and_decimals_to_their_tolerance() -> None:
    project = Project()
    assert project.library_method("dopri5").tolerance is None
    assert project.library_method("ralston4").tolerance is None
    tolerance = project.library_method("tsit5").tolerance
    assert tolerance is not None
    assert math.log10(float(tolerance)) == pytest.approx(-75)


def test_every_declaration_has_a_source_above_it() -> None:
    for path in FILES:
        lines = path.read_text("utf-8").splitlines()
        for i, line in enumerate(lines):
            if line.startswith(("method ", "multistep ")):
                above = [text for text in lines[max(0, i - 12) : i] if text.startswith("#")]
                assert above, f"{path.name}: {line}"


def test_the_index_is_what_is_declared() -> None:
    declared = {name for _, name in library_index()}
    assert declared >= {*ORDERS, "ab3", "am3", "bdf6"}
