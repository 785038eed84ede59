"""Two checked specs compared: what was added, removed, renamed and changed, and whether weights still load."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from hyperdsl.codegen.torch.identity import base_digest
from hyperdsl.codegen.torch.views import package_view
from hyperdsl.comparing.fields import ABSENT, Change, changes, described
from hyperdsl.comparing.meaning import Identity, Interface, identity, interface
from hyperdsl.plan import plan
from hyperdsl.semantics.model import spec as m
from hyperdsl.source import Place

ADDED, REMOVED, RENAMED = "added", "removed", "renamed"


@dataclass(frozen=True)
class Loading:
    """Whether weights trained for a solver of the first spec load in the second; `because` is what differs."""

    solver: str
    load: bool
    because: tuple[Change, ...]


@dataclass(frozen=True)
class Comparison:
    """What changed in meaning from one spec to another: nothing where `changed` is empty."""

    changed: tuple[Change, ...]
    weights: tuple[Loading, ...]


@dataclass(frozen=True)
class _Meaning:
    """A spec's parts by their kinds and names, what its package exports, and what its weights belong to.

    `roles` has the parts of each solver, wherever they are declared.
    """

    parts: Mapping[str, Mapping[str, object]]
    roles: Mapping[str, Mapping[str, object]]
    exports: frozenset[str]
    identities: Mapping[str, Identity]


def compare(before: m.Spec, after: m.Spec) -> Comparison:
    """What differs between two sound specs."""
    old, new = _meaning(before), _meaning(after)
    found: list[Change] = []
    for kind in old.parts:
        found += _of_kind(kind, old.parts[kind], new.parts[kind])
    found += _of_roles(old, new)
    for name in sorted(old.exports ^ new.exports):
        gone = name in old.exports
        found.append(Change("export", REMOVED if gone else ADDED, name if gone else "", "" if gone else name))
    names = {change.before: change.after for change in found if (change.what, change.field) == ("solver", RENAMED)}
    return Comparison(tuple(found), tuple(_loading(old, new, names)))


def _meaning(spec: m.Spec) -> _Meaning:
    plans = tuple(map(plan, spec.solvers))
    package = package_view(spec, plans)
    pairs = list(zip(plans, package.solvers, strict=True))
    interfaces: list[Interface] = [interface(one, view, base_digest(one)) for one, view in pairs]
    identities = {one.name: identity(one, view, package) for one, view in pairs}
    own = {spec.source.path, *(source.path for source in spec.imports)}
    parts: dict[str, Mapping[str, object]] = {
        "method": _named([*_imported_bases(spec), *_methods(spec)], own),
        "corrector": _named([*spec.correctors, *(s.corrector for s in spec.solvers)], own),
        "training": _named([*spec.trainings, *(s.training for s in spec.solvers)], own),
        "problem": _named(spec.problems, own),
        "path": _named([*spec.paths, *(s.path for s in spec.solvers)], own),
        "sweep": _named(spec.sweeps, own),
        "solver": {one.name: one for one in interfaces},
    }
    exports = frozenset(package.exports) if plans else frozenset()
    roles = {s.name: {"base": s.base, "corrector": s.corrector, "training": s.training} for s in spec.solvers}
    return _Meaning(parts, roles, exports, {name: one for name, one in identities.items() if one is not None})


def _methods(spec: m.Spec) -> Iterator[object]:
    for group in (spec.methods, spec.additives, spec.rosenbrocks, spec.multisteps, spec.predictor_correctors):
        yield from group


def _imported_bases(spec: m.Spec) -> Iterator[object]:
    """The bases that are declared in imports; one of `learned(...)` is the solver's matter."""
    imported = {source.path for source in spec.imports}
    yield from (solver.base for solver in spec.solvers if solver.base.place.source.path in imported)


def _named(parts: Iterable[object], own: set[str]) -> dict[str, object]:
    """The parts that these files declare, by name; the library's are the same for both."""
    found = {}
    for part in parts:
        place = getattr(part, "place", None)
        if isinstance(place, Place) and place.source.path in own:
            found[str(getattr(part, "name", ""))] = part
    return found


def _of_kind(kind: str, old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[Change]:
    """The changes of one kind of parts; one that is gone, and another that came with the same meaning, is renamed."""
    gone, come = [name for name in old if name not in new], [name for name in new if name not in old]
    for name in list(gone):
        same = [other for other in come if _same(old[name], new[other])]
        if same:
            yield Change(kind, RENAMED, name, same[0])
            yield from changes(f"{kind} {same[0]}", old[name], new[same[0]])
            gone.remove(name)
            come.remove(same[0])
    yield from (Change(kind, REMOVED, name, "") for name in gone)
    yield from (Change(kind, ADDED, "", name) for name in come)
    for name in old:
        if name in new:
            yield from changes(f"{kind} {name}", old[name], new[name])


def _of_roles(old: _Meaning, new: _Meaning) -> Iterator[Change]:
    """How the part that a solver of both specs has for another differs from that, where they are of one kind."""
    for name, mine in old.roles.items():
        for role, part in mine.items():
            other = new.roles.get(name, {}).get(role)
            others = getattr(part, "name", None) != getattr(other, "name", None)
            if others and part is not None and type(part) is type(other):
                yield from changes(f"solver {name}'s {role}", part, other)


def _same(before: object, after: object) -> bool:
    """Whether two parts have one meaning; the names of a solver's parts are the matter of these."""
    one, other = dict(described(before)), dict(described(after))
    for label in ("base", "corrector", "training") if isinstance(before, Interface) else ():
        del one[label], other[label]
    return type(before) is type(after) and one == other


def _loading(old: _Meaning, new: _Meaning, names: Mapping[str, str]) -> Iterator[Loading]:
    """For each solver with weights whether they load in the one of its name, or in the one that it was renamed to."""
    for name, mine in old.identities.items():
        theirs = new.identities.get(names.get(name, name))
        if theirs is None and name in new.parts["solver"]:
            yield Loading(name, load=False, because=(Change(name, "something to train", "yes", "no"),))
        elif theirs is None:
            yield Loading(name, load=False, because=(Change(name, "the solver's name", name, ABSENT),))
        else:
            found = changes(name, mine, theirs)
            yield Loading(name, load=not found, because=found)
