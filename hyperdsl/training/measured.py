"""What a training reached, on trajectories that it has not seen."""

from __future__ import annotations

import math
import statistics
import warnings
from collections.abc import Sequence

import torch
from torch import Tensor

from hyperdsl.training.learned import corrector_of, learned_values, missed
from hyperdsl.training.rows import joined, norms, rms
from hyperdsl.training.settings import FitWarning, History, OutcomeWarning
from hyperdsl.training.targets import Targets, Trajectories

HELD_OUT = 9  # values of ε, ends and geometric mean included, at which g is measured on unseen trajectories,
TIMES = 8  # at so many times
CHECKED = 32  # states at which targets are made again with twice the substeps, the dearest part for a large f
TOLERATED = 0.01  # relative error of targets: a tenth of δ = 0.1


def measured(targets: Targets, unseen: Trajectories, losses: Sequence[float]) -> History:
    """δ, the targets' error and the slope of the local error, on trajectories that training has not seen."""
    substeps, power = targets.settings.substeps, targets.solver.order + 1
    learned, delta, target_error, error = learned_values(targets.solver), {}, {}, {}
    whole = targets.snapshots == 1  # the steps are from trajectories' starts to their ends, which are known
    for eps in sizes(targets):
        exact, now = [], []
        parts = min(TIMES, round((targets.end - targets.start) / eps)) if targets.grids else TIMES
        for part in range(parts):
            s, x, z, index = targets.picked(unseen, eps, len(unseen.z[0]), part, parts)
            parameters = targets.parameters()
            if learned or whole:  # g is fitted to the base as it is now, and δ is over the base at the start
                step = torch.full_like(s, eps)
                end = unseen.z[1, index] if whole else targets.advance(s, x, z, step, substeps)
                exact.append(targets.residuals_to(end, eps, s, x, [z], parameters))
                now.append(targets.residuals_to(end, eps, s, x, [z], parameters | learned))
            else:
                exact.append(targets.residuals(eps, s, x, z, parameters, substeps))
        few = (eps, s, None if x is None else x[:CHECKED], z[:CHECKED], parameters)
        rows, doubled = joined(exact), targets.residuals(*few, 2 * substeps).target
        # A hypersolver's step misses its target by ε^(p+1)·(g − R), its base's by ε^(p+1)·R.
        left = norms(missed(corrector_of(targets.solver), joined(now) if now else rows, targets)).median()
        delta[eps] = float(left / norms(rows.target).median())
        error[abs(eps)] = float(left) * abs(eps) ** power
        rounding = torch.finfo(targets.dtype).eps * rms(unseen.z.flatten(0, 1)) / abs(eps) ** power
        target_error[eps] = max(rms(exact[-1].target[:CHECKED] - doubled), rounding) / rms(doubled)
    return History([*losses], delta, target_error, _slope(error))


def sizes(targets: Targets) -> tuple[float, ...]:
    """The ε at which training is measured: those trained for exactly, or some of the range."""
    smallest, largest = targets.steps
    if targets.grids or smallest == largest:
        return targets.grids or (smallest,)
    return tuple(smallest * (largest / smallest) ** (k / (HELD_OUT - 1)) for k in range(HELD_OUT))


def _slope(error: dict[float, float]) -> float:
    """The slope of log error over log ε; nan where there is but one ε, or no error."""
    if len(error) < 2 or not all(0 < value < math.inf for value in error.values()):
        return math.nan
    slope: float = statistics.linear_regression([*map(math.log, error)], [*map(math.log, error.values())]).slope
    return slope


def check_targets(history: History, targets: Targets) -> None:
    """Warn where the targets' error is more than a tenth of the δ aimed at."""
    wanted, substeps = targets.settings.dtype, targets.settings.substeps
    eps, error = max(history.target_error.items(), key=lambda item: item[1])
    if error <= TOLERATED and targets.dtype == wanted:
        return
    reason = f" (f does not take {wanted})" if targets.dtype != wanted else ""
    good = [abs(eps) for eps, error in history.target_error.items() if error <= TOLERATED]
    advice = f", within {TOLERATED:.0%} for ε from {min(good):.3g} to {max(good):.3g}" if good else ""
    warnings.warn(
        f"targets by {substeps} substeps in {targets.dtype}{reason} are off by up to {error:.2%} of their size, "
        f"at ε = {eps:.3g}{advice}: a corrector gets no better than its targets",
        FitWarning,
        stacklevel=4,
    )


def check_outcome(history: History) -> None:
    """Warn where training made steps worse than the base's, or helped at no ε."""
    outcome = history.outcome
    if outcome.worse or (outcome.unhelped and not outcome.helped):
        warnings.warn(outcome.verdict, OutcomeWarning, stacklevel=4)


def check_bound(target: Tensor, bound: float | None) -> None:
    """Warn where a bounded corrector cannot give its targets."""
    beyond = 0.0 if bound is None else float((target.abs() > bound).double().mean())
    if beyond > TOLERATED:
        largest = float(target.abs().max())
        warnings.warn(
            f"{beyond:.1%} of the targets are beyond the corrector's bound, {bound:g}; the largest is {largest:.3g}",
            FitWarning,
            stacklevel=5,
        )
