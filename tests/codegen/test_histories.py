"""Generated multistep and predictor-corrector solvers: their formulas, orders, first states, and how they fail."""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from hyperdsl import compiler
from hyperdsl.semantics.model.spec import Multistep, PredictorCorrector
from hyperdsl.theory.multistep.formulas import LinearMultistep

Build = Callable[[str], ModuleType]

MULTISTEPS = [
    *(f"ab{k}" for k in range(1, 9)),
    *(f"am{k}" for k in range(8)),
    *(f"bdf{k}" for k in range(1, 7)),
    *("nystrom2", "nystrom3", "nystrom4", "milne_simpson", "milne", "hamming"),
]
PAIRS = [*(f"abm{k}" for k in range(1, 7)), "milne_pece", "hamming_pece"]
OWN = {
    "pec": ("ab3", "am2", "PEC"),
    "pecec": ("ab2", "am3", "PECEC"),
    "pecece": ("ab1", "am3", "PECECE"),
    "simple": ("ab1", "am0", "PEC"),
}
PLAIN = "".join(
    [
        *(
            f"predictor_corrector {name} {{\n predict {p}\n correct {c}\n mode {mode}\n}}\n"
            for name, (p, c, mode) in OWN.items()
        ),
        *(f"solver S_{name} {{\n base {name}\n}}\n" for name in (*MULTISTEPS, *PAIRS, *OWN)),
    ]
)
HYPER = """
predictor_corrector pece {
    predict ab3
    correct am2
    start rk4(substeps = 3)
}
predictor_corrector pec {
    predict ab3
    correct am2
    mode PEC
}
corrector small {
    inputs z, dz, stages, s, eps, x
    layers linear(8), tanh
    bound 2
}
hypersolver HyperPece {
    base pece
    corrector small
}
hypersolver HyperPec {
    base pec
    corrector small
}
hypersolver HyperAb {
    base ab3
    corrector external
}
hypersolver HyperRk {
    base heun
    corrector small
}
"""


@pytest.fixture(scope="module")
def plain(build: Build) -> ModuleType:
    return build(PLAIN)


@pytest.fixture(scope="module")
def hyper(build: Build) -> ModuleType:
    return build(HYPER)


def f(s: Tensor, z: Tensor) -> Tensor:
    """z' = f(s, z), nonlinear and non-autonomous, with the solution (sin s, cos s)."""
    exact = torch.stack((torch.sin(s), torch.cos(s)), -1).to(z.dtype)
    slope = torch.stack((torch.cos(s), -torch.sin(s)), -1).to(z.dtype)
    return slope + (z - exact).flip(-1) * (z * z - s / 2) - (z - exact) / 2


def solution(s: float) -> Tensor:
    return torch.tensor([math.sin(s), math.cos(s)], dtype=torch.float64)


def solver(module: ModuleType, name: str) -> Any:
    return getattr(module, name)()


def order_of(name: str) -> int:
    if name in OWN:
        return {"pec": 3, "pecec": 4, "pecece": 3, "simple": 1}[name]
    base = compiler.library_base(name)
    assert isinstance(base, Multistep | PredictorCorrector)
    return base.formula.order


def exact_history(made: Any, s: float, eps: float) -> Any:
    return made.known(f, s, [solution(s - j * eps) for j in range(made.past + 1)], eps)


@pytest.mark.parametrize("name", [*MULTISTEPS, *PAIRS, *OWN])
def test_the_global_error_has_the_slope_of_the_proven_order(plain: ModuleType, name: str) -> None:
    made = solver(plain, class_of(name))
    assert made.order == order_of(name)
    sizes = []
    coarse = 100 if made.order < 3 else 60 if made.order < 8 else 32  # order 8 reaches round-off soon
    for steps in (coarse, 2 * coarse):
        eps = 2 / steps
        history = exact_history(made, made.past * eps, eps)
        for k in range(made.past, steps):
            history = made.step(f, k * eps, history, eps)
        sizes.append(float((history.states[0] - solution(2.0)).norm()))
    assert math.log2(sizes[0] / sizes[1]) == pytest.approx(made.order, abs=0.2 if made.order < 8 else 0.45)


