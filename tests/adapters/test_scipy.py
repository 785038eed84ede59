"""The examples of SciPy's solve_ivp, with generated solvers as its method."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from generated.abm4 import ABM4
from generated.adaptive_dopri5 import AdaptiveDopri5
from generated.adaptive_hyper_heun import AdaptiveHyperHeun
from generated.adaptive_per_sample import PerSampleDopri5
from generated.graded import Spaced
from generated.hyper_heun import HyperHeun
from generated.stiff_bdf import StiffBDF
from generated.stiff_radau import Radau
from generated.stiff_rodas import Rodas5p
from hyperdsl.adapters.scipy import method


def decay(t: float, y: Any) -> Any:
    return -0.5 * y


def cannon(t: float, y: Any) -> list[float]:
    """The state is the height and its rate."""
    return [y[1], -0.5]


def ground(t: float, y: Any) -> float:
    return float(y[0])


def apex(t: float, y: Any) -> float:
    return float(y[1])


def lotka_volterra(t: float, z: Any, a: float, b: float, c: float, d: float) -> list[float]:
    x, y = z
    return [a * x - b * x * y, -c * y + d * x * y]


@pytest.mark.parametrize("solver", [AdaptiveDopri5(), AdaptiveHyperHeun((3,)).double(), StiffBDF(), Radau()])
def test_the_exponential_decay_at_given_times(solver: Any) -> None:
    """`jac` is there for the implicit ones; the others do without."""
    settings: dict[str, Any] = {"t_eval": [0, 1, 2, 4, 10], "rtol": 1e-4, "atol": 1e-6}
    if isinstance(solver, StiffBDF | Radau):
        settings["jac"] = -0.5 * np.eye(3)
    found = solve_ivp(decay, [0, 10], [2, 4, 8], method=method(solver), **settings)
    expected = solve_ivp(decay, [0, 10], [2, 4, 8], t_eval=[0, 1, 2, 4, 10], rtol=1e-10, atol=1e-12)
    assert found.success
    np.testing.assert_allclose(found.y, expected.y, rtol=5e-3)
    assert found.nfev > 10
    assert (found.njev > 0) == ("jac" in settings)


def stiff(t: float, y: Any) -> Any:
    """Van der Pol's equation with μ = 1000, and a force that is too small to matter."""
    return np.array([y[1], 1000 * (1 - y[0] ** 2) * y[1] - y[0] + 1e-3 * np.sin(t)])


def stiff_jacobian(t: float, y: Any) -> Any:
    return np.array([[0.0, 1.0], [-2000 * y[0] * y[1] - 1, 1000 * (1 - y[0] ** 2)]])


@pytest.mark.parametrize("jac", [None, stiff_jacobian])
@pytest.mark.parametrize("solver", [StiffBDF(), Radau(), Rodas5p()])
def test_a_stiff_problem_by_its_jacobian_or_by_differences(solver: Any, jac: Any) -> None:
    asked: list[float] = []
    given = jac and (lambda t, y: asked.append(t) or jac(t, y))
    found = solve_ivp(stiff, [0, 200], [2, 0], method=method(solver), jac=given, rtol=1e-4, atol=1e-6)
    expected = solve_ivp(stiff, [0, 200], [2, 0], method="Radau", rtol=1e-8, atol=1e-10)
    assert found.success
    assert found.nfev < 300
    assert bool(asked) == (jac is not None)
    np.testing.assert_allclose(found.y[:, -1], expected.y[:, -1], rtol=1e-2)


def test_lotka_volterra_with_dense_output_and_arguments() -> None:
    settings: Any = {"args": (1.5, 1, 3, 1), "dense_output": True, "rtol": 1e-8, "atol": 1e-10}
    found = solve_ivp(lotka_volterra, [0, 15], [10, 5], method=method(AdaptiveDopri5()), **settings)
    expected = solve_ivp(lotka_volterra, [0, 15], [10, 5], **settings)
    t = np.linspace(0, 15, 300)
    np.testing.assert_allclose(found.sol(t), expected.sol(t), rtol=1e-5, atol=1e-6)
    assert abs(found.nfev - expected.nfev) < 0.3 * expected.nfev


