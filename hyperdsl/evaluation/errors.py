"""What a user may have got wrong; the command line prints these as a sentence."""

from __future__ import annotations

from collections.abc import Iterable

from hyperdsl.diagnostics import did_you_mean


class EvaluationError(ValueError):
    """A package, problem, weights file or setting that is not what it should be."""


class PackageError(EvaluationError):
    """A folder that is no generated package, or a solver or setting that it has not."""


class ProblemError(EvaluationError):
    """A problem that cannot be found, with what is there instead."""


class WeightsError(EvaluationError):
    """A weights file that is damaged, or that belongs to another spec, solver or shape."""


class TrainingError(EvaluationError):
    """A training that its problem does not allow."""


class NotConvergedError(EvaluationError):
    """A reference solution whose error stayed above what was asked for."""


class SweepError(EvaluationError):
    """A storage that belongs to another sweep, or a sweep in which no network could be trained."""


def similar(name: str, known: Iterable[str]) -> str:
    """What a message says after a name that is not known: which one may be meant."""
    advice = did_you_mean(name, known)
    return f" ({advice})" if advice else ""
