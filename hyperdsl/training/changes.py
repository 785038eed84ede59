"""Settings of a training, changed by plain values, and told as plain values."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

import torch

from hyperdsl.training.settings import Adversarial, End, Loss, Settings, Share, Trajectory

_OF_ALL_PHASES = ("seed", "then")
_RANGES = ("eps", "steps", "grids")  # one range in one of several units
_LOSSES: dict[str, type[Loss]] = {"trajectory": Trajectory, "adversarial": Adversarial, "end": End}


class SettingsError(ValueError):
    """A setting that training does not have, or a phase that this training does not have."""


def changed(settings: Settings, changes: Mapping[str, object]) -> Settings:
    """Settings with some fields replaced; `then` is a sequence of such changes, one for each further phase.

    Plain values stand for dtypes, losses and shares of states. A further phase follows the one before it where the two
    agreed: phases inherit what they do not set. SettingsError for a field or a phase that there is not.
    """
    own = {name: value for name, value in changes.items() if name != "then"}
    first = _replaced(settings, own)
    further: Any = changes.get("then", ())
    if len(further) > len(settings.then):
        raise SettingsError(
            f"the training has {len(settings.then)} further phases, not {len(further)}: change the spec"
        )
    before, after, done = settings, first, list[Settings]()
    phase: Settings
    given: Mapping[str, object]
    for phase, given in zip_longest(settings.then, further, fillvalue={}):  # type: ignore[assignment]
        done.append(_replaced(_inherited(phase, before, after), given))
        before, after = phase, done[-1]
    return dataclasses.replace(first, then=tuple(done))


def _inherited(phase: Settings, before: Settings, after: Settings) -> Settings:
    """`phase` with the fields of `after` in which it agreed with `before`."""
    names = [field.name for field in dataclasses.fields(phase) if field.name not in _OF_ALL_PHASES]
    same = {name: getattr(after, name) for name in names if getattr(phase, name) == getattr(before, name)}
    if not same.keys() >= {*_RANGES}:
        same = {name: value for name, value in same.items() if name not in _RANGES}
    return dataclasses.replace(phase, **same)


def _replaced(settings: Settings, changes: Mapping[str, object]) -> Settings:
    known = {field.name for field in dataclasses.fields(settings)}
    unknown = [name for name in changes if name not in known]
    if unknown:
        raise SettingsError(f"training has no setting {unknown[0]}; it has {', '.join(sorted(known))}")
    typed = {name: _typed(name, value) for name, value in changes.items()}
    if not typed.keys().isdisjoint(_RANGES):  # the others give way
        typed = dict.fromkeys(_RANGES) | typed
    changed: Any = typed
    return dataclasses.replace(settings, **changed)


def _typed(name: str, value: object) -> object:
    """A plain value in the type of the settings: a dtype by its name, shares and losses as tuples."""
    if name == "dtype" and isinstance(value, str):
        return getattr(torch, value)
    if name == "states" and isinstance(value, tuple):
        return tuple(Share(*share) for share in value)
    if name == "loss" and isinstance(value, tuple):
        kind, *arguments = value
        return None if kind == "residual" else _LOSSES[kind](*arguments)
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
