"""The functions of a generated class against the plan's step, on formal values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from hyperdsl.plan import Estimate, Evaluate, Plan, Solve, Statement, Step
from hyperdsl.plan.multistep import past_steps
from hyperdsl.plan.passes import needed
from hyperdsl.plan.step import STATE, defined, derivative, names
from hyperdsl.runtime.history import Past
from hyperdsl.runtime.loop import Attempt
from hyperdsl.runtime.measuring_orders import require_adams, require_backward
from hyperdsl.theory.multistep.formulas import LinearMultistep
from hyperdsl.theory.multistep.predictor_corrector import FormulaPair
from hyperdsl.theory.multistep.variable import Variable
from hyperdsl.theory.numbers.exact import ZERO
from hyperdsl.verifying.formal import EPS, THETA, TIME, UNIT, Formal, World, formal, known, parameter, shown
from hyperdsl.verifying.walk import Start, Walk
from hyperdsl.verifying.ways import Way, plainly, traced

_EPS, _TIME, _THETA, _STATE = parameter(EPS), parameter(TIME), parameter(THETA), known(STATE)


@dataclass(frozen=True)
class Finding:
    """A function that does not compute what it has to, and how."""

    function: str
    text: str


def findings(plan: Plan, kind: type[nn.Module], module: dict[str, Any]) -> Iterator[Finding]:
    """What a solver's class does not compute as its plan does; `module` are the names of the module it stands in.

    Whatever the functions raise is raised.
    """
    if plan.varying is not None:
        yield from _orders(plan.varying, kind)
        return
    for way in (plainly, traced):
        world = World()
        solver = _without_weights(kind, world)
        yield from _Solver(plan, solver, world, way(solver, module, world)).findings()


def _orders(method: Variable, kind: type[nn.Module]) -> Iterator[Finding]:
    """The numbers of a class of variable order, with which each order has to be its formula on equal steps."""
    try:
        if method.adams:
            pairs = [one for one in method.orders if isinstance(one, FormulaPair)]
            require_adams(kind, [(_doubles(pair.predictor), _doubles(pair.corrector)) for pair in pairs])
        else:
            require_backward(kind, [_doubles(one) for one in method.orders if isinstance(one, LinearMultistep)])
    except AssertionError as error:
        yield Finding("corrections", str(error))


def _doubles(formula: LinearMultistep) -> tuple[list[float], list[float]]:
    return list(map(float, formula.alpha)), list(map(float, formula.beta))


def _without_weights(kind: type[nn.Module], world: World) -> Any:
    """A solver whose learned term is the world's g: `_g` asks the corrector for it, which is given numbers."""

    def g(eps: Formal, s: Formal, x: None, z: Formal, seen: Sequence[Formal], handed: Mapping[str, Formal]) -> Formal:
        return world.g(eps, s, x, z, *seen, **handed)

    solver: Any = kind.__new__(kind)
    nn.Module.__init__(solver)
    vars(solver)["_g"] = g
    return solver


