"""torchdiffeq's odeint and odeint_adjoint, whose `method` may be a generated solver.

torchdiffeq itself takes names of methods alone. These functions have its signatures and hand it the calls whose method
is a name; `registered` gives a solver a name of its own for code that calls torchdiffeq.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor

from hyperdsl.adapters.solvers import (
    Solver,
    counts_of,
    free_names,
    given,
    has_own_grid,
    is_adaptive,
    is_solver,
    require_known,
    require_solver,
    stacked,
    steps_each,
)

ADAPTIVE = {"first_step": "first_step", "max_num_steps": "max_steps", "min_step": "min_step", "max_step": "max_step"}
"""Options of torchdiffeq's adaptive methods, and what solvers call them."""
STOPS = "step_t", "jump_t"
FIXED = "steps", "step_size"
DOUBLINGS = 60
"""How often the way to an event is doubled before it is given up."""
FIRST = 16
"""Fixed steps until the first doubling."""


def odeint(
    func: Callable[..., Any],
    y0: Any,
    t: Tensor,
    *,
    rtol: Any = None,
    atol: Any = None,
    method: Any = None,
    options: dict[str, Any] | None = None,
    event_fn: Callable[..., Any] | None = None,
) -> Any:
    """The states at the times t, [len(t), *y0.shape], or a tuple of such; with event_fn the event's time and [2, ...].

    func: f(t, y), a module or any function. Where `method` is a name or None this is torchdiffeq's function.
    rtol, atol: those of the solver unless given; TypeError for one of fixed steps.
    options: for fixed steps `steps` from each time to the next (by default 1), or `step_size`, the most that a step
        may be; for others first_step, max_num_steps, min_step, max_step, and step_t and jump_t, times to step on. The
        values of free parameters of the method by their names. TypeError for others.
    event_fn: event_fn(t, y) whose zero ends the solve, wherever it is beyond t[0] in the direction of t; fixed steps
        need a step_size. The time has no gradient, and the state that at a fixed time, as in torchdiffeq: call
        `odeint_event` for both. ValueError where no event comes, TypeError for steps of its own for each sample.
    """
    if not is_solver(method):
        settings = given(rtol=rtol, atol=atol, method=method, options=options, event_fn=event_fn)
        return _peer().odeint(func, y0, t, **settings)
    if event_fn is not None:
        return _until(method, func, y0, t, event_fn, given(rtol=rtol, atol=atol), options or {})
    settings, counts = _settings(method, t, given(rtol=rtol, atol=atol), options or {})
    if counts is None:
        return method.odeint(func, y0, t, **settings)
    if len(set(counts)) == 1:
        return method.odeint(func, y0, t, steps=counts[0], **settings)
    _require_times(t)
    states = [y0]
    for k, steps in enumerate(counts):
        states.append(method(func, states[-1], (t[k], t[k + 1]), steps=steps, **settings))
    return stacked(states)


def odeint_adjoint(
    func: Callable[..., Any],
    y0: Any,
    t: Tensor,
    *,
    rtol: Any = None,
    atol: Any = None,
    method: Any = None,
    options: dict[str, Any] | None = None,
    event_fn: Callable[..., Any] | None = None,
    adjoint_rtol: Any = None,
    adjoint_atol: Any = None,
    adjoint_method: Any = None,
    adjoint_options: dict[str, Any] | None = None,
    adjoint_params: Any = None,
) -> Any:
    """As `odeint`, with the solver's `adjoint` from each time to the next.

    For joint adaptive steps this is the adjoint problem with the same solver and tolerances: adjoint_params are what
    func depends on, its parameters unless given, and adjoint_options may be {"norm": "seminorm"}. For others steps are
    computed again, which gives the gradients of all that func depends on.
    ValueError for times that neither ascend nor descend, for other tolerances or another method of the adjoint, and for
    an event.
    """
    own = given(rtol=rtol, atol=atol)
    if not is_solver(method):
        more = given(method=method, options=options, event_fn=event_fn, adjoint_method=adjoint_method)
        more |= given(adjoint_rtol=adjoint_rtol, adjoint_atol=adjoint_atol)
        more |= given(adjoint_options=adjoint_options, adjoint_params=adjoint_params)
        return _peer().odeint_adjoint(func, y0, t, **own, **more)
    name = type(method).__name__
    if event_fn is not None:
        raise ValueError(f"the adjoint of {name} knows no events: call odeint, whose gradients know them")
    for what, value, same in (
        ("rtol", adjoint_rtol, rtol),
        ("atol", adjoint_atol, atol),
        ("method", adjoint_method, method),
    ):
        if value is not None and value is not same:
            raise ValueError(f"the adjoint of {name} goes by its own {what}: leave adjoint_{what} out")
    settings, counts = _settings(method, t, own, options or {})
    settings |= _of_adjoint(method, adjoint_params, adjoint_options or {})
    _require_times(t)
    states = [y0]
    for k in range(len(t) - 1):
        steps = {} if has_own_grid(method) or is_adaptive(method) else {"steps": counts[k] if counts else 1}
        states.append(method.adjoint(func, states[-1], (t[k], t[k + 1]), **steps, **settings))
    return stacked(states)


