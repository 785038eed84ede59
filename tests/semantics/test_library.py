"""The library is written in the language, and every claim in it is proven."""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest

from hyperdsl.diagnostics import Diagnostic
from hyperdsl.pages.listing import rows
from hyperdsl.semantics.check import check_file
from hyperdsl.semantics.methods import proofs
from hyperdsl.semantics.model.additive import Additive
from hyperdsl.semantics.model.spec import Method, Spec
from hyperdsl.semantics.reading.scope import Project
from hyperdsl.semantics.reading.units import library_index
from hyperdsl.theory.numbers import budget
from tools.library_index import in_order, rows_of

FILES = sorted(Path(str(files("hyperdsl.library"))).glob("*.hyper"), key=lambda path: path.name)

ORDERS = {  # what their authors say
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
    "gauss8": (8,),
    "gauss10": (10,),
    "crouzeix4": (4,),
    "radau_iia5": (5,),
    "crank_nicolson": (2,),
    "kutta5": (5,),
    "butcher5": (5,),
    "lawson5": (5,),
    "lambert5": (5,),
    "oliver5": (5,),
    "cassity5": (5,),
    "luther_konen5": (5,),
    "luther_konen5_2": (5,),
    "luther_konen5_3": (5,),
    "fehlberg12": (1, 2),
    "fehlberg23": (2, 3),
    "fehlberg34": (3, 4),
    "sharp_smart32": (3, 2),
    "merson4": (4, 3),
    "zonneveld4": (4, 3),
    "england4": (4, 5),
    "higham_hall5": (5, 4),
    "papakostas_papageorgiou5": (5, 4),
    "papakostas_papageorgiou5_2": (5, 4),
    "sharp_smart5": (5, 4),
    "butcher6_2": (6,),
    "butcher6_3": (6,),
    "lawson6": (6,),
    "huta6": (6,),
    "huta6_2": (6,),
    "chammud6": (6,),
    "chammud6_2": (6,),
    "fehlberg56": (5, 6),
    "dverk6": (6, 5),
    "dormand_prince6": (6, 5),
    "sharp_verner6": (6, 5),
    "verner6_1991": (6, 5),
    "verner6_1991_2": (6, 5),
    "verner_robust6": (6, 5),
    "verner_efficient6": (6, 5),
    "papakostas6": (6, 5),
    "tsitouras_papakostas6": (6, 5),
    "dlmp6": (6, 5),
    "tanaka6a": (6, 5),
    "tanaka6b": (6, 5),
    "tanaka6c": (6, 5),
    "tanaka6d": (6, 5),
    "el_mikkawy_eisa6": (6, 4),
    "verner7_1978": (7, 6),
    "enright_verner7": (7, 6),
    "sharp_verner7": (7, 6),
    "sharp_smart7": (7, 6),
    "verner_robust7": (7, 6),
    "verner_efficient7": (7, 6),
    "tanaka_yamashita_efficient7": (7, 6),
    "tanaka_yamashita_stable7": (7, 6),
    "curtis8": (8,),
    "verner8_1978": (8, 7),
    "enright_verner8": (8, 7),
    "verner_efficient8": (8, 7),
    "dverk8": (8, 7),
    "tsitouras_papakostas8": (8, 7),
    "fehlberg78": (7, 8),
    "dormand_prince8": (8, 7),
    "verner_robust9": (9, 8),
    "verner_efficient9": (9, 8),
    "sharp9": (9, 8),
    "tsitouras9": (9, 8),
    "tsitouras9_2": (9, 8),
    "curtis10": (10,),
    "hairer10": (10,),
    "ono10": (10,),
    "feagin10": (10,),
    "baker10": (10, 9),
    "ono12": (12,),
    "feagin12": (12,),
    "feagin14": (14,),
    "lobatto_iiia6": (6,),
    "lobatto_iiia8": (8,),
    "lobatto_iiib6": (6,),
    "lobatto_iiib8": (8,),
    "lobatto_iiic8": (8,),
    "lobatto_iiic10": (10,),
    "lobatto_iiic_star2": (2,),
    "lobatto_iiic_star4": (4,),
    "lobatto_iiic_star6": (6,),
    "lobatto_iiid4": (4,),
    "lobatto_iiid6": (6,),
    "radau_iia7": (7,),
    "radau_iia9": (9,),
    "radau_iia13": (13,),
    "gauss12": (12,),
    "kvaerno32": (3, 2),
    "kvaerno43": (4, 3),
    "kvaerno54": (5, 4),
    "esdirk325l2sa": (3, 2),
    "esdirk436l2sa2": (4, 3),
    "esdirk437l2sa": (4, 3),
    "esdirk547l2sa2": (5, 4),
    "esdirk548l2sa": (5, 4),
    "esdirk659l2sa": (6, 5),
    "ark324l2sa_implicit": (3, 2),
    "ark324l2sa_explicit": (3, 2),
    "ark436l2sa_implicit": (4, 3),
    "ark436l2sa_explicit": (4, 3),
    "ark548l2sa_implicit": (5, 4),
    "ark548l2sa_explicit": (5, 4),
    "ark437l2sa1_implicit": (4, 3),
    "ark437l2sa1_explicit": (4, 3),
    "ark548l2sab_implicit": (5, 4),
    "ark548l2sab_explicit": (5, 4),
    "hairer_wanner_sdirk4": (4, 3),
    "ars222_implicit": (2,),
    "ars222_explicit": (2,),
    "ars232_explicit": (2,),
    "ars443_implicit": (3,),
    "ars443_explicit": (3,),
    "imex_ssp222_implicit": (2,),
    "imex_ssp322_implicit": (2,),
    "ssp_sdirk2": (2,),
    "ssp_sdirk3": (3,),
    "sdirk2_2": (2,),
    "ssprk22": (2,),
    "ssprk32": (2,),
    "ssprk42": (2,),
    "ssprk43": (3, 2),
    "ssprk93": (3,),
    "ssprk53": (3,),
    "ssprk63": (3,),
    "ssprk73": (3,),
    "ssprk83": (3,),
    "williamson3": (3,),
    "carpenter_kennedy4": (4,),
    "kcl_rk32_2r": (3, 2),
    "kcl_rk43_2r": (4, 3),
    "kcl_rk43_3r": (4, 3),
    "kcl_rk54_3r": (5, 4),
    "kcl_rk54_2r": (5, 4),
    "ars111": (1,),
    "ars121": (1,),
    "ars122": (2,),
    "ars222": (2,),
    "ars232": (2,),
    "ars233": (3,),
    "ars343": (3,),
    "ars443": (3,),
    "ark324l2sa": (3, 2),
    "ark436l2sa": (4, 3),
    "ark548l2sa": (5, 4),
    "ark437l2sa1": (4, 3),
    "ark548l2sa2": (5, 4),
    "imex_ssp2_222": (2,),
    "imex_ssp2_322": (2,),
    "imex_ssp2_332": (2,),
    "imex_ssp3_332": (2,),
    "imex_ssp3_333": (3,),
    "imex_ssp3_433": (3,),
    "bpr353": (3,),
    "dbm453": (3,),
    "imkg343a": (3,),
    "bhr553": (3,),
    "cfn_lirk3": (3,),
    "ark2c": (2, 1),
    "ark2d": (2, 1),
    "billington_sdirk23": (2, 3),
    "cash_sdirk4": (4, 3, 2),
    "esdirk324l2sa": (3, 2),
    "esdirk32i5l2sa": (3, 2),
    "esdirk436l2sa": (4, 3),
    "esdirk43i6l2sa": (4, 3),
    "qesdirk436l2sa": (4, 3),
    "esdirk547l2sa": (5, 4),
    "dirk657a": (6, 5),
    "esdirk648sa": (6, 4),
    "dirk658sal": (6, 5),
    "sdirk659sal": (6, 5),
    "dirk759a": (7, 5),
    "dirk7510sal": (7, 5),
    "esdirk7510sa": (7, 5),
    "sdirk7511sal": (7, 5),
    "dirk8614a": (8, 6),
    "dirk8616sal": (8, 6),
    "esdirk8516sal": (8, 5),
}


