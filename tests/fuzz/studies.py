"""Random controls, correctors, trainings, sweeps and problems, as text."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, composite

from tests.fuzz.methods import nonzero, spelled
from tests.fuzz.parts import Network

SMOOTH = ("tanh", "softplus", "silu", "gelu", "sin")
MODULES = {"tanh": "Tanh", "softplus": "Softplus", "silu": "SiLU", "gelu": "GELU", "sin": "Sine"}
POINTS, MAPS = (3,), (2, 3, 3)

positive = st.builds(Fraction, st.integers(1, 12), st.integers(1, 12))


@composite
def some_of(draw: DrawFn, lines: list[str]) -> str:
    """Each of the lines or not, in any order."""
    kept = draw(st.lists(st.sampled_from(lines), unique=True, max_size=len(lines))) if lines else []
    return "".join(f"    {line}\n" for line in kept)


@composite
def controls(draw: DrawFn, name: str, error: str) -> str:
    gains = [str(draw(positive)) for _ in range(draw(st.integers(1, 3)))]
    if len(gains) == 1:
        gains = [draw(st.sampled_from(["0", "1/2"])), "1"]
    lines = [
        f"rtol 1e-{draw(st.integers(2, 7))}",
        f"atol {draw(spelled(Fraction(1, 10 ** draw(st.integers(3, 8)))))}",
        f"gains {', '.join(gains)}",
        f"safety {draw(st.integers(1, 9))}/10",
        f"factor 1/{draw(st.integers(2, 9))} .. {draw(st.integers(2, 9))}",
        f"first_step 1/{draw(st.integers(2, 50))}",
        f"max_steps {draw(st.integers(1000, 5000))}",
        f"per_sample {draw(st.sampled_from(['no', 'yes']))}",
    ]
    return f"control {name} {{\n    error {error}\n{draw(some_of(lines))}}}\n"


@composite
def layers(draw: DrawFn, maps: bool, bilinear: bool) -> str:
    """The hidden layers: convolutions where the states are maps."""
    kernel = f", kernel = {draw(st.sampled_from([1, 3]))}" if maps else ""
    sizes = [f"conv2d({draw(st.integers(1, 6))}{kernel})" if maps else f"linear({draw(st.integers(1, 9))})"]
    sizes.append(
        f"residual({draw(st.integers(1, 9))}, activation = {draw(st.sampled_from([*SMOOTH, 'relu']))}{kernel})"
    )
    first = [f"bilinear({draw(st.integers(1, 9))}, activation = {draw(st.sampled_from(SMOOTH))}{kernel})"]
    rest = draw(st.lists(st.sampled_from([*sizes, *SMOOTH, "relu", "prelu"]), max_size=4))
    return ", ".join([*(first if bilinear else [sizes[0]]), *rest])


@composite
def correctors(draw: DrawFn, name: str, parameters: tuple[str, ...], *, history: bool) -> tuple[str, Network]:
    """A network, with what its constructor takes."""
    kind = draw(st.sampled_from(["points", "points", "maps", "bilinear", "bilinear maps", "field"]))
    maps, bilinear = "maps" in kind, "bilinear" in kind or kind == "field"
    known = ["z", "dz", "s", "eps", "x", "stages", *parameters]
    inputs = draw(st.lists(st.sampled_from(known), unique=True, min_size=1))
    if bilinear:
        inputs = ["z", "dz", *(word for word in inputs if word not in ("z", "dz"))]
    bound = draw(st.sampled_from([None, None, "1", "5/2", "1e-2"]))
    width, activation = draw(st.integers(1, 6)), draw(st.sampled_from(SMOOTH[:4]))
    body = f"    inputs {', '.join(inputs)}\n"
    if kind == "field":
        body += f"    layers bilinear({width}, activation = {activation})\n    start field\n"
    else:
        body += f"    layers {draw(layers(maps, bilinear))}\n"
    body += f"    bound {bound}\n" if bound else ""
    network = Network(
        shape=MAPS if maps else POINTS,
        input_shape=((1, 3, 3) if maps else (2,)) if "x" in inputs else (),
        bound=bound,
        field_width=width if kind == "field" else None,
        field_activation=MODULES[activation],
    )
    return f"corrector {name} {{\n{body}}}\n", network


LOSSES = ("residual", "trajectory", "adversarial")
OF_COEFFICIENTS = ("residual", "trajectory")
"""Worst cases of states are not sought for learned coefficients."""


@composite
def trainings(draw: DrawFn, name: str, *, losses: tuple[str, ...] = LOSSES) -> str:
    body = draw(_phase(losses))
    seed = f"    seed {draw(st.integers(0, 99))}\n"
    then = "".join(f"    then {{\n{draw(_phase(losses))}    }}\n" for _ in range(draw(st.integers(0, 2))))
    return f"training {name} {{\n{body}{seed}{then}}}\n"


@composite
def _phase(draw: DrawFn, losses: tuple[str, ...]) -> str:
    loss = draw(st.sampled_from(losses))
    arguments = {"residual": "", "trajectory": f"(steps = {draw(st.integers(1, 9))})"}
    arguments["adversarial"] = f"(radius = {draw(positive)}, steps = {draw(st.integers(1, 5))})"
    share = draw(st.integers(1, 9))
    low = draw(st.integers(1, 9))
    lines = [
        draw(st.sampled_from(["states trajectory", f"states trajectory(share = {share}/10), noise(1/20), box"])),
        draw(st.sampled_from([f"steps {low} .. {low + 9}", f"steps {low}", "eps 1/20 .. 1/2"])),
        f"reference {draw(st.sampled_from(['rk4', 'heun', 'dopri5']))} {{\n        substeps {low}\n    }}",
        f"optimizer adamw(lr = {draw(positive)}, weight_decay = 1e-{low}, clip = {draw(positive)})",
        f"schedule {draw(st.sampled_from(['cosine', 'constant']))}",
        f"iterations {draw(st.integers(1, 500))}",
        f"batch {draw(st.integers(1, 500))}",
    ]
    return f"    loss {loss}{arguments[loss]}\n" + draw(some_of(lines))


@composite
def sweeps(draw: DrawFn, name: str, solver: str) -> str:
    """Of a hypersolver with a network that may be of any width and depth."""
    low = draw(st.integers(1, 9))
    lines = [
        f"width {low} .. {low + 20}",
        "depth 1 .. 3",
        f"lr 1e-{low + 1} .. 1e-1",
        f"batch {low}, {low + 5}",
        f"iterations {low} .. {low + 100}",
        f"trials {low}",
        f"seed {low}",
        "steps 1, 2, 4",
    ]
    return f"sweep {name} {{\n    solver {solver}\n    base euler, heun, rk4\n{draw(some_of(lines))}}}\n"


def expressions(names: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Right-hand sides that are finite wherever their names are."""
    leaves = st.one_of(st.sampled_from([*names, "s", "pi"]), nonzero.map(lambda q: f"({q})"), st.just("0.3"))

    def deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        sums = st.tuples(inner, inner).map(lambda t: f"({t[0]} + {t[1]})")
        differences = st.tuples(inner, inner).map(lambda t: f"({t[0]} - {t[1]})")
        products = st.tuples(inner, inner).map(lambda t: f"({t[0]}*{t[1]})")
        calls = st.tuples(st.sampled_from(["sin", "cos", "tanh", "abs"]), inner).map(lambda t: f"{t[0]}({t[1]})")
        safe = inner.map(lambda t: f"exp(-({t})^2)") | inner.map(lambda t: f"log(2 + cos({t}))")
        powers = st.tuples(inner, st.integers(0, 3)).map(lambda t: f"({t[0]})^{t[1]}")
        roots = inner.map(lambda t: f"sqrt(1 + sin({t})^2)") | inner.map(lambda t: f"-{t}/(3 + cos({t}))")
        return st.one_of(sums, differences, products, calls, safe, powers, roots)

    return st.recursive(leaves, deeper, max_leaves=8)


@composite
def problems(draw: DrawFn, name: str) -> tuple[str, dict[str, object]]:
    """A problem of one to three states, and its right-hand sides."""
    states = draw(st.sampled_from([("x",), ("x", "y"), ("x", "y", "v")]))
    constant = draw(nonzero)
    drawn = draw(st.booleans())
    right = [draw(expressions((*states, "mu", "w"))) for _ in states]
    parameters = f"mu = {constant}, w = {'1/4 .. 3/4' if drawn else '1/2'}"
    lines = [f"{state}' = {text}" for state, text in zip(states, right, strict=True)]
    lines += [f"{state} in -1 .. {draw(st.integers(0, 5))}" for state in states]
    lines.append(draw(st.sampled_from(["span 0 .. 2", "span 1 .. 0", "span -1/2 .. 1e1"])))
    body = "".join(f"    {line}\n" for line in lines)
    numbers: dict[str, object] = {"states": states, "right": right, "mu": str(constant), "w": None if drawn else "1/2"}
    return f"problem {name}({parameters}) {{\n{body}}}\n", numbers
