"""Methods with a history: how it begins, that of known states, and what equal steps need."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from hyperdsl.runtime.history import Past
from hyperdsl.runtime.outcome import SolveError
from tests.runtime.methods import Adams, AdamsAtEnd, HyperAdams, Ones

Z = torch.tensor([1.0, 2.0], dtype=torch.float64)


def rising(s: Tensor, z: Tensor) -> Tensor:
    """z = s² + c, which both Heun's method and that of Adams follow exactly."""
    return 2 * s + 0 * z


def turning(s: Tensor, z: Tensor) -> Tensor:
    return torch.cos(s) * z


def test_polynomials_are_followed_exactly() -> None:
    for solver in (Adams(), AdamsAtEnd()):
        assert torch.equal(solver(rising, Z, (0, 4), 8), Z + 16)
        assert torch.equal(solver(rising, Z, (0, 0.5), 1), Z + 0.25)  # by the first steps' method alone


def test_steps_follow_the_formula() -> None:
    eps, first = 0.25, Adams.starting(turning, *(torch.tensor(0.0).double(), Z, torch.tensor(0.25).double()))[0]
    second = first + eps * (1.5 * math.cos(eps) * first - 0.5 * Z)
    third = second + eps * (1.5 * math.cos(2 * eps) * second - 0.5 * math.cos(eps) * first)
    solution = Adams().odeint(turning, Z, [0, 0.25, 0.5, 0.75])
    assert torch.allclose(solution, torch.stack([Z, first, second, third]), rtol=1e-15, atol=0)
    assert torch.equal(Adams().odeint(turning, Z, [0, 0.5], steps=2), solution[::2])


def test_where_the_newest_derivative_is_kept_does_not_matter() -> None:
    one, other = (solver(turning, Z, (0, 2), 10) for solver in (Adams(), AdamsAtEnd()))
    assert torch.allclose(one, other, rtol=1e-14, atol=0)


@pytest.mark.parametrize("solver", [Adams(), AdamsAtEnd()])
def test_a_history_of_known_states(solver: Adams) -> None:
    begun = solver.start(turning, 0, Z, 0.25)
    known = solver.known(turning, 0.25, (begun.states[0], Z), 0.25)
    assert torch.equal(begun.states[0], known.states[0])
    assert len(begun.derivatives) == len(known.derivatives) == solver.derivatives
    assert all(map(torch.equal, begun.derivatives, known.derivatives))
    times = [0.25, 0.0][solver.first_derivative :]
    states = [begun.states[0], Z][solver.first_derivative :]
    for derivative, s, z in zip(known.derivatives, times, states, strict=True):
        assert torch.allclose(derivative, math.cos(s) * z, rtol=1e-15, atol=0)


def test_known_states_are_no_more_than_the_formula_reads() -> None:
    known = Adams().known(turning, 1, (Z, 2 * Z, 3 * Z), 0.5)
    assert torch.equal(torch.stack(known.states), Z[None])
    assert torch.equal(torch.stack(known.derivatives), math.cos(0.5) * 2 * Z[None])


def test_a_beginning_of_smaller_steps() -> None:
    class Finer(Adams):
        substeps = 2

    history = Finer().begin(turning, 0.5, Past((Z,), ()), 0.5)
    quarter = torch.tensor(0.25, dtype=torch.float64)
    middle, slope = Adams.starting(turning, 2 * quarter, Z, quarter)
    end, _ = Adams.starting(turning, 3 * quarter, middle, quarter)
    assert torch.equal(history.states[0], end)
    assert torch.equal(history.derivatives[0], slope)  # where the whole step starts


def test_a_learned_term_is_added_once_there_is_a_history() -> None:
    g = Ones()
    solver = HyperAdams(g)
    history = solver.start(rising, 0, Z, 0.5)
    assert not g.given
    assert torch.equal(solver.step(rising, 0.5, history, 0.5).states[0], Z + 1 + 0.125)
    eps, s, x, z, dz = g.given
    assert (eps, s, x) == (0.5, 0.5, None)
    assert z is history.states[0]
    assert isinstance(dz, Tensor)
    assert dz.tolist() == [1, 1]
    assert torch.equal(solver.base_step(rising, 0.5, history, 0.5).states[0], Z + 1)
    assert torch.equal(solver(rising, Z, (0, 1.5), 3), Z + 2.25 + 2 * 0.125)
    with pytest.raises(TypeError, match="one tensor, as its corrector reads it, not tuple"):
        solver(rising, (Z, Z), (0, 1), 2)


def test_an_input_is_passed_on() -> None:
    x = torch.tensor([3.0, 4.0], dtype=torch.float64)
    for solver in (Adams(), AdamsAtEnd()):
        assert torch.equal(solver(lambda s, x, z: x * 2 * s, Z, (0, 2), 4, x=x), Z + 4 * x)
        known = solver.known(lambda s, x, z: x * z, 1, (Z, Z), 0.5, x=x)
        assert torch.equal(known.derivatives[0], x * Z)


def test_times_are_equally_spaced() -> None:
    with pytest.raises(ValueError, match="not equally spaced"):
        Adams().odeint(rising, Z, [0, 1, 3])
    assert Adams().odeint(rising, Z, [0, 1, 3], check=False).shape == (3, 2)
    assert torch.equal(Adams().odeint(rising, Z, [4, 2, 0], steps=2)[-1], Z - 16)


def test_a_state_that_is_not_finite() -> None:
    with pytest.raises(SolveError, match="not finite at s = 2") as caught:
        Adams()(lambda s, z: z * math.inf, Z, (0, 2), 4)
    assert caught.value.evaluations == 2 + 3  # of the first step, and one in each of the others
