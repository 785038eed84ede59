"""Bilinear correctors: the form of J f, taken from the vector field's own layers or fitted; residual blocks, sines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

Build = Callable[[str], ModuleType]

DERIVATIVES: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "softplus": nn.functional.softplus,
    "silu": nn.functional.silu,
    "gelu": nn.functional.gelu,
    "sin": torch.sin,
}


class Field(nn.Module):
    """f = W2 σ(W1 z + b1) + b2, on vectors or images."""

    def __init__(
        self, first: nn.Module, second: nn.Module, activation: Callable[[Tensor], Tensor] = torch.tanh
    ) -> None:
        super().__init__()
        self.first, self.second, self.activation = first, second, activation

    def forward(self, s: Tensor, *inputs: Tensor) -> Tensor:
        slope: Tensor = self.second(self.activation(self.first(inputs[-1])))
        return slope


def vectors() -> Any:
    return Field(nn.Linear(3, 8), nn.Linear(8, 3)).double()


def images(**options: object) -> Field:
    first: nn.Module = nn.Conv2d(2, 4, 3, **{"padding": 1, **options})  # type: ignore[arg-type]  # by name
    return Field(first, nn.Conv2d(4, 2, 3, padding=1), nn.functional.softplus).double()


def second_derivative(f: Field, z: Tensor) -> Tensor:
    """J f at z."""
    s = torch.zeros((), dtype=z.dtype)
    found: Tensor = torch.func.jvp(lambda z: f(s, z), (z,), (f(s, z),))[1]
    return found


def test_a_warm_start_is_the_leading_term(everything: ModuleType) -> None:
    """(1/2 − Σ b a) J f: 1/2 for Euler, 1/2 − 1/6 for another method of order 1; the state dict holds no f."""
    f, z = vectors(), torch.randn(2, 5, 3, dtype=torch.float64)
    for name, factor in (("HyperWarm", 1 / 2), ("LateWarm", 1 / 3)):
        solver = getattr(everything, name)((3,), field=f)
        solver = solver.double()
        g = (solver.step(f, 0.0, z, 0.25) - solver.base_step(f, 0.0, z, 0.25)) / 0.25**2
        assert torch.allclose(g, factor * second_derivative(f, z), rtol=1e-6, atol=1e-9)
        assert set(solver.state_dict()) == {
            "corrector.a.weight",
            "corrector.a.bias",
            "corrector.b.weight",
            "corrector.net.weight",
            "corrector.eps_range",
        }


def test_a_warm_start_of_images(everything: ModuleType) -> None:
    """Convolutions, with a time, an input and stages that have no weight at first."""
    f, z = images(), torch.randn(5, 2, 6, 4, dtype=torch.float64)
    x = torch.randn(5, 1, 6, 4, dtype=torch.float64)
    solver = everything.WarmImages((2, 6, 4), (1, 6, 4), field=f).double()
    g = (solver.step(f, 0.7, z, -0.1, x=x) - solver.base_step(f, 0.7, z, -0.1, x=x)) / 0.01
    assert torch.allclose(g, second_derivative(f, z) / 2, rtol=1e-6, atol=1e-9)
    assert everything.WarmImages((2, 6, 4), (1, 6, 4), field=images(padding="same"))


def test_at_higher_orders_only_the_factors_are_warm(everything: ModuleType) -> None:
    """J f is no term of Heun's error: g is zero, its a and b those of f."""
    f, z = vectors(), torch.randn(4, 3, dtype=torch.float64)
    solver = everything.WarmHeun((3,), field=f).double()
    assert torch.equal(solver.step(f, 0.0, z, 0.5), solver.base_step(f, 0.0, z, 0.5))
    assert torch.allclose(solver.corrector.a.weight[:, :3], f.first.weight)
    assert torch.allclose(solver.corrector.b.weight, f.first.weight)


def test_learned_coefficients_have_no_leading_term(build: Build) -> None:
    """Of order 1, and yet what is left of midpoint's error at first is none of J f."""
    module = build(
        "corrector jvp {\n inputs z, dz\n layers bilinear(8)\n start field\n}\n"
        "training fit {\n loss trajectory(steps = 1)\n steps 2\n}\n"
        "hypersolver Learned {\n base learned(midpoint)\n corrector jvp\n training fit\n}\n"
    )
    f, z = vectors(), torch.randn(4, 3, dtype=torch.float64)
    solver = module.Learned((3,), field=f).double()
    assert solver.order == 1
    assert torch.equal(solver.step(f, 0.0, z, 0.5), solver.base_step(f, 0.0, z, 0.5))
    assert torch.allclose(solver.corrector.b.weight, f.first.weight)


