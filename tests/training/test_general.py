"""General neural ODEs: an encoder h_x before, f(s, x, z) of varying depth, a readout h_y after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hyperdsl.evaluation.packages import load_package

PACKAGE = Path(__file__).parents[2] / "generated" / "conditioned_hyper_midpoint"


class Deep(nn.Module):
    """f(s, x, z) = tanh(W(s) z + V x + b), W(s) a polynomial in s (Massaroli et al. 2020, Galerkin form)."""

    def __init__(self) -> None:
        super().__init__()
        self.basis = nn.Parameter(0.5 * torch.randn(3, 2, 2))
        self.input = nn.Linear(3, 2)

    def forward(self, s: Tensor, x: Tensor, z: Tensor) -> Tensor:
        weight = self.basis[0] + s * self.basis[1] + s**2 * self.basis[2]
        return torch.tanh(z @ weight.T + self.input(x))


def test_conditioned_on_the_input() -> None:
    torch.manual_seed(0)
    f, h_x, h_y = Deep(), nn.Linear(3, 2), nn.Linear(2, 4)

    def sample(batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        x = torch.randn(batch, 3, generator=generator)
        return h_x(x).detach(), x

    package = load_package(PACKAGE)
    train, solver_class = package.train(), package.choose()
    torch.manual_seed(1)
    solver: Any = solver_class(state_shape=(2,), input_shape=(3,))
    history = train.fit(solver, f, sample, (0.0, 2.0), iterations=400, progress=False)
    assert history.delta[min(history.delta, key=lambda eps: abs(eps - 0.05))] < 0.3
    z0, x = sample(64, torch.Generator().manual_seed(9))
    with torch.no_grad():
        exact, plain, learned = (
            h_y(end)
            for end in (
                solver.odeint(f, z0, [0.0, 2.0], steps=2000, x=x)[-1],
                solver_class(state_shape=(2,), input_shape=(3,))(f, z0, (0.0, 2.0), steps=8, x=x),
                solver(f, z0, (0.0, 2.0), steps=8, x=x),
            )
        )
    assert float((learned - exact).norm()) < 0.4 * float((plain - exact).norm())
