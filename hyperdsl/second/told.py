"""What `check --prover sympy` says beside what `check` does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from hyperdsl.diagnostics import catalogue
from hyperdsl.remembered import Outcome
from hyperdsl.second.agreement import REFUSED, Verdict, verdicts
from hyperdsl.semantics.model.spec import Spec

Verdicts = Mapping[tuple[str, str], Verdict]


class ProversDiffer(Exception):  # noqa: N818 — it says what is the matter
    """The exact engine and sympy do not find the same: one of them is wrong, whatever the spec says."""


def told(outcomes: Iterable[Outcome], specs: Iterable[Spec]) -> tuple[Outcome, ...]:
    """The outcomes with what the second prover finds in them; raises ProversDiffer."""
    pairs = list(zip(outcomes, specs, strict=True))
    judged = [tuple(verdicts(spec, outcome.diagnostics)) for outcome, spec in pairs]
    differences = [
        f"{outcome.file.shown}: the two provers differ on `{verdict.name}`: {difference}"
        for (outcome, _), found in zip(pairs, judged, strict=True)
        for verdict in found
        for difference in verdict.differences
    ]
    if differences:
        raise ProversDiffer("\n".join(differences))
    return tuple(_with(outcome, found) for (outcome, _), found in zip(pairs, judged, strict=True))


def _with(outcome: Outcome, found: tuple[Verdict, ...]) -> Outcome:
    known = {(verdict.group, verdict.name): verdict for verdict in found}
    notes = tuple(
        catalogue.NOT_PROVEN_AGAIN.at(verdict.place, name=verdict.name, reason=verdict.reason)
        for verdict in found
        if verdict.reason is not None
    )
    own = [verdict for verdict in found if verdict.group != REFUSED]
    rows = tuple(_row(row, verdict) for row, verdict in zip(outcome.rows, own, strict=True))  # both in the file's order
    return replace(
        outcome, summary=_summary(outcome.summary, known), rows=rows, diagnostics=(*outcome.diagnostics, *notes)
    )


def _row(row: tuple[str, ...], verdict: Verdict) -> tuple[str, ...]:
    """A line of the table: name, order, how it is proven, what it is."""
    name, order, how, *rest = row
    return (name, order, how if verdict.reason else f"{how}, again by sympy", *rest)


def _summary(summary: Mapping[str, Any], known: Verdicts) -> dict[str, Any]:
    """The object of `--json`, with `proved_again` (true, or null) and why not for each method and solver."""
    groups = {group for group, _ in known} & summary.keys()
    return {
        **summary,
        **{group: [_entry(entry, known.get((group, entry["name"]))) for entry in summary[group]] for group in groups},
    }


def _entry(entry: Mapping[str, Any], verdict: Verdict | None) -> dict[str, Any]:
    reason = "it was not looked at" if verdict is None else verdict.reason
    return {**entry, "proved_again": True if reason is None else None, "proved_again_why": reason}
