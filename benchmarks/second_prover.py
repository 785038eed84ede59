"""Which methods of the library sympy proves again in under a minute, and whether the two provers agree.

    python -m benchmarks.second_prover

Every method of the library, its claims proven by the exact engine and again by `hyperdsl.second`, with the processor
seconds that sympy took. A method that sympy gave up is listed with why; one on which the two differ ends the study.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks import study
from hyperdsl import second
from hyperdsl.semantics.model.spec import Multistep, PredictorCorrector
from hyperdsl.semantics.reading.scope import Project
from hyperdsl.semantics.reading.units import library_index


def judged(names: Iterable[str]) -> list[dict[str, Any]]:
    """Of each method its order, what the second prover found, and in how many seconds of the processor."""
    from hyperdsl.second.agreement import verdict

    project, found = Project(), []
    for name in names:
        scope = project.library_scope("method", name)
        base = scope.own(name) if scope else None
        assert base is not None, name
        start = time.process_time()
        judgement = verdict(base)
        seconds = time.process_time() - start
        assert not judgement.differences, (name, judgement.differences)
        order = max(0, base.formula.order) if isinstance(base, Multistep | PredictorCorrector) else base.facts.order
        found.append({"name": name, "order": order, "seconds": round(seconds, 3), "why_not": judgement.reason})
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    given = study.given(study.parser(__doc__, seeds=None), arguments)
    second.alone()
    names = sorted({name for group, name in library_index() if group == "method"})
    found = judged(["rk4", "gauss4"] if given.smallest else names)
    proven = [entry for entry in found if entry["why_not"] is None]
    rest = [entry for entry in found if entry["why_not"] is not None]
    lines = ["# sympy as the second prover", "", study.about(__doc__), ""]
    lines += [f"Of {len(found)} methods sympy proves {len(proven)} again, and differs on none.", ""]
    lines += ["| not proven again | order | why |", "| --- | --- | --- |"]
    lines += [f"| {entry['name']} | {entry['order']} | {entry['why_not']} |" for entry in rest]
    lines += ["", "| order | proven again | seconds in all | slowest | seconds |", "| --- | --- | --- | --- | --- |"]
    for order in sorted({entry["order"] for entry in proven}):
        level = [entry for entry in proven if entry["order"] == order]
        slowest = max(level, key=lambda entry: float(entry["seconds"]))
        total = sum(float(entry["seconds"]) for entry in level)
        lines.append(f"| {order} | {len(level)} | {total:.2f} | {slowest['name']} | {slowest['seconds']:.2f} |")
    lines += ["", "Proven again: " + ", ".join(entry["name"] for entry in proven) + "."]
    study.write(given, "second_prover", "\n".join(lines), {"methods": found})


if __name__ == "__main__":
    main()
