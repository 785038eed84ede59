"""Jacobians, linear solvers and Newton's iterations for implicit steps."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hyperdsl.runtime.jacobian import Jacobian, uncoupled
from hyperdsl.runtime.linear import Coupled, Factored, Krylov, Nearby, gmres, spectrum
from hyperdsl.runtime.newton import Rule, Solvable, increments, solved
from hyperdsl.runtime.outcome import SolveError

NOW = torch.zeros((), dtype=torch.float64)
ROOT = math.sqrt(6)
RADAU = (
    ((88 - 7 * ROOT) / 360, (296 - 169 * ROOT) / 1800, (-2 + 3 * ROOT) / 225),
    ((296 + 169 * ROOT) / 1800, (88 + 7 * ROOT) / 360, (-2 - 3 * ROOT) / 225),
    ((16 - ROOT) / 36, (16 + ROOT) / 36, 1 / 9),
)
NODES = ((4 - ROOT) / 10, (4 + ROOT) / 10, 1.0)


def robertson(s: Tensor, z: Tensor) -> Tensor:
    a, b, c = z.unbind(-1)
    first, third = -0.04 * a + 1e4 * b * c, 3e7 * b * b
    return torch.stack((first, -first - third, third), -1)


def states(*batch: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    scales = torch.tensor([1.0, 1e-5, 0.1], dtype=torch.float64)
    return scales * (1 + 0.1 * torch.rand(*batch, 3, generator=generator, dtype=torch.float64))


def radau(f: Any, z: Tensor, eps: Tensor) -> Tensor:
    k = increments(f, eps, *((NOW + c * eps, z, row) for c, row in zip(NODES, RADAU, strict=True)))
    return z + sum(weight * one for weight, one in zip(RADAU[2], k, strict=True))


def test_axes_along_which_f_couples_nothing_are_found() -> None:
    z = states(4, 2)
    assert uncoupled(robertson, NOW, z) == 2
    assert uncoupled(lambda s, z: robertson(s, z) - z.mean(1, keepdim=True), NOW, z) == 1
    assert uncoupled(lambda s, z: robertson(s, z) - z.mean(), NOW, z) == 0
    assert uncoupled(lambda s, z: -(z**3), NOW, z) == 3
    hidden = torch.zeros(2, 3, dtype=torch.float64)
    assert uncoupled(lambda s, z: z * z.flip(0), NOW, hidden) == 0  # a coupling that vanishes at z


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_matrices_and_products_are_the_derivatives(dtype: torch.dtype) -> None:
    z = states(2).to(dtype) * (1 + (0.3j if dtype.is_complex else 0))
    found = Jacobian(lambda s, z: torch.sin(z * z.flip(-1).conj()), z)
    matrix, rows = found.at(NOW, z), found.rows(NOW, z)
    v = torch.rand(rows.count, rows.size, dtype=torch.float64)
    moved = [rows.flat(torch.sin(w * w.flip(-1).conj())) for w in (z + rows.back(1e-6 * v), z - rows.back(1e-6 * v))]
    expected = (moved[0] - moved[1]) / 2e-6
    assert torch.allclose((matrix @ v[..., None])[..., 0], expected, atol=1e-8)
    assert torch.allclose(found.product(NOW, z)(v), expected, atol=1e-8)
    assert torch.allclose(found.transposed(NOW, z)(v), (matrix.mT @ v[..., None])[..., 0])


def test_a_field_without_derivatives_is_differenced() -> None:
    z = states()
    opaque = Jacobian(lambda s, z: torch.from_numpy(robertson(s, z.detach()).numpy()), z)
    assert torch.allclose(opaque.at(NOW, z), Jacobian(robertson, z).at(NOW, z), rtol=1e-3, atol=1)


def test_a_given_jacobian_serves_and_has_to_fit() -> None:
    z = states(4)
    known = Jacobian(robertson, z).at(NOW, z)
    assert torch.equal(Jacobian(robertson, z, lambda s, z: known).at(NOW, z), known)
    whole = Jacobian(robertson, z, lambda s, z: torch.block_diag(*known))
    assert whole.at(NOW, z).shape == (1, 12, 12)
    with pytest.raises(ValueError, match=r"shape \(2, 2\).*\[\*batch, n, n\].*\(4, 3\)"):
        Jacobian(robertson, z, lambda s, z: known[0, :2, :2]).at(NOW, z)


@pytest.mark.parametrize(
    "a", [RADAU, ((0.3,),), ((1 / 4, 1 / 4 - ROOT / 12), (1 / 4 + ROOT / 12, 1 / 4)), ((0.5, 0.0), (1.0, 0.5))]
)
def test_coupled_equations_are_solved_by_eigenvalues_or_at_once(a: tuple[tuple[float, ...], ...]) -> None:
    z, eps = states(3), torch.tensor(0.2, dtype=torch.float64)
    matrix = Jacobian(robertson, z).at(NOW, z) / 1e3
    w = torch.rand(len(a), 3, 3, dtype=torch.float64)
    weights = torch.tensor(a, dtype=torch.float64)
    right = w - eps * torch.einsum("ij,rkl,jrl->irk", weights, matrix, w)
    assert (spectrum(a) is None) == (a == ((0.5, 0.0), (1.0, 0.5)))
    assert torch.allclose(Coupled(a, matrix, eps).solve(right), w)
    by_products = Krylov(a, lambda v: (matrix @ v[..., None])[..., 0], eps, tolerance=1e-13)
    assert torch.allclose(by_products.solve(right), w)


def test_mass_and_steps_of_each_row_stand_in_the_matrix() -> None:
    z, eps, mass = states(3), torch.tensor([0.1, 0.2, 0.3]).double(), torch.diag(torch.tensor([1.0, 2, 0])).double()
    matrix, w = Jacobian(robertson, z).at(NOW, z), torch.rand(3, 3, dtype=torch.float64)
    right = ((mass - eps[:, None, None] * matrix) @ w[..., None])[..., 0]
    assert torch.allclose(Factored(matrix, eps, mass).solve(right), w)
    assert bool(Factored(torch.ones(1, 2, 2), torch.ones(()), torch.ones(2, 2)).singular.all())


def test_gmres_solves_every_row_to_its_tolerance() -> None:
    generator = torch.Generator().manual_seed(0)
    matrix = torch.eye(30) + 0.1 * torch.randn(5, 30, 30, generator=generator)
    right = torch.randn(5, 30, generator=generator) * torch.tensor([1.0, 0, 1e6, 1e-6, 1])[:, None]
    found = gmres(lambda v: (matrix @ v[..., None])[..., 0], right, 1e-5)
    left = ((matrix @ found[..., None])[..., 0] - right).norm(dim=-1)
    assert bool((left <= 2e-5 * right.norm(dim=-1)).all())


@pytest.mark.parametrize("by", ["newton", "krylov"])
def test_fixed_steps_solve_to_the_last_digits(by: str) -> None:
    z, eps = states(4), torch.tensor(1.0, dtype=torch.float64)
    f = Solvable(robertson, z, Rule(by))
    slopes = solved(f, eps, *((NOW + c * eps, z, row) for c, row in zip(NODES, RADAU, strict=True)))
    for row, slope in zip(RADAU, slopes, strict=True):
        at = z + eps * sum(weight * one for weight, one in zip(row, slopes, strict=True))
        assert torch.allclose(robertson(NOW, at), slope, rtol=1e-6, atol=1e-9)
    assert f.jacobians >= 1
    assert f.evaluations % 3 == 0
    single = radau(Solvable(robertson, z.float(), Rule(by)), z.float(), eps.float())
    assert torch.allclose(single.double(), radau(f, z, eps), rtol=1e-5)


def test_products_with_the_jacobian_are_counted() -> None:
    """Each costs a few evaluations of f, which a count of evaluations alone would hide."""
    z, eps = states(4), torch.tensor(1.0, dtype=torch.float64)
    multiplied: list[Tensor] = []

    class Cubed(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, z: Tensor) -> Tensor:
            ctx.save_for_backward(z)
            return -(z**3)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Tensor:
            (z,) = ctx.saved_tensors
            if g.requires_grad:
                g.register_hook(multiplied.append)  # a product is the derivative of this one
            return -3 * z**2 * g

    f = Solvable(lambda s, z: Cubed.apply(z), z, Rule("krylov"))
    solved(f, eps, (NOW, z, (1.0,)))
    assert f.products == len(multiplied) > f.jacobians >= 1
    direct = Solvable(lambda s, z: -(z**3), z)
    solved(direct, eps, (NOW, z, (1.0,)))
    assert direct.products == 0


@pytest.mark.parametrize("by", ["newton", "krylov"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("kind", ["differentiated", "given", "by differences"])
def test_states_of_half_precision_have_equations_and_gradients(by: str, dtype: torch.dtype, kind: str) -> None:
    z = torch.tensor([[1.0, -2.0], [0.5, 3.0]], dtype=dtype, requires_grad=True)
    given = (lambda s, z: -3 * torch.eye(2).expand(2, 2, 2)) if kind == "given" else None
    f: Any = (lambda s, z: -3 * z.detach()) if kind == "by differences" else (lambda s, z: -3 * z)
    end = radau(Solvable(f, z, Rule(by), given), z, torch.tensor(0.5))
    assert end.dtype == dtype
    assert torch.allclose(end.float(), z.float() * math.exp(-1.5), rtol=0.05, atol=0.02)
    (found,) = torch.autograd.grad(end.float().sum(), z)
    expected = 1.0 if kind == "by differences" else math.exp(-1.5)
    assert torch.allclose(found.float(), torch.full((2, 2), expected), rtol=0.05)


@pytest.mark.parametrize("by", ["newton", "krylov"])
def test_an_f_that_is_not_finite_is_told_from_iterations_that_do_not_converge(by: str) -> None:
    z, eps = torch.ones(2, dtype=torch.float64), torch.tensor(0.1, dtype=torch.float64)
    for value in (math.nan, math.inf):
        with pytest.raises(
            SolveError, match=r"f or the state is not finite at s = 1 .*check that the initial state and f"
        ):
            increments(Solvable(lambda s, z, value=value: value * z, z, Rule(by)), eps, (NOW + 1, z, (1.0,)))


@pytest.mark.parametrize("size", [1e-4, 1e-2, 0.1])
def test_iterates_that_strayed_are_no_solution(size: float) -> None:
    """Two Gauss stages from where Newton's method goes astray at first: to states where all changes are small."""
    root, eps = math.sqrt(3) / 6, torch.tensor(size, dtype=torch.float64)
    rows, nodes = ((0.25, 0.25 - root), (0.25 + root, 0.25)), (0.5 - root, 0.5 + root)
    z = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    k = solved(robertson, eps, *((NOW + c * eps, z, row) for c, row in zip(nodes, rows, strict=True)))
    for slope, row in zip(k, rows, strict=True):
        again = robertson(NOW, z + eps * (row[0] * k[0] + row[1] * k[1]))
        assert torch.allclose(slope, again, rtol=1e-8, atol=1e-10 / size)


