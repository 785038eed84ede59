"""Stability intervals of the library's methods: closed forms, values in the literature, and roots found otherwise."""

from __future__ import annotations

import math

import pytest
from mpmath import mp, mpf

from hyperdsl.compiler import library_method
from hyperdsl.theory.stability.linear import stability_function

from .oracle import number

IMAGINARY = {
    "euler": 0.0,
    "heun": 0.0,
    "bosh3": math.sqrt(3),  # Hairer & Wanner II, §IV.2
    "ssprk33": math.sqrt(3),
    "rk4": 2 * math.sqrt(2),
    "england4": 2 * math.sqrt(2),
    "merson4": 2 * math.sqrt(3),  # |R(iy)|² = 1 − y⁶/144 + … has the root y² = 12
    "backward_euler": math.inf,
    "gauss6": math.inf,
    "radau_iia7": math.inf,  # in decimals, to a tolerance
    "radau_iia13": math.inf,
    "gauss12": math.inf,
    "kvaerno54": math.inf,
    "esdirk659l2sa": math.inf,
}
REAL = {  # as printed: Lambert 1991, §5.12; Hairer & Wanner II, §IV.2
    "rk4": "2.785293563405282",
    "ssprk33": "2.51",
    "fehlberg45": "3.02",
    "dopri5": "3.3",
}


@pytest.mark.parametrize("name", IMAGINARY)
def test_imaginary_intervals(name: str) -> None:
    method = library_method(name)
    assert method is not None
    assert method.facts.imaginary_stability == IMAGINARY[name]


def test_the_imaginary_interval_of_rk4_as_it_is_printed() -> None:
    method = library_method("rk4")
    assert method is not None
    assert f"{method.facts.imaginary_stability:.15f}" == "2.828427124746190"


@pytest.mark.parametrize("name", REAL)
def test_real_intervals_to_all_printed_digits(name: str) -> None:
    method = library_method(name)
    assert method is not None
    assert method.facts.real_stability is not None
    digits = len(REAL[name].split(".")[1])
    assert f"{method.facts.real_stability:.{digits}f}" == REAL[name]


@pytest.mark.parametrize("name", ["rk4", "dopri5", "merson4", "ssprk104", "cash_karp", "bosh5", "tsit5", "dop853"])
def test_real_intervals_end_at_a_root_found_in_sixty_digits(name: str) -> None:
    """|R(−x)| = 1 there, by polynomial roots in mpmath; nowhere before."""
    method = library_method(name)
    assert method is not None
    length = method.facts.real_stability
    assert length is not None
    above = [number(q) * (-1) ** k for k, q in enumerate(stability_function(method.tableau)[0])]
    ends = []
    for sign in (1, -1):
        polynomial = [above[0] - sign, *above[1:]]
        while polynomial[0] == 0:
            polynomial = polynomial[1:]
        roots = mp.polyroots(list(reversed(polynomial)), maxsteps=200, extraprec=400)
        ends += [root.real for root in roots if abs(root.imag) < mpf(10) ** -40 and root.real > mpf(10) ** -10]
    assert float(min(ends)) == pytest.approx(length, rel=1e-15)
