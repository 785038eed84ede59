"""Rosenbrock steps as planned against the textbook's form, and their measured orders."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hyperdsl.plan.interpret import Interpreter
from hyperdsl.plan.passes import simplified
from hyperdsl.plan.rosenbrock import rosenbrock
from hyperdsl.semantics.check import check_file
from hyperdsl.semantics.model.rosenbrock import Rosenbrock
from hyperdsl.semantics.reading.scope import Project

SIZE = 3


@cache
def library() -> dict[str, Rosenbrock]:
    """Those with one γ."""
    found: dict[str, Rosenbrock] = {}
    for name in ("rosenbrock", "rosenbrock_4", "rodas"):
        path = Path(str(files("hyperdsl.library"))) / f"{name}.hyper"
        found |= {method.name: method for method in check_file(path, path.name, Project())[0].rosenbrocks}
    return {name: method for name, method in found.items() if len({*method.tableau.diagonal}) == 1}


NAMES = sorted(library())


class Known:
    """z' = g(z) − g(φ(s)) + φ'(s) with g(z) = sin(A z), whose solution through φ(0) is φ(s) = cos(s + (1, 2, 3))."""

    def __init__(self, seed: int) -> None:
        self.a = np.random.default_rng(seed).normal(size=(SIZE, SIZE)) / 2
        self.shift = np.arange(1.0, SIZE + 1)

    def at(self, s: float) -> Any:
        return np.cos(s + self.shift)

    def f(self, s: float, z: Any) -> Any:
        return np.sin(self.a @ z) - np.sin(self.a @ self.at(s)) - np.sin(s + self.shift)

    def matrix(self, z: Any) -> Any:
        return np.cos(self.a @ z)[:, None] * self.a

    def drift(self, s: float) -> Any:
        phi, slope = self.at(s), -np.sin(s + self.shift)
        return -np.cos(self.a @ phi) * (self.a @ slope) - np.cos(s + self.shift)

    def linearise(self, f: object, s: float, z: Any, size: float) -> tuple[Any, Any]:
        whole = np.eye(SIZE) - size * self.matrix(z)
        return (lambda right: np.linalg.solve(whole, right)), self.drift(s)


def textbook(method: Rosenbrock, problem: Known, s: float, z: Any, eps: float) -> Any:
    """(7.4) of Hairer & Wanner II, §IV.7, with products with J."""
    tableau = method.tableau
    alpha, gamma = (np.array([[float(q) for q in row] for row in part]) for part in (tableau.alpha, tableau.gamma))
    matrix, drift, k = problem.matrix(z), problem.drift(s), np.zeros((tableau.stages, SIZE))
    for i in range(tableau.stages):
        slope = problem.f(s + float(tableau.c[i]) * eps, z + eps * alpha[i] @ k)
        right = slope + eps * matrix @ (gamma[i] @ k) + eps * float(tableau.gamma_sums[i]) * drift
        k[i] = np.linalg.solve(np.eye(SIZE) - eps * gamma[i, i] * matrix, right)
    return z + eps * np.array([float(b) for b in tableau.weights[0]]) @ k


def stepped(method: Rosenbrock, problem: Known, s: float, z: Any, eps: float) -> Any:
    return planned(method.name)(problem.f, s, z, eps, linearise=problem.linearise).end


@cache
def planned(name: str) -> Interpreter:
    return Interpreter(simplified(rosenbrock(library()[name].tableau)[0]))


@pytest.mark.parametrize("name", NAMES)
def test_the_planned_step_is_that_of_the_textbook(name: str) -> None:
    problem, method = Known(0), library()[name]
    z = problem.at(0.3) + 0.1
    for eps in (0.4, -0.2):
        end = stepped(method, problem, 0.3, z, eps)
        assert np.allclose(end, textbook(method, problem, 0.3, z, eps), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_the_measured_order_is_the_proven_one(name: str) -> None:
    """The slope of the error after a span, in steps that halve, of a problem with time: within .2."""
    problem, method = Known(1), library()[name]
    counts = (8, 16) if method.facts.order > 5 else (32, 64)
    errors = []
    for count in counts:
        z = problem.at(0.0)
        for k in range(count):
            z = stepped(method, problem, k * 2 / count, z, 2 / count)
        errors.append(np.linalg.norm(z - problem.at(2.0)))
    slope = float(np.log2(errors[0] / errors[1]))
    assert abs(slope - method.facts.order) <= 0.2


def test_a_step_needs_what_linearises_f() -> None:
    with pytest.raises(ValueError, match="linearises"):
        Interpreter(rosenbrock(library()["ros3p"].tableau)[0])(Known(0).f, 0.0, np.ones(SIZE), 0.1)
