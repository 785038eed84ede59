"""Weights in safetensors files, which say what solver they belong to and what it was trained for."""

from __future__ import annotations

import inspect
import json
import math
import os
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from .files import write_whole
from .safetensors import SUM, deserialised, serialised

M = TypeVar("M", bound=nn.Module)

IDENTITY = "identity"
"""The metadata's name for what weights belong to, in JSON."""


SHAPES = "shapes"
"""The metadata's name for the shapes of states and inputs that the solver was made for, in JSON."""


MOST = 2**31
"""No state has more numbers: told by a file, they would be a lie."""


class WeightsWarning(UserWarning):
    """Weights that do not say what they belong to: a file of hyperdsl 0.1, or one that was not written by a solver."""


def save_weights(module: nn.Module, file: str | os.PathLike[str], about: Mapping[str, str]) -> None:
    """Write a module's tensors with a checksum, its identity, and what `about` says of them; whole or not at all.

    ValueError where a number is not finite, OSError where the file cannot be written.
    """
    tensors, path = module.state_dict(), Path(file)
    _require_finite(f"{path} is not written", tensors)
    metadata = {**about, IDENTITY: json.dumps(identity_of(module), sort_keys=True)}
    if shapes := _shapes_of(module):
        metadata[SHAPES] = json.dumps(shapes)
    write_whole(path, serialised(tensors, metadata))


def load_weights(module: nn.Module, file: str | os.PathLike[str]) -> dict[str, str]:
    """Put a file's tensors into a module of the same identity; gives what the file says about them.

    ValueError where the file is damaged, holds numbers that are not finite, or is of another solver: the module is
    then left as it was. A WeightsWarning where it does not say of which it is, as in files of hyperdsl 0.1.
    """
    tensors, metadata = _read(file)
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
    return {name: value for name, value in metadata.items() if name not in (IDENTITY, SHAPES, SUM)}


def made_for(made: Callable[..., M], file: str | os.PathLike[str], given: Mapping[str, Any]) -> M:
    """A solver for the shapes that a file tells and in its dtypes, ready to load it; `made` is the solver's class.

    ValueError where the file is damaged, is of another solver, or does not tell a shape that is not `given` either.
    """
    tensors, metadata = _read(file)
    name, theirs = getattr(made, "__name__", ""), _solver_named(metadata)
    if theirs not in (None, name):
        raise ValueError(f"{file}: these are another solver's weights, those of {theirs}, not of {name}")
    told, shapes = _told_shapes(file, metadata), {}
    for shape in ("state_shape", "input_shape"):
        if shape in inspect.signature(made).parameters and shape not in given:
            if shape not in told:
                raise ValueError(f"{file} does not tell the {shape} of {name}: pass {shape}=")
            shapes[shape] = told[shape]
    if shapes:
        _require_fit(partial(made, **shapes, **given), file, tensors)
    module = made(**shapes, **given)
    for place, part in module.named_modules():
        kinds = {
            n: value for n, value in tensors.items() if n.rpartition(".")[0] == place and value.is_floating_point()
        }
        for value in (*part.parameters(recurse=False), *part.buffers(recurse=False)):
            if kinds and value.is_floating_point():
                value.data = value.data.to(next(iter(kinds.values())).dtype)
    return module


def _require_fit(made: Callable[[], nn.Module], file: object, tensors: Mapping[str, Tensor]) -> None:
    """ValueError where the shapes that the file tells are not those of its tensors; no memory is taken to see that."""
    try:
        with torch.device("meta"):
            own = made().state_dict()
    except RuntimeError:
        return  # a g that reads numbers while it is made, which there are none of here
    for name in own.keys() & tensors.keys():
        if own[name].shape != tensors[name].shape:
            shape, found = tuple(own[name].shape), tuple(tensors[name].shape)
            raise ValueError(f"{file}: {name!r} has shape {found}, not {shape}, which the shapes that it tells ask for")


def _read(file: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        return deserialised(Path(file).read_bytes())
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def _shapes_of(module: nn.Module) -> dict[str, list[int]]:
    """Those that a corrector of a spec was made for."""
    g = getattr(module, "corrector", None)
    found = {name: getattr(g, name, None) for name in ("state_shape", "input_shape")}
    return {name: [*shape] for name, shape in found.items() if isinstance(shape, tuple)}


def _told_shapes(file: object, metadata: Mapping[str, str]) -> dict[str, tuple[int, ...]]:
    try:
        found = json.loads(metadata.get(SHAPES, "{}"))
    except (ValueError, RecursionError):
        found = None
    sound = isinstance(found, dict) and all(isinstance(shape, list) for shape in found.values())
    if not sound or any(type(size) is not int or size < 1 for shape in found.values() for size in shape):
        raise ValueError(f"{file}: the file is damaged: its shapes are none")
    if any(math.prod(shape) > MOST for shape in found.values()):
        raise ValueError(f"{file}: the file is damaged: its shapes are none")
    return {name: tuple(shape) for name, shape in found.items()}


def _solver_named(metadata: Mapping[str, str]) -> object:
    """The name of the solver whose weights these are, where the file says so."""
    try:
        found = json.loads(metadata.get(IDENTITY, "{}"))
    except (ValueError, RecursionError):
        return None
    return found.get("solver") if isinstance(found, dict) else None


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
