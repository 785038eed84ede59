"""Whether the solvers of generated/ give the same bits as those of an earlier release.

    python -m benchmarks.unchanged.steps --before 82bb389

Every solver takes its weights from the earlier one's, then both solve three fields, forward and backward, at the end
and between, with the gradient of the end with respect to the start; each bit is compared. The exit code is 1 where one
differs.
"""

from __future__ import annotations

import argparse
import inspect
import io
import math
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hyperdsl.evaluation.packages import Package, load_package

VectorField = Callable[..., Tensor]
PACKAGES = Path("generated")
TIMES = (0.0, 0.25, 0.5, 0.75)


class Layers(nn.Module):
    """f that a warm-started corrector takes its first layers from."""

    def __init__(self, shape: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(shape[0], width, 3, padding="same")
        self.second = nn.Conv2d(width, shape[0], 3, padding="same")

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        """Like z."""
        change: Tensor = self.second(torch.tanh(self.first(z)))
        return change + torch.sin(s)


def fields() -> dict[str, VectorField]:
    """Three vector fields f(s, z): linear, nonlinear, and with time in it."""
    return {
        "linear": lambda s, z: -z,
        "nonlinear": lambda s, z: torch.sin(z) - z**3 / 4,
        "in time": lambda s, z: torch.cos(3 * s.reshape(-1, *(1,) * (z.ndim - 1)) + z) * (1 + z / 5),
    }


@contextmanager
def packages_of(before: str) -> Iterator[Path]:
    """The folder generated/ of a commit, or the folder itself."""
    if Path(before).is_dir():
        yield Path(before)
        return
    archive = subprocess.run(["git", "archive", before, "generated"], capture_output=True, check=True).stdout
    with tempfile.TemporaryDirectory() as name:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(name, filter="data")
        yield Path(name) / "generated"


def made(cls: Callable[..., nn.Module]) -> tuple[nn.Module, tuple[int, ...], tuple[int, ...] | None]:
    """A solver in float64 with weights that are not zero, the shape of its states and of its inputs."""
    wanted = inspect.signature(cls).parameters
    for shape in ((3,), (2, 4, 4)):
        given: dict[str, object] = {"state_shape": shape} if "state_shape" in wanted else {}
        given |= {"input_shape": shape} if "input_shape" in wanted else {}
        for width in (16, 12):
            given |= {"field": Layers((2, 4, 4), width)} if "field" in wanted else {}
            torch.manual_seed(0)
            try:
                solver = cls(**given).double()
            except ValueError:
                continue
            with torch.no_grad():
                for parameter in solver.parameters() if "state_shape" in wanted else ():
                    parameter.add_(0.05 * torch.randn_like(parameter))
            return solver, shape, shape if "input_shape" in wanted else None
    raise ValueError(f"no shape of states suits {cls}")


def results(solver: Any, f: VectorField, z: Tensor, given: dict[str, Any], sign: float) -> Iterator[tuple[str, Any]]:
    """What a solver gives, by name."""
    times = [sign * time for time in TIMES]
    z = z.clone().requires_grad_()
    counted = {} if hasattr(solver, "control") else {"steps": 3}
    end = solver(f, z, (0.0, sign), **counted, **given)
    yield "end", end
    yield "gradient", torch.autograd.grad(end.square().sum(), z)[0]
    yield "between", solver.odeint(f, z.detach(), times, **({"steps": 2} if counted else {}), **given)
    if hasattr(solver, "past"):
        return
    yield "step", solver.step(f, torch.zeros((), dtype=z.dtype), z.detach(), sign / 7, **given)
    yield "base step", solver.base_step(f, torch.zeros((), dtype=z.dtype), z.detach(), sign / 7, **given)
    if not counted:
        solution = solver.solve(f, z.detach(), (0.0, sign), **given)
        yield "dense", solution.dense(times)
        yield "evaluations", solution.statistics.evaluations
    if "weights" in inspect.signature(getattr(solver, "adjoint", solver.forward)).parameters:
        end = solver.adjoint(f, z, (0.0, sign), rtol=1e-3, weights=(), **given)
        yield "adjoint", torch.autograd.grad(end.square().sum(), z)[0]


def same(one: Any, other: Any) -> bool:
    """Whether two results are alike to the last bit."""
    if isinstance(one, Tensor):
        return bool(torch.equal(one, other))
    return bool(one == other)


def differing(old: Package, new: Package) -> Iterator[str]:
    """What differs, in words; what was compared comes as an empty text."""
    for name, cls in old.solvers.items():
        before, shape, inputs = made(cls)
        after, _, _ = made(new.solvers[name])
        after.load_state_dict(before.state_dict())
        generator = torch.Generator().manual_seed(1)
        z = torch.randn(4, *shape, generator=generator, dtype=torch.float64)
        given: dict[str, Any] = {"alpha": 0.6} if "alpha" in inspect.signature(before.forward).parameters else {}
        for (label, f), sign in ((item, sign) for item in fields().items() for sign in (1.0, -1.0)):
            field = f
            if inputs is not None:
                given["x"] = torch.randn(4, *inputs, generator=generator, dtype=torch.float64)
                field = _with_input(f)
            found = [list(_told(results(solver, field, z, given, sign))) for solver in (before, after)]
            for (what, one), (_, other) in zip(*found, strict=True):
                yield "" if same(one, other) else f"{old.name}.{name}, {label}, sign {sign:+.0f}: {what}"


def _told(values: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """The results up to the first failure, which is told by its text."""
    try:
        yield from values
    except (RuntimeError, ValueError) as error:
        yield "failure", str(error)


def _with_input(f: VectorField) -> VectorField:
    return lambda s, x, z: f(s, z) + x / 10


def main() -> int:
    """Compare all packages; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", required=True, metavar="COMMIT_OR_FOLDER", help="where the earlier packages are")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    compared, wrong = 0, []
    with packages_of(arguments.before) as folder:
        for path in sorted(path for path in folder.iterdir() if (path / "solver.py").is_file()):
            for text in differing(load_package(path), load_package(PACKAGES / path.name)):
                compared += 1
                wrong += [text] if text else []
    print("\n".join(wrong) or "every bit is the same")
    print(f"{compared} results compared, {len(wrong)} differ")
    return int(bool(wrong) or math.isclose(compared, 0))


if __name__ == "__main__":
    sys.exit(main())
