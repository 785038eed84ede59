"""Coefficients in generated code: the nearest doubles, and a family's as the user wrote them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from types import ModuleType

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from hyperdsl.codegen.torch.expressions import number
from hyperdsl.compiler import library_method
from hyperdsl.theory.numbers import irrational
from hyperdsl.theory.numbers.exact import Exact

Build = Callable[[str], ModuleType]


def f(s: Tensor, z: Tensor) -> Tensor:
    return torch.sin(3 * s) * z.roll(1, -1) + torch.cos(z) * (1 + s)


def value_of(text: str) -> float:
    """What Python makes of p / q or of a number."""
    parts = [float(part) for part in text.split(" / ")]
    return parts[0] if len(parts) == 1 else parts[0] / parts[1]


@given(st.fractions())
def test_rationals_are_nearest_doubles(value: Fraction) -> None:
    assert value_of(number(Exact.of(value))) == float(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Exact.of(Fraction(35, 384)), "35 / 384"),
        (Exact.of(-2), "-2"),
        (Exact.of(Fraction(1, 2**53 + 1)), repr(1 / (2**53 + 1))),
        (irrational.sqrt(Exact.of(2)) / 2, "0.7071067811865476"),
        (irrational.sqrt(2 + irrational.sqrt(Exact.of(2))) / 2, "0.9238795325112867"),
        (1 - irrational.cos_pi(Fraction(1, 9)), "0.060307379214091614"),
    ],
)
def test_numbers_as_text(value: Exact, text: str) -> None:
    assert number(value) == text


POINTS = {
    "second_order": {"alpha": Fraction(7, 10)},
    "third_order": {"u": Fraction(2, 5), "v": Fraction(7, 10)},
    "fourth_order": {"u": Fraction(3, 10), "v": Fraction(3, 5)},
}


@pytest.mark.parametrize("name", POINTS)
def test_families_are_their_members(build: Build, name: str) -> None:
    """What the user wrote, evaluated in doubles, is the member's exact tableau to rounding."""
    values = POINTS[name]
    ranges = ", ".join(f"{key} = {value} - 1/50 .. {value} + 1/50" for key, value in values.items())
    solver = build(f"solver Made {{\n    base {name}({ranges})\n}}\n").Made()
    method = library_method(name)
    assert method is not None
    tableau = method.tableau.substitute({key: Exact.of(value) for key, value in values.items()})
    z, s, eps = torch.randn(20, 3, dtype=torch.float64), 0.3, 0.25
    stages: list[Tensor] = []
    for row, c in zip(tableau.a, tableau.c, strict=True):
        moved = z + eps * sum((float(a) * k for a, k in zip(row, stages, strict=False)), torch.zeros_like(z))
        stages.append(f(torch.tensor(s + float(c) * eps, dtype=torch.float64), moved))
    expected = z + eps * sum((float(b) * k for b, k in zip(tableau.weights[0], stages, strict=True)))
    step = solver.step(f, s, z, eps, **{key: float(value) for key, value in values.items()})
    assert torch.allclose(step, expected, rtol=0, atol=2e-14)


def test_roots_cosines_signs_and_powers(build: Build) -> None:
    text = """
        method odd(u) {
            where 1/4 <= u <= 1
            order 1
            tableau {
                0             |
                u*sqrt(4)/2   | u*sqrt(4)/2
                cos(pi*1/3)*u | -(-u)/2 - u^2, -(-u)^2*-1
                --------------+--------------------------------------------------
                              | 1 - (u - (u - 1)), -u^-1*(1 - (u - u^2)/(1/2)), u^-1*(1 - (u - u^2)/(1/2)) + 1
            }
        }
        solver Made {
            base odd(u = 1/3 .. 2/3)
        }
    """
    solver = build(text).Made()
    u, z, eps = 0.4, torch.randn(5, 3, dtype=torch.float64), 0.1
    time = torch.tensor(0.0, dtype=torch.float64)
    k1 = f(time, z)
    k2 = f(time + u * eps, z + eps * u * k1)
    k3 = f(time + u / 2 * eps, z + eps * ((u / 2 - u**2) * k1 + u**2 * k2))
    weight = (1 - (u - u**2) * 2) / u
    expected = z + eps * (-weight * k2 + (weight + 1) * k3)
    assert torch.allclose(solver.step(f, 0.0, z, eps, u=u), expected, rtol=0, atol=1e-14)