def class_of(name: str) -> str:
    return "S" + "".join(part[:1].upper() + part[1:] for part in name.split("_"))


@pytest.mark.parametrize("name", MULTISTEPS)
def test_a_step_is_its_formula(plain: ModuleType, name: str) -> None:
    """Σ α_j z[n+j] = ε Σ β_j f[n+j], put together from the exact coefficients."""
    base = compiler.library_base(name)
    assert isinstance(base, Multistep)
    made, eps, s = solver(plain, class_of(name)), 0.05, 0.7
    history = exact_history(made, s, eps)
    new = made.step(f, s, history, eps).states[0]
    states = [solution(s - j * eps) for j in range(base.formula.steps)]
    residual = weighed(base.formula, new, states, s, eps)
    assert float(residual.abs().max()) <= 1e-14 * sum(abs(float(a)) for a in base.formula.alpha)


def weighed(formula: LinearMultistep, new: Tensor, states: list[Tensor], s: float, eps: float) -> Tensor:
    total = torch.zeros(2, dtype=torch.float64)
    for j, (a, b) in enumerate(zip(reversed(formula.alpha), reversed(formula.beta), strict=True)):
        z = new if j == 0 else states[j - 1]
        total += float(a) * z - eps * float(b) * f(torch.tensor(s + (1 - j) * eps, dtype=torch.float64), z)
    return total


def counted() -> tuple[Any, list[int]]:
    calls = [0]

    def counting(s: Tensor, z: Tensor) -> Tensor:
        calls[0] += 1
        return f(s, z)

    return counting, calls


@pytest.mark.parametrize("name", ["ab4", "abm4", "pec", "pecec", "pecece", "simple", "nystrom3"])
def test_evaluations_are_as_many_as_the_class_says(plain: ModuleType, name: str) -> None:
    made = solver(plain, class_of(name))
    counting, calls = counted()
    z = solution(0.0)
    made(counting, z, (0.0, 1.0), 10)
    ten = calls[0]
    made(counting, z, (0.0, 1.0), 20)
    assert calls[0] - 2 * ten == 10 * made.evaluations_per_step


STIFF = """
multistep explicitly {
    order 3
    start rk4
    z[n+1] = 18/11*z[n] - 9/11*z[n-1] + 2/11*z[n-2] + h*(6/11*f[n+1])
}
multistep in_parts {
    order 3
    start sdirk3(substeps = 4)
    z[n+1] = 18/11*z[n] - 9/11*z[n-1] + 2/11*z[n-2] + h*(6/11*f[n+1])
}
multistep adams {
    order 2
    start radau_iia3
    z[n+1] = z[n] + h*(3/2*f[n] - 1/2*f[n-1])
}
solver Default { base bdf3 }
solver Highest { base bdf6 }
solver Krylov {
    base bdf4
    solve krylov
}
solver Explicitly { base explicitly }
solver InParts { base in_parts }
solver Adams { base adams }
"""


@pytest.fixture(scope="module")
def stiff(build: Build) -> ModuleType:
    return build(STIFF)


def layer(s: Tensor, z: Tensor) -> Tensor:
    """Prothero and Robinson's problem, with the solution cos s and the eigenvalue -10⁶."""
    return -1e6 * (z - torch.cos(s)) - torch.sin(s)


@pytest.mark.parametrize("name", ["Default", "Highest", "Krylov", "InParts"])
def test_implicit_formulas_start_where_a_problem_is_stiff(stiff: ModuleType, name: str) -> None:
    """An explicit start leaves the solution at the first step: 10⁶ times its size a stage."""
    z = torch.ones(1, dtype=torch.float64, requires_grad=True)
    made = getattr(stiff, name)()
    end = made(layer, z, (0.0, 1.0), 20)
    assert float((end - math.cos(1.0)).detach().abs().max()) < 1e-5
    (gradient,) = torch.autograd.grad(end.sum(), z)
    assert float(gradient.abs()) < 1e-6
    away = stiff.Explicitly().start(layer, 0.0, z.detach(), 0.05).states[0]
    assert float((away - math.cos(0.1)).abs()) > 1e6


