"""Steps that are run: to the last bit as generated code, and as a plain loop over the tableau."""

from __future__ import annotations

import importlib
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from hyperdsl.codegen.torch.printer import step_lines
from hyperdsl.plan import Coefficient, Evaluate, Plan, Solve, Step, Term, plan
from hyperdsl.plan.interpret import Interpreter, stepper
from hyperdsl.plan.passes import simplified
from hyperdsl.plan.runge_kutta import runge_kutta, tableau_step
from hyperdsl.plan.step import exactly, state
from hyperdsl.semantics.check import check_file
from hyperdsl.semantics.model.expressions import Binary, Constant, Expression, Function, Negation, Variable
from hyperdsl.semantics.model.spec import External
from hyperdsl.semantics.reading.scope import Project
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact
from hyperdsl.theory.runge_kutta.tableau import Tableau
from tests.plan.made import controlled, history, library_tables

SPECS = Path(__file__).parents[2] / "specs"
S, EPS = torch.tensor(0.3, dtype=torch.float64), torch.tensor(0.17, dtype=torch.float64)
Z = torch.tensor([[0.4, 1.1], [-0.8, 0.3]], dtype=torch.float64)

TWO = Exact.of(2)


FAMILY = """method family(alpha) {
    where 0 < alpha < 1
    order 1
    tableau {
        0 |
        alpha | alpha
        --+--
          | 1 - (1/3 + 1/7)*alpha, (1/3 + 1/7)*alpha
    }
}
"""


def field(s: Tensor, z: Tensor) -> Tensor:
    x, y = z.unbind(-1)
    return torch.stack((y * torch.cos(s), -torch.sin(x) + s * y / 3), -1)


def printed(step: Step, **names: object) -> Tensor:
    """What the printed lines of a step give."""
    lines, result = step_lines(step)
    values = {"f": field, "s": S, "z": Z, "eps": EPS, **names}
    for line in (*lines, f"end = {result}"):
        exec(line, values)
    end = values["end"]
    assert isinstance(end, Tensor)
    return end


def looped(tableau: Tableau) -> Tensor:
    """One step straight from the tableau, in another order of operations."""
    slopes: list[Tensor] = []
    for c, row in zip(tableau.c, tableau.a, strict=True):
        shift = sum((float(a) * k for a, k in zip(row, slopes, strict=False)), torch.zeros_like(Z))
        slopes.append(field(S + float(c) * EPS, Z + EPS * shift))
    return Z + EPS * sum((float(b) * k for b, k in zip(tableau.weights[0], slopes, strict=True)), torch.zeros_like(Z))


def test_explicit_methods_give_the_bits_of_their_printed_lines_and_the_values_of_a_loop() -> None:
    explicit = [table for table in library_tables().values() if table.tableau.kind == "explicit"]
    numeric = [table.tableau for table in explicit if not table.tableau.parameters]
    assert len(numeric) > 100
    for tableau in numeric:
        step = simplified(tableau_step(tableau))
        end = stepper(step)(field, S, Z, EPS)
        assert torch.equal(end, printed(step))
        torch.testing.assert_close(end, looped(tableau), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ["second_order", "third_order"])
def test_families_take_numbers_for_their_parameters(name: str) -> None:
    table = library_tables()[name]
    step = simplified(runge_kutta(table.tableau, table.entries)[0])
    values = {name: 0.3 + 0.4 * i for i, name in enumerate(sorted(table.tableau.parameters))}
    assert torch.equal(stepper(step, values)(field, S, Z, EPS), printed(step, **values))
    with pytest.raises(KeyError):
        stepper(step)


def test_constants_of_families_are_rounded_once(tmp_path: Path) -> None:
    """1/3 + 1/7 as a sum of two doubles is another number than the double nearest to 10/21."""
    spec = tmp_path / "family.hyper"
    spec.write_text(FAMILY)
    (method,) = check_file(spec, "family.hyper", Project())[0].methods
    step = simplified(runge_kutta(method.tableau, method.entries)[0])
    assert "10 / 21 * alpha" in step_lines(step)[1]
    assert torch.equal(stepper(step, {"alpha": 0.7})(field, S, Z, EPS), printed(step, alpha=0.7))