def odeint_event(
    func: Callable[..., Any],
    y0: Any,
    t0: Tensor,
    *,
    event_fn: Callable[..., Any],
    reverse_time: bool = False,
    odeint_interface: Callable[..., Any] = odeint,
    **settings: Any,
) -> Any:
    """torchdiffeq's function of this name: the event's time and [2, ...] states, both with their gradients."""
    return _peer().odeint_event(
        func, y0, t0, event_fn=event_fn, reverse_time=reverse_time, odeint_interface=odeint_interface, **settings
    )


@contextmanager
def registered(name: str, solver: Any) -> Iterator[None]:
    """Inside, torchdiffeq's own functions take this name as a method, also where they are called deep in other code.

    The name stands in torchdiffeq's table of methods, for all threads, and is taken out again; nothing else of it is
    changed. Tolerances, which torchdiffeq always passes, are those of adaptive solvers; fixed steps need none. Tuples
    arrive as one vector, which hypersolvers of other shapes refuse, and so does the state of torchdiffeq's adjoint:
    name another `adjoint_method` there. ValueError for a name that there is.
    """
    from torchdiffeq._impl.odeint import SOLVERS  # noqa: PLC0415  # loaded where it is used

    if name in SOLVERS:
        raise ValueError(f"torchdiffeq has a method {name!r} already")
    SOLVERS[name] = _Method(require_solver(solver))
    try:
        yield
    finally:
        del SOLVERS[name]


class _Method:
    """A solver in the place of a class of torchdiffeq's methods."""

    def __init__(self, solver: Solver) -> None:
        self.solver = solver

    def valid_callbacks(self) -> set[str]:
        """None."""
        return set()

    def __call__(self, func: Any, y0: Any, rtol: Any, atol: Any, norm: Any = None, **options: Any) -> _Solve:
        settings = {"rtol": rtol, "atol": atol} if is_adaptive(self.solver) else {}
        return _Solve(partial(odeint, func, y0, method=self.solver, options=options, **settings))


class _Solve:
    """A solve as torchdiffeq asks for it."""

    def __init__(self, states: Callable[..., Any]) -> None:
        self.integrate = states

    def integrate_until_event(self, t0: Tensor, event_fn: Callable[..., Any]) -> Any:
        """The time of the event, and the states at both ends."""
        return self.integrate(torch.stack((t0, t0 + 1)), event_fn=event_fn)


def _peer() -> Any:
    import torchdiffeq  # noqa: PLC0415  # loaded where it is used

    return torchdiffeq


def _require_times(t: Tensor) -> None:
    """ValueError where solves from each time to the next would not be one solve; `odeint` of solvers looks itself."""
    t = torch.as_tensor(t).detach()
    if not t.dim() or not len(t):
        raise ValueError(f"t must be a list of one or more times, not of shape {tuple(t.shape)}")
    ways = t.diff(dim=0)
    if not bool((ways >= 0).all() | (ways <= 0).all()):
        raise ValueError("the times t must ascend or descend")


