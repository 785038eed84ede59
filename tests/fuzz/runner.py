"""Compiles drawn specs, imports their packages, and compares their steps with the oracle's."""

from __future__ import annotations

import importlib
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from mpmath import mp, mpf
from torch import Tensor, nn

from hyperdsl import compiler
from hyperdsl.diagnostics import has_errors, report_text
from hyperdsl.evaluation.problems import from_model
from hyperdsl.semantics.model.spec import Spec
from hyperdsl.source import SpecFile
from hyperdsl.verifying.verify import verify
from tests.fuzz import oracle
from tests.fuzz.parts import DIGITS, Call, Part, number

STEPS = 9
"""After which every method with a history has it."""


def field(s: Tensor, z: Tensor) -> Tensor:
    """The oracle's; s may be a number for each sample."""
    s = s[..., None] if s.ndim else s
    return torch.sin(3 * s) * z.roll(-1, -1) + torch.cos(z) * (1 + s)


class External(nn.Module):
    """The oracle's network."""

    def forward(self, eps: Tensor, s: Tensor, x: Tensor | None, z: Tensor, dz: Tensor) -> Tensor:
        eps, s = (value[..., None] if value.ndim else value for value in (eps, s))
        return torch.sin(z) + eps * s - dz / 3


def look_at(parts: Sequence[Part]) -> None:
    """AssertionError, or whatever else is raised, where a part is refused or computes something else."""
    with built("\n".join(part.text for part in parts)) as (spec, solvers), mp.workdps(DIGITS):
        for part in parts:
            _proven(part, spec)
            if part.kind == "problem":
                _same_field(part, spec)
            if part.solver is not None:
                assert solvers is not None
                _compare(part, _instance(part, solvers))