def reaction(s: Tensor, z: Tensor) -> Tensor:
    a, b, c = z.unbind(-1)
    turned, used = 1e4 * b * c - 0.04 * a, 3e5 * b**2
    return torch.stack((turned, -turned - used, used), -1)


@pytest.mark.parametrize("eps", [0.05, 0.1, 0.2, 0.4])
@pytest.mark.parametrize(
    "a", [((1 - math.sqrt(0.5),),), ((1.0,),), ((5 / 12, -1 / 12), (3 / 4, 1 / 4))], ids=["sdirk", "euler", "radau"]
)
def test_of_several_solutions_it_is_that_of_the_start(a: tuple[tuple[float, ...], ...], eps: float) -> None:
    """The other one has a negative b, and is what iterations with the start's matrix run to."""
    z = torch.tensor([[1.0, 0.0, 0.0]]).double()
    found = increments(reaction, torch.tensor(eps).double(), *[(NOW, z, weights) for weights in a])
    for weights in a:
        state = z + sum(weight * one for weight, one in zip(weights, found, strict=True))
        assert float(state.min()) > 0
        assert 1e-5 < float(state[0, 1]) < 1e-3


def test_what_was_not_solved_is_never_returned() -> None:
    z, eps = torch.ones(2, dtype=torch.float64), torch.tensor(1.0, dtype=torch.float64)
    with pytest.raises(SolveError, match=r"not solved at s = 1: Newton iterations do not.*take more steps"):
        increments(lambda s, z: z**2 + 1, eps, (NOW + 1, z, (1.0,)))  # z = 1 + z² + 1 has no solution
    with pytest.raises(SolveError, match=r"functional iterations.*`solve newton`"):
        increments(Solvable(lambda s, z: -9 * z, z, Rule("iteration")), eps, (NOW, z, (1.0,)))


