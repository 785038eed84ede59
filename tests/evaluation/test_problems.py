"""Built-in problems against the textbooks' formulas, problems of a spec against built-in ones, names that find them."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from hyperdsl.evaluation.built_in import built_in
from hyperdsl.evaluation.errors import ProblemError
from hyperdsl.evaluation.lookup import find_problem
from hyperdsl.evaluation.problems import CLASSICAL, Problem, from_model
from hyperdsl.evaluation.systems import MULTISCALE
from hyperdsl.semantics.model.expressions import Binary, Constant, Expression, Function, Negation, Pi, Variable
from hyperdsl.semantics.model.problem import ProblemModel, ProblemParameter, ProblemState
from hyperdsl.source import Place, Source, Span
from hyperdsl.theory.numbers.exact import Exact

FORMULAS: dict[str, Callable[..., tuple[float, ...]]] = {
    "van_der_pol": lambda s, x, y: (y, 1.5 * (1 - x**2) * y - x),
    "lotka_volterra": lambda s, x, y: (1.5 * x - x * y, x * y - 3 * y),
    "pendulum": lambda s, x, y: (y, -9.81 * math.sin(x) - 0.2 * y),
    "duffing": lambda s, x, y: (y, x - x**3 - 0.2 * y + 0.3 * math.cos(s)),
    "lorenz": lambda s, x, y, w: (10 * (y - x), x * (28 - w) - y, x * y - 8 / 3 * w),
}
PLACE = Place(Source("a.hyper", ""), Span(1, 1, 1, 1))


def number(text: str) -> Constant:
    return Constant(Exact.of(Fraction(text)))


def times(left: Expression, right: Expression) -> Expression:
    return Binary("*", left, right)


def van_der_pol(low: str, high: str) -> ProblemModel:
    x, y, mu = Variable("x"), Variable("y"), Variable("mu")
    friction = times(times(mu, Binary("-", number("1"), Binary("^", x, number("2")))), y)
    two, three = Exact.of(2), Exact.of(3)
    return ProblemModel(
        "mine",
        PLACE,
        (ProblemParameter("mu", Exact.of(Fraction(low)), Exact.of(Fraction(high))),),
        (ProblemState("x", y, -two, two), ProblemState("y", Binary("-", friction, x), -three, three)),
        (Exact.of(0), Exact.of(8)),
    )


def one_state(derivative: Expression) -> Problem:
    state = ProblemState("y", derivative, Exact.of(1), Exact.of(2))
    return from_model(ProblemModel("one", PLACE, (), (state,), (Exact.of(0), Exact.of(1))))


@pytest.mark.parametrize("name", FORMULAS)
def test_built_in_fields_are_the_textbooks(name: str) -> None:
    problem = CLASSICAL[name]
    z, _ = problem.draw(20, torch.Generator().manual_seed(0))
    found = problem.f(torch.tensor(0.7, dtype=torch.float64), z)
    expected = [FORMULAS[name](0.7, *row) for row in z.tolist()]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("name", FORMULAS)
def test_samples_fill_the_box_and_follow_the_generator(name: str) -> None:
    problem = CLASSICAL[name]
    lower, upper = map(np.array, problem.box or ((), ()))
    z, x = problem.draw(4000, torch.Generator().manual_seed(3))
    assert x is None
    assert z.shape == (4000, *problem.state_shape)
    assert (z.numpy() >= lower).all()
    assert (z.numpy() <= upper).all()
    np.testing.assert_allclose(z.numpy().min(0), lower, atol=0.01 * (upper - lower).max())
    np.testing.assert_allclose(z.numpy().max(0), upper, atol=0.01 * (upper - lower).max())
    assert torch.equal(z, problem.draw(4000, torch.Generator().manual_seed(3))[0])
    assert not torch.equal(z, problem.draw(4000, torch.Generator().manual_seed(4))[0])


def test_a_problem_needs_no_more_than_its_contract() -> None:
    problem = Problem(lambda s, z: -z, lambda batch, generator: torch.ones(batch, 1), (0.0, 1.0), (1,))
    assert problem.draw(2, torch.Generator())[1] is None
    with pytest.raises(ValueError, match="two different finite ends"):
        Problem(problem.f, problem.sample, (1.0, 1.0), (1,))
    with pytest.raises(ValueError, match="box needs 1 "):
        Problem(problem.f, problem.sample, (0.0, 1.0), (1,), box=((0.0, 0.0), (1.0, 1.0)))


def test_a_spec_with_a_fixed_parameter_is_the_built_in_problem() -> None:
    mine, theirs = from_model(van_der_pol("3/2", "3/2")), CLASSICAL["van_der_pol"]
    z, _ = theirs.draw(10, torch.Generator().manual_seed(0))
    s = torch.tensor(0.0)
    torch.testing.assert_close(mine.f(s, z), theirs.f(s, z), rtol=1e-15, atol=1e-15)
    assert (mine.box, mine.span, mine.state_shape, mine.input_shape) == (theirs.box, theirs.span, (2,), None)
    assert torch.equal(
        mine.draw(5, torch.Generator().manual_seed(1))[0], theirs.draw(5, torch.Generator().manual_seed(1))[0]
    )


def test_ranges_are_drawn_for_each_sample_and_are_the_input() -> None:
    problem = from_model(van_der_pol("1", "20"))
    z, mu = problem.draw(500, torch.Generator().manual_seed(0))
    assert mu is not None
    assert mu.shape == (500, 1)
    assert problem.input_shape == (1,)
    assert mu.min() < 1.5
    assert mu.max() > 19.5
    x, y = z.unbind(-1)
    expected = torch.stack((y, mu[:, 0] * (1 - x**2) * y - x), -1)
    torch.testing.assert_close(problem.f(torch.tensor(0.0), mu, z), expected)
    assert from_model(van_der_pol("1", "20"), {"mu": (2.0, 2.0)}).input_shape is None
    with pytest.raises(KeyError):
        from_model(van_der_pol("1", "20"), {"nu": (2.0, 2.0)})


@pytest.mark.parametrize(
    ("derivative", "expected"),
    [
        (Variable("s"), lambda s, y: s),
        (Pi(), lambda s, y: math.pi),
        (Negation(Binary("/", number("1"), Variable("y"))), lambda s, y: -1 / y),
        (Binary("^", number("2"), Variable("y")), lambda s, y: 2**y),
        (Binary("^", Variable("y"), number("1/2")), lambda s, y: y**0.5),
        (Binary("^", Variable("y"), number(str(10**30))), lambda s, y: math.inf),  # y is above 1
        (Function("exp", Binary("+", Variable("y"), number("1"))), lambda s, y: math.exp(y + 1)),
        (Function("tanh", number("1")), lambda s, y: math.tanh(1)),
        (Function("sqrt", Variable("y")), lambda s, y: y**0.5),
        (Function("sin", Variable("y")), lambda s, y: math.sin(y)),
        (Function("cos", Variable("y")), lambda s, y: math.cos(y)),
        (Function("tan", Variable("y")), lambda s, y: math.tan(y)),
        (Function("log", Variable("y")), lambda s, y: math.log(y)),
        (Function("abs", Negation(Variable("y"))), lambda s, y: abs(y)),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_expression_is_evaluated(derivative, expected, dtype) -> None:  # type: ignore[no-untyped-def]
    f = one_state(derivative).f
    z = torch.tensor([[1.25], [1.75]], dtype=dtype)
    found = f(torch.tensor(0.5, dtype=dtype), z)
    assert found.dtype == dtype
    assert found.shape == z.shape
    rtol = 1e-6 if dtype == torch.float32 else 1e-14
    np.testing.assert_allclose(found[:, 0].numpy(), [expected(0.5, 1.25), expected(0.5, 1.75)], rtol=rtol)
    assert f(torch.tensor(0.5, dtype=dtype), z[0]).dtype == dtype  # without a batch axis too


def test_division_by_zero_is_infinite_and_not_an_exception() -> None:
    f = one_state(Binary("/", number("1"), number("0"))).f
    assert f(torch.tensor(0.0), torch.ones(2, 1)).isinf().all()


def models(path: Path) -> list[ProblemModel]:
    return [van_der_pol("1", "20")]


@pytest.mark.parametrize(
    ("text", "drawn"),
    [("a.hyper:mine", True), ("a.hyper:mine(mu = 3/2)", False), ("sub/a.hyper:mine( mu=1 .. 2.5e0 )", True)],
)
def test_problems_of_a_file_are_found(text: str, drawn: bool) -> None:
    problem = find_problem(text, models)
    assert (problem.name, problem.whole_name) == ("mine", "".join(text.split()))
    assert (problem.input_shape == (1,)) == drawn


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("van_der_pole", "did you mean `van_der_pol`"),
        ("a.hyper:mime", "did you mean `mine`"),
        ("a.hyper:mine(nu = 1)", "no parameter nu"),
        ("a.hyper:mine(mu)", "write name = 1"),
        ("a.hyper:mine(mu = __import__('os'))", "write name = 1"),
        ("a.hyper:mine(mu = 1/0)", "not a finite number"),
        ("a.hyper:mine(mu = 1e999)", "not a finite number"),
        ("a.hyper:mine(mu = 2 .. 1)", "ends before it starts"),
        ("no_such_module:problem", "no module no_such_module"),
        ("own:missing", "the module own has no missing"),
        ("own:probelm", "did you mean `problem`"),
        ("own:other", "is a int, not"),
        ("needy:problem", "imports absent_library"),
        ("broken:problem", "cannot be imported: ZeroDivisionError"),
        ("a b:problem", "not module:attribute"),
    ],
)
def test_what_cannot_be_found_is_said(text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_modules(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProblemError) as error:
        find_problem(text, models)
    assert message in str(error.value)


def test_an_attribute_of_a_module_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_modules(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert find_problem("own:problem", models).state_shape == (1,)


def write_modules(folder: Path) -> None:
    (folder / "own.py").write_text(
        "import torch\nfrom hyperdsl.evaluation import Problem\nother = 1\n"
        "problem = Problem(lambda s, z: -z, lambda n, g: torch.ones(n, 1), (0, 1), (1,))\n"
    )
    (folder / "needy.py").write_text("import absent_library\n")
    (folder / "broken.py").write_text("1 / 0\n")


def decay(s: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    return -z


def states(batch: int, generator: torch.Generator) -> torch.Tensor:
    return torch.rand(batch, 1, generator=generator)


FIRST = Problem(decay, states, (0.0, 1.0), (1,))
SECOND = Problem(decay, states, (0.0, 2.0), (1,))


def test_problems_without_a_name_are_told_apart_by_module_and_attribute() -> None:
    """And by the same names as on the command line."""
    assert (FIRST.whole_name, SECOND.whole_name) == (f"{__name__}:FIRST", f"{__name__}:SECOND")
    assert find_problem(f"{__name__}:SECOND", lambda _: ()).whole_name == SECOND.whole_name
    inside = Problem(lambda s, z: -z, states, (0.0, 1.0), (1,))
    assert inside.whole_name == f"{__name__}:{inside.f.__qualname__}"
    assert Problem(torch.nn.Identity(), states, (0.0, 1.0), (1,)).whole_name.endswith(":Identity")
    assert Problem(decay, states, (0.0, 1.0), (1,), name="decay").whole_name == "decay"


def test_multiscale_systems_are_the_published_ones() -> None:
    s = torch.zeros((), dtype=torch.float64)

    def at(name: str, *z: float) -> torch.Tensor:
        return MULTISCALE[name].f(s, torch.tensor(z, dtype=torch.float64))

    assert at("brusselator", 1.0, 3.0).tolist() == [0, 0]  # (A, B/A)
    assert at("brusselator", 2.0, 1.0).tolist() == [-3, 2]
    assert at("fitzhugh_nagumo", 0.0, 0.5).tolist() == pytest.approx([0, 0.024])
    assert at("oregonator", 0.02, 0.02).tolist() == pytest.approx([0.196, 0])
    assert not at("lorenz96", *(8.0,) * 40).any()
    ring = torch.zeros(40, dtype=torch.float64)
    ring[4], ring[5], ring[7] = 2.0, 3.0, 5.0
    assert MULTISCALE["lorenz96"].f(s, ring)[6] == (5 - 2) * 3 + 8

    z, _ = MULTISCALE["double_pendulum"].draw(16, torch.Generator().manual_seed(0))
    z.requires_grad_()
    a, b, u, v = z.unbind(-1)
    energy = u**2 + v**2 / 2 + u * v * torch.cos(a - b) - 9.81 * (2 * torch.cos(a) + torch.cos(b))
    (slope,) = torch.autograd.grad(energy.sum(), z)
    rates = (slope * MULTISCALE["double_pendulum"].f(s, z)).sum(-1)
    assert rates.abs().max() < 1e-12 * slope.norm(dim=-1).max() ** 2  # it is conserved
    for name, problem in MULTISCALE.items():
        z0, x = problem.draw(3, torch.Generator().manual_seed(0))
        assert x is None
        assert problem.f(s, z0).shape == z0.shape == (3, *problem.state_shape)
        assert built_in(name) is problem
