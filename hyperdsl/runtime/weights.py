"""Weights in safetensors files, which say what solver they belong to and what it was trained for."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from .files import write_whole
from .safetensors import SUM, deserialised, serialised

IDENTITY = "identity"
"""The metadata's name for what weights belong to, in JSON."""


class WeightsWarning(UserWarning):
    """Weights that do not say what they belong to: a file of hyperdsl 0.1, or one that was not written by a solver."""


def save_weights(module: nn.Module, file: str | os.PathLike[str], about: Mapping[str, str]) -> None:
    """Write a module's tensors with a checksum, its identity, and what `about` says of them; whole or not at all.

    ValueError where a number is not finite, OSError where the file cannot be written.
    """
    tensors, path = module.state_dict(), Path(file)
    _require_finite(f"{path} is not written", tensors)
    metadata = {**about, IDENTITY: json.dumps(identity_of(module), sort_keys=True)}
    write_whole(path, serialised(tensors, metadata))


def load_weights(module: nn.Module, file: str | os.PathLike[str]) -> dict[str, str]:
    """Put a file's tensors into a module of the same identity; gives what the file says about them.

    ValueError where the file is damaged, holds numbers that are not finite, or is of another solver: the module is
    then left as it was. A WeightsWarning where it does not say of which it is, as in files of hyperdsl 0.1.
    """
    try:
        tensors, metadata = deserialised(Path(file).read_bytes())
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    _require_identity(module, file, metadata)
    own = module.state_dict()
    for name in sorted(own.keys() ^ tensors.keys()):
        raise ValueError(
            f"{file}: {name!r} is {'missing' if name in own else 'unknown'}: these are another solver's weights"
        )
    for name, value in tensors.items():
        if value.shape != own[name].shape:
            raise ValueError(f"{file}: {name!r} has shape {tuple(value.shape)}, not {tuple(own[name].shape)}")
        if value.is_floating_point() != own[name].is_floating_point():
            raise ValueError(f"{file}: {name!r} is {value.dtype}, not {own[name].dtype}")
    _require_finite(f"{file}: the file is damaged", tensors)
    if IDENTITY not in metadata:
        told = "it may be of hyperdsl 0.1; save it again to have it say so"
        warnings.warn(f"{file} does not say what its weights belong to: {told}", WeightsWarning, stacklevel=3)
    module.load_state_dict(tensors)
    return {name: value for name, value in metadata.items() if name not in (IDENTITY, SUM)}


def identity_of(module: nn.Module) -> dict[str, Any]:
    """What weights belong to, in JSON's types: the solver, the power of ε on g, its base's coefficients, g's form."""
    g = getattr(module, "corrector", None)
    described = getattr(g, "described", None)
    return {
        "solver": type(module).__name__,
        "residual_power": getattr(module, "residual_power", None),
        "base": getattr(module, "base_digest", None),
        "g": described() if described is not None else None,
    }


def _require_identity(module: nn.Module, file: object, metadata: Mapping[str, str]) -> None:
    own = identity_of(module)
    if IDENTITY not in metadata:
        named = metadata.get("solver", own["solver"])
        if named != own["solver"]:
            raise ValueError(f"{file}: these are another solver's weights, those of {named}, not of {own['solver']}")
        return
    try:
        found = json.loads(metadata[IDENTITY])
    except (ValueError, RecursionError):
        found = None
    if SUM not in metadata or not isinstance(found, dict):
        raise ValueError(f"{file}: the file is damaged: its checksum or its identity is missing")
    for name, value in _flat(own).items():
        theirs = _flat(found).get(name)
        if theirs != value:
            whose = f"{found.get('solver')}, whose {name} is {theirs}, where that of {own['solver']} is {value}"
            raise ValueError(f"{file}: these are another solver's weights, those of {whose}")


def _flat(identity: Mapping[str, Any]) -> dict[str, Any]:
    """An identity with the form of g beside the rest; where it does not say so, its output was absolute."""
    g = identity.get("g")
    if not isinstance(g, dict):
        return {**identity, "g": "no network of a spec"}
    return {**identity, "g": "a network", "output": "absolute", **g}


def _require_finite(what: str, tensors: Mapping[str, Tensor]) -> None:
    for name, value in tensors.items():
        if not bool(value.isfinite().all()):
            raise ValueError(f"{what}: {name!r} holds numbers that are not finite")