@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivatives_of_activations(build: Build, name: str) -> None:
    """g with the field's weights is J f / 2 for every activation."""
    module = build(
        "corrector jvp {\n inputs z, dz\n layers bilinear(8, activation = " + name + ")\n start field\n}\n"
        "hypersolver Warm {\n base euler\n corrector jvp\n}\n"
    )
    f = vectors()
    f.activation = DERIVATIVES[name]
    z = 3 * torch.randn(64, 3, dtype=torch.float64)
    solver = module.Warm((3,), field=f).double()
    g = solver.step(f, 0.0, z, 1.0) - solver.base_step(f, 0.0, z, 1.0)
    assert torch.allclose(g, second_derivative(f, z) / 2, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (lambda s, z: -z, r"those of function are \[\]"),
        (nn.Identity(), r"Linear\(in_features=3, out_features=8.*those of \w+ are \[\]"),
        (
            nn.Sequential(nn.Linear(3, 16), nn.Linear(16, 3)),
            r"those of \w+ are \[Linear\(in_features=3, out_features=16",
        ),
        (nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 3)), "in_features=4"),
        (
            nn.Sequential(nn.Linear(3, 8), nn.Linear(8, 8), nn.Linear(8, 3)),
            r"those of \w+ are .*in_features=8, out_features=8",
        ),
        (nn.Sequential(nn.Linear(3, 8)), r"those of Sequential are"),
        (nn.Sequential(nn.Linear(3, 8), nn.Softplus(), nn.Linear(8, 3)), "with Tanh, and Sequential has Softplus"),
    ],
)
def test_fields_that_do_not_fit(everything: ModuleType, field: nn.Module, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        everything.HyperWarm((3,), field=field)


@pytest.mark.parametrize("options", [{"stride": 2}, {"padding": 0}, {"dilation": 2}, {"padding_mode": "circular"}])
def test_convolutions_that_do_not_fit(everything: ModuleType, options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="first layers are"):
        everything.WarmImages((2, 6, 4), (1, 6, 4), field=images(**options))
    with pytest.raises(ValueError, match="first layers are"):
        everything.WarmImages((2, 6, 4), (1, 6, 4), field=vectors())


def randomised(solver: nn.Module) -> Any:
    solver = solver.double()
    with torch.no_grad():
        for weight in solver.parameters():
            weight.normal_()
    return solver


@pytest.mark.parametrize("batch", [(), (4,), (2, 3), (0,)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_batches_and_complex_states(everything: ModuleType, batch: tuple[int, ...], dtype: torch.dtype) -> None:
    def f(s: Tensor, z: Tensor) -> Tensor:
        return torch.sin(3 * s) * z.roll(1, -1) + torch.cos(z)

    z, x = torch.randn(*batch, 3, dtype=dtype), torch.randn(*batch, 2, dtype=torch.float64)
    solver = randomised(everything.HyperWarm((3,), field=vectors()))
    assert solver.step(f, 0.1, z, 0.2).shape == z.shape
    assert solver.step(f, 0.1, z, 0.2).dtype == dtype
    solver = randomised(everything.HyperProduct((3,), (2,)))
    end = solver.step(lambda s, x, z: f(s, z), 0.1, z, 0.2, x=x, alpha=0.5)
    moved = end - solver.base_step(lambda s, x, z: f(s, z), 0.1, z, 0.2, x=x, alpha=0.5)
    assert bool((torch.view_as_real(moved + 0j).abs() <= 2 * 0.2**3 + 1e-12).all())
    solver = randomised(everything.HyperImages((2, 5, 4)))
    z = torch.randn(*batch, 2, 5, 4, dtype=dtype)
    assert solver.step(f, 0.1, z, 0.2).shape == z.shape


def test_rows_and_parts_do_not_meet(everything: ModuleType) -> None:
    """The same network serves each row, and the real and the imaginary part."""
    g = randomised(everything.HyperImages((2, 5, 4))).corrector
    z, dz = torch.randn(2, 5, 2, 5, 4, dtype=torch.complex128)
    eps, s = torch.tensor([0.1, 0.2], dtype=torch.float64)
    both = g(eps, s, None, z, dz)
    assert torch.allclose(both.imag, g(eps, s, None, z.imag, dz.imag))
    assert torch.allclose(both[3], g(eps, s, None, z[3], dz[3]))
    each = g(eps.expand(5), s.expand(5), None, z.real, dz.real)
    assert torch.allclose(both.real, each)


def test_g_is_linear_in_the_slope(everything: ModuleType) -> None:
    """Without time among its inputs g is zero where dz is, as every term of an error is."""
    g = randomised(everything.HyperWarm((3,), field=vectors())).corrector
    z, dz = torch.randn(2, 5, 3, dtype=torch.float64)
    eps, s = torch.tensor([0.1, 0.2], dtype=torch.float64)
    assert torch.allclose(g(eps, s, None, z, 3 * dz), 3 * g(eps, s, None, z, dz))


def test_normalisation_scales_slopes_without_moving_them(everything: ModuleType) -> None:
    g = everything.Images((2, 3, 3)).double()
    z, dz, target = torch.randn(3, 100, 2, 3, 3, dtype=torch.float64) * torch.tensor([3.0, 0.1])[:, None, None] + 2
    eps, s = torch.rand(2, 100, dtype=torch.float64) + 0.1
    assert not g(eps, s, None, z, dz).any()
    g.normalise(target, eps, s, None, z, dz)
    values = g._values(eps, s, None, z, (dz,), {})
    features, slopes = g._read(g.reads, values, z), g._read(g.seen, values, z)
    columns = ((features - g.mean) / g.spread).movedim(1, -1).flatten(0, -2)
    assert torch.allclose(columns.mean(0), torch.zeros(4, dtype=torch.float64), atol=1e-12)
    assert torch.allclose(columns.std(0, correction=0), torch.ones(4, dtype=torch.float64))
    scaled = (slopes / g.slope_spread).square().mean((0, 2, 3))
    assert torch.allclose(scaled, torch.ones(2, dtype=torch.float64))
    assert torch.allclose(g.scale[:, 0, 0], target.square().mean((0, 2, 3)).sqrt())
    before = randomised(g)(eps, s, None, z, dz)
    g.slope_spread *= 3
    assert torch.allclose(g(eps, s, None, z, 3 * dz), before)


def test_a_warm_start_survives_normalisation(everything: ModuleType) -> None:
    """The range of ε is kept, and no weight or scale changes; a second training leaves both."""
    g = everything.HyperWarm((3,), field=vectors()).corrector.double()
    z, dz, target = torch.randn(3, 50, 3, dtype=torch.float64)
    eps, s = torch.linspace(-0.1, -0.5, 50, dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    before = g(eps, s, None, z, dz)
    assert g.fresh
    g.normalise(target, eps, s, None, z, dz)
    assert not g.fresh
    assert torch.equal(g(eps, s, None, z, dz), before)
    assert g.eps_range.tolist() == [0.1, 0.5]
    randomised(g)
    at = [g(torch.tensor(value, dtype=torch.float64), s, None, z, dz) for value in (-0.5, -0.9, 0.1, 1e-6)]
    assert torch.equal(at[0], at[1])
    assert torch.equal(at[2], at[3])


def test_weights_are_loaded_over_a_warm_start(everything: ModuleType, tmp_path: Path) -> None:
    trained, f = randomised(everything.HyperWarm((3,), field=vectors())).float(), vectors().float()
    save_file(trained.state_dict(), tmp_path / "weights.safetensors")
    fresh = everything.HyperWarm((3,), field=f)
    with pytest.warns(UserWarning, match="does not say what its weights belong to"):
        fresh.load(tmp_path / "weights.safetensors")
    z = torch.randn(4, 3)
    assert torch.equal(fresh.step(f, 0.0, z, 0.3), trained.step(f, 0.0, z, 0.3))


def test_residual_blocks_and_sines(everything: ModuleType) -> None:
    """h + W2 σ(W1 h), and a sine, as torch would have them."""
    block, activation = everything.Images((2, 3, 3)).net[:2]
    h = torch.randn(5, 4, 3, 3)
    assert torch.allclose(block(h), h + block.block[2](torch.tanh(block.block[0](h))))
    assert block.block[0].weight.shape == (3, 4, 1, 1)
    assert isinstance(activation, nn.Softplus)
    block, _, sine, last = everything.Product((3,), (2,)).net
    h = torch.randn(5, 8)
    assert torch.allclose(block(h), h + block.block[2](torch.sin(block.block[0](h))))
    assert torch.equal(sine(h), torch.sin(h))
    assert last.bias is not None


def test_images_under_transforms(everything: ModuleType) -> None:
    """One graph, derivatives, mapped over a batch, and on a device without numbers."""
    f = Field(nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 2, 3, padding=1))
    for solver, given in (
        (everything.HyperImages((2, 3, 4)), {}),
        (everything.WarmImages((2, 3, 4), (1, 3, 4), field=f), {"x": torch.randn(5, 1, 3, 4)}),
    ):
        with torch.no_grad():
            for weight in solver.parameters():
                weight.normal_()

        def solve(z: Tensor, solver: Any = solver, given: dict[str, Tensor] = given) -> Tensor:
            end: Tensor = solver(f, z, (0.0, 0.5), 2, **given)
            return end

        z = torch.randn(5, 2, 3, 4)
        torch.compiler.reset()
        assert torch.allclose(torch.compile(solve, fullgraph=True, backend="eager")(z), solve(z), rtol=1e-5)
        direction = torch.randn(5, 2, 3, 4)
        end, tangent = torch.func.jvp(solve, (z,), (direction,))  # type: ignore[misc]  # no aux, no third
        assert end.shape == tangent.shape == z.shape
    solver = everything.HyperImages((2, 3, 4))
    each = torch.func.vmap(lambda z: solver(f, z, (0.0, 0.5), 2))(z)
    assert torch.allclose(each, solver(f, z, (0.0, 0.5), 2), rtol=1e-5, atol=1e-6)
    f, solver = f.to("meta"), solver.to("meta")
    assert solver(f, z.to("meta"), (0.0, 0.5), 2).is_meta
