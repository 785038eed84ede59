"""Where a training is, kept in a file so that it can be taken up again at whatever moment it ended."""

from __future__ import annotations

import hashlib
import math
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from hyperdsl.runtime.files import write_whole
from hyperdsl.runtime.safetensors import deserialised, serialised
from hyperdsl.runtime.state import VectorField, with_input
from hyperdsl.training.losses import Shuffled
from hyperdsl.training.rows import Rows, in_dtype
from hyperdsl.training.settings import FitWarning
from hyperdsl.training.targets import OUTER, Targets

if TYPE_CHECKING:
    from hyperdsl.training.alone import Launched

__all__ = ["SECONDS", "At", "Keeper", "hashed", "identity_of", "reduced", "serialised", "stream", "write_whole"]

SECONDS = 5  # at least, from one checkpoint to the next
SHORTER = 12  # times a step is tried that is 16 times shorter, where a solver and a problem are told from others


def stream(seed: int, stream: int) -> torch.Generator:
    """One of a seed's independent generators."""
    return torch.Generator().manual_seed((1_000_003 * seed + stream) % 2**63)


def reduced(fabric: Launched, value: Tensor, how: Literal["sum", "mean"]) -> Tensor:
    """The value of all processes together."""
    reduced = fabric.all_reduce(value, reduce_op=how) if fabric.world_size > 1 else value
    assert isinstance(reduced, Tensor)
    return reduced


def hashed(*parts: str | bytes) -> str:
    """The sha256 of texts and bytes, in hexadecimal."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def identity_of(
    targets: Targets, f: VectorField, states: Tensor, x: Tensor | None, box: tuple[Tensor, Tensor] | None
) -> str:
    """The hash of a solver and a problem: of the states, f's weights, and what f, ψ and g's inputs are there."""
    tensors = {"states": states} | ({} if x is None else {"x": x})
    tensors |= {f"box.{k}": end for k, end in enumerate(box or ())}
    tensors |= {f"f.{name}": value for name, value in (f.state_dict() if isinstance(f, nn.Module) else {}).items()}
    z, inputs = in_dtype(states, targets.dtype), in_dtype(x, targets.dtype)
    for k, part in enumerate((0.0, 0.3, 0.7)):
        s = torch.tensor(targets.start + part * (targets.end - targets.start), dtype=targets.dtype, device=z.device)
        parameters = {name: low + part * (high - low) for name, low, high in targets.ranges}
        rows = _residuals(targets, s, inputs, z, parameters)
        tensors |= {f"R.{k}": rows.target, f"dz.{k}": with_input(targets.f, inputs)(s, z)}
        tensors |= {f"seen.{k}.{i}": value for i, value in enumerate(rows.inputs[4:]) if value is not None}
        if targets.sampler is not None:
            tensors[f"sampled.{k}"] = targets.sampler(s, z, torch.Generator().manual_seed(k))
    return hashed(torch.__version__, repr((targets.start, targets.end, OUTER)), serialised(tensors))


def _residuals(targets: Targets, s: Tensor, x: Tensor | None, z: Tensor, parameters: dict[str, float]) -> Rows:
    """Residuals of one step: the longest, or the first of ever shorter ones of which equations can be solved."""
    for k in range(SHORTER):
        try:
            return targets.residuals(targets.steps[1] / 16**k, s, x, z, parameters, 1)
        except RuntimeError:  # of steps through a transient; a mistake of f's own comes again
            continue
    return targets.residuals(targets.steps[1] / 16**SHORTER, s, x, z, parameters, 1)


@dataclass(frozen=True)
class At:
    """Where a training is: the next iteration of a phase, the losses so far, and the tensors to go on with."""

    phase: int = 0
    iteration: int = 0
    losses: tuple[float, ...] = ()
    tensors: Mapping[str, Tensor] | None = None

    def later(self, iteration: int, losses: Sequence[Tensor]) -> At:
        """At a later iteration of the phase, after these losses."""
        new = torch.stack(list(losses)).tolist() if losses else []
        return At(self.phase, iteration, (*self.losses, *new))

    def restore(self, optimizer: torch.optim.Optimizer, order: Shuffled) -> None:
        """Put the optimizer and the order of the units back to where they were; nothing to do at a phase's start."""
        if not self.tensors or "order.left" not in self.tensors:
            return
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in self.tensors.items():
            if name.startswith("optimizer."):
                _, index, field = name.split(".")
                state.setdefault(int(index), {})[field] = value
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
        order.left = self.tensors["order.left"]
        order.generator.set_state(self.tensors["order.generator"])


class Keeper:
    """Keeps where a training is in a safetensors file, at most every SECONDS; in none where `path` is None."""

    def __init__(self, path: Path | None, identity: str) -> None:
        self.path, self.identity, self.last = path, identity, -math.inf

    def due(self) -> bool:
        """Whether it is time for a checkpoint."""
        return self.path is not None and time.monotonic() - self.last >= SECONDS

    def save(
        self, at: At, g: nn.Module, optimizer: torch.optim.Optimizer | None = None, order: Shuffled | None = None
    ) -> None:
        """Write a checkpoint in place of the last."""
        if self.path is None:
            return
        tensors = {f"g.{name}": value for name, value in g.state_dict().items()}
        tensors |= {"losses": torch.tensor(at.losses, dtype=torch.float64), "random": torch.get_rng_state()}
        if torch.cuda.is_available():
            tensors["random.cuda"] = torch.cuda.get_rng_state()
        for index, state in (optimizer.state_dict()["state"] if optimizer else {}).items():
            tensors |= {f"optimizer.{index}.{field}": value for field, value in state.items()}
        if order:
            tensors |= {"order.left": order.left, "order.generator": order.generator.get_state()}
        where = {"identity": self.identity, "phase": str(at.phase), "iteration": str(at.iteration)}
        write_whole(self.path, serialised(tensors, where))
        self.last = time.monotonic()

    def load(self, g: nn.Module, fabric: Launched | None = None) -> At:
        """Where to go on, with g and the random numbers put back there; the start where there is no checkpoint.

        The first process reads it for all: those of other nodes may have another disk.
        """
        data = self.path.read_bytes() if self.path is not None and self.path.is_file() else None
        if fabric is not None and fabric.world_size > 1:
            data = fabric.broadcast(data)
        if data is None:
            return At()
        try:
            tensors, where = deserialised(data)
        except ValueError as error:
            warnings.warn(f"{self.path} is no checkpoint, so training starts anew: {error}", FitWarning, stacklevel=5)
            return At()
        if where.get("identity") != self.identity:
            warnings.warn(f"{self.path} is of another training: this one starts anew", FitWarning, stacklevel=5)
            return At()
        g.load_state_dict({name[2:]: value for name, value in tensors.items() if name.startswith("g.")})
        torch.set_rng_state(tensors["random"])
        if "random.cuda" in tensors and torch.cuda.is_available():
            torch.cuda.set_rng_state(tensors["random.cuda"])
        return At(int(where["phase"]), int(where["iteration"]), tuple(tensors["losses"].tolist()), tensors)
