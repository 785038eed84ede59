"""Whole solves as modules: what they compute, how little of it there is, and that compilers take them whole."""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from hyperdsl.runtime.corrector import Corrector
from hyperdsl.runtime.graded import GradedSteps
from hyperdsl.runtime.implicit import ImplicitSteps
from hyperdsl.runtime.newton import solved
from hyperdsl.runtime.program import program
from hyperdsl.runtime.solver import Evaluated
from hyperdsl.runtime.state import VectorField
from hyperdsl.runtime.whole import Sum, Whole
from tests.runtime.methods import (
    Adams,
    AdamsAtEnd,
    Euler,
    Family,
    HeunEuler,
    HyperAdams,
    HyperEuler,
    Ones,
    OnVp,
    OnVpHistory,
)

Z = torch.tensor([[1.0, 2.0], [-0.5, 0.3], [0.1, -2.0]], dtype=torch.float64)
TRANSFERS = {
    "_to_copy",
    "to",
    "copy_",
    "item",
    "_local_scalar_dense",
    "nonzero",
    "is_nonzero",
    "equal",
    "scalar_tensor",
}
"""What waits for a device, moves between two, or looks at numbers."""


class Watched(TorchDispatchMode):
    """Takes note of all that is computed: the names, and the devices of tensors that go in and come out."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.devices: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.names.add(str(func).removeprefix("aten.").partition(".")[0])
        self.devices |= {one.device.type for one in tree_leaves((args, kwargs, result)) if isinstance(one, Tensor)}
        return result


class F(nn.Module):
    """A field with weights, not autonomous; with an input it gains that."""

    def __init__(self, dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.net = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2)).to(dtype)

    def forward(self, s: Tensor, *arguments: Tensor) -> Tensor:
        """Like z."""
        *x, z = arguments
        slope: Tensor = self.net(torch.cat([z, s.expand(z.shape[:-1]).unsqueeze(-1)], -1))
        return slope + x[0] if x else slope


class Learned(Euler):
    """Two stages whose coefficients are learned, with a term g that reads them, as `learned(2)` has it."""

    evaluations_per_step = 2
    residual_power = 2
    learned = ("a21", "b1")

    def __init__(self, dtype: torch.dtype = torch.float64) -> None:
        g = Small((2,), ("z", "dz", "k2", "eps", "s"), seen=("dz", "k2"), outside="base").to(dtype)
        super().__init__(g)
        self.coefficients = nn.Parameter(torch.tensor([0.7, 0.35], dtype=torch.float64))

    def method(self, f: VectorField, s: Tensor, z: Tensor, eps: Tensor, **learned: Tensor) -> Evaluated:
        a21, b1 = (learned[name] for name in self.learned)
        k1 = f(s, z)
        k2 = f(s + a21 * eps, z + a21 * eps * k1)
        return z + eps * (b1 * k1 + (1 - b1) * k2), (k1, k2)


class Small(Corrector):
    """g of one hidden layer, with weights that are not zero."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            self.net = nn.Sequential(nn.Linear(self.features, 4), nn.SiLU(), nn.Linear(4, 2))


class Graded(GradedSteps, Euler):
    """Euler on a grid."""

    grid = (0.0, 0.1, 0.4, 1.0)


class GradedLearned(GradedSteps, Euler):
    """Euler on a trained grid of three steps."""

    grid = (0.0, 1 / 3, 2 / 3, 1.0)

    def __init__(self) -> None:
        super().__init__()
        self.increments = nn.Parameter(torch.tensor([0.1, -0.4, 0.3]))


class Iterated(ImplicitSteps, Euler):
    """The implicit Euler formula."""

    def method(self, f: VectorField, s: Tensor, z: Tensor, eps: Tensor) -> Evaluated:
        (k1,) = solved(f, eps, (s + eps, z, (1,)))
        return z + eps * k1, ()


CASES: list[tuple[Any, int | None, dict[str, float]]] = [
    (Euler(), 5, {}),
    (HyperEuler(Ones()), 3, {}),
    (Family(), 3, {"alpha": 0.4}),
    (Learned(), 1, {}),
    (Learned(), 2, {}),
    (Graded(), None, {}),
    (GradedLearned(), None, {}),
    (Adams(), 6, {}),
    (AdamsAtEnd(), 6, {}),
    (HyperAdams(Ones()), 4, {}),
]


