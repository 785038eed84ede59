"""The questions of `hyperdsl new`: each has a flag and a default, and none is asked where nobody can answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import typer

from hyperdsl.cli.inputs import out, stop

if TYPE_CHECKING:
    from hyperdsl.scaffold.choices import Base, Choices

T = TypeVar("T")


class Asker:
    """Takes each answer from its flag, from the user where `asking`, or from its default, which is told then."""

    def __init__(self, *, asking: bool) -> None:
        self._asking = asking
        self._taken: dict[str, str] = {}

    def answer(self, flag: str, question: str, given: str | None, default: str, read: Callable[[str], T]) -> T:
        """The answer as `read` has it; a wrong one is asked for again, a wrong flag ends the run."""
        if given is None and self._asking:
            found: T = typer.prompt(question, default=default, value_proc=_again(read))
            return found
        if given is None:
            self._taken[flag] = default
        try:
            return read(default if given is None else given)
        except ValueError as error:
            stop(str(error))

    def tell_defaults(self) -> None:
        """Which answers nobody gave."""
        if self._taken:
            taken = ", ".join(f"{flag} = {value}" for flag, value in self._taken.items())
            out().print(f"by default: {taken}", markup=False)

    def choices(
        self,
        name: str,
        read: Base | None,
        *,
        equations: tuple[str, ...],
        domains: tuple[str, ...],
        span: str,
        given: Mapping[str, str | None],
    ) -> Choices:
        """All further answers, in the order of the blueprint's steps; `read` is a base that needs no question."""
        from hyperdsl.scaffold import choices as c

        problem = ""
        if not equations:
            told = f"Step 1, the model and its task: {', '.join((c.EXAMPLE, *c.BUILT_IN))}, or module:attribute?"
            problem = self.answer("problem", told, given["problem"], c.EXAMPLE, c.problem_of)
        told = "Step 4, the base solver ψ (hyperdsl list names them)?"
        usual = c.BASES.get(problem, "heun")
        base = read or self.answer("base", told, given["base"], usual, partial(c.library_base, problem=problem))
        if self._asking:
            out().print(f"  {base.name}: order {base.order}, proven; {base.evaluations} evaluations of f a step")
        told = "Fixed steps, or adaptive ones of which relative tolerance?"
        usual = c.usual_tolerance(problem)
        serving = partial(c.tolerance_of, problem=problem)
        tolerance = self.answer("tolerance", told, given["tolerance"], usual, serving)
        able, reason = c.learnable(base, tolerance, problem)
        if reason and given["learn"] is None:
            out().print(f"  {reason}", markup=False)
        told = f"Step 5, what is learned: {', '.join(able)}?"
        learn = self.answer("learn", told, given["learn"], able[0], partial(c.learnt_of, able=able, reason=reason))
        told = "How many evaluations of f may a solve take?"
        evaluations = self.answer("evaluations", told, given["evaluations"], str(40 * base.evaluations), c.count_of)
        states: tuple[str, ...] = c.STATES
        iterations = 1
        if learn == "corrector":
            told = f"Step 6, training states, of {', '.join(c.STATES)}?"
            states = self.answer("states", told, given["states"], ",".join(c.STATES), c.states_of)
        if learn != "nothing":
            told = "Step 7, how many iterations of training?"
            iterations = self.answer("iterations", told, given["iterations"], "1000", c.count_of)
        return c.Choices(
            name, problem, equations, domains, span, base, tolerance, learn, evaluations, states, iterations
        )


def _again(read: Callable[[str], T]) -> Callable[[str], T]:
    """`read` whose errors have the question asked again."""

    def checked(text: str) -> T:
        try:
            return read(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error

    return checked
