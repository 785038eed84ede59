"""The library's tableaux beside SciPy's and torchdiffeq's, and exact numbers beside python-flint's polynomials."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from flint import arb, ctx, fmpq, fmpq_mat, fmpz_poly
from numpy.typing import NDArray
from scipy.integrate import BDF, RK23, RK45
from scipy.integrate._ivp import dop853_coefficients, radau
from torchdiffeq import odeint
from torchdiffeq._impl import adaptive_heun, bosh3, dopri5, dopri8, fehlberg2, fixed_adams

from hyperdsl import compiler
from hyperdsl.evaluation.solvers import TableauSolver
from hyperdsl.semantics.model.spec import Method, Multistep
from hyperdsl.semantics.reading.scope import Project
from hyperdsl.semantics.reading.units import library_unit
from hyperdsl.source import SpecFile
from hyperdsl.theory.multistep.formulas import LinearMultistep
from hyperdsl.theory.numbers import irrational
from hyperdsl.theory.numbers.exact import ZERO, Exact

Array = NDArray[np.float64]


@cache
def method(name: str) -> Method:
    return Project().library_method(name)


def formula(name: str) -> LinearMultistep:
    found = compiler.library_base(name)
    assert isinstance(found, Multistep)
    return found.formula


def doubles(rows: Any) -> Array:
    return np.array([[float(x) for x in row] for row in rows])


def error(found: Method) -> Array:
    """The propagated weights less the embedded ones."""
    b, other = found.tableau.weights[:2]
    return np.array([float(x - y) for x, y in zip(b, other, strict=True)])


def dense(name: str, theta: float) -> Array:
    """The weights b_i(θ) of the library's dense output."""
    output = method(name).dense
    assert output is not None
    powers = [Exact.of(Fraction(theta)) ** k for k in range(21)]
    return np.array([float(sum((q * p for q, p in zip(w, powers, strict=False)), ZERO)) for w in output.weights])


@pytest.mark.parametrize(("theirs", "name"), [(RK23, "bosh3"), (RK45, "dopri5")])
def test_scipys_pairs(theirs: Any, name: str) -> None:
    """E has one entry more, of the next step's first slope, and its sign is the other way round."""
    found, stages = method(name), theirs.n_stages
    a = doubles(found.tableau.a)
    columns = theirs.A.shape[1]
    assert np.allclose(a[:stages, :columns], theirs.A, rtol=1e-15, atol=0)
    assert np.array_equal(a[stages, :stages], theirs.B)
    assert np.array_equal(doubles([found.tableau.c])[0, :stages], theirs.C)
    assert np.allclose(error(found), -theirs.E, rtol=0, atol=1e-16)


def test_scipys_dense_output_of_bosh3() -> None:
    for theta in (0.1, 0.37, 0.5, 0.83, 1.0):
        powers = np.array([theta ** (k + 1) for k in range(RK23.P.shape[1])])
        assert np.allclose(dense("bosh3", theta), RK23.P @ powers, rtol=0, atol=1e-15)


def test_scipys_dense_output_of_dopri5_is_another_one_of_order_4(tmp_path: Path) -> None:
    """Shampine's (1986), where the library has Hairer, Nørsett & Wanner's; proven from SciPy's doubles."""
    powers = np.array([0.37 ** (k + 1) for k in range(4)])
    assert not np.allclose(dense("dopri5", 0.37), RK45.P @ powers, rtol=0, atol=1e-4)
    declared = library_unit("embedded.hyper").declarations["method", "dopri5"]
    lines = library_unit("embedded.hyper").source.lines[declared.span.line - 1 : declared.span.end_line]
    text = "\n".join(lines)
    weights = [
        " + ".join(f"({Fraction(q)})*theta^{k}" for k, q in enumerate(row, start=1)).replace("+ -", "- ")
        for row in RK45.P.tolist()
    ]
    own = text[: text.index("    dense")] + f"    dense 4 {{\n        | {', '.join(weights)}\n    }}\n}}\n"
    path = tmp_path / "scipy.hyper"
    path.write_text(own.replace("5(4)", "5(4) within 1e-13").replace("method dopri5", "method scipys"), "utf-8")
    checked = compiler.check([SpecFile(path, path.name)])
    (scipys,) = checked.specs[0].methods
    assert not checked.diagnostics
    assert scipys.dense is not None
    assert scipys.dense.order == 4


def test_scipys_dop853() -> None:
    found, stages = method("dop853"), dop853_coefficients.N_STAGES
    assert found.dense is not None
    size = found.tableau.stages
    extended = found.dense.tableau
    assert np.allclose(doubles(extended.a)[:, : extended.stages], dop853_coefficients.A, rtol=0, atol=1e-14)
    assert np.allclose(doubles([extended.c])[0], dop853_coefficients.C, rtol=0, atol=1e-15)
    assert np.allclose(doubles(found.tableau.weights)[0, :stages], dop853_coefficients.B, rtol=0, atol=1e-15)
    b, fifth, third = doubles(found.tableau.weights)
    assert np.allclose(np.abs(b - fifth), np.abs(dop853_coefficients.E5[:size]), rtol=0, atol=1e-14)
    assert np.allclose(np.abs(b - third), np.abs(dop853_coefficients.E3[:size]), rtol=0, atol=1e-14)


