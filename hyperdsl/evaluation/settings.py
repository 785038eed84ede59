"""Settings of a generated package's training: changed by plain values, and told as plain values."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from types import ModuleType
from typing import Any

import torch

from hyperdsl.evaluation.errors import PackageError

_OF_ALL_PHASES = ("seed", "parameters", "bound", "then")


def changed(settings: Any, changes: Mapping[str, object], train: ModuleType) -> Any:
    """A package's settings with some fields replaced; `then` is a sequence of such changes, one for each further phase.

    A further phase follows the one before it where the two agreed: the spec's phases inherit what they do not set.
    PackageError for a field, a loss or a phase that the package has not.
    """
    own = {name: value for name, value in changes.items() if name != "then"}
    first = _replaced(settings, own, train)
    phases: Sequence[Any] = getattr(settings, "then", ())
    further: Any = changes.get("then", ())
    if len(further) > len(phases):
        raise PackageError(f"the training has {len(phases)} further phases, not {len(further)}: change the spec")
    before, after, done = settings, first, list[Any]()
    phase: Any
    given: Any
    for phase, given in zip_longest(phases, further, fillvalue={}):
        done.append(_replaced(_inherited(phase, before, after), given, train))
        before, after = phase, done[-1]
    return dataclasses.replace(first, then=tuple(done)) if done else first


def _inherited(phase: Any, before: Any, after: Any) -> Any:
    """`phase` with the fields of `after` in which it agreed with `before`."""
    names = [field.name for field in dataclasses.fields(phase) if field.name not in _OF_ALL_PHASES]
    same = {name: getattr(after, name) for name in names if getattr(phase, name) == getattr(before, name)}
    if not {"eps", "steps"} <= same.keys():  # one range, in one of two units
        same = {name: value for name, value in same.items() if name not in ("eps", "steps")}
    return dataclasses.replace(phase, **same)


def _replaced(settings: Any, changes: Mapping[str, object], train: ModuleType) -> Any:
    known = {field.name for field in dataclasses.fields(settings)}
    if changes.get("loss") == ("residual",) and "loss" not in known:
        changes = {name: value for name, value in changes.items() if name != "loss"}
    unknown = [name for name in changes if name not in known]
    if unknown == ["loss"]:
        raise PackageError("this package's code has the residual's loss alone: change the spec and compile it again")
    if unknown:
        raise PackageError(f"training has no setting {unknown[0]}; it has {', '.join(sorted(known))}")
    typed = {name: _typed(name, value, train) for name, value in changes.items()}
    if "eps" in typed or "steps" in typed:  # one range in one unit: the other gives way
        typed = {"eps": None, "steps": None} | typed
    return dataclasses.replace(settings, **typed)


def _typed(name: str, value: object, train: ModuleType) -> object:
    """A plain value in the type of the package's settings: a dtype by its name, shares and losses as tuples."""
    if name == "dtype" and isinstance(value, str):
        return getattr(torch, value)
    if name == "states" and isinstance(value, tuple):
        return tuple(train.Share(*share) for share in value)
    if name == "loss" and isinstance(value, tuple):
        kind, *arguments = value
        if kind == "residual":
            return None
        loss = getattr(train, kind.capitalize(), None)
        if loss is None:
            raise PackageError(f"this package's code has no {kind} loss: change the spec and compile it again")
        return loss(*arguments)
    return value


def plain_settings(settings: Any) -> dict[str, object]:
    """A settings object as JSON's types; functions by their names, dtypes as torch writes them."""
    return {field.name: _plain(getattr(settings, field.name)) for field in dataclasses.fields(settings)}


def _plain(value: Any) -> object:
    if isinstance(value, tuple):
        kind = type(value).__name__
        items = [_plain(item) for item in value]
        return items if kind in ("tuple", "Share") else {kind.lower(): items}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain_settings(value)
    return getattr(value, "__name__", value) if callable(value) else value