U = Variable("u")
OF_U: list[tuple[Expression, float]] = [
    (Negation(U), -0.25),
    (Binary("^", U, Constant(TWO)), 0.0625),
    (Binary("-", Constant(ONE), U), 0.75),
    (Binary("/", Constant(TWO), U), 8.0),
    (Binary("*", Function("sqrt", Constant(TWO)), U), math.sqrt(2) / 4),
]


@pytest.mark.parametrize(("written", "value"), OF_U)
def test_coefficients_are_computed_as_they_are_written(written: Expression, value: float) -> None:
    weight = Coefficient(Exact.parameter("u"), written)
    step = Step((Evaluate("k", exactly(ZERO), state()),), (*state(), Term(weight, "k", 1)))
    assert stepper(step, {"u": 0.25})(lambda s, z: z, 0.0, 1.0, 1.0) == 1 + value


def test_a_function_of_a_parameter_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not a number of a tableau: .*u"):
        Coefficient(Exact.parameter("u"), Function("sqrt", U))


def test_equations_take_numbers_for_their_parameters() -> None:
    """k = −(z + εuk)·(s + uε), so that k = −tz / (1 + εut) with t = s + uε."""
    u = Coefficient(Exact.parameter("u"), U)
    solve = Solve((Evaluate("k", u, (*state(), Term(u, "k", 1))),), state(), "newton")
    end = stepper(Step((solve,), (*state(), Term(exactly(ONE), "k", 1))), {"u": 0.25})(
        lambda s, z: -s * z, 0.5, 2.0, 0.125
    )
    t = 0.5 + 0.25 * 0.125
    assert end == pytest.approx(2 - 0.125 * t * 2 / (1 + 0.125 * 0.25 * t), rel=1e-14)


@pytest.mark.parametrize("name", ["ab1", "ab4", "nystrom3", "abm4", "milne_pece", "hamming_pece"])
def test_histories_give_the_bits_of_their_printed_lines(name: str) -> None:
    step = history(name).step
    taken = [torch.cos(Z + i) for i, _ in enumerate(step.takes)]
    end = Interpreter(step)(field, S, Z, EPS, taken).end
    assert torch.equal(end, printed(step, **dict(zip(step.takes, taken, strict=True))))


def plans(spec: str) -> tuple[Plan, ...]:
    path = SPECS / f"{spec}.hyper"
    checked, _ = check_file(path, str(path), Project())
    return tuple(map(plan, checked.solvers))


PACKAGES = ["hyper_euler", "hyper_midpoint", "hyper_heun", "hyper_rk4", "hyper_alpha", "phased_hyper_heun"]


@pytest.mark.parametrize("spec", PACKAGES)
def test_generated_solvers_give_the_bits_of_their_steps(spec: str) -> None:
    package = importlib.import_module(f"generated.{spec}")
    for made in plans(spec):
        torch.manual_seed(3)
        solver = getattr(package, made.name)((2,)).double()
        for weight in solver.parameters():
            torch.nn.init.normal_(weight, std=0.3)
        values = {free.name: 0.45 for free in made.free}
        given = {name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()}

        def g(eps: Tensor, s: Tensor, z: Tensor, *reads: Tensor) -> Tensor:
            out: Tensor = solver.corrector(eps, s, None, z, *reads, **given)  # noqa: B023 - called in this round
            return out

        end = Interpreter(made.step, given)(field, S, Z, EPS, g=g).end
        assert torch.equal(end, solver.step(field, S, Z, EPS, **values))
        assert not torch.equal(end, solver.base_step(field, S, Z, EPS, **values))


def decay(s: Tensor, z: Tensor) -> Tensor:
    return -z


