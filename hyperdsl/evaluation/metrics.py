"""How far end states are from a reference: z and the reference are [batch, *state_shape]."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def mape(z: Tensor, reference: Tensor) -> float:
    """100·mean(|z − z*| / max(|z*|, 1e-3·rms z*)): a percentage that states near zero do not blow up."""
    exact = reference.double()
    floor = 1e-3 * exact.square().mean().sqrt()
    return 100.0 * float(((z.double() - exact).abs() / exact.abs().clamp_min(floor)).mean())


def l2(z: Tensor, reference: Tensor) -> float:
    """The mean over the batch of ‖z − z*‖₂."""
    return float(_norms(z.double() - reference.double()).mean())


def relative_error(z: Tensor, reference: Tensor) -> float:
    """The median over the batch of ‖z − z*‖₂ / ‖z*‖₂."""
    return float((_norms(z.double() - reference.double()) / _norms(reference.double())).median())


def largest_change(before: Tensor, after: Tensor) -> float:
    """max|after − before| over the root mean square of `after`, in float64; inf where a state is not finite."""
    old, new = before.double(), after.double()
    most = new.abs().max().clamp_min(torch.finfo(torch.float64).tiny)
    rms = most * (new / most).square().mean().sqrt()  # squares of large states are not finite
    found = float((new - old).abs().max() / rms.clamp_min(torch.finfo(torch.float64).tiny))
    return found if math.isfinite(found) and math.isfinite(float(most)) else math.inf


def energy_distance(first: Tensor, second: Tensor, paired: bool = False) -> float:
    """2 E‖X − Y‖ − E‖X − X'‖ − E‖Y − Y'‖ of samples [n, ...] and [m, ...] (Székely & Rizzo 2013).

    Without bias for samples that are independent of each other; of `paired` ones, which come of the same starts, the
    distance of the two empirical distributions, which is 0 for equal ones and never negative.
    """
    x, y = first.flatten(1), second.flatten(1)
    within = sum(float(torch.cdist(z, z).sum()) / (len(z) * (len(z) - (not paired))) for z in (x, y))
    return 2 * float(torch.cdist(x, y).mean()) - within


def _norms(z: Tensor) -> Tensor:
    norms: Tensor = torch.linalg.vector_norm(z.flatten(1), dim=1)
    return norms