def _settings(
    solver: Solver, t: Tensor, tolerances: dict[str, Any], options: dict[str, Any]
) -> tuple[dict[str, Any], list[int] | None]:
    """What the solver takes, and how many steps there are from each time to the next, where these are told."""
    free = sorted(free_names(solver))
    if is_adaptive(solver):
        require_known(type(solver).__name__, options, (*ADAPTIVE, *STOPS, *free))
        settings = {ADAPTIVE.get(name, name): value for name, value in options.items() if name not in STOPS}
        stops = [torch.as_tensor(options[name]) for name in STOPS if options.get(name) is not None]
        return {**tolerances, **given(**settings), **({"stops": torch.cat(stops)} if stops else {})}, None
    require_known(type(solver).__name__, options, ((*FIXED, *free) if not has_own_grid(solver) else (*free,)))
    if len(options.keys() & set(FIXED)) == 2:
        raise ValueError("steps and step_size are two ways to say the same: give one")
    settings = {**tolerances, **{name: value for name, value in options.items() if name not in FIXED}}
    if "steps" in options:
        settings["steps"] = options["steps"]
    size = options.get("step_size")
    return settings, None if size is None else counts_of(t.tolist(), float(size))


def _of_adjoint(solver: Solver, weights: Any, options: dict[str, Any]) -> dict[str, Any]:
    """What the solver's adjoint takes besides."""
    solves_adjoint = "weights" in inspect.signature(solver.adjoint).parameters
    require_known(f"the adjoint of {type(solver).__name__}", options, ("norm",) if solves_adjoint else ())
    if options.get("norm", "seminorm") != "seminorm":
        raise ValueError("the norm of the adjoint is the solver's own, or 'seminorm'")
    if not solves_adjoint:
        return {}
    found = {} if weights is None else {"weights": tuple(weights)}
    return {**found, **({"seminorm": True} if options else {})}


def _until(
    solver: Solver,
    func: Callable[..., Any],
    y0: Any,
    t: Tensor,
    event_fn: Callable[..., Any],
    tolerances: dict[str, Any],
    options: dict[str, Any],
) -> Any:
    """The time of the event and the states at the start and there; the way is doubled until the event comes."""
    if len(t) != 2:
        raise ValueError(f"t has the start and a time that tells the direction where there is an event, not {len(t)}")
    if steps_each(solver):
        raise TypeError("torchdiffeq's events are for all samples at once: take a solver without `per_sample yes`")
    start, way = t[0], float(t[1] - t[0])
    settings, _ = _settings(solver, t, tolerances, options)
    steps = settings.pop("steps", None)
    size = options.get("step_size", None if steps is None else abs(way) / steps)
    fixed = not is_adaptive(solver) and not has_own_grid(solver)
    if fixed:
        if size is None:
            raise ValueError(f"{type(solver).__name__} takes fixed steps: an event needs options={{'step_size': …}}")
        way, steps = (FIRST * float(size) if way > 0 else -FIRST * float(size)), FIRST
    event, z = _one_event(event_fn, start, y0), y0
    for _ in range(DOUBLINGS):
        more = {**settings, **({"steps": steps} if fixed else {})}
        solution = solver.solve(func, z, (start, start + way), event=event, dense=False, **more)
        if solution.event is not None:
            time = solution.event_time
            return time.detach().to(t), stacked([y0, _at_fixed_time(func, solution.z, time)])
        start, z, way, steps = start + way, solution.z, 2 * way, 2 * (steps or 0)
    raise ValueError(f"no event until t = {float(start):g}")


def _one_event(event_fn: Callable[..., Any], t0: Tensor, y0: Any) -> Callable[..., Any]:
    """event(s, z) of one number: of several, torchdiffeq takes the first to change its sign."""
    with torch.no_grad():
        signs = torch.sign(torch.as_tensor(event_fn(t0, y0)))
    return event_fn if signs.numel() == 1 else lambda s, z: (event_fn(s, z) * signs).amin()


def _at_fixed_time(func: Callable[..., Any], z: Any, time: Tensor) -> Any:
    """The state with the gradient that it has at a fixed time, of one whose time moves: dz = f dt less."""
    if not time.requires_grad:
        return z
    parts: Sequence[Tensor] = (z,) if isinstance(z, Tensor) else z
    with torch.no_grad():
        at = time.detach().to(parts[0].dtype.to_real())
        slopes = func(at, z)
    moved = time - time.detach()
    fixed = tuple(
        part - moved.to(part.dtype) * slope
        for part, slope in zip(parts, (slopes,) if isinstance(z, Tensor) else slopes, strict=True)
    )
    return fixed[0] if isinstance(z, Tensor) else fixed