@contextmanager
def built(text: str) -> Iterator[tuple[Spec, ModuleType | None]]:
    """The checked spec of this text, and its package, imported with its training, where there is one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pyproject.toml").touch()
        path = folder / "drawn.hyper"
        path.write_text(text, "utf-8")
        checked = compiler.check([SpecFile(path, path.name)])
        assert not has_errors(checked.diagnostics), "refused:\n" + report_text(checked.diagnostics)
        package = folder / "generated" / "drawn"
        compiler.compile_checked(checked, folder / "generated")
        for _, _, difference in verify([package]) if package.is_dir() else ():
            assert difference is None, f"verify: {difference}"
        yield checked.specs[0], _imported(package) if package.is_dir() else None


def _imported(package: Path) -> ModuleType:
    sys.path.insert(0, str(package.parent))
    try:
        module = importlib.import_module("drawn")
        if (package / "train.py").is_file():
            importlib.import_module("drawn.train")
        return module
    finally:
        sys.path.remove(str(package.parent))
        for loaded in [name for name in sys.modules if name.split(".")[0] == "drawn"]:
            del sys.modules[loaded]


def _proven(part: Part, spec: Spec) -> None:
    """The orders of a tableau's rows are those of the textbook's conditions, as far as these go."""
    names = re.findall(r"^method (\w+)", part.text, re.MULTILINE)
    if part.kind != "tableau" or not names:
        return
    name = names[0]
    method = next(method for method in spec.methods if method.name == name)
    found = oracle.Tableau(part.numbers, part.call or Call(0, 0, ()))
    for row, order in enumerate((method.facts.order, *method.facts.embedded)):
        expected = found.order(row)
        if method.parameters:
            assert min(order, 4) <= expected, f"row {row} of {name} has order {expected}, and {order} is proven"
        else:
            assert min(order, 4) == expected, f"row {row} of {name} has order {expected}, and {order} is proven"


def _same_field(part: Part, spec: Spec) -> None:
    model = next(model for model in spec.problems if model.name == part.numbers["name"])
    problem, states, call = from_model(model), part.numbers["states"], part.call
    assert call is not None
    z = torch.tensor(call.z[: len(states)], dtype=torch.float64)
    at = {**dict(zip(states, call.z, strict=False)), "s": call.s}
    s = torch.tensor(call.s, dtype=torch.float64)
    if part.numbers["w"] is None:
        slope, at["w"] = problem.f(s, torch.tensor([0.375], dtype=torch.float64), z), 0.375
    else:
        slope, at["w"] = problem.f(s, z), 0.5
    exact = oracle.right_hand_sides(part, at)
    for got, wanted in zip(slope.tolist(), exact, strict=True):
        assert abs(got - wanted) <= 1e-10 * (1 + abs(wanted)), f"f is {got}, not {float(wanted)}"


def _instance(part: Part, solvers: ModuleType) -> Any:
    """The solver in float64."""
    made = getattr(solvers, str(part.solver))
    if part.corrector == "external":
        return made(External())
    if part.network is None:
        return made().double()
    sizes = [part.network.shape, *([part.network.input_shape] if part.network.input_shape else [])]
    if part.network.field_width is None:
        return made(*sizes).double()
    return made(*sizes, field=_net(part)).double()


def _net(part: Part) -> nn.Module:
    network = part.network
    assert network is not None
    assert network.field_width is not None
    size = network.shape[0]
    activation = getattr(nn, network.field_activation)()
    return nn.Sequential(nn.Linear(size, network.field_width), activation, nn.Linear(network.field_width, size))


def _compare(part: Part, solver: Any) -> None:
    if part.network:
        _keeps_its_base(part, solver)
    elif part.kind == "tableau":
        _single_step(part, solver)
    else:
        _history(part, solver)
    if part.error is None and part.network is None:
        _counted(part, solver)


def _numbers(part: Part) -> tuple[Call, mpf, mpf, list[mpf], Tensor, dict[str, float]]:
    call = part.call
    assert call is not None
    values = {name: float(number(text, {})) for name, text in call.values.items()}
    z = torch.tensor(call.z, dtype=torch.float64)
    return call, mpf(call.s), mpf(call.eps), oracle.state(call.z), z, values


def _near(got: Tensor, wanted: Sequence[mpf], scale: float, what: str) -> None:
    """Within round-off of numbers of this size."""
    for value, exact in zip(got.tolist(), wanted, strict=True):
        miss = abs(value - exact)
        assert miss <= 1e-14 * scale * (1 + abs(exact)), f"{what}: {value!r} for {mp.nstr(exact, 20)}"


def _single_step(part: Part, solver: Any) -> None:
    call, s, eps, start, z, values = _numbers(part)
    method = oracle.Tableau(part.numbers, call)
    expected, slopes = start, [start]
    for k in range(part.copies):
        slopes += method.slopes(s + k * eps / part.copies, expected, eps / part.copies)
        expected = method.step(s + k * eps / part.copies, expected, eps / part.copies)
    size = max(float(abs(q)) for k in slopes for q in k) * (1 + method.largest())
    scale = size * (1 + 5 * abs(call.eps) * method.largest()) ** len(method.c) * part.copies
    _near(solver.base_step(field, call.s, z, call.eps, **values), expected, scale, "base_step")
    if part.corrector:
        expected = _corrected(solver, s, eps, start, expected)
    _near(solver.step(field, call.s, z, call.eps, **values), expected, scale, "step")
    if part.error:
        _one_long_step(part, solver, method, expected, scale)


def _corrected(solver: Any, s: mpf, eps: mpf, z: list[mpf], end: list[mpf]) -> list[mpf]:
    term = oracle.network(eps, s, z, oracle.field(s, z))
    return [a + eps**solver.residual_power * g for a, g in zip(end, term, strict=True)]


def _one_long_step(part: Part, solver: Any, method: oracle.Tableau, step: list[mpf], scale: float) -> None:
    """A span that is one step, at tolerances that take it; then one at the control's own, which must end."""
    call, s, eps, start, z, _ = _numbers(part)
    span = (call.s, call.s + call.eps)
    batch = torch.stack((z, z))
    found = solver.solve(field, batch, span, rtol=1e9, atol=1e9, first_step=abs(call.eps))
    expected = _of_two_halves(part, solver, method) if part.error == "doubling" else step
    if part.error != "learned, embedded":  # whose state is the pair's until g is trusted
        _near(found.z[1], expected, 10 * scale, "solve")
    if part.dense and part.corrector is None and part.error == "embedded":
        between = oracle.dense(part, method.slopes(s, start, eps), start, eps, mpf(3) / 8)
        _near(found.dense(call.s + 3 * call.eps / 8)[1], between, 10 * scale, "dense")
    found = solver.solve(field, batch, span, throw=False)
    assert bool(found.z.isfinite().all()), "a solve left numbers that are not finite"