@cache
def checked(path: Path) -> tuple[Spec, tuple[Diagnostic, ...]]:
    """A file of the library, each of its methods proven once."""
    return check_file(path, path.name, Project())


def proven(name: str) -> Method:
    path = next(path for path in FILES if path.name == library_index()["method", name])
    return next(method for method in checked(path)[0].methods if method.name == name)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_claims_are_borne_out_and_are_the_published_orders(path: Path) -> None:
    """One test a file: proofs of high orders take seconds, and another process would prove them again."""
    spec, found = checked(path)
    assert {diagnostic.code for diagnostic in found} <= ({"H212"} if path.stem == "multistep" else set())
    methods: tuple[Method | Additive, ...] = (*spec.methods, *spec.additives)
    facts = {one.name: one.facts for one in methods if one.name in ORDERS}
    assert facts.keys() == {name for name in ORDERS if library_index()["method", name] == path.name}
    assert {name: (one.order, *one.embedded) for name, one in facts.items()} == {name: ORDERS[name] for name in facts}
    assert {name for name, one in facts.items() if one.report.order_autonomous != one.order} == set()
    listed = [row for row in rows() if row.file == path.name]
    assert listed == in_order(rows_of(spec, Project())), "run `python -m tools.library_index`"


@pytest.mark.parametrize(("name", "fsal"), [("bosh3", True), ("dopri5", True), ("tsit5", True), ("rk4", False)])
def test_first_same_as_last_is_read_off_exactly(name: str, fsal: bool) -> None:
    assert proven(name).facts.fsal is fsal


