"""The space of a sweep's variants, and which of them is to be tried next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import sqrt

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import TrialState, create_trial

from hyperdsl.semantics.model.sweep import Sweep, SweptNumber

Choice = dict[str, str | int | float]
"""A value for everything that varies, by its word."""

PROPOSALS, DRAWS = 8, 500
"""How often the sampler, and then chance, may come up with a variant that is known already."""
START_POINTS = 10
"""How many points TPE wants to see before it proposes anything."""


def space(sweep: Sweep) -> dict[str, BaseDistribution]:
    """What varies, as Optuna's distributions."""
    made: dict[str, BaseDistribution] = {}
    if len(sweep.bases) > 1:
        made["base"] = CategoricalDistribution([base.text for base in sweep.bases])
    return made | {number.word: _distribution(number) for number in sweep.numbers}


def _distribution(number: SweptNumber) -> BaseDistribution:
    if number.listed:
        return CategoricalDistribution([int(v.fraction()) if number.integer else float(v) for v in number.listed])
    if not number.integer:
        return FloatDistribution(float(number.lower), float(number.upper), log=True)
    lower, upper = int(number.lower.fraction()), int(number.upper.fraction())
    return IntDistribution(lower, upper, log=number.word != "depth")


def values_of(choice: Mapping[str, str | int | float]) -> dict[str, str]:
    """A choice as a spec writes it."""
    return {word: str(value) for word, value in choice.items()}


def propose(study: Study, sweep: Sweep, known: list[Choice], draw: int) -> Choice | None:
    """A variant that is not among the known ones; None where there seems to be none left.

    First every base in the middle of all ranges, then what Optuna's multi-objective TPE proposes from all points so
    far (Y. Ozaki et al., Multiobjective Tree-Structured Parzen Estimator, JAIR 73, 2022): with few trainings that
    reaches more than chance, NSGA-II, or TPE with K as a parameter do (benchmarks/results/sweep_samplers.md). `draw`, a
    number of its own for each proposal, and the sweep's seed decide all that is random.
    """
    varied = space(sweep)
    middle = {word: _middle(distribution) for word, distribution in varied.items()}
    for base in sweep.bases:
        first = middle | ({"base": base.text} if "base" in varied else {})
        if first not in known:
            return first
    for sampler in _samplers(sweep.seed, draw):
        found = {word: _rounded(_sampled(study, sampler, word, d), d) for word, d in varied.items()}
        if found not in known:
            return found
    return None


def _samplers(seed: int, draw: int) -> Iterator[BaseSampler]:
    """TPE from several seeds, then chance; with seeds of their own, so that no process repeats another's draws."""
    seeds = map(int, np.random.SeedSequence([seed, draw]).generate_state(PROPOSALS + DRAWS))
    for count, own in enumerate(seeds):
        if count < PROPOSALS:
            yield TPESampler(seed=own, n_startup_trials=START_POINTS, constant_liar=True)
        else:
            yield RandomSampler(seed=own)


def _sampled(study: Study, sampler: BaseSampler, word: str, distribution: BaseDistribution) -> str | int | float:
    trial = create_trial(state=TrialState.RUNNING)
    value: str | int | float = sampler.sample_independent(study, trial, word, distribution)
    return value


def _middle(distribution: BaseDistribution) -> str | int | float:
    match distribution:
        case CategoricalDistribution(choices=choices):
            value = choices[len(choices) // 2]
            assert isinstance(value, str | int | float)  # `_distribution` made it
            return value
        case IntDistribution(low=low, high=high, log=log):
            return _two_digits(round(sqrt(low * high)) if log else (low + high) // 2, low, high, int)
        case FloatDistribution(low=low, high=high):
            return _two_digits(sqrt(low * high), low, high, float)
    raise TypeError(type(distribution))


def _rounded(value: str | int | float, distribution: BaseDistribution) -> str | int | float:
    """A number with two digits: a spec is to be read, and 1874 iterations are no other than 1900."""
    match distribution:
        case IntDistribution(low=low, high=high):
            return _two_digits(value, low, high, int)
        case FloatDistribution(low=low, high=high):
            return _two_digits(value, low, high, float)
        case _:
            return value


def _two_digits(value: str | int | float, low: float, high: float, kind: Callable[[float], int | float]) -> int | float:
    return kind(min(max(float(f"{float(value):.2g}"), low), high))
