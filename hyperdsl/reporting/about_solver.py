"""What a solver is and what is proven of it, in plain words, from its certificate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from hyperdsl.reporting.page import Part, Table
from hyperdsl.reporting.subject import Subject
from hyperdsl.semantics.model.additive import Additive
from hyperdsl.semantics.model.rosenbrock import Rosenbrock
from hyperdsl.semantics.model.spec import Method
from hyperdsl.training.learned import corrector_of

WIDEST = 7
"""Stages up to which a tableau is shown as a table."""
KINDS = {
    "explicit": "explicit Runge–Kutta method",
    "dirk": "diagonally implicit Runge–Kutta method",
    "implicit": "implicit Runge–Kutta method",
    "rosenbrock": "Rosenbrock method, which factorises one matrix a step and iterates nothing",
    "additive": "implicit-explicit method: f comes in two parts, of which one is solved for",
    "multistep": "linear multistep method, which reads the steps before",
    "predictor_corrector": "predictor-corrector pair, which reads the steps before",
    "variable": "family of multistep formulas, whose order and step follow the error",
}
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def about_solver(subject: Subject) -> Part:
    """Its step, its base, its network, and the spec it was made from."""
    entry = subject.entry
    tables = tuple(_tableau(entry.get("tableau"), str(entry.get("base"))))
    spec = subject.package.certificate.get("sources", {}).get(subject.package.certificate.get("spec"))
    code = ("The spec that it was made from", str(spec)) if spec else None
    return Part("solver", "What the solver is", tuple(_sentences(subject)), (), equation(subject), tables, code=code)


def equation(subject: Subject) -> str:
    """The step as an equation."""
    power = subject.entry.get("residual_power")
    if power is None:
        return "z₁ = z + ε ψ(s, z, ε)"
    reads = ", ".join(str(name).replace("eps", "ε") for name in subject.entry.get("corrector_inputs") or ("z",))
    return f"z₁ = z + ε ψ(s, z, ε) + ε{str(power).translate(_RAISED)} g({reads})"


def _sentences(subject: Subject) -> Iterator[str]:
    entry, name = subject.entry, subject.name
    kind = KINDS.get(str(entry.get("kind")), "method")
    count = entry.get("evaluations_per_step")
    yield (
        f"{name} goes from a state z at time s to a state z₁ at time s + ε, again and again over the span. ψ is a step "
        f"of {entry.get('base')}, {_article(kind)}, of order {entry.get('order')}; a step takes {count} "
        f"evaluation{'s' * (count != 1)} of f."
    )
    if entry.get("control"):
        control = entry["control"]
        yield (
            f"It chooses its steps by itself, so that the error of each stays below a tolerance: rtol "
            f"{control.get('rtol')} and atol {control.get('atol')} unless it is told otherwise."
        )
    grid = entry.get("grid")
    if grid:
        how = "which training moves" if grid.get("learned") else "which are given"
        yield f"Its steps lie between fractions of the span of their own, {how}: {', '.join(grid['points'])}."
    learned = entry.get("learned_parameters") or {}
    if learned:
        few = ", ".join(list(learned)[:6]) + (", …" if len(learned) > 6 else "")
        yield f"{len(learned)} numbers of the method itself are found by training: {few}."
    if entry.get("free_parameters"):
        values = ", ".join(f"{key} = {value:g}" for key, value in subject.parameters.items())
        yield f"The method is a family with free numbers, here {values}."
    g = corrector_of(subject.solver)
    if g is None:
        yield "Nothing is added to the step by a network."
        return
    weights = sum(weight.numel() for weight in g.parameters())
    output = entry.get("corrector_output")
    size = ", in proportion to the size of f there" if output == "relative" else ""
    yield (
        f"g is a small neural network that learns what the step of {entry.get('base')} gets wrong{size}: "
        f"{_layers(g)}; {weights:,} weights. It is called once a step."
    )


def _article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _layers(g: nn.Module) -> str:
    """The layers from the input on, in a line."""
    found = []
    for layer in g.modules():
        if isinstance(layer, nn.Linear):
            found.append(f"{layer.in_features} → {layer.out_features}")
        elif isinstance(layer, nn.Conv2d):
            found.append(f"convolution {layer.in_channels} → {layer.out_channels}")
        elif not [*layer.children()] and layer is not g:
            found.append(type(layer).__name__)
    return ", ".join(found) or type(g).__name__


def _tableau(tableau: Any, base: str) -> Iterator[Table]:
    if not isinstance(tableau, Mapping) or not tableau.get("a") or len(tableau.get("c", ())) > WIDEST:
        return
    stages = len(tableau["c"])
    rows = [(c, *row, *[""] * (stages - len(row))) for c, row in zip(tableau["c"], tableau["a"], strict=True)]
    rows += [("b" if k == 0 else "b̂", *row, *[""] * (stages - len(row))) for k, row in enumerate(tableau["weights"])]
    if max(len(cell) for row in rows for cell in row) <= 24:
        heads = ("c", *(f"a of stage {k}" for k in range(1, stages + 1)))
        yield Table(f"Coefficients of {base} (Butcher tableau)", heads, tuple(rows))


def proven(subject: Subject) -> Part:
    """What has been proven, and what that means."""
    return Part("proven", "What is proven", tuple(_proofs(subject)), tuple(_further(subject)))


def _proofs(subject: Subject) -> Iterator[str]:
    entry, order = subject.entry, subject.entry.get("order")
    count = entry.get("conditions")
    tolerance = entry.get("tolerance")
    how = f"within a tolerance of {tolerance}" if tolerance else "in exact arithmetic, without rounding"
    told = f"all {count} order conditions hold" if count is not None else "its order conditions hold"
    if count == 1:
        told = "its order condition holds"
    yield (
        f"{entry.get('base')} has order {order}: {told}, {how}. That is a theorem about every smooth f, not a "
        f"measurement: with steps half as long, the error at the end falls to 1/{2 ** int(order or 0)} of what it was "
        "once the steps are short enough."
    )
    if subject.corrected:
        g = corrector_of(subject.solver)
        bound = getattr(g, "bound", None)
        power = entry.get("residual_power")
        if bound is None:
            yield (
                f"The network's term has ε to the power {power} before it, so that the order stays while g stays "
                "limited. How much smaller the error becomes is measured below, not proven."
            )
        else:
            yield (
                f"Whatever the network's weights are, its term is at most {bound:g}·|ε|^{power} in each component: the "
                "order of the base survives any training. How much smaller the error becomes is measured below."
            )
    if subject.declared is None:
        yield "The package does not hold the spec that it was made from, or that is at fault: nothing was proven again."
    else:
        yield "While this report was made, the spec in the package was checked and proven again, with the same result."


def _further(subject: Subject) -> Iterator[str]:
    entry = subject.entry
    for order in entry.get("embedded_orders") or ():
        yield f"a second row of weights has order {order}, which estimates errors"
    if entry.get("dense_order"):
        yield f"between its steps there is a formula of order {entry['dense_order']}"
    held = {
        "stiffly_accurate": "stiffly accurate",
        "l_stable": "L-stable: very fast decays are damped at any step size",
        "zero_stable": "zero-stable",
    }
    yield from (text for key, text in held.items() if entry.get(key) is True)
    base = getattr(subject.declared, "base", None)
    if isinstance(base, Method | Additive | Rosenbrock) and base.tolerance is None and not entry.get("tolerance"):
        yield "all coefficients are exact numbers, not decimals"
    if subject.package.spec_sha256:
        yield f"sha256 of the spec: {subject.package.spec_sha256}"
