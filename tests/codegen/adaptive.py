"""Adaptive solvers of every kind of control, for the tests of what they generate."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

Field = Callable[[Tensor, Tensor], Tensor]

CONTROLS = """
control pair {{
    error embedded
    max_steps {steps}
}}
control halves {{
    error doubling
    gains 1/5, 3/5
    max_steps {steps}
}}
control term {{
    error learned
    rtol 1e-3
    max_steps {steps}
}}
control both {{
    error learned, embedded
    rtol 1e-3
    gains 2/5, 3/10, 1/10
    max_steps {steps}
}}
control own {{
    error embedded
    per_sample yes
    max_steps {steps}
}}
control own_halves {{
    error doubling
    per_sample yes
    max_steps {steps}
}}
control own_term {{
    error learned
    rtol 1e-3
    per_sample yes
    max_steps {steps}
}}
control own_both {{
    error learned, embedded
    rtol 1e-3
    per_sample yes
    max_steps {steps}
}}
"""
SOLVERS = {
    "Dopri": ("dopri5", "pair", False),
    "Bosh": ("bosh3", "pair", False),
    "Fehlberg": ("fehlberg45", "pair", False),
    "Halves": ("rk4", "halves", False),
    "Alpha": ("second_order(alpha = 3/10 .. 1)", "halves", False),
    "HyperDopri": ("dopri5", "pair", True),
    "HyperHalves": ("heun", "halves", True),
    "Learned": ("euler", "term", True),
    "LearnedHeun": ("heun", "term", True),
    "Both": ("heun_euler", "both", True),
    "Own": ("dopri5", "own", False),
    "OwnFehlberg": ("fehlberg45", "own", False),
    "OwnHalves": ("rk4", "own_halves", False),
    "OwnLearned": ("euler", "own_term", True),
    "OwnBoth": ("heun_euler", "own_both", True),
}
OWN = [name for name in SOLVERS if name.startswith("Own")]
SURE = [name for name in SOLVERS if "Learned" not in name]
"""Those whose error estimate does not depend on what g has learned alone."""


def spec(steps: int) -> str:
    text = CONTROLS.format(steps=steps)
    for name, (base, control, learned) in SOLVERS.items():
        kind, corrector = ("hypersolver", "    corrector external\n") if learned else ("solver", "")
        text += f"{kind} {name} {{\n    base {base}\n{corrector}    control {control}\n}}\n"
    return text


class Small(nn.Module):
    """A corrector that has learned nothing."""

    def forward(self, eps: Tensor, s: Tensor, x: Tensor | None, z: Tensor, dz: Tensor) -> Tensor:
        return 0.01 * torch.tanh(z + dz)


def made(adaptive: ModuleType, name: str) -> Any:
    cls = getattr(adaptive, name)
    return cls(Small()) if SOLVERS[name][2] else cls()


def given_to(name: str) -> dict[str, float]:
    return {"alpha": 0.6} if name == "Alpha" else {}


def beside(s: Tensor, z: Tensor) -> Tensor:
    return s.reshape(-1, *[1] * (z.ndim - 1)) if s.ndim else s


def pendulum(s: Tensor, z: Tensor) -> Tensor:
    angle, speed = z.unbind(-1)
    return torch.stack((speed, -torch.sin(angle) + 0.3 * torch.cos(s)), -1)


class Net(nn.Module):
    """A small field with weights."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2)).double()

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        slope: Tensor = self.net(z) + beside(torch.sin(s), z)
        return slope
