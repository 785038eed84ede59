"""What a training is given, held against what it needs before any work begins."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from hyperdsl.runtime.path import Path, on_straight_path
from hyperdsl.runtime.state import VectorField
from hyperdsl.training.rows import grids_of
from hyperdsl.training.settings import End, Sample, Settings


def require_callables(f: object, sample: object) -> None:
    """TypeError where the vector field or the sample is no function."""
    for what, value in (("the vector field f(s, z)", f), ("sample(batch, generator)", sample)):
        if not callable(value):
            raise TypeError(f"{what} must be a function, not {type(value).__name__}")


def ends_of(span: Any) -> tuple[float, float]:
    """The ends of the span; TypeError or ValueError where it is not two different finite numbers."""
    ends = span.tolist() if isinstance(span, Tensor) else span
    if not isinstance(ends, Sequence) or isinstance(ends, str) or len(ends) != 2:
        raise ValueError(f"span must be two times, (start, end), not {span!r:.80}")
    try:
        start, end = (float(time) for time in ends)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"span must be two real numbers, (start, end), not {span!r:.80}") from None
    if not (math.isfinite(start) and math.isfinite(end)) or start == end:
        raise ValueError(f"training needs a span of some length, two different finite times, not ({start:g}, {end:g})")
    return start, end


def given_changes(given: Mapping[str, int | None]) -> dict[str, int]:
    """What is given in place of the settings; TypeError for what is no integer."""
    for name, value in given.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise TypeError(f"{name} must be an integer, not {value!r:.80}")
    return {name: value for name, value in given.items() if value is not None}


def require_work(phases: Sequence[Settings]) -> None:
    """ValueError for a phase without iterations or a batch, with which nothing would change, or without its ends."""
    for phase in phases:
        for name in ("iterations", "batch", "substeps", "trajectories"):
            value = getattr(phase, name)
            if value < 1:
                raise ValueError(f"{name} must be 1 or more, not {value}: there would be nothing to train with")
        if isinstance(phase.loss, End) and not grids_of(phase):
            raise ValueError("the loss at the end of the span is for numbers of steps, as `steps 4` or `steps 1, 2, 4`")


def on_path(solver: Any, f: VectorField, sample: Sample, span: Any) -> tuple[VectorField, Sample, Any]:
    """What is given as it is, or, where the solver has a path and f is a model, all of it on the straight path.

    ValueError where a model is given with a span, which is the whole path.
    """
    path: Path | None = getattr(solver, "path", None)
    if path is None or on_straight_path(f):
        return f, sample, span
    if span is not None:
        raise ValueError("a model is trained for over its whole path: leave the span out, or give path.field(model)")
    return path.field(f), started(path, sample), path.span


def started(path: Path, sample: Sample) -> Sample:
    """A sample of noise as one of states at the start of the path."""

    def states(batch: int, generator: torch.Generator) -> Any:
        drawn = sample(batch, generator)
        noise, *rest = drawn if isinstance(drawn, tuple) else (drawn,)
        start = path.start(noise) if isinstance(noise, Tensor) and noise.is_floating_point() else noise
        return (start, *rest) if isinstance(drawn, tuple) else start

    return states


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, torch's global random numbers on the CPU follow a seed; afterwards they go on as before."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def drawn_states(
    sample: Sample, count: int, generator: torch.Generator, shape: Sequence[int] | None = None
) -> tuple[Tensor, Tensor | None]:
    """`count` states of the user's sample and their inputs x, None where there are none; `shape` is one state's.

    TypeError or ValueError where the sample gives something else: another type or dtype, as many states as it likes,
    states of another shape, or numbers that are not finite.
    """
    drawn = sample(count, generator)
    axes = ["batch", "..."] if shape is None else ["batch", *map(str, shape)]
    wanted = f"sample({count}, generator) must give states [{', '.join(axes)}]"
    pair = isinstance(drawn, tuple)
    if (pair and len(drawn) != 2) or not all(isinstance(part, Tensor) for part in (drawn if pair else (drawn,))):
        kinds = f"a tuple of {', '.join(type(part).__name__ for part in drawn)}" if pair else type(drawn).__name__
        raise TypeError(f"{wanted}, a tensor, or two tensors (states, x), not {kinds}")
    states, x = drawn if isinstance(drawn, tuple) else (drawn, None)
    if not states.is_floating_point() and not states.is_complex():
        raise TypeError(f"{wanted}: they are {states.dtype}, not real or complex floating point")
    for what, part in (("states", states), ("x", x)):
        if part is not None and (part.ndim == 0 or len(part) != count):
            raise ValueError(f"{wanted}: it gave {what} of shape {tuple(part.shape)}, for a batch of {count}")
    if shape is not None and tuple(states.shape[1:]) != tuple(shape):
        raise ValueError(f"{wanted}: it gave states of shape {tuple(states.shape)}")
    if not bool(states.isfinite().all()):
        raise ValueError(f"{wanted}: it gave numbers that are not finite")
    return states.detach(), None if x is None else x.detach()
