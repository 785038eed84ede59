"""What hurried and hostile callers give implicit solvers: the right numbers, or an error that says what to do."""

import math
from contextlib import nullcontext
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad

from tests.codegen.conftest import Build

TEXT = """
control joint {
    error embedded
    rtol 1e-6
    atol 1e-9
}
control own {
    error embedded
    rtol 1e-6
    atol 1e-9
    per_sample yes
}
solver Fixed {
    base backward_euler
}
solver FixedRadau {
    base radau_iia5
}
solver FixedKrylov {
    base radau_iia5
    solve krylov
}
solver Joint {
    base radau_iia5
    control joint
}
solver Lobatto {
    base lobatto_iiic4
    control joint
}
solver Sdirk {
    base hairer_wanner_sdirk4
    control joint
}
solver Functional {
    base gauss4
    control joint
    solve iteration
}
solver Krylov {
    base kvaerno43
    control joint
    solve krylov
}
solver Each {
    base radau_iia5
    control own
}
solver EachKrylov {
    base kvaerno43
    control own
    solve krylov
}
solver Bdf {
    base bdf5
    control joint
}
solver Adams {
    base ab8
    control joint
}
"""
FIXED = ("Fixed", "FixedRadau", "FixedKrylov")
CONTROLLED = ("Joint", "Lobatto", "Sdirk", "Functional", "Krylov", "Each", "EachKrylov", "Bdf", "Adams")
ONE = torch.ones(3, 2, dtype=torch.float64)


@pytest.fixture(scope="module")
def zoo(build: Build) -> ModuleType:
    return build(TEXT)


def call(zoo: ModuleType, name: str, f: Any, z: Tensor, end: Any = 1.0, **more: Any) -> Any:
    if name in FIXED:
        more.setdefault("steps", 16)
    return getattr(zoo, name)()(f, z, (0.0, end), **more)


def falling(s: Tensor, z: Tensor) -> Tensor:
    return -z


@pytest.mark.parametrize("name", [*FIXED, *CONTROLLED])
def test_half_precision_and_functional_iteration(zoo: ModuleType, name: str) -> None:
    for dtype, far in ((torch.float64, 3e-2 if name == "Fixed" else 1e-4), (torch.float16, 3e-2)):
        told = dtype is torch.float16 and name in CONTROLLED
        with pytest.warns(UserWarning, match="rtol") if told else nullcontext():
            found = call(zoo, name, falling, ONE.to(dtype))
        assert found.dtype is dtype
        assert (found.double() - math.exp(-1)).abs().max() < far


@pytest.mark.parametrize("name", ["FixedKrylov", "Krylov", "EachKrylov"])
@pytest.mark.parametrize("scale", [1e-300, 1e200])
def test_krylovs_method_at_any_scale(zoo: ModuleType, name: str, scale: float) -> None:
    more = {} if name in FIXED else {"atol": 1e-9 * scale}
    found = call(zoo, name, falling, scale * ONE, **more) / scale
    assert (found - math.exp(-1)).abs().max() < 1e-6


@pytest.mark.parametrize("name", CONTROLLED)
def test_matrices_from_before_a_jump_do_not_serve_unseen(zoo: ModuleType, name: str) -> None:
    """A linear f is solved in one iteration by the right matrix, which is another one after the jump."""

    def jumping(s: Tensor, z: Tensor) -> Tensor:
        return torch.where(s < 1, -1.0, 1.0).reshape(-1, *(1,) * (z.ndim - 1)) * z if s.ndim else z if s >= 1 else -z

    found = call(zoo, name, jumping, ONE, 2.0, stops=[1.0])
    assert (found - 1).abs().max() < 1e-4


