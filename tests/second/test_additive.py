"""sympy proves additive methods again, and refutes what the exact engine refutes."""

from __future__ import annotations

from pathlib import Path

import pytest

from hyperdsl.second.agreement import REFUSED, verdicts
from hyperdsl.semantics.check import check_file
from hyperdsl.semantics.reading.scope import Project

PAIR = """
method pair {{
    order {order}
    tableau explicit {{
        0   |
        {c} | {e}
        1   | {last}
        ----+---------------
            | 0, 1/2, 1/2
    }}
    tableau implicit {{
        0   |
        {c} | 0, {c}
        1   | 0, 1 - {c}, {c}
        ----+---------------
            | 0, 1/2, 1/2
    }}
}}

solver Built {{
    base ars343
}}
"""


@pytest.mark.parametrize(
    ("order", "c", "e", "last"),
    [
        ("1", "1/2", "1/2", "0, 1"),
        ("2", "1/2", "1/2", "0, 1"),  # the coupled order is 1
        ("1", "1/2", "1/3", "0, 1"),  # a row that does not sum to its c
        ("1 autonomous", "1/2", "1/3", "0, 1"),
        ("1", "1 - sqrt(2)/2", "1 - sqrt(2)/2", "1/3, 2/3"),
        ("1 within 1e-12", "0.50000000000001", "0.5", "0, 1"),
    ],
)
def test_both_provers_agree(tmp_path: Path, order: str, c: str, e: str, last: str) -> None:
    path = tmp_path / "pairs.hyper"
    path.write_text(PAIR.format(order=order, c=c, e=e, last=last), encoding="utf-8")
    spec, found = check_file(path, path.name, Project())
    judged = {(one.group, one.name): one for one in verdicts(spec, found)}
    refuted = any(diagnostic.severity == "error" for diagnostic in found)
    assert set(judged) == {(REFUSED if refuted else "methods", "pair"), ("solvers", "Built")}
    assert [(one.reason, one.differences) for one in judged.values()] == [(None, ())] * 2
