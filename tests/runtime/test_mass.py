"""Mass matrices: regular ones against M⁻¹ f, singular ones against equations whose solution is known."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from hyperdsl.runtime.field import massed_of, slope_at
from hyperdsl.runtime.mass import Massed
from hyperdsl.runtime.newton import Solvable, increments

ROOT = math.sqrt(6)
RADAU = (
    ((88 - 7 * ROOT) / 360, (296 - 169 * ROOT) / 1800, (-2 + 3 * ROOT) / 225),
    ((296 + 169 * ROOT) / 1800, (88 + 7 * ROOT) / 360, (-2 - 3 * ROOT) / 225),
    ((16 - ROOT) / 36, (16 + ROOT) / 36, 1 / 9),
)
NODES = ((4 - ROOT) / 10, (4 + ROOT) / 10, 1.0)
S = torch.tensor(0.5, dtype=torch.float64)


def robertson(s: Any, z: Tensor) -> Tensor:
    a, b, c = z.unbind(-1)
    slow, fast, back = 0.04 * a, 3e7 * b * b, 1e4 * b * c
    return torch.stack((back - slow, slow - back - fast, a + b + c - 1), -1)


def stepped(f: Any, z: Tensor, grid: list[float]) -> Tensor:
    """Radau IIA of order 5 on a grid, its last stage the next state."""
    field = Solvable(f, z)
    for start, end in itertools.pairwise(grid):
        s, eps = (torch.tensor(value, dtype=torch.float64) for value in (start, end - start))
        field.begin(s, z)
        moved = increments(field, eps, *[(s + c * eps, z, row) for c, row in zip(NODES, RADAU, strict=True)])
        z = z + sum(weight * w for weight, w in zip(RADAU[2], moved, strict=True))
    return z


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_a_regular_matrix_is_divided_by() -> None:
    mass, z = random(3, 3), random(4, 3, seed=1)
    massed = Massed(lambda s, z: s * z**2, mass)
    torch.testing.assert_close(massed(S, z) @ mass.T, S * z**2)
    assert not massed.singular
    assert torch.equal(slope_at(massed, S, z), massed(S, z))
    each = random(4, 3, 3, seed=2)
    found = Massed(lambda s, z: s * z**2, each)(S, z)
    torch.testing.assert_close((each @ found[..., None])[..., 0], S * z**2)
    wide = Massed(lambda s, z: z**2, random(6, 6))  # a state of two axes
    matrices = torch.arange(12.0).double().reshape(2, 2, 3)
    torch.testing.assert_close(wide(S, matrices).reshape(2, 6) @ random(6, 6).T, matrices.reshape(2, 6) ** 2)
    complex_ = Massed(lambda s, z: z**2, mass)(S, torch.complex(z, z))
    torch.testing.assert_close(complex_ @ mass.T.to(torch.complex128), torch.complex(z, z) ** 2)
    user = massed.jacobian(lambda s, z: torch.diag_embed(2 * s * z))
    torch.testing.assert_close(mass @ user(S, z), torch.diag_embed(2 * S * z))


@pytest.mark.parametrize("mixed", [False, True])
def test_robertsons_algebraic_equations_are_solved_and_held(mixed: bool) -> None:
    """Its published end to 1e-6 and better, the sum one to the last digits; also where the equations are mixed."""
    rows = random(3, 3, seed=5) if mixed else torch.eye(3, dtype=torch.float64)
    mass = rows @ torch.diag(torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64))
    grid = [0.0] + [10 ** (k / 5) for k in range(-25, 56)]
    end = stepped(Massed(lambda s, z: robertson(s, z) @ rows.T, mass), torch.tensor([[1.0, 0.0, 0.0]]).double(), grid)
    expected = torch.tensor([[0.2083340149701255e-07, 0.8333360770334713e-13, 0.9999999791665050]]).double()
    torch.testing.assert_close(end, expected, rtol=1e-6, atol=0)
    assert abs(float(end.sum()) - 1) < 1e-13


def test_slopes_keep_the_algebraic_equations() -> None:
    """Of z1' = −z1 + z2, 0 = z2 − z1² − sin s: z2' is 2 z1 z1' + cos s."""

    def f(s: Any, z: Tensor) -> Tensor:
        a, b = z.unbind(-1)
        return torch.stack((b - a, b - a**2 - torch.sin(torch.as_tensor(s))), -1)

    first = random(5)
    z = torch.stack((first, first**2 + torch.sin(S)), -1)
    found = slope_at(Wrapped(Massed(f, torch.diag(torch.tensor([1.0, 0.0])))), S, z)
    rise = z[:, 1] - z[:, 0]
    torch.testing.assert_close(found, torch.stack((rise, 2 * first * rise + torch.cos(S)), -1), rtol=1e-7, atol=1e-7)


class Wrapped:
    """As solvers wrap fields."""

    def __init__(self, f: Any) -> None:
        self.f = f

    def __call__(self, s: Any, z: Tensor) -> Any:
        return self.f(s, z)


def test_what_others_wrapped_is_found() -> None:
    massed = Massed(robertson, torch.eye(3))
    assert massed_of(Wrapped(Wrapped(massed))) is massed
    assert massed_of(Wrapped(robertson)) is None
    z = torch.ones(2, 3)
    assert torch.equal(slope_at(Wrapped(robertson), S, z), robertson(S, z))


def test_what_is_no_mass_matrix_is_said() -> None:
    z = torch.ones(4, 3, dtype=torch.float64)

    def refused(mass: Any, message: str, state: Tensor = z) -> None:
        with pytest.raises(ValueError, match=message):
            Massed(robertson, mass)(S, state)

    refused(torch.ones(3), r"mass is a real square matrix \[n, n\], or \[\*batch, n, n\], not one of shape \(3,\)")
    refused(torch.ones(3, 2), r"not one of shape \(3, 2\)")
    refused(torch.eye(3) * math.nan, "mass has entries that are not finite")
    refused(torch.eye(2), r"mass has the shape \(2, 2\).* z has the shape \(4, 3\)")
    refused(torch.eye(3).expand(5, 3, 3), r"mass has the shape \(5, 3, 3\)")
    refused(torch.ones(3, 3), r"0 columns of zeros and a rank below 3: write the state in variables")


def test_inconsistent_starts_and_higher_indices_are_said() -> None:
    mass = torch.diag(torch.tensor([1.0, 1.0, 0.0]))
    z = torch.tensor([[1.0, 0.0, 1e-3]], dtype=torch.float64)
    with pytest.raises(ValueError, match=r"the start is inconsistent: .* miss zero by 0.001"):
        slope_at(Massed(robertson, mass), S, z)

    def pendulum(s: Any, z: Tensor) -> Tensor:  # index 3: the force does not appear where it is looked for
        x, v, force = z.unbind(-1)
        return torch.stack((v, -force, x - 1), -1)

    with pytest.raises(ValueError, match="the index is above 1"):
        slope_at(Massed(pendulum, mass), S, torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64))