def test_an_explicit_formula_may_start_by_an_implicit_method(stiff: ModuleType) -> None:
    made, z = stiff.Adams(), solution(0.0)
    errors = [float((made(f, z, (0.0, 1.0), steps) - solution(1.0)).abs().max()) for steps in (20, 40)]
    assert 3.2 < errors[0] / errors[1] < 4.8
    assert made.begin_evaluations == 3  # two stages, and f where the step begins


@pytest.mark.parametrize("name", ["ab4", "abm4", "pec", "bdf3", "am3"])
def test_calls_of_every_kind_agree(plain: ModuleType, name: str) -> None:
    made, z = solver(plain, class_of(name)), solution(0.0)
    end = made(f, z, (0.0, 1.0), 12)
    states = made.odeint(f, z, torch.linspace(0, 1, 5), steps=3)
    assert states.shape == (5, 2)
    assert torch.equal(states[0], z)
    assert torch.allclose(states[-1], end, rtol=0, atol=1e-12)
    eps = 1 / 12
    history = made.start(f, 0.0, z, eps)
    for k in range(made.past, 12):
        history = made.step(f, k * eps, history, eps)
    assert torch.allclose(history.states[0], end, rtol=0, atol=1e-12)
    assert torch.allclose(end, solution(1.0), atol=2e-3)
    assert torch.allclose(made(f, end, (1.0, 0.0), 12), z, atol=4e-3)
    few = made(f, z, (0.0, 0.1), 1)
    assert torch.allclose(few, solution(0.1), atol=1e-4)


def test_times_must_be_equally_spaced(plain: ModuleType) -> None:
    made = solver(plain, "SAb2")
    with pytest.raises(ValueError, match="equally spaced"):
        made.odeint(f, solution(0.0), [0.0, 0.1, 0.3])
    assert made.odeint(f, solution(0.0), [0.0]).shape == (1, 2)
    with pytest.raises(ValueError, match="steps"):
        made(f, solution(0.0), (0.0, 1.0), 0)


def test_states_of_other_kinds(plain: ModuleType) -> None:
    made = solver(plain, "SAbm4")
    with pytest.raises(TypeError):
        made(f, torch.ones(2, dtype=torch.long), (0.0, 1.0), 4)
    pair = made(lambda s, z: (z[1], -z[0]), (torch.zeros(2, 1), torch.ones(3)[:2, None]), (0.0, 1.0), 40)
    assert torch.allclose(pair[0], torch.full((2, 1), math.sin(1.0)), atol=1e-5)
    turned = made(lambda s, z: 1j * z, torch.ones(1, dtype=torch.complex128), (0.0, 1.0), 40)
    assert torch.allclose(turned, torch.tensor([math.cos(1.0) + 1j * math.sin(1.0)], dtype=torch.complex128), atol=1e-6)
    assert made(lambda s, z: -z, torch.ones(2, device="meta"), (0.0, 1.0), 6).is_meta


def test_failures_have_a_status(plain: ModuleType) -> None:
    z = torch.ones(2, dtype=torch.float64)
    with pytest.raises(plain.SolveError, match="do not converge") as failure:
        solver(plain, "SBdf2")(lambda s, z: torch.where(s > 0.15, 1e3, 0.0) * z * z, z, (0.0, 1.0), 10)
    assert failure.value.status is plain.Status.NOT_CONVERGED
    for bad in (lambda s, z: z * z, lambda s, z: torch.where(s > 0.5, torch.nan, 1.0) * z):
        with pytest.raises(plain.SolveError) as failure:
            solver(plain, "SAbm4")(bad, 3 * z, (0.0, 8.0), 200)
        assert failure.value.status is plain.Status.NONFINITE
        assert failure.value.evaluations > 400
    assert not solver(plain, "SAbm4")(lambda s, z: z * z, 3 * z, (0.0, 8.0), 200, check=False).isfinite().all()