def test_scipys_dop853_dense_output() -> None:
    """y(θ) = y + θ(F₀ + (1 − θ)(F₁ + θ(F₂ + …))), each F a combination of the slopes."""
    size = dop853_coefficients.N_STAGES_EXTENDED
    change = np.zeros(size)
    change[: dop853_coefficients.N_STAGES] = dop853_coefficients.B
    first, last = np.eye(size)[0], np.eye(size)[dop853_coefficients.N_STAGES]
    parts = [change, first - change, 2 * change - (last + first), *dop853_coefficients.D]
    for theta in (0.1, 0.37, 0.5, 0.83, 1.0):
        total = np.zeros(size)
        for i, part in enumerate(reversed(parts)):
            total = (total + part) * (theta if i % 2 == 0 else 1 - theta)
        assert np.allclose(dense("dop853", theta), total, rtol=0, atol=1e-13)


def test_scipys_radau() -> None:
    """It keeps A⁻¹ as T·Λ·T⁻¹ with a real and a complex eigenvalue, and interpolates the stages."""
    found = method("radau_iia5").tableau
    assert np.allclose(doubles([found.c])[0], radau.C, rtol=0, atol=1e-15)
    a = doubles(found.a)
    real, pair = radau.MU_REAL, radau.MU_COMPLEX
    blocks = np.array([[real, 0, 0], [0, pair.real, -pair.imag], [0, pair.imag, pair.real]])
    inverse = radau.T @ blocks @ radau.TI
    assert np.allclose(inverse @ a, np.eye(3), rtol=0, atol=1e-12) or np.allclose(
        radau.T @ blocks.T @ radau.TI @ a, np.eye(3), rtol=0, atol=1e-12
    )
    for theta in (0.1, 0.37, 0.83, 1.0):
        powers = np.array([theta, theta**2, theta**3])
        assert np.allclose(dense("radau_iia5", theta), (radau.P @ powers) @ a, rtol=0, atol=1e-13)


TORCHDIFFEQ = {
    "bosh3": bosh3._BOGACKI_SHAMPINE_TABLEAU,
    "dopri5": dopri5._DORMAND_PRINCE_SHAMPINE_TABLEAU,
    "dopri8": dopri8._DOPRI8_TABLEAU,
    "heun_euler": adaptive_heun._ADAPTIVE_HEUN_TABLEAU,
    "fehlberg12": fehlberg2._FEHLBERG2_TABLEAU,
}


@pytest.mark.parametrize("name", TORCHDIFFEQ)
def test_torchdiffeqs_tableaux(name: str) -> None:
    theirs, found = TORCHDIFFEQ[name], method(name)
    a, size = doubles(found.tableau.a), found.tableau.stages
    for i, row in enumerate(theirs.beta[: size - 1], start=1):
        assert np.allclose(a[i, : len(row)], row.numpy(), rtol=0, atol=1e-15)
    assert np.allclose(doubles([found.tableau.c])[0, 1:], theirs.alpha.numpy()[: size - 1], rtol=0, atol=1e-15)
    rows = doubles(found.tableau.weights)
    padded = [np.pad(row, (0, max(0, len(theirs.c_sol) - size))) for row in rows]
    assert any(np.allclose(row, theirs.c_sol.numpy()[: len(row)], rtol=0, atol=1e-15) for row in padded)
    ours, other = (np.pad(error(found), (0, max(0, len(theirs.c_error) - size))), theirs.c_error.numpy())
    scale = Fraction(2, 3) if name == "dopri5" else 1  # Shampine's error estimate is two thirds of Dormand and Prince's
    assert np.allclose(np.abs(ours) * float(scale), np.abs(other[: len(ours)]), rtol=0, atol=1e-15)