PROPERTIES = {  # symplectic, symmetric, L-stable, stiffly accurate: Hairer & Wanner II, §IV.5; HLW, §VI.4
    "gauss12": (True, True, False, False),
    "lobatto_iiia8": (False, True, False, True),
    "lobatto_iiib8": (False, True, False, False),
    "lobatto_iiic8": (False, False, True, True),
    "lobatto_iiid6": (True, True, False, False),
    "radau_ia5": (False, False, True, False),
    "radau_iia13": (False, False, True, True),
    "crank_nicolson": (False, True, False, True),
    "kvaerno43": (False, False, False, True),
    "qin_zhang": (True, True, False, False),
    "theta_method": (None, None, None, True),
    "sdirk_family": (None, None, None, None),
    "second_order": (False, False, False, False),
    "dopri5": (False, False, False, False),
    "billington_sdirk23": (False, False, True, False),
    "cash_sdirk4": (False, False, True, True),
    "dirk759a": (False, False, False, False),
    "dirk8616sal": (False, False, True, True),
    "esdirk8516sal": (False, False, False, True),  # its authors call it L-stable: docs/labels.md
}


def properties(name: str) -> tuple[bool | None, ...]:
    facts = proven(name).facts
    return facts.symplectic, facts.symmetric, facts.l_stable, facts.stiffly_accurate


@pytest.mark.parametrize("name", PROPERTIES)
def test_structure_and_stability_are_those_of_the_literature(name: str) -> None:
    assert properties(name) == PROPERTIES[name]


def test_what_takes_too_much_beside_the_orders_is_not_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    gauss = proven("gauss12")
    proofs.prove.cache_clear()
    monkeypatch.setattr(proofs, "MOST_ASIDE", 100)
    with budget.limited():
        facts = proofs.prove(gauss.tableau, 12, gauss.tolerance)
    proofs.prove.cache_clear()
    assert (facts.order, facts.symplectic, facts.symmetric, facts.l_stable) == (12, None, None, None)
    assert facts.stiffly_accurate is False


def test_what_is_done_aside_counts_and_the_time_of_a_file_stays_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    with budget.limited():
        assert budget.aside(100, lambda: budget.spend(40) or "done") == "done"
        assert budget.aside(100, lambda: budget.spend(101)) is None
        budget.spend(budget.MOST_OPERATIONS - 140)
        with pytest.raises(budget.OutOfReach):
            budget.spend(1)
    monkeypatch.setattr(budget, "SECONDS", -1.0)
    with budget.limited(), pytest.raises(budget.OutOfReach, match="seconds"):
        budget.aside(100, lambda: budget.spend(40))


def test_rational_tableaux_are_proven_exactly_and_decimals_to_their_tolerance() -> None:
    assert proven("dopri5").tolerance is None
    assert proven("ralston4").tolerance is None
    tolerance = proven("tsit5").tolerance
    assert tolerance is not None
    assert math.log10(float(tolerance)) == pytest.approx(-75)


def test_every_declaration_has_a_source_above_it() -> None:
    for path in FILES:
        lines = path.read_text("utf-8").splitlines()
        for i, line in enumerate(lines):
            if line.startswith(("method ", "multistep ")):
                above = [text for text in lines[max(0, i - 12) : i] if text.startswith("#")]
                assert above, f"{path.name}: {line}"


def test_every_method_is_listed_with_a_source_of_its_own() -> None:
    assert {row.name for row in rows()} == {name for group, name in library_index() if group == "method"}
    assert [row.name for row in rows() if row.source.startswith(("The same", "As "))] == []
    assert "Kutta 1901" in next(row.source for row in rows() if row.name == "rk4")


def test_the_index_is_what_is_declared() -> None:
    declared = {name for _, name in library_index()}
    assert declared >= {*ORDERS, "ab3", "am3", "bdf6"}


def test_the_dearest_method_leaves_room_for_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """feagin14 has 35 stages and order 14."""
    proofs.prove.cache_clear()
    proofs._reports.cache_clear()
    monkeypatch.setattr(budget, "MOST_OPERATIONS", budget.MOST_OPERATIONS * 3 // 4)
    spec = tmp_path / "feagin.hyper"
    spec.write_text("solver Feagin {\n    base feagin14\n}\n")
    found, diagnostics = check_file(spec, "feagin.hyper", Project())
    assert not diagnostics
    assert found.solvers[0].order == 14
