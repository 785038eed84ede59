"""A reaction network of an SBML file, written as a `problem` of hyperdsl's language.

    pip install python-libsbml sympy
    python tools/sbml_to_hyper.py MODEL.xml NAME --span 0 15 --start DOSE=25..75 --parameter BW=50..100 > NAME.hyper

Parameters that are given a range stay parameters, and so do those of `--keep`; all others are put in as numbers, and
so are the rules that assign. A start without a range has one that is a billionth wide. A file with events, delays,
algebraic rules or functions of its own is refused, and so is what the language has no word for.
"""

from __future__ import annotations

import argparse
import sys
from fractions import Fraction
from typing import Any

import libsbml  # type: ignore[import-not-found,unused-ignore]  # only this program needs it
import sympy

FUNCTIONS = {
    libsbml.AST_FUNCTION_EXP: sympy.exp,
    libsbml.AST_FUNCTION_LN: sympy.log,
    libsbml.AST_FUNCTION_POWER: sympy.Pow,
    libsbml.AST_POWER: sympy.Pow,
    libsbml.AST_DIVIDE: lambda above, below: above / below,
}
NARROW = Fraction(1, 10**9)


class RefusedError(ValueError):
    """The file has what this program does not write."""


def exact(value: float) -> sympy.Rational:
    """The decimal that a float was written as."""
    return sympy.Rational(repr(value))


def expression(node: Any) -> sympy.Expr:
    """A formula, node by node. RefusedError where the language has no word for it."""
    kind, parts = node.getType(), [expression(node.getChild(i)) for i in range(node.getNumChildren())]
    if node.isNumber():
        return sympy.Integer(node.getInteger()) if node.isInteger() else exact(node.getValue())
    if kind == libsbml.AST_NAME:
        return sympy.Symbol(node.getName())
    if kind == libsbml.AST_PLUS:
        return sympy.Add(*parts)
    if kind == libsbml.AST_TIMES:
        return sympy.Mul(*parts)
    if kind == libsbml.AST_MINUS:
        return -parts[0] if len(parts) == 1 else parts[0] - parts[1]
    if kind in FUNCTIONS:
        return FUNCTIONS[kind](*parts)
    raise RefusedError(f"the language has no word for {libsbml.formulaToL3String(node)}")


class Network:
    """A model's equations: rates of `states` with their `starts`, `fixed` parameters, and `rules` that assign."""

    def __init__(self, model: Any) -> None:
        rules = list(model.getListOfRules())
        if model.getNumEvents() or model.getNumFunctionDefinitions() or model.getNumInitialAssignments():
            raise RefusedError("it has events, functions of its own or assignments of initial values")
        if any(rule.isAlgebraic() for rule in rules):
            raise RefusedError("it has algebraic rules")
        self.states: dict[str, sympy.Expr] = {}
        self.rules = {one.getVariable(): expression(one.getMath()) for one in rules if one.isAssignment()}
        self.rules |= {one.getId(): expression(one.getKineticLaw().getMath()) for one in model.getListOfReactions()}
        self.fixed = {one.getId(): one.getSize() for one in model.getListOfCompartments()}
        self.fixed |= {one.getId(): one.getValue() for one in model.getListOfParameters()}
        self._species(model)
        for rule in (rule for rule in rules if rule.isRate()):
            self.states[rule.getVariable()] = expression(rule.getMath())
        self.starts = {name: self.fixed.pop(name) for name in self.states}

    def _species(self, model: Any) -> None:
        """A rate for each species that reactions change, in the unit in which the file has it."""
        changes: dict[str, sympy.Expr] = {}
        for reaction in model.getListOfReactions():
            if reaction.getKineticLaw().getNumLocalParameters():
                raise RefusedError(f"{reaction.getId()} has parameters of its own")
            for sign, sides in ((-1, reaction.getListOfReactants()), (1, reaction.getListOfProducts())):
                for side in sides:
                    change = sign * exact(side.getStoichiometry()) * sympy.Symbol(reaction.getId())
                    changes[side.getSpecies()] = changes.get(side.getSpecies(), 0) + change
        for one in model.getListOfSpecies():
            name = one.getId()
            self.fixed[name] = one.getInitialAmount() if one.isSetInitialAmount() else one.getInitialConcentration()
            if name in changes and not one.getBoundaryCondition():
                size = 1 if one.getHasOnlySubstanceUnits() else sympy.Symbol(one.getCompartment())
                self.states[name] = changes[name] / size

    def rate(self, state: str, kept: set[str]) -> sympy.Expr:
        """A state's rate of states and of the parameters that are kept, all else put in."""
        found = self.states[state]
        while known := {symbol: self._value(symbol.name) for symbol in found.free_symbols if self._known(symbol, kept)}:
            found = found.xreplace(known)
        return tidy(found)

    def _known(self, symbol: sympy.Symbol, kept: set[str]) -> bool:
        return symbol.name not in kept and symbol.name not in self.states

    def _value(self, name: str) -> sympy.Expr:
        if name in self.rules:
            return self.rules[name]
        if name not in self.fixed:
            raise RefusedError(f"nothing says what {name} is")
        return exact(self.fixed[name])


