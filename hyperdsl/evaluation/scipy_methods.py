"""SciPy's methods for stiff problems, a sample at a time, with what each of their solves cost."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hyperdsl.evaluation.errors import EvaluationError, NotConvergedError
from hyperdsl.evaluation.metrics import largest_change
from hyperdsl.evaluation.problems import VectorField
from hyperdsl.evaluation.solvers import ReferenceSolution, Solved, Span, bind, in_double

METHODS = {"radau": "Radau", "bdf": "BDF", "lsoda": "LSODA"}
"""What they are called here and there."""

MOST = 1_000_000
"""Evaluations that a solve may take for a sample; one that takes more has not reached its end."""

_LARGE, _DENSE = 50, 0.1  # numbers in a state, and the share of nonzeros, from which a Jacobian is no longer sparse
_RELATIVE = 1e-8  # the absolute tolerance of references over the relative one: small states count as well


def available() -> bool:
    """Whether SciPy is installed."""
    return importlib.util.find_spec("scipy") is not None


@torch.no_grad()
def scipy_solve(
    f: VectorField,
    z0: Tensor,
    span: Span,
    x: Tensor | None = None,
    *,
    method: str,
    rtol: float,
    atol: float,
    jacobian: VectorField | None = None,
) -> Solved:
    """The ends of z0 [batch, *state_shape] by `method` of METHODS, each sample alone, in float64.

    Counts are means over the samples, as SciPy counts: an iteration of Radau is three evaluations, a factorisation for
    each of its two matrices, and a Jacobian by differences is no evaluation. LSODA keeps its factorisations to itself.
    nan where a solve does not reach its end. EvaluationError without SciPy.
    """
    ends, counts = [], []
    for found in _each(f, z0, span, x, method, jacobian, rtol=rtol, atol=atol):
        end = torch.from_numpy(found.y[:, -1].copy())
        ends.append(end if found.success else torch.full_like(end, torch.nan))
        counts.append((found.nfev, found.njev, found.nlu))
    evaluations, jacobians, factorisations = (round(sum(column) / len(counts)) for column in zip(*counts, strict=True))
    stacked = torch.stack(ends).reshape(z0.shape).to(z0)
    return Solved(stacked, evaluations, jacobians, None if method == "lsoda" else factorisations)


@torch.no_grad()
def scipy_states(
    f: VectorField,
    z0: Tensor,
    times: Sequence[float],
    x: Tensor | None = None,
    *,
    method: str,
    tolerance: float,
    jacobian: VectorField | None = None,
) -> Tensor:
    """The states at the times, [len(times), *z0.shape], float64, by the same; nan from where a solve did not go on."""
    samples = []
    given = {"rtol": tolerance, "atol": tolerance * _RELATIVE, "t_eval": [*times]}
    for found in _each(f, z0, (times[0], times[-1]), x, method, jacobian, **given):
        states = torch.full((len(times), z0[0].numel()), torch.nan, dtype=torch.float64)
        states[: found.y.shape[1]] = torch.from_numpy(found.y.T.copy())
        samples.append(states.reshape(-1, *z0.shape[1:]))
    return torch.stack(samples, 1)


def _each(
    f: VectorField,
    z0: Tensor,
    span: Span,
    x: Tensor | None,
    method: str,
    jacobian: VectorField | None,
    **given: Any,
) -> Iterator[Any]:
    """What SciPy gives for each sample."""
    if not available():
        raise EvaluationError(f"{method} is SciPy's, which is not installed: pip install scipy")
    from scipy.integrate import solve_ivp  # noqa: PLC0415  (evaluation goes without SciPy, too)

    for index, start in enumerate(z0):
        own = None if x is None else x[index : index + 1]
        field = _flat(bind(f, own), start)
        matrix = {} if jacobian is None else {"jac": _matrix(_flat(bind(jacobian, own), start), method != "lsoda")}
        first = start.double().flatten().cpu().numpy()
        try:
            yield solve_ivp(_bounded(field), span, first, method=METHODS[method], **given, **matrix)
        except _TooManyError:  # SciPy's methods have no limit of their own: near a pole their steps only get shorter
            yield SimpleNamespace(success=False, y=first[:, None], nfev=MOST, njev=0, nlu=0)


def suited(z0: Tensor) -> str:
    """SciPy's method for exact solutions of a stiff problem: LSODA for small states, Radau for large ones."""
    return "lsoda" if z0[0].numel() < _LARGE else "radau"


def _flat(f: VectorField, like: Tensor) -> Callable[[float, Any], Any]:
    """f of one sample, as SciPy calls it: of a time and a flat state, flat itself."""

    def evaluate(s: float, y: Any) -> Any:
        z = torch.from_numpy(y).reshape(1, *like.shape).to(like)
        return f(torch.tensor(s, dtype=like.dtype, device=like.device), z).double().flatten().cpu().numpy()

    return evaluate


class _TooManyError(Exception):
    """A solve has taken all evaluations that it may."""


def _bounded(flat: Callable[[float, Any], Any]) -> Callable[[float, Any], Any]:
    """The same for so many evaluations."""
    calls = itertools.count()

    def evaluate(s: float, y: Any) -> Any:
        if next(calls) >= MOST:
            raise _TooManyError
        return flat(s, y)

    return evaluate


def _matrix(flat: Callable[[float, Any], Any], sparsely: bool) -> Callable[[float, Any], Any]:
    """The Jacobian [n, n], as a sparse matrix where it is large and has few entries and the method takes it so."""

    def evaluate(s: float, y: Any) -> Any:
        dense = flat(s, y).reshape(len(y), len(y))
        if not sparsely or len(y) < _LARGE or np.count_nonzero(dense) > _DENSE * dense.size:
            return dense
        from scipy.sparse import csc_matrix  # noqa: PLC0415  (as above)

        return csc_matrix(dense)

    return evaluate


def stiff_reference(
    f: VectorField,
    z0: Tensor,
    span: Span,
    x: Tensor | None = None,
    *,
    tolerance: float = 1e-8,
    jacobian: VectorField | None = None,
) -> ReferenceSolution:
    """The end states of a stiff problem, each sample alone, and what a tolerance ten times as loose changes.

    The change is relative to the states' rms. By LSODA for small states, by Radau for large ones. NotConvergedError
    where the change is above `tolerance`, EvaluationError without SciPy.
    """
    z = z0.double()
    method = suited(z)
    tight = tolerance * (1e-3 if method == "lsoda" else 1e-1)
    loose, end = (
        scipy_solve(
            in_double(f),
            z,
            span,
            None if x is None else x.double(),
            method=method,
            rtol=rtol,
            atol=rtol * (_RELATIVE if method == "lsoda" else 1.0),
            jacobian=jacobian,
        ).z
        for rtol in (10 * tight, tight)
    )
    error = largest_change(loose, end)
    if error <= tolerance:
        return ReferenceSolution(end, error)
    raise NotConvergedError(
        f"the reference by {METHODS[method]} still changes by {error:.1e}; {tolerance:.0e} was asked for"
    )
