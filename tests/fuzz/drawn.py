"""Random valid specs: a list of parts, each with declarations of its own names."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, composite

from tests.fuzz import methods, studies
from tests.fuzz.methods import Drawn
from tests.fuzz.parts import Call, Network, Part

ERRORS = ("embedded", "learned", "doubling", "learned, embedded")


@composite
def specs(draw: DrawFn) -> list[Part]:
    kinds = (plain, plain, adaptive, family, multistep, pair, hyper, hyper, learned, evaluations, implicit, problem)
    count = draw(st.integers(4, 9))
    return [draw(draw(st.sampled_from(kinds))(f"{i}")) for i in range(count)]


@composite
def calls(draw: DrawFn, values: tuple[str, ...] = ()) -> Call:
    """Numbers that doubles hold exactly."""
    s, eps = draw(st.integers(-64, 64)) / 64, draw(st.integers(1, 8)) / 64
    z = tuple(draw(st.integers(-128, 128)) / 64 for _ in range(3))
    at = {name: f"{draw(st.integers(17, 47))}/64" for name in values}
    return Call(s, eps * draw(st.sampled_from([1, 1, 1, -1])), z, at)


def solver(word: str, tag: str, *lines: str) -> str:
    return f"{word} S{tag} {{\n" + "".join(f"    {line}\n" for line in lines) + "}\n"


@composite
def plain(draw: DrawFn, tag: str) -> Part:
    method = draw(methods.tableaux(f"m{tag}", pair=draw(st.booleans())))
    grid = draw(st.sampled_from(["", "", "grid 0, 1/3, 1", "grid 0, 1e-6, .5, 3/4, 1"]))
    text = method.text + solver("solver", tag, f"base {method.name}", *filter(None, [grid]))
    return Part("tableau", text, f"S{tag}", method.numbers, draw(calls()))


@composite
def implicit(draw: DrawFn, tag: str) -> Part:
    """Proven, and no more: there are no solvers on implicit tableaus yet."""
    method = draw(methods.tableaux(f"m{tag}", explicit=False, pair=draw(st.booleans())))
    return Part("tableau", method.text, None, method.numbers)


@composite
def family(draw: DrawFn, tag: str) -> Part:
    """Each parameter a number, a range, the whole range, or learned from where it starts."""
    method = draw(methods.tableaux(f"m{tag}", family=True))
    call = draw(calls(method.parameters))
    ways = ["number", "free", "range", "learned"]
    chosen = [draw(st.sampled_from(ways)) for _ in method.parameters]
    if "learned" in chosen:  # not beside free ones yet
        chosen = ["number" if way in ("free", "range") else way for way in chosen]
    arguments: list[str] = []
    values: dict[str, Any] = {}
    starts: dict[str, Any] = {}
    for name, way in zip(method.parameters, chosen, strict=True):
        value = call.values[name]
        text = {"number": value, "free": "free", "range": "17/64 .. 47/64", "learned": f"learned({value})"}[way]
        arguments.append(f"{name} = {text}")
        (values if way in ("free", "range") else starts)[name] = value
    at = Call(call.s, call.eps, call.z, values, starts)
    text = method.text + solver("solver", tag, f"base {method.name}({', '.join(arguments)})")
    return Part("tableau", text, f"S{tag}", method.numbers, at)


@composite
def learned(draw: DrawFn, tag: str) -> Part:
    """Every coefficient learned, from some steps of a method on."""
    method = draw(methods.tableaux(f"m{tag}"))
    stages = method.text.count(" | ") - method.text.count("          | ")
    copies = draw(st.integers(2, min(3, 16 // stages)))  # one euler step has nothing to learn
    training = draw(studies.trainings(f"t{tag}", losses=studies.OF_COEFFICIENTS))
    base = f"base learned({method.name}, steps = {copies})"
    text = method.text + training + solver("solver", tag, base, f"training t{tag}")
    return Part("tableau", text, f"S{tag}", method.numbers, draw(calls()), copies=copies)


@composite
def evaluations(draw: DrawFn, tag: str) -> Part:
    """n evaluations, from those of a known method on an equal grid."""
    start = draw(st.sampled_from(["ab2", *methods.KNOWN]))
    count = draw(st.integers(1, 4)) * (methods.KNOWN[start][1] if start in methods.KNOWN else 2)
    count = max(count, 2)
    numbers, copies = methods.adams(count), 1
    if start in methods.KNOWN:
        numbers, each = methods.KNOWN[start]
        copies = count // each
    written = "" if start == "ab2" and draw(st.booleans()) else f", start = {start}"
    training = draw(studies.trainings(f"t{tag}", losses=studies.OF_COEFFICIENTS))
    text = training + solver("solver", tag, f"base learned({count}{written})", f"training t{tag}")
    return Part("tableau", text, f"S{tag}", numbers, draw(calls()), copies=copies)


@composite
def adaptive(draw: DrawFn, tag: str) -> Part:
    error = draw(st.sampled_from(ERRORS))
    method = draw(
        methods.tableaux(f"m{tag}", pair="embedded" in error).filter(_has_an_error if "embedded" in error else _any)
    )
    control = draw(studies.controls(f"c{tag}", error))
    lines = [f"base {method.name}", f"control c{tag}"]
    text, corrector, network = method.text + control, None, None
    if "learned" in error or draw(st.integers(0, 3)) == 0:
        more, corrector, network, training = draw(_corrected(tag, method, history=False))
        text, lines = text + more, [*lines, *training]
    text += solver("hypersolver" if corrector else "solver", tag, *lines)
    return Part(
        "tableau", text, f"S{tag}", method.numbers, draw(calls()), corrector, network, error=error, dense=method.dense
    )


def _any(method: Drawn) -> bool:
    return True


def _has_an_error(method: Drawn) -> bool:
    """Whether its two rows of weights differ once equal stages are one: here, where no stages are equal."""
    nodes, rows = method.numbers["c"], method.numbers["weights"]
    assert isinstance(nodes, list)
    assert isinstance(rows, list)
    values = [methods.exact(text).evalf(30) for text in nodes]
    different = any(abs((methods.exact(b) - methods.exact(d)).evalf(30)) > 1e-9 for b, d in zip(*rows, strict=True))
    return different and len({f"{value:.20f}" for value in values}) == len(values)


@composite
def multistep(draw: DrawFn, tag: str) -> Part:
    method = draw(methods.multisteps(f"m{tag}", implicit=draw(st.booleans())))
    return draw(_history("multistep", tag, method))


@composite
def pair(draw: DrawFn, tag: str) -> Part:
    return draw(_history("pair", tag, draw(methods.pairs(f"m{tag}"))))


@composite
def _history(draw: DrawFn, kind: str, tag: str, method: Drawn) -> Part:
    text, lines, corrector, network = method.text, [f"base {method.name}"], None, None
    if draw(st.integers(0, 2)) == 0:
        more, corrector, network, training = draw(_corrected(tag, method, history=True))
        text, lines = text + more, [*lines, *training]
    text += solver("hypersolver" if corrector else "solver", tag, *lines)
    return Part(kind, text, f"S{tag}", method.numbers, draw(calls()), corrector, network)


@composite
def hyper(draw: DrawFn, tag: str) -> Part:
    """Fixed steps with a learned term; some are swept."""
    method = draw(methods.tableaux(f"m{tag}"))
    more, corrector, network, lines = draw(_corrected(tag, method, history=False))
    text = method.text + more + solver("hypersolver", tag, f"base {method.name}", *lines)
    if network and network.field_width is None and "linear" in more and "bilinear" not in more:
        text += draw(studies.sweeps(f"w{tag}", f"S{tag}")) if draw(st.booleans()) else ""
    return Part("tableau", text, f"S{tag}", method.numbers, draw(calls()), corrector, network)


@composite
def _corrected(draw: DrawFn, tag: str, method: Drawn, *, history: bool) -> tuple[str, str, Network | None, list[str]]:
    """Declarations of a corrector and a training, the kind of corrector, its network, and the lines that name them."""
    training = draw(studies.trainings(f"t{tag}")) if draw(st.booleans()) else ""
    lines = [f"training t{tag}"] if training else []
    if draw(st.booleans()):
        return training, "external", None, ["corrector external", *lines]
    text, network = draw(studies.correctors(f"g{tag}", method.parameters, history=history))
    return text + training, "network", network, [f"corrector g{tag}", *lines]


@composite
def problem(draw: DrawFn, tag: str) -> Part:
    text, numbers = draw(studies.problems(f"p{tag}"))
    return Part("problem", text, None, {**numbers, "name": f"p{tag}"}, draw(calls()))