def called(solver: Any, f: Any, z: Tensor, span: Any, steps: int | None, **more: Any) -> Tensor:
    with torch.no_grad():
        end: Tensor = solver(f, z, span, **({} if steps is None else {"steps": steps}), **more)
    return end


@pytest.mark.parametrize("case", CASES, ids=lambda case: type(case[0]).__name__)
@pytest.mark.parametrize("span", [(0.2, 1.1), (1, -1)])
def test_it_gives_what_the_call_gives(case: Any, span: Any) -> None:
    """But for rounding: vectors are added in another order."""
    solver, steps, free = case
    whole = Whole(solver, F(), span, steps, **free)
    expected = called(solver, F(), Z, span, steps, **free)
    torch.testing.assert_close(whole(Z), expected, rtol=1e-14, atol=1e-14)
    complex_state = torch.complex(Z, -Z)
    if not isinstance(solver, Learned):
        flat = Whole(solver, turning, span, steps, dtype=torch.float64, **free)
        torch.testing.assert_close(
            flat(complex_state), called(solver, turning, complex_state, span, steps, **free), rtol=1e-13, atol=1e-13
        )


def turning(s: Tensor, z: Tensor) -> Tensor:
    return 1j * z * s


def test_inputs_go_to_f_and_g() -> None:
    seen: list[Any] = []

    class Reads(nn.Module):
        def forward(self, eps: Tensor, s: Tensor, x: Tensor, z: Tensor, *others: Tensor) -> Tensor:
            seen.append((float(eps), float(s)))
            return x + others[0]

    solver, x = HyperEuler(Reads()), torch.ones_like(Z)
    end = Whole(solver, F(), (1.0, 2.0), 2)(Z, x)
    assert seen == [(0.5, 1.0), (0.5, 1.5)]
    torch.testing.assert_close(end, called(solver, F(), Z, (1.0, 2.0), 2, x=x), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("solver", [OnVp(), OnVpHistory()], ids=["OnVp", "OnVpHistory"])
def test_a_path_has_the_model_inside(solver: Any) -> None:
    def model(tau: Tensor, x: Tensor) -> Tensor:
        assert not tau.ndim
        return torch.tanh(x) * (1 + tau)

    with torch.no_grad():
        expected = solver(model, Z, steps=4)
    torch.testing.assert_close(Whole(solver, model, steps=4, dtype=Z.dtype)(Z), expected, rtol=1e-12, atol=1e-12)


def test_nothing_is_computed_that_the_end_does_not_need() -> None:
    count = 0

    def f(s: Tensor, z: Tensor) -> Tensor:
        nonlocal count
        count += 1
        return -z

    for solver, wanted in ((Adams(), 2 + 5), (AdamsAtEnd(), 3 + 5), (Learned(), 12)):
        whole = Whole(solver, f, (0.0, 1.0), 6, dtype=Z.dtype)
        count = 0
        whole(Z)
        assert count == whole.evaluations == wanted
    sums = [line for line in Whole(Family(), f, (0.0, 1.0), 50, alpha=0.5).lines if isinstance(line, Sum)]
    assert [len(line.terms) for line in sums] == [1] * 100  # of midpoint's step: a stage and the state, one slope each


def test_times_are_those_of_the_solver() -> None:
    found = program(Learned(), (1.0, 3.0), 2)
    of_f = [evaluation.time for evaluation in found.evaluations if evaluation.eps is None]
    assert of_f == [1.0, 1.7, 2.0, 2.7]
    assert [(one.eps, one.time) for one in found.evaluations if one.eps is not None] == [(1.0, 1.0), (1.0, 2.0)]
    assert found.end[0] == 1
    assert sum(found.end[1:]) == pytest.approx(2 + 2)  # of slopes the way, and ε² of each g


def exported(dtype: torch.dtype = torch.float32) -> tuple[Whole, torch.export.ExportedProgram]:
    whole = Whole(Learned(dtype), F(dtype), (0.0, 1.0), 1)
    batch = torch.export.Dim("batch", min=1)
    with torch.no_grad():
        return whole, torch.export.export(whole, (Z.to(dtype),), dynamic_shapes=({0: batch},))


def test_a_program_has_as_many_calls_of_the_layers_as_evaluations() -> None:
    whole, found = exported()
    called = [str(node.target) for node in found.graph.nodes if node.op == "call_function"]
    layers = {"f": 2 * whole.evaluations, "g": 2}
    assert whole.evaluations == 2
    assert called.count("aten.linear.default") == layers["f"] + layers["g"]
    assert called.count("aten.tanh.default") == 2
    assert called.count("aten.silu.default") == 1


def test_a_program_waits_for_nothing_and_moves_nothing() -> None:
    """So it may be recorded as a CUDA graph."""
    _, found = exported()
    for graph in (found.graph, found.run_decompositions().graph):
        nodes = [node for node in graph.nodes if node.op == "call_function"]
        names = {str(node.target).removeprefix("aten.").partition(".")[0] for node in nodes}
        assert not names & TRANSFERS
        dtypes = {node.meta["val"].dtype for node in nodes if isinstance(node.meta["val"], Tensor)}
        assert dtypes <= {torch.float32, torch.bool}
        made = [node for node in nodes if not any(argument.op != "get_attr" for argument in node.all_input_nodes)]
        assert not made, "a tensor is made of nothing"


def test_a_program_serves_other_batches_after_it_was_saved() -> None:
    whole, found = exported()
    file = io.BytesIO()
    torch.export.save(found, file)
    file.seek(0)
    z = torch.randn(7, 2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(torch.export.load(file).module()(z), whole(z))


def test_it_compiles_whole() -> None:
    whole = Whole(Learned(torch.float32), F(torch.float32), (0.0, 1.0), 2)
    z = Z.float()
    with torch.no_grad():
        assert torch.equal(torch.compile(whole, fullgraph=True, backend="eager")(z), whole(z))


def test_it_runs_without_numbers_and_moves_with_its_modules() -> None:
    whole = Whole(Learned(torch.float32), F(torch.float32), (0.0, 1.0), 2).to("meta")
    z = Z.float().to("meta")
    with Watched() as watched:
        end = whole(z)
    assert end.is_meta
    assert watched.devices == {"meta"}  # no tensor of another device anywhere: none is made, none is copied
    assert "tanh" in watched.names
    assert not watched.names & TRANSFERS
    assert end.shape == Z.shape
    assert "numbers" not in whole.state_dict()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs need a GPU")
def test_it_is_recorded_as_a_cuda_graph() -> None:
    whole = Whole(Learned(torch.float32), F(torch.float32), (0.0, 1.0), 2).to("cuda")
    still = Z.float().cuda()
    with torch.no_grad():
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            whole(still)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            end = whole(still)
        still.copy_(2 * Z.float())
        graph.replay()
        torch.testing.assert_close(end, whole(2 * Z.float().cuda()))


def test_weights_of_f_and_g_stay_live_and_the_base_does_not() -> None:
    solver, f = Learned(), F()
    whole = Whole(solver, f, (0.0, 1.0), 1)
    before = whole(Z)
    with torch.no_grad():
        solver.coefficients.add_(0.1)
    assert torch.equal(whole(Z), before)
    with torch.no_grad():
        next(iter(f.parameters())).add_(1.0)
    assert not torch.equal(whole(Z), before)
    whole(Z).sum().backward()
    assert all(p.grad is not None for p in f.parameters())


@pytest.mark.parametrize(("solver", "word"), [(HeunEuler(), "chooses its steps"), (Iterated(), "iterates its formula")])
def test_evaluations_that_depend_on_the_state_are_refused(solver: Any, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        Whole(solver, turning, (0.0, 1.0), 2)


def test_what_does_not_fit_is_refused() -> None:
    whole = Whole(Euler(), F(torch.float32), (0.0, 1.0), 2)
    with pytest.raises(TypeError, match=r"made for torch.float32: Whole\(..., dtype=torch.float64\)"):
        whole(Z)
    with pytest.raises(ValueError, match=r"on meta .* whole.to\('meta'\)"):
        whole(Z.float().to("meta"))
    with pytest.raises(TypeError, match="one tensor, not tuple"):
        whole((Z, Z))
    with pytest.raises(TypeError, match="needs a span"):
        Whole(Euler(), F(), steps=2)
    with pytest.raises(TypeError, match="needs alpha="):
        Whole(Family(), F(), (0.0, 1.0), 2)
