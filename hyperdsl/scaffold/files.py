"""The files of a new solver's folder."""

from __future__ import annotations

from pathlib import Path

from hyperdsl.codegen.render import environment
from hyperdsl.scaffold.choices import EXAMPLE, STIFF, Choices
from hyperdsl.scaffold.spec import solver_name, spec_text

TEMPLATES = Path(__file__).parent / "templates"


def files_of(chosen: Choices) -> dict[str, str]:
    """Names and texts: the spec first."""
    low, high = chosen.range_of_steps
    module, _, attribute = chosen.problem.partition(":")
    view = {
        "name": chosen.name,
        "solver": solver_name(chosen),
        "base": chosen.base.name,
        "learn": chosen.learn,
        "adaptive": chosen.tolerance is not None,
        "tolerances": [f"{10**i} * {chosen.tolerance}" if i else chosen.tolerance for i in (1, 0)],
        "steps": sorted({low, chosen.steps, high}) if chosen.learn != "coefficients" else [chosen.steps],
        "kind": _kind(chosen),
        "split": chosen.base.is_split,
        "iterates": chosen.base.kind in ("dirk", "implicit", "additive", "implicit multistep"),
        "absolutely": chosen.absolutely,
        "stiff": chosen.problem in STIFF,
        "module": module,
        "attribute": attribute,
    }
    made = environment(TEMPLATES, str)
    texts = {name: made.get_template(f"{name}.jinja").render(view) for name in ("problem.py", "run.py")}
    return {f"{chosen.name}.hyper": spec_text(chosen), **texts}


def _kind(chosen: Choices) -> str:
    """Where the problem comes from."""
    if chosen.equations:
        return "equations"
    if chosen.problem == EXAMPLE:
        return "example"
    return "own" if ":" in chosen.problem else "built_in"
