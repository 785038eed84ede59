"""Every method of two collections has the order it claims, or an error that is known; mutations of them are judged
as the oracle judges them."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest

from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.order import prove_order, row_sum_defects
from hyperdsl.theory.runge_kutta.tableau import Tableau

from .published import Entry, library, nodepy
from .tableaux import changed, exact
from .test_mutations import agrees

ERRORS = {
    "Lambert65": (2,),
    "SS3": (2, 3),
}
"""What NodePy's collection holds under a wrong name, and its orders: docs/labels.md."""


@pytest.mark.parametrize("entry", nodepy(), ids=lambda entry: entry.name)
def test_nodepys_collection(entry: Entry) -> None:
    found = tuple(prove_order(entry.tableau, row, entry.tolerance).order for row in range(len(entry.tableau.weights)))
    assert found == ERRORS.get(entry.name, entry.orders)
    assert not row_sum_defects(entry.tableau, entry.tolerance)


def test_a_row_of_lambert65_is_wrong() -> None:
    (lambert,) = (entry.tableau for entry in nodepy() if entry.name == "Lambert65")
    corrected = changed(changed(lambert, "a", 2, 0, exact("3/16")), "a", 2, 1, exact("1/16"))
    assert prove_order(corrected).order == 5


def test_ssp53_is_short_of_digits() -> None:
    """It prints fourteen of which nine hold; the library's has fifteen that hold."""
    (printed,) = (entry.tableau for entry in nodepy() if entry.name == "SSP53")
    (other,) = (entry.tableau for entry in library() if entry.name == "ssprk53")
    assert prove_order(printed, 0, exact("1e-10")).order == 0
    assert prove_order(other, 0, exact("1e-14")).order == 3


LARGER = ("cooper_verner8", "fehlberg78", "gauss8")
SUBJECTS = [
    entry
    for entry in (*nodepy(), *library())
    if entry.name in LARGER or (max(entry.orders) <= 6 and entry.tableau.stages <= 9)
]


def mutated(method: Tableau, random: Random) -> Tableau:
    """One coefficient's last digit, 1e-14, two entries swapped, a sign, or a c."""
    part = random.choice("aab")
    row = random.randrange(method.stages if part == "a" else len(method.weights))
    columns = row + 1 if part == "a" and method.kind == "explicit" else method.stages
    here, there = random.randrange(columns), random.randrange(columns)
    rows = method.a if part == "a" else method.weights
    old = rows[row][here]
    match random.randrange(5):
        case 0:
            return changed(method, part, row, here, old + random.choice((-1, 1)) * last_digit(old))
        case 1:
            return changed(method, part, row, here, old + random.choice((-1, 1)) * exact("1e-14"))
        case 2:
            return changed(changed(method, part, row, here, rows[row][there]), part, row, there, old)
        case 3:
            return changed(method, part, row, here, -old)
        case _:
            stage = random.randrange(method.stages)
            return changed(method, "c", 0, stage, method.c[stage] + random.choice((-1, 1)) * exact("1e-14"))


def last_digit(value: Exact) -> Exact:
    """One unit of the last digit: of a fraction's numerator, or of a double's sixteen digits."""
    if value.is_rational:
        return Exact.of(Fraction(1, value.fraction().denominator))
    return Exact.of(Fraction(1, 10**16))


@pytest.mark.parametrize("seed", range(200))
def test_mutations(seed: int) -> None:
    random = Random(seed)
    entry = random.choice(SUBJECTS)
    agrees(mutated(entry.tableau, random), entry.tolerance)