@pytest.mark.parametrize("name", ["SAb3", "SAbm3", "SPec", "SAm2"])
def test_steps_compile_whole_and_are_transformed(plain: ModuleType, name: str) -> None:
    made = getattr(plain, name)()
    z, steps = torch.stack([solution(0.0), solution(0.3)]), 2 if name == "SAm2" else 6  # iterations are unrolled
    expected = made(f, z, (0.0, 1.0), steps, check=False)
    torch.compiler.reset()
    whole = torch.compile(lambda z: made(f, z, (0.0, 1.0), steps), fullgraph=True, backend="eager")
    assert torch.allclose(whole(z), expected, rtol=0, atol=1e-12)
    each = torch.func.vmap(lambda z: made(f, z, (0.0, 1.0), steps))
    assert torch.allclose(each(z), expected, rtol=0, atol=1e-12)
    _, tangent = torch.func.jvp(lambda z: made(f, z, (0.0, 1.0), steps), (z,), (torch.ones_like(z),))  # type: ignore[misc]  # no aux, no third
    difference = [made(f, z + h, (0.0, 1.0), steps) for h in (1e-5, -1e-5)]
    assert torch.allclose(tangent, (difference[0] - difference[1]) / 2e-5, atol=1e-7)


def test_gradients_agree_with_differences(plain: ModuleType) -> None:
    for name in ("SAb3", "SAbm3", "SPec", "SAm2", "SBdf3"):
        made = getattr(plain, name)()
        z = solution(0.2).requires_grad_()
        assert torch.autograd.gradcheck(lambda z, made=made: made(f, z, (0.0, 1.0), 8), (z,), atol=1e-6)


@pytest.mark.parametrize("name", ["HyperPece", "HyperPec", "HyperAb"])
def test_without_training_the_base_stays_bit_for_bit(hyper: ModuleType, build: Build, name: str) -> None:
    made = getattr(hyper, name)((2,), (1,)) if name != "HyperAb" else hyper.HyperAb(Zero())
    made = made.double()
    x = torch.ones(4, 1, dtype=torch.float64)
    z = torch.stack([solution(0.1 * k) for k in range(4)])

    def field(s: Tensor, x: Tensor, z: Tensor) -> Tensor:
        return f(s, z) * x

    history = made.start(field, 0.0, z, 0.1, x=x)
    ends = [take(field, 0.1 * made.past, history, 0.1, x=x) for take in (made.step, made.base_step)]
    assert torch.equal(ends[0].states[0], ends[1].states[0])
    counting, calls = counted()
    made.step(lambda s, x, z: counting(s, z), 0.1 * made.past, history, 0.1, x=x)
    assert calls[0] == made.evaluations_per_step


class Zero(torch.nn.Module):
    """A corrector of the user's that gives nothing."""

    def forward(self, eps: Tensor, s: Tensor, x: Tensor | None, z: Tensor, dz: Tensor) -> Tensor:
        return torch.zeros_like(z)


def test_what_a_corrector_reads_costs_no_evaluation_but_where_dz_is_not_there(hyper: ModuleType) -> None:
    assert hyper.HyperPece.evaluations_per_step == 2
    assert hyper.HyperPec.evaluations_per_step == 2  # one, and f(s, z) for dz
    assert hyper.HyperAb.evaluations_per_step == 1


def test_packages_with_both_kinds_train(package: Any) -> None:
    folder = package(HYPER, "both")
    sys.path.insert(0, str(folder.parent))
    try:
        train = importlib.import_module("both.train")
        module = importlib.import_module("both.solver")
    finally:
        sys.path.remove(str(folder.parent))

    def field(s: Tensor, x: Tensor, z: Tensor) -> Tensor:
        return torch.stack((z[..., 1], -torch.sin(z[..., 0])), -1) * x

    def sample(batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        return torch.rand(batch, 2, generator=generator), torch.ones(batch, 1)

    for name in ("HyperPece", "HyperPec", "HyperRk"):
        made = getattr(module, name)((2,), (1,))
        history = train.fit(made, field, sample, (0.0, 2.0), iterations=60, batch=64, progress=False)
        middle = sorted(history.delta.items())[len(history.delta) // 2]
        assert middle[1] < 0.5, (name, history.delta)