@pytest.mark.parametrize(
    ("solver", "settings"),
    [(AdaptiveDopri5(), {}), (HyperHeun((2,)).double(), {"steps": 201}), (ABM4(), {"steps": 201})],
)
def test_the_cannon_hits_the_ground_after_its_apex(solver: Any, settings: Any) -> None:
    ground.terminal, ground.direction = True, -1  # type: ignore[attr-defined]  # as solve_ivp has it
    found = solve_ivp(
        cannon, [0, 100], [0, 10], method=method(solver), events=(ground, apex), dense_output=True, **settings
    )
    assert found.status == 1
    assert found.t_events[0] == pytest.approx([40.0])
    assert found.t_events[1] == pytest.approx([20.0])
    assert found.sol(20.0) == pytest.approx([100.0, 0.0], abs=1e-8)


def test_a_complex_state_and_a_span_that_descends() -> None:
    found = solve_ivp(lambda t, y: 1j * y, [1, 0], [1 + 0j], method=method(AdaptiveDopri5()), rtol=1e-8, atol=1e-10)
    assert found.t[-1] == 0
    assert found.y[0, -1] == pytest.approx(np.exp(-1j), rel=1e-6)


def test_weights_of_single_precision_take_states_of_it() -> None:
    found = solve_ivp(decay, [0, 1], [2.0, 4.0], method=method(HyperHeun((2,)), steps=20))
    assert found.y.dtype == np.float64
    np.testing.assert_allclose(found.y[:, -1], np.exp(-0.5) * np.array([2, 4]), rtol=1e-3)


def test_a_failure_is_told_after_the_steps_before_it() -> None:
    found = solve_ivp(lambda t, y: y**2, [0, 2], [1.0], method=method(AdaptiveDopri5(), max_steps=2000))
    assert not found.success
    assert "AdaptiveDopri5 stopped at t = 1" in found.message
    assert 0.9 < found.t[-1] < 1.0001


@pytest.mark.parametrize(
    ("solver", "settings", "match"),
    [
        (HyperHeun((3,)), {"rtol": 1e-3}, "HyperHeun takes no rtol=: it takes fixed steps"),
        (HyperHeun((3,)), {}, "HyperHeun needs steps="),
        (AdaptiveDopri5(), {"steps": 3}, "AdaptiveDopri5 takes no steps=: its steps follow an error"),
        (Spaced(), {"steps": 3}, "Spaced has a grid of its own"),
        (AdaptiveDopri5(), {"nonsense": 3}, "AdaptiveDopri5 takes no nonsense="),
    ],
)
def test_what_is_not_taken_is_said(solver: Any, settings: Any, match: str) -> None:
    with pytest.raises(TypeError, match=match):
        solve_ivp(decay, [0, 1], [2, 4, 8], method=method(solver), **settings)


def test_steps_of_its_own_for_each_sample_are_refused() -> None:
    with pytest.raises(TypeError, match="PerSampleDopri5 has steps of its own for each sample"):
        method(PerSampleDopri5())
    with pytest.raises(TypeError, match="a solver of a generated package is needed, not 'RK45'"):
        method("RK45")  # type: ignore[arg-type]  # what is tested


def test_fixed_steps_do_not_succeed_with_what_is_not_finite() -> None:
    def broken(t: float, y: Any) -> Any:
        return y if t < 0.5 else np.nan * y

    found = solve_ivp(broken, (0, 1), [1.0, 2.0], method=method(ABM4(), steps=10))
    assert not found.success
    assert "nonfinite" in found.message
    assert np.isfinite(found.y).all()
    assert 0.3 < found.t[-1] < 0.6