@pytest.mark.parametrize(("theirs", "name"), [("euler", "euler"), ("midpoint", "midpoint"), ("rk4", "rk38")])
def test_torchdiffeqs_fixed_steps(theirs: str, name: str) -> None:
    """Its rk4 is the 3/8 rule."""

    def field(s: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        return torch.stack((z[1] * torch.cos(s), -torch.sin(z[0]) + s * z[1]))

    start = torch.tensor([0.4, 1.1], dtype=torch.float64)
    times = torch.linspace(0, 1, 9, dtype=torch.float64)
    expected = odeint(field, start, times, method=theirs)[-1]
    found = TableauSolver(name, method(name).tableau)(field, start, (0.0, 1.0), 8)
    assert torch.allclose(found, expected, rtol=0, atol=1e-14)


# Exact numbers beside flint: its polynomials and balls, where theory has fields and roots of its own.


@pytest.mark.parametrize("steps", range(2, 9))
def test_torchdiffeqs_adams_formulas(steps: int) -> None:
    """Whole numbers over a common denominator, the newest slope first; its Moulton formulas are called by order."""
    bashforth = formula(f"ab{steps}")
    theirs = [Fraction(q, fixed_adams._DIVISOR[steps]) for q in fixed_adams._BASHFORTH_COEFFICIENTS[steps]]
    assert theirs == [q.fraction() for q in bashforth.beta[-2::-1]]
    moulton = formula(f"am{steps - 1}")
    theirs = [Fraction(q, fixed_adams._DIVISOR[steps]) for q in fixed_adams._MOULTON_COEFFICIENTS[steps]]
    assert theirs == [q.fraction() for q in moulton.beta[::-1]]


@pytest.mark.parametrize("steps", range(1, 6))
def test_scipys_backward_differences(steps: int) -> None:
    """bdfK is Σ_(j ≤ K) ∇^j z/j = h·f, where the newest state has γ_K = Σ 1/j."""
    gamma = sum((Fraction(1, j) for j in range(1, steps + 1)), Fraction(0))
    found, nodes = formula(f"bdf{steps}"), range(steps + 1)
    differences = [sum(Fraction((-1) ** i * comb(j, i), j) for j in range(max(i, 1), steps + 1)) for i in nodes]
    assert [q.fraction() * gamma for q in found.alpha[::-1]] == differences
    assert found.beta[-1].fraction() == 1 / gamma
    solver = BDF(lambda t, y: -y, 0.0, np.ones(1), 1.0)
    assert float(1 / found.beta[-1].fraction()) == pytest.approx(solver.gamma[steps], abs=1e-15)


@pytest.mark.parametrize("part", [7, 9, 11, 13, 16, 18])
def test_cosines_are_the_roots_that_flint_says(part: int) -> None:
    """2·cos(π·k/n) is a root of flint's minimal polynomial of 2·cos(2π/m), m = 2n/gcd(k, 2n), and the right one."""
    for k in range(1, 2 * part):
        modulus = fmpz_poly.cos_minpoly(Fraction(k, 2 * part).denominator)
        cosine = irrational.cos_pi(Fraction(k, part))
        assert _at(modulus, 2 * cosine).is_zero
        with ctx.workprec(200):
            assert cosine.ball().overlaps(arb(fmpq(k, part)).cos_pi())


ROOTS = {  # by their polynomials, the constant first
    "sqrt(2)": (irrational.sqrt(Exact.of(2)), [-2, 0, 1]),
    "sqrt(7/3)": (irrational.sqrt(Exact.of(Fraction(7, 3))), [-7, 0, 3]),
    "sqrt(2 + sqrt(2))": (irrational.sqrt(2 + irrational.sqrt(Exact.of(2))), [2, 0, -4, 0, 1]),
    "cos(pi/9)": (irrational.cos_pi(Fraction(1, 9)), [-1, -6, 0, 8]),
}


@pytest.mark.parametrize(("one", "other"), [(x, y) for x in ROOTS for y in ROOTS if x < y])
def test_sums_and_products_are_eigenvalues_of_flints_matrices(one: str, other: str) -> None:
    """With companion matrices A and B, x + y is an eigenvalue of A⊗1 + 1⊗B and x·y of A⊗B: of all roots of that
    polynomial just one is where the exact number's ball is."""
    (x, p), (y, q) = ROOTS[one], ROOTS[other]
    a, b = _companion(p), _companion(q)
    unit_a, unit_b = _unit(a.nrows()), _unit(b.nrows())
    for number, matrix in ((x + y, _kronecker(a, unit_b) + _kronecker(unit_a, b)), (x * y, _kronecker(a, b))):
        modulus = matrix.charpoly()
        assert _at(modulus, number).is_zero
        with ctx.workprec(200):
            distinct = {complex(root) for root, _ in modulus.numer().complex_roots()}
            near = [root for root in distinct if abs(root - complex(float(number))) < 1e-12]
        assert len(near) == 1


def _at(polynomial: Any, x: Exact) -> Exact:
    total = ZERO
    for q in reversed(polynomial.coeffs()):
        total = total * x + Exact.of(Fraction(int(fmpq(q).p), int(fmpq(q).q)))
    return total


def _companion(coefficients: list[int]) -> Any:
    size, leading = len(coefficients) - 1, coefficients[-1]
    rows = [[fmpq(int(i == j + 1)) for j in range(size - 1)] + [fmpq(-coefficients[i], leading)] for i in range(size)]
    return fmpq_mat(rows)


def _unit(size: int) -> Any:
    return fmpq_mat([[int(i == j) for j in range(size)] for i in range(size)])


def _kronecker(a: Any, b: Any) -> Any:
    m, n = a.nrows(), b.nrows()
    return fmpq_mat([[a[i // n, j // n] * b[i % n, j % n] for j in range(m * n)] for i in range(m * n)])
