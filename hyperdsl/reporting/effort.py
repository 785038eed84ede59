"""How much a report measures, so that it ends within two minutes on a machine of two cores."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """Bounds on what is measured.

    samples: unseen starting states of errors at the end. batch, repeats, seconds: states that are timed together, the
    most solves that are timed of a method at a setting, and when the last of them begins. states, times, sizes: states
    of single steps at a time, the times and the step sizes. patience: seconds after which no finer steps are taken in
    a measurement of convergence. counting: seconds in which the multiply-accumulates of a method at a setting are
    counted; beyond, they are reckoned from what was counted.

    limit: seconds for all of it together, of which each section has a share of what is left. What would be beyond it is
    left out, which the page says.
    """

    samples: int = 128
    batch: int = 64
    repeats: int = 15
    seconds: float = 0.7
    states: int = 48
    times: int = 4
    sizes: int = 6
    patience: float = 6.0
    counting: float = 5.0
    limit: float = 70.0


SMALLEST = Effort(samples=8, batch=4, repeats=1, seconds=0.0, states=6, times=2, sizes=2, patience=0.05)
"""Shows that it runs."""