def _of_two_halves(part: Part, solver: Any, method: oracle.Tableau) -> list[mpf]:
    _, s, eps, z, _, _ = _numbers(part)
    for at in (s, s + eps / 2):
        end = method.step(at, z, eps / 2)
        z = _corrected(solver, at, eps / 2, z, end) if part.corrector else end
    return z


def _history(part: Part, solver: Any) -> None:
    call, s, eps, start, z, _ = _numbers(part)
    count = solver.past + 1
    states = [[q + j * mpf(1) / 64 for q in start] for j in range(max(count, 6))]
    past = oracle.History(part, states, s, eps)
    tensors = [z + j / 64 for j in range(count)]
    history = solver.known(field, call.s, tensors, call.eps)
    for k in range(1 if part.corrector else 3):
        before = past.states[0]
        expected = past.step(s + k * eps, eps)
        scale = 1e3 * max(float(abs(q)) for slope in past.slopes for q in slope)
        base = solver.base_step(field, call.s + k * call.eps, history, call.eps)
        _near(base.states[0], expected, scale, f"base_step {k}")
        history = solver.step(field, call.s + k * call.eps, history, call.eps)
        if part.corrector:
            expected = _corrected(solver, s, eps, before, expected)
        _near(history.states[0], expected, scale, f"step {k}")


def _keeps_its_base(part: Part, solver: Any) -> None:
    """An untrained network changes no bit, and no weights move a step by more than the bound."""
    assert part.network is not None
    call, generator = part.call, torch.Generator().manual_seed(0)
    assert call is not None
    z = torch.randn(4, *part.network.shape, generator=generator, dtype=torch.float64)
    x = torch.randn(4, *part.network.input_shape, generator=generator, dtype=torch.float64)
    given = {"x": x} if part.network.input_shape else {}

    def f(s: Tensor, *rest: Tensor) -> Tensor:
        return field(s, rest[-1])

    at: Any = z
    if part.kind != "tableau":
        at = solver.known(f, call.s, [z + j / 64 for j in range(solver.past + 1)], call.eps, **given)
    base = _state(solver.base_step(f, call.s, at, call.eps, **given))
    if part.network.field_width is None:
        assert torch.equal(_state(solver.step(f, call.s, at, call.eps, **given)), base), "g is not 0 before training"
    with torch.no_grad():
        for weight in solver.parameters():
            weight.normal_(generator=generator)
    moved = _state(solver.step(f, call.s, at, call.eps, **given)).detach() - base
    assert bool(moved.isfinite().all()), "g is not finite"
    if part.network.bound:
        most = float(number(part.network.bound, {})) * abs(call.eps) ** solver.residual_power
        assert float(moved.abs().max()) <= most + 1e-12 * float(base.abs().max()), "g is beyond its bound"


def _state(end: Any) -> Tensor:
    found: Tensor = end.states[0] if hasattr(end, "states") else end
    return found


def _counted(part: Part, solver: Any) -> None:
    """A further step in a loop costs as many evaluations as the class says."""
    call, _, _, _, z, values = _numbers(part)
    if part.kind == "multistep" and part.numbers["newest"] == 1:
        return  # iterated
    counts = []
    for steps in (STEPS, STEPS + 1):
        calls = 0

        def counting(s: Tensor, z: Tensor) -> Tensor:
            nonlocal calls
            calls += 1
            return field(s, z)

        solver(counting, z, (call.s, call.s + call.eps), steps, **values)
        counts.append(calls)
    assert counts[1] - counts[0] == solver.evaluations_per_step, "evaluations_per_step is not what a step costs"