class _Solver:
    """A class run one way."""

    def __init__(self, plan: Plan, solver: Any, world: World, call: Way) -> None:
        self.plan, self.solver, self.world, self.call = plan, solver, world, call
        self.parameters: Mapping[str, Formal] = {name: parameter(name) for name in plan.parameters}

    def findings(self) -> Iterator[Finding]:
        if self.plan.step.start is not None:
            return self._history(self.plan.step)
        return self._adaptive(self.plan.step) if self.plan.attempt.estimates else self._fixed(self.plan.step)

    def _fixed(self, step: Step) -> Iterator[Finding]:
        walk = Walk(self.world, step, self.parameters, {})
        walk.run(step.base, also=self.plan.seen)
        made = self._counted(walk, _evaluated(needed(step, step.base, also=self.plan.seen)))
        end, seen = self.call("method", self.world.f, _TIME, _STATE, _EPS, **self.parameters)
        yield from made("method")
        yield from self._equal("method", "the base's end", end, walk.total(step.base))
        yield from self._all_equal("method", "what g reads", seen, [walk.value(name) for name in self.plan.seen])
        whole = self.solver._stepped(self.world.f, None, _TIME, _STATE, _EPS, self.parameters)
        yield from self._equal("method", "the step's end", whole, walk.total(step.end))

    def _adaptive(self, step: Step) -> Iterator[Finding]:
        (first,) = step.takes
        dz = self.world.f(_TIME, _STATE, first)
        walk = Walk(self.world, step, self.parameters, {first: dz})
        embedded = _embedded(self.plan)
        sums = (step.base, *((embedded.error,) if embedded else ()))
        walk.run(*sums, also=self.plan.seen)
        judged = _evaluated(needed(step, *sums, also=self.plan.seen))
        made = self._counted(walk, judged)
        end, seen, stages = self.call("advance", self.world.f, _TIME, _STATE, _EPS, dz, **self.parameters)
        yield from self._equal("advance", "the base's end", end, walk.total(step.base))
        yield from self._all_equal("advance", "what g reads", seen, [walk.value(name) for name in self.plan.seen])
        inner = (self.world.f, _TIME, _STATE, _EPS)
        following = None
        if embedded:
            error, following, stages = self.call("estimate", *inner, end, stages, **self.parameters)
            yield from self._equal("estimate", "the embedded error", error, walk.error(embedded))
            given = walk.value(step.gives[0]) if step.gives[0] in judged else None
            if (following is None) != (given is None):
                yield Finding("estimate", "f at the end is given where it is not known, or not given where it is")
            elif given is not None:
                yield from self._equal("estimate", "f at the end", following, given)
        yield from made("estimate" if embedded else "advance")
        if step.dense:
            yield from self._dense(step, walk, judged, stages)
        yield from self._attempt(first, dz)

    def _dense(self, step: Step, walk: Walk, judged: Sequence[str], stages: Any) -> Iterator[Finding]:
        """Dense output: the stages from `between`, times `weights`."""
        assert step.dense is not None
        total = walk.dense()
        at_end = self.world.f(_TIME + _EPS, walk.total(step.base))
        read = _evaluated(needed(step, also=(weight.name for weight in step.dense.weights)))
        made = self._counted(walk, [n for n in read if n not in judged and walk.value(n).key != at_end.key])
        inner = (self.world.f, _TIME, _STATE, _EPS)
        found = self.call("between", *inner, stages, at_end, **self.parameters)
        yield from made("between")
        weights = self.call("weights", _THETA, **self.parameters)
        if len(found) != len(weights):
            yield Finding("weights", f"there are {len(weights)} weights of {len(found)} stages")
            return
        parts = [stage * weight for stage, weight in zip(found, weights, strict=True)]
        yield from self._equal("weights", "dense output", sum(parts, formal(0)), total)

    def _attempt(self, first: str, dz: Formal) -> Iterator[Finding]:
        """The runtime's attempt with these functions, against what the control tries by the plan."""
        tried = self.solver.attempt(self.world.f, None, _TIME, _STATE, _EPS, dz, **self.parameters)
        if self.plan.attempt != self.plan.step:
            yield from self._doubled(first, dz, tried)
            return
        walk = Walk(self.world, self.plan.step, self.parameters, {first: dz})
        for estimate in self.plan.attempt.estimates:
            error = {"main": tried.error, "fallback": tried.embedded, "doubt": tried.doubt}[estimate.role]
            end = tried.base if estimate.role == "fallback" else tried.end
            expected = walk.error(estimate)
            if estimate.role == "doubt":  # the runtime adds it up from the step's end, and rounds as it does so
                reached = walk.total(estimate.end)
                expected = reached - _STATE - _EPS / 2 * (dz + self.world.f(_TIME + _EPS, reached))
            yield from self._equal("advance", f"the {estimate.role} error", error, expected)
            yield from self._equal("advance", "the step's end", end, walk.total(estimate.end))

    def _doubled(self, first: str, dz: Formal, tried: Attempt) -> Iterator[Finding]:
        """Two steps of half the size, and their distance from the whole step over 2^p − 1."""

        def stepped(start: Start, slope: Formal) -> Formal:
            walk = Walk(self.world, self.plan.step, self.parameters, {first: slope}, start)
            return walk.total(self.plan.step.end)

        half, later = _EPS / 2, _TIME + _EPS / 2
        middle = stepped(Start(eps=half), dz)
        end = stepped(Start(later, middle, half), self.world.f(later, middle))
        error = (end - stepped(Start(), dz)) / (2**self.plan.order - 1)
        yield from self._equal("advance", "the state after two half steps", tried.end, end)
        yield from self._equal("advance", "the error by doubling", tried.error, error)

    def _history(self, step: Step) -> Iterator[Finding]:
        taken: dict[str, Any] = {name: known(name) for name in step.takes}
        states = [name for name in step.takes if name.startswith(STATE)]
        slopes = [name for name in step.takes if name not in states]
        walk = Walk(self.world, step, self.parameters, taken)
        wanted = (*self.plan.seen, *step.gives)
        walk.run(step.base, also=wanted)
        made = self._counted(walk, _evaluated(needed(step, step.base, also=wanted)))
        newest: Any = _STATE
        past = Past((newest, *(taken[name] for name in states)), tuple(taken[name] for name in slopes))
        end, seen, kept = self.call("formula", self.world.f, _TIME, past, _EPS)
        yield from made("formula")
        yield from self._equal("formula", "the base's end", end, walk.total(step.base))
        yield from self._all_equal("formula", "what g reads", seen, [walk.value(name) for name in self.plan.seen])
        given = [walk.value(name) for name in step.gives[len(states) :]]
        yield from self._all_equal("formula", "what the next step gets", kept, given)
        if past_steps(step):
            yield from self._starting(step)

    def _starting(self, step: Step) -> Iterator[Finding]:
        """The one-step method of the first states."""
        assert step.start is not None
        start = step.start.step
        walk = Walk(self.world, start, {}, {})
        walk.run(start.end)
        first = derivative(start)
        slope = self.world.f(_TIME, _STATE) if first is None else walk.value(first)
        made = self._counted(walk, _evaluated(start.body), *([] if first else slope.terms))
        end, found = self.call("starting", self.world.f, _TIME, _STATE, _EPS)
        yield from made("starting")
        yield from self._equal("starting", "the first state", end, walk.total(start.end))
        yield from self._equal("starting", "the derivative", found, slope)

    def _counted(self, walk: Walk, names: Sequence[str], *further: str) -> Callable[[str], Iterator[Finding]]:
        """From now on evaluations are counted; what is returned says of a function which of them are wrong."""
        expected = (*(walk.evaluated[name] for name in names), *further)
        self.world.evaluated.clear()

        def found(function: str) -> Iterator[Finding]:
            made = self.world.evaluated
            surplus, lacking = Counter(made) - Counter(expected), Counter(expected) - Counter(made)
            wrong = next((name for name in made if name in surplus), None)
            left = next((name for name in expected if name in lacking), None)
            if wrong is not None:
                instead = f" where the spec has {self.world.told(left)}" if left else " too often"
                yield Finding(function, f"evaluates {self.world.told(wrong)}{instead}")
            elif left is not None:
                yield Finding(function, f"does not evaluate {self.world.told(left)}")

        return found

    def _all_equal(self, function: str, what: str, found: Any, expected: Sequence[Formal]) -> Iterator[Finding]:
        if len(found) != len(expected):
            yield Finding(function, f"{what} are {len(found)} values, by the spec {len(expected)}")
            return
        for one, other in zip(found, expected, strict=True):
            yield from self._equal(function, what, one, other)

    def _equal(self, function: str, what: str, found: Any, expected: Formal) -> Iterator[Finding]:
        value = formal(found)
        for name in {**expected.terms, **value.terms}:
            one, other = (Formal({UNIT: terms.get(name, ZERO)}) for terms in (value.terms, expected.terms))
            if one.key != other.key:
                text = f"{what} has {shown(one)} of {self.world.told(name)}, by the spec {shown(other)}"
                yield Finding(function, text)
                return


def _embedded(plan: Plan) -> Estimate | None:
    """The estimate of the step itself that is made of slopes alone."""
    learned = {learn.name for learn in plan.step.learns}
    found = (one for one in plan.step.estimates if one.role != "doubt" and names(one.error).isdisjoint(learned))
    return next(found, None)


def _evaluated(statements: Sequence[Statement]) -> list[str]:
    """The names that evaluations of f give."""
    return [name for statement in statements if isinstance(statement, Evaluate | Solve) for name in defined(statement)]