@pytest.mark.parametrize("name", FIXED)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_start_that_is_not_finite_is_told(zoo: ModuleType, name: str, bad: float) -> None:
    z = ONE.clone()
    z[1, 0] = bad
    with pytest.raises(RuntimeError, match="f or the state is not finite at s") as caught:
        call(zoo, name, falling, z)
    assert caught.value.status.value == "nonfinite"  # type: ignore[attr-defined]
    with pytest.raises(RuntimeError, match="f or the state is not finite at s"):
        call(zoo, name, lambda s, z: z * bad, ONE)


def test_an_infinite_derivative_is_told(zoo: ModuleType) -> None:
    def root(s: Tensor, z: Tensor) -> Tensor:
        return z.abs().sqrt()

    with pytest.raises(RuntimeError, match="∂f/∂z is not finite"):
        call(zoo, "FixedRadau", root, 0 * ONE)
    for name in ("Joint", "Each"):  # no sample is coupled with another
        with pytest.raises(RuntimeError, match="not finite there, or ∂f/∂z"):
            call(zoo, name, root, 0 * ONE)


@pytest.mark.parametrize("name", ["Fixed", "FixedKrylov", "Joint", "Each", "Bdf"])
def test_what_f_returns_and_changes(zoo: ModuleType, name: str) -> None:
    with pytest.raises(TypeError, match="f returned ndarray, not a tensor"):
        call(zoo, name, lambda s, z: z.numpy(), ONE.clone())
    with pytest.raises(ValueError, match="f changed its argument z in place"):
        call(zoo, name, lambda s, z: z.mul_(-1), ONE.clone())
    kept = ONE.clone()
    with pytest.raises(ValueError, match="wrote again into a tensor that it had returned"):
        call(zoo, name, lambda s, z: torch.neg(z, out=kept), ONE.clone())
    found = call(zoo, name, lambda s, z: torch.from_numpy(-z.numpy()), ONE)  # differenced
    assert torch.allclose(found, call(zoo, name, falling, ONE), rtol=1e-7)


@pytest.mark.parametrize("name", ["Fixed", "FixedKrylov", "Joint", "Each", "Bdf"])
def test_what_a_jacobian_returns_and_changes(zoo: ModuleType, name: str) -> None:
    matrix = -torch.eye(2, dtype=torch.float64).expand(3, 2, 2)

    def changing(s: Tensor, z: Tensor) -> Tensor:
        z.zero_()
        return matrix

    found = call(zoo, name, falling, ONE, jacobian=changing)
    assert torch.allclose(found, call(zoo, name, falling, ONE), rtol=1e-6)
    with pytest.raises(TypeError, match="real numbers are wanted"):
        call(zoo, name, falling, ONE, jacobian=lambda s, z: matrix + 0j)
    with pytest.raises(TypeError, match=r"jacobian= is called as jacobian\(s, z\)"):
        call(zoo, name, falling, ONE, jacobian=lambda z: matrix)


@pytest.mark.parametrize("name", [*FIXED, *CONTROLLED])
def test_autocast_is_for_f_alone(zoo: ModuleType, name: str) -> None:
    weights = torch.eye(2)
    seen = set()

    def cast(s: Tensor, z: Tensor) -> Tensor:
        seen.add((z @ weights).dtype)
        return -z

    start = ONE.float().requires_grad_()
    expected = call(zoo, name, falling, start)
    with torch.autocast("cpu", torch.bfloat16):
        found = call(zoo, name, cast, start)
    assert torch.equal(found, expected)
    assert seen == {torch.bfloat16}
    found.sum().backward()
    assert start.grad is not None
    assert torch.allclose(start.grad, expected.detach(), rtol=1e-4)