@pytest.mark.parametrize(
    ("name", "order"), [("backward_euler", 1), ("crank_nicolson", 2), ("gauss4", 4), ("radau_iia5", 5)]
)
def test_equations_are_solved(name: str, order: int) -> None:
    step = stepper(tableau_step(library_tables()[name].tableau))
    errors = [float((step(decay, S, Z, h) - Z * math.exp(-h)).norm()) for h in (0.05, 0.025)]
    assert abs(math.log2(errors[0] / errors[1]) - (order + 1)) < 0.1


def test_a_step_runs_on_plain_numbers_without_torch() -> None:
    script = (
        "import sys\n"
        "from hyperdsl.compiler import library_method\n"
        "from hyperdsl.plan import method_step\n"
        "from hyperdsl.plan.interpret import stepper\n"
        "print(stepper(method_step(library_method('midpoint')))(lambda s, z: s * z, 1.0, 2.0, 0.5))\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert float(done.stdout) == 2.0 + 0.5 * (1.25 * (2.0 + 0.25 * 2.0))


def three_steps(plain: Callable[[Tensor, Tensor, Tensor], Tensor], order: int) -> tuple[Tensor, Tensor]:
    half = EPS / 2
    end = plain(S + half, plain(S, Z, half), half)
    return end, (end - plain(S, Z, EPS)) / (2**order - 1)


def test_a_doubled_step_is_two_halves_and_their_difference_from_a_whole_one() -> None:
    """Of a method with a learned term, which every part has for itself."""

    def g(eps: Tensor, s: Tensor, z: Tensor, dz: Tensor) -> Tensor:
        return torch.sin(z + s) * eps + dz

    doubling, single = controlled("rk4", "doubling", External()), controlled("rk4", "learned", External())
    run = Interpreter(single.step)
    expected, error = three_steps(lambda s, z, eps: run(field, s, z, eps, (field(s, z),), g).end, 4)
    outcome = Interpreter(doubling.attempt)(field, S, Z, EPS, (field(S, Z),), g)
    torch.testing.assert_close(outcome.end, expected, rtol=1e-13, atol=1e-14)
    torch.testing.assert_close(outcome.errors[0], error, rtol=1e-7, atol=1e-15)
    torch.testing.assert_close(outcome.given[0], field(S + EPS, expected), rtol=1e-13, atol=1e-14)


def test_an_embedded_error_is_the_difference_of_two_solutions() -> None:
    tableau = library_tables()["bosh3"].tableau
    outcome = Interpreter(controlled("bosh3", "embedded").step)(field, S, Z, EPS, (field(S, Z),))
    other = looped(Tableau(tableau.a, tableau.c, (tableau.weights[1],)))
    torch.testing.assert_close(outcome.errors[0], looped(tableau) - other, rtol=1e-9, atol=1e-15)
    assert torch.equal(outcome.given[0], field(S + EPS, outcome.end))


def test_a_doubt_is_what_the_trapezoidal_rule_makes_of_the_step() -> None:
    outcome = Interpreter(controlled("euler", "learned", External()).step)(
        field, S, Z, EPS, (field(S, Z),), lambda eps, s, z, dz: torch.cos(z)
    )
    trapezoid = Z + EPS / 2 * (field(S, Z) + field(S + EPS, outcome.end))
    torch.testing.assert_close(outcome.errors[1], outcome.end - trapezoid, rtol=1e-12, atol=1e-15)


def test_what_a_step_needs_must_be_given() -> None:
    step = controlled("euler", "learned", External()).step
    with pytest.raises(ValueError, match=r"^the step takes 1 values of the step before, not 0$"):
        Interpreter(step)(field, S, Z, EPS, g=lambda *read: Z)
    with pytest.raises(ValueError, match=r"^the step has a learned term, and there is no g$"):
        Interpreter(step)(field, S, Z, EPS, (Z,))
    with pytest.raises(ValueError, match=r"^the step takes values of the step before, or has a learned term$"):
        stepper(step)