@pytest.mark.parametrize("by", ["newton", "krylov"])
def test_gradients_are_those_of_the_solution(by: str) -> None:
    z, eps = states(2).requires_grad_(), torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    rate = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)

    def end(z: Tensor, eps: Tensor, rate: Tensor) -> Tensor:
        return radau(Solvable(lambda s, z: rate * robertson(s, z) + rate * s.sin() / 100, z, Rule(by)), z, eps)

    assert torch.autograd.gradcheck(end, (z, eps, rate), eps=1e-7, atol=1e-4, rtol=1e-4)
    net = nn.Linear(3, 3).double()
    loss = end(z, eps, rate).sum() + radau(lambda s, z: net(z), z, eps).sum()
    loss.backward()
    assert net.weight.grad is not None
    assert bool(net.weight.grad.any())


def test_second_gradients_are_refused_with_the_reason() -> None:
    z = states(1).requires_grad_()
    end = radau(robertson, z, torch.tensor(0.1, dtype=torch.float64))
    (first,) = torch.autograd.grad(end.sum(), z, create_graph=True)
    with pytest.raises(RuntimeError, match="cannot be differentiated again"):
        first.sum().backward()


def test_transforms_follow_a_fixed_number_of_iterations() -> None:
    z, eps = states(4), torch.tensor(1.0, dtype=torch.float64)
    expected = radau(robertson, z, eps)
    assert torch.allclose(torch.func.vmap(lambda one: radau(robertson, one, eps))(z), expected)
    assert torch.allclose(torch.compile(radau, fullgraph=True, backend="eager")(robertson, z, eps), expected)


@pytest.mark.parametrize("ratio", [0.5, 0.9, 1.0, 1.3])
def test_factors_of_another_step_leave_a_known_part(ratio: float) -> None:
    """Of what is stiff and of what is not |1 − ρ| / (1 + ρ), and no more of what is between."""
    rates = torch.tensor([[0.0, -1e-3, -1.0, -30.0, -1e9]], dtype=torch.float64)
    theirs, jacobian = torch.tensor([1.0], dtype=torch.float64), torch.diag_embed(rates)
    near = Nearby(Coupled(((1.0,),), jacobian, theirs), torch.tensor([ratio], dtype=torch.float64))
    wanted = torch.ones(1, 1, 5, dtype=torch.float64)
    left = (wanted - near.solve((1 - ratio * rates) * wanted))[0, 0]
    part = (1 - ratio) / (1 + ratio)
    assert torch.allclose(left[[0, -1]], torch.tensor([-part, part], dtype=torch.float64), atol=1e-8)
    assert float(left.abs().max()) <= abs(part) + 1e-8