def test_transforms_of_what_f_reads(zoo: ModuleType) -> None:
    """Its gradients go through the iterations, or are refused where a control looks at these."""
    one = torch.tensor(1.0, dtype=torch.float64)

    def mean(name: str, w: Tensor) -> Tensor:
        more = {"steps": 2} if name in FIXED else {}
        end: Tensor = call(zoo, name, lambda s, z: -w * z * z, ONE[:2, :1], **more)
        return end.mean()

    for name in FIXED:
        leaf = one.clone().requires_grad_()
        mean(name, leaf).backward()
        assert leaf.grad is not None
        assert torch.allclose(torch.func.grad(lambda w, name=name: mean(name, w))(one), leaf.grad)
        with forward_ad.dual_level():
            tangent = forward_ad.unpack_dual(mean(name, forward_ad.make_dual(one, one))).tangent
        assert torch.allclose(tangent, leaf.grad)
        mapped = torch.func.vmap(lambda w, name=name: mean(name, w))(one.repeat(2))
        assert torch.allclose(mapped, mean(name, one))
    for name in ("Joint", "Each", "Functional", "Bdf"):
        with pytest.raises(RuntimeError, match=r"torch\.func and forward-mode derivatives do not follow"):
            torch.func.grad(lambda w, name=name: mean(name, w))(one)
        with pytest.raises(RuntimeError, match="forward-mode"), forward_ad.dual_level():
            mean(name, forward_ad.make_dual(one, one))


@pytest.mark.parametrize("name", ["Fixed", "FixedRadau", "Joint", "Each", "Bdf"])
def test_jacobians_of_a_solve_at_once(zoo: ModuleType, name: str) -> None:
    def end(z: Tensor) -> Tensor:
        found: Tensor = call(zoo, name, lambda s, z: -(z**2), z)
        return found

    at_once = torch.autograd.functional.jacobian(end, ONE, vectorize=True)
    assert torch.allclose(at_once, torch.autograd.functional.jacobian(end, ONE))


@pytest.mark.parametrize("name", ["Each", "EachKrylov"])
def test_samples_of_no_numbers_or_of_one(zoo: ModuleType, name: str) -> None:
    assert call(zoo, name, falling, ONE[:, :0]).shape == (3, 0)
    assert (call(zoo, name, falling, ONE[:, 0]) - math.exp(-1)).abs().max() < 1e-6


@pytest.mark.parametrize("name", ["Joint", "Krylov", "Each", "Bdf", "Adams"])
@pytest.mark.parametrize("how", ["forward", "adjoint"])
def test_gradients_know_on_which_side_of_a_jump_steps_were(zoo: ModuleType, name: str, how: str) -> None:
    """Derivatives of f in a backward pass, and steps that are computed again in one, are those of the steps taken."""
    start, rate = ONE[:, :1].clone().requires_grad_(), torch.tensor(1.0, dtype=torch.float64, requires_grad=True)

    def jumping(s: Tensor, z: Tensor) -> Tensor:
        return -rate * torch.where(s < 1, 1.0, 2.0).reshape(-1, 1) * z

    end = getattr(getattr(zoo, name)(), how)(jumping, start, (0.0, 2.0), stops=[1.0])
    end.sum().backward()
    assert start.grad is not None
    assert rate.grad is not None
    assert torch.allclose(start.grad, math.exp(-3) * ONE[:, :1], rtol=1e-4)
    assert float(rate.grad) == pytest.approx(-9 * math.exp(-3), rel=1e-4)


@pytest.mark.parametrize("name", FIXED)
def test_gradients_of_an_f_that_couples_rows_later(zoo: ModuleType, name: str) -> None:
    """At the start, where that is looked for, it couples none."""

    def f(s: Tensor, z: Tensor) -> Tensor:
        return -z + (s > 0.5) * (z.flip(0) ** 2 - z) / 2

    def end(z: Tensor) -> Tensor:
        return (call(zoo, name, f, z, steps=4) * torch.tensor([[1.0, 2.0], [-3.0, 4.0]], dtype=torch.float64)).sum()

    start = torch.tensor([[0.2, 0.4], [0.6, 0.8]], dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(end(start), start)
    for row in range(2):
        move = torch.zeros_like(start)
        move[row, 1] = 1e-5
        with torch.no_grad():
            expected = (end(start + move) - end(start - move)) / 2e-5
        assert torch.isclose(found[row, 1], expected, rtol=1e-6)
