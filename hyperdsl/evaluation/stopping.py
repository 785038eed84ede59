"""Solves that end when their time is up: every evaluation of f, its parts and its Jacobian looks at the clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from torch import nn

from hyperdsl.evaluation.problems import Problem, VectorField


class OutOfTimeError(Exception):
    """The time of what was being solved is up. It is nothing that a solver may take for a failure of its own."""


class Stop:
    """A time at which solves end, and how often f was evaluated.

    seconds: from now on. clock: in seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.end = clock() + seconds
        self.calls = 0

    @property
    def left(self) -> float:
        """The seconds that are left; negative ones where the time is up."""
        return self.end - self.clock()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """An earlier end for what is inside: so many seconds from now."""
        before = self.end
        self.end = min(before, self.clock() + seconds)
        try:
            yield
        finally:
            self.end = before

    def check(self) -> None:
        """OutOfTimeError where the time is up."""
        if self.clock() > self.end:
            raise OutOfTimeError

    def count(self) -> None:
        """An evaluation of f, where its time is not up."""
        self.check()
        self.calls += 1

    @contextmanager
    def watching(self, problem: Problem) -> Iterator[Problem]:
        """The problem with an f, parts and a Jacobian that end when the time is up.

        Modules stay what they are, with a hook while inside.
        """
        with ExitStack() as hooks:

            def watched(f: VectorField, look: Callable[[], None]) -> VectorField:
                if not isinstance(f, nn.Module):
                    return _Watched(f, look)
                # A function, since copies of f in float64 would copy what a method belongs to.
                hooks.callback(f.register_forward_pre_hook(lambda *_: look()).remove)
                return f

            yield replace(
                problem,
                f=watched(problem.f, self.count),
                parts=tuple(watched(part, self.count) for part in problem.parts),
                jacobian=problem.jacobian and watched(problem.jacobian, self.check),
                source=problem.whole_name,
            )


class _Watched:
    """f, which looks at the clock before each evaluation; whatever else f has, it has as well."""

    def __init__(self, f: VectorField, look: Callable[[], None]) -> None:
        self.f, self.look = f, look

    def __call__(self, *arguments: Any) -> Any:
        self.look()
        return self.f(*arguments)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # copying asks before there is an f
        return getattr(self.__dict__["f"], name)
