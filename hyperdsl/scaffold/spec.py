"""The text of a new spec, in the canonical layout, with the blueprint's steps where they are taken."""

from __future__ import annotations

from hyperdsl.scaffold.choices import STEPS, Choices
from hyperdsl.semantics.reading.names import class_name
from hyperdsl.source import Source
from hyperdsl.syntax.parser import parse
from hyperdsl.syntax.printer import print_file


def spec_text(chosen: Choices) -> str:
    """The whole spec; what cannot be parsed is left as it is, for the compiler to say why."""
    parts = [_head(chosen), _problem(chosen), chosen.base.source, *_learned(chosen), _control(chosen), _solver(chosen)]
    return canonical("\n".join(part for part in parts if part))


def canonical(text: str) -> str:
    """The text as `hyperdsl fmt` lays it out; as it is where it cannot be parsed."""
    tree, _ = parse(Source("new.hyper", text))
    return text if tree is None else print_file(tree)


def solver_name(chosen: Choices) -> str:
    """What the solver's class is called."""
    return class_name(chosen.name)


def _step(number: int) -> str:
    step = STEPS[number - 1]
    return f"# {number}. {step[:1].upper()}{step[1:]}."


def _head(chosen: Choices) -> str:
    where = "the problem below" if chosen.equations else "problem.py"
    return f"""# {chosen.name}, by the seven steps of the blueprint for hypersolvers (Poli & Massaroli et al., 2020).
{_step(1)} That is {where}.
{_step(2)} f comes trained and stays as it is.
"""


def _problem(chosen: Choices) -> str:
    if not chosen.equations:
        return ""
    lines = "\n".join((*chosen.equations, *chosen.domains))
    return f"problem {chosen.name}_problem {{\n{lines}\nspan {chosen.span}\n}}\n"


def _learned(chosen: Choices) -> list[str]:
    """The corrector and its training, as far as something is learned."""
    low, high = chosen.range_of_steps
    if chosen.learn == "nothing":
        return []
    if chosen.learn == "coefficients":
        steps = f"loss end\nsteps {chosen.steps}"
        return [_training(chosen, steps, states="")]
    network = "inputs z, dz, s, eps\nlayers linear(64), silu, linear(64), silu"
    states = ", ".join("noise(1/20)" if word == "noise" else word for word in chosen.states)
    nominal = f"{_step(6)}\nstates {states}\n"
    return [
        f"{_step(5)}\ncorrector learned_term {{\n{network}\n}}\n",
        _training(chosen, f"loss residual\nsteps {low} .. {high}", states=nominal),
    ]


def _training(chosen: Choices, loss: str, states: str) -> str:
    high = f"{_step(3)}\nreference rk4 {{\nsubsteps 32\ndtype float64\n}}"
    last = f"{_step(7)}\noptimizer adamw(lr = 1e-2, weight_decay = 1e-6)\niterations {chosen.iterations}\nbatch 256"
    return f"training fit {{\n{loss}\n{states}{high}\n{last}\n}}\n"


def _control(chosen: Choices) -> str:
    """The step-size control, and with a corrector the base alone beside it, to compare with."""
    if chosen.tolerance is None:
        return ""
    plain = chosen.base.estimate
    settings = f"rtol {chosen.tolerance}\natol {chosen.tolerance}/{chosen.absolutely}"
    control = f"control adaptive {{\nerror {plain}\n{settings}\n}}\n"
    if chosen.learn != "corrector":
        return control
    learned = "learned, embedded" if plain == "embedded" else "learned"
    control = f"control adaptive {{\nerror {learned}\n{settings}\n}}\n\n" + control.replace("adaptive", "plain")
    return (
        f"{control}\n# The base alone, to compare with.\n"
        f"solver {solver_name(chosen)}Base {{\nbase {chosen.base.written}\ncontrol plain\n}}\n"
    )


def _solver(chosen: Choices) -> str:
    base = f"learned({chosen.base.name})" if chosen.learn == "coefficients" else chosen.base.written
    whose = " for all values" if chosen.base.values else ""
    lines = [_step(4), f"base {base}  # order {chosen.base.order}, proven{whose}"]
    if chosen.learn == "corrector":
        lines.append("corrector learned_term")
    if chosen.learn != "nothing":
        lines.append("training fit")
    if chosen.tolerance is not None:
        lines.append("control adaptive")
    kind = "hypersolver" if chosen.learn == "corrector" else "solver"
    return f"{kind} {solver_name(chosen)} {{\n" + "\n".join(lines) + "\n}\n"