def tidy(rate: sympy.Expr) -> sympy.Expr:
    """A sum with one quotient for each denominator, whose leading number is 1."""
    above: dict[sympy.Expr, sympy.Expr] = {}
    for term in sympy.Add.make_args(sympy.expand(rate)):
        numerator, denominator = sympy.fraction(term)
        above[denominator] = above.get(denominator, 0) + numerator
    total = sympy.Integer(0)
    for denominator, numerator in above.items():
        top, bottom = sympy.fraction(sympy.cancel(numerator / denominator))
        first = sympy.LC(bottom) if bottom.free_symbols else bottom
        total += sympy.expand(top / first) / sympy.expand(bottom / first)
    return total


def text(value: sympy.Expr) -> str:
    """An expression in the language, with twelve digits of numbers."""
    return str(sympy.N(value, 12)).replace("**", "^").replace("__", "_")


def start(given: str | None, value: float) -> str:
    """A range to start in."""
    if given is not None:
        return given.replace("..", " .. ")
    low = Fraction(repr(value))
    return f"{float(low):.12g} .. {float(low + (abs(low) or NARROW) * NARROW):.12g}"


def written(network: Network, name: str, arguments: argparse.Namespace) -> str:
    """The problem as text."""
    ranges, starts = (dict(pair.split("=", 1) for pair in pairs) for pairs in (arguments.parameter, arguments.start))
    kept = {**{key: str(network.fixed[key]) for key in arguments.keep}, **ranges}
    rates = {state: network.rate(state, set(kept)) for state in network.states if state not in arguments.without}
    parameters = ", ".join(f"{key} = {value.replace('..', ' .. ')}" for key, value in kept.items())
    lines = [f"{text(sympy.Symbol(state))}' = {text(rate)}" for state, rate in rates.items()]
    lines += [f"{text(sympy.Symbol(state))} in {start(starts.get(state), network.starts[state])}" for state in rates]
    lines.append(f"span {arguments.span[0]} .. {arguments.span[1]}")
    return f"problem {name}({parameters}) {{\n    " + "\n    ".join(lines) + "\n}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("name")
    parser.add_argument("--span", nargs=2, default=("0", "1"))
    for option in ("start", "parameter", "keep", "without"):
        parser.add_argument(f"--{option}", action="append", default=[])
    arguments = parser.parse_args()
    document = libsbml.readSBML(arguments.model)
    if document.getNumErrors(libsbml.LIBSBML_SEV_ERROR) or document.getModel() is None:
        print(f"{arguments.model} is no valid SBML", file=sys.stderr)
        return 1
    try:
        print(written(Network(document.getModel()), arguments.name, arguments), end="")
    except RefusedError as error:
        print(f"{arguments.model}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
