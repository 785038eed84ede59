"""A part of a drawn spec: its text, the numbers that stand in it, and how its solver is called."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import sympy
from mpmath import mp, mpf

CORPUS = Path(__file__).parent / "corpus" / "specs"
DIGITS = 50


@dataclass(frozen=True)
class Call:
    """How a step is made: from z [3] at s, of size ε, with values for free parameters; learned ones are in `starts`."""

    s: float
    eps: float
    z: tuple[float, ...]
    values: dict[str, str] = field(default_factory=dict)
    starts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Network:
    """What the constructor of a hypersolver with a network takes."""

    shape: tuple[int, ...]
    input_shape: tuple[int, ...] = ()
    bound: str | None = None
    field_width: int | None = None
    field_activation: str = "Tanh"


@dataclass(frozen=True)
class Part:
    """`numbers` are the coefficients as the text has them, by the names that the oracle of this `kind` reads.

    Kinds: tableau, multistep, pair, problem; `text` for what is compiled and imported alone. `copies` steps of the
    base make one step of the solver.
    """

    kind: str
    text: str
    solver: str | None = None
    numbers: dict[str, Any] = field(default_factory=dict)
    call: Call | None = None
    corrector: str | None = None
    network: Network | None = None
    error: str | None = None
    dense: tuple[str, ...] = ()
    copies: int = 1


def number(text: str, values: dict[str, str]) -> mpf:
    """The value of a coefficient as it is written, at these values of the parameters."""
    with mp.workdps(DIGITS):
        exact = exact_of(text).subs({sympy.Symbol(name): exact_of(value) for name, value in values.items()})
        return mpf(str(sympy.N(exact, DIGITS + 10)))


def exact_of(text: str) -> sympy.Expr:
    """A coefficient as sympy reads it; the texts are those of these tests."""
    names = {name: sympy.Symbol(name) for name in ("alpha", "beta", "theta", "w", "mu", "x", "y", "s", "v")}
    return sympy.sympify(text.replace("^", "**"), locals=names, rational=True)


def dumped(parts: list[Part]) -> str:
    return json.dumps([asdict(part) for part in parts], indent=1) + "\n"


def loaded(text: str) -> list[Part]:
    found = []
    for raw in json.loads(text):
        call, network = raw.pop("call"), raw.pop("network")
        found.append(
            Part(
                **{**raw, "dense": tuple(raw["dense"])},
                call=call and Call(**{**call, "z": tuple(call["z"])}),
                network=network
                and Network(
                    **{**network, "shape": tuple(network["shape"]), "input_shape": tuple(network["input_shape"])}
                ),
            )
        )
    return found


def entries() -> list[Path]:
    """The specs that are kept."""
    return sorted(CORPUS.glob("*.json"))
