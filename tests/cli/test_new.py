"""`hyperdsl new`: what it asks, what it writes, the tableaus that it reads; what it writes runs."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hyperdsl import compiler
from hyperdsl.cli import application, asking
from hyperdsl.evaluation.built_in import BUILT_IN
from hyperdsl.evaluation.stiff import STIFF
from hyperdsl.pages.listing import rows
from hyperdsl.scaffold import choices
from hyperdsl.scaffold.cells import TableError
from hyperdsl.scaffold.proving import proven
from hyperdsl.scaffold.tables import read_table
from hyperdsl.source import SpecFile


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def new(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(application(), ["new", *arguments], input=given, env={"COLUMNS": "200"})


def ran(folder: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The lines of the table that the script prints, as words."""
    monkeypatch.setattr(sys, "argv", ["run.py", "--quick"])
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "problem", raising=False)
    runpy.run_path(f"{folder}/run.py", run_name="__main__")
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_with_no_question_asked_it_writes_what_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = new("my_solver", "--yes")
    assert done.exit_code == 0, done.output
    assert "by default: problem = example, base = heun, tolerance = fixed, learn = corrector" in done.stdout
    assert "python my_solver/run.py --quick" in done.stdout
    spec = Path("my_solver/my_solver.hyper")
    assert compiler.layout(spec, spec.name).text == spec.read_text("utf-8")
    for number, step in enumerate(choices.STEPS, 1):
        assert f"# {number}. {step[:1].upper()}{step[1:]}." in spec.read_text("utf-8")
    table = ran("my_solver", capsys, monkeypatch)
    assert [row[0] for row in table[1:]] == ["heun", "MySolver"] * 3
    assert [row[1:3] for row in table[1::2]] == [["20", "40"], ["40", "80"], ["80", "160"]]
    assert all(float(row[3]) < 0.5 for row in table[1:])
    assert Path("my_solver/my_solver.safetensors").exists()


def test_equations_and_tolerances(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    done = new("own", "--equation", "x' = y", "--equation", "y' = -x", "--start", "x in 0 .. 1", "--span", "0 .. 1",
               "--tolerance", "1e-2", "--evaluations", "8")  # fmt: skip
    assert done.exit_code == 0, done.output
    text = Path("own/own.hyper").read_text("utf-8")
    assert "    x' = y\n    y' = -x\n    x in 0 .. 1\n    y in -1 .. 1\n    span 0 .. 1\n" in text
    table = ran("own", capsys, monkeypatch)
    assert [row[0] for row in table[1:]] == ["heun", "Own"] * 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["x", "--base", "rk5"], "did you mean `rk4`?"),
        (["x", "--base", "second_order"], "write values of its parameters, `second_order(alpha = ...)`"),
        (["x", "--base", "bdf7"], "that a solver can be built on"),
        (["x", "--base", "ars222", "--problem", "lorenz"], "takes f in two parts"),
        (["x", "--base", "bdf3", "--tolerance", "1e-3", "--learn", "corrector"], "the order of `bdf3` varies"),
        (["x", "--base", "radau_iia5", "--learn", "coefficients"], "only coefficients of explicit"),
        (["x", "--problem", "robertson", "--base", "rk4"], "choose an implicit base, as radau_iia5"),
        (["x", "--problem", "robertson", "--learn", "corrector"], "always starts from the same state"),
        (["x", "--problem", "robertson", "--tolerance", "fixed"], "say a tolerance"),
        (["x", "--learn", "corector"], "did you mean `corrector`?"),
        (["x", "--problem", "lorens"], "did you mean `lorenz`?"),
        (["x", "--tolerance", "0"], "between 0 and 1"),
        (["x", "--states", "boxes"], "did you mean `box`?"),
        (["class"], "Python keyword"),
        (["x", "--problem", "lorenz", "--equation", "x' = x"], "two problems"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_written(arguments: list[str], says: str) -> None:
    done = new(*arguments)
    assert (done.exit_code, says in done.stderr) == (2, True), done.output
    assert not list(Path().iterdir())


def test_a_spec_at_fault_is_not_written() -> None:
    done = new("x", "--equation", "x' = unknown")
    assert (done.exit_code, "x/x.hyper:" in done.stderr) == (1, True)
    assert not list(Path().iterdir())


def test_files_that_are_there_stay() -> None:
    Path("there").mkdir()
    Path("there/problem.py").write_text("mine", "utf-8")
    done = new("there")
    assert (done.exit_code, "--force" in done.stderr) == (2, True)
    assert [path.name for path in Path("there").iterdir()] == ["problem.py"]
    assert Path("there/problem.py").read_text("utf-8") == "mine"
    assert new("there", "--force").exit_code == 0
    assert "Problem(" in Path("there/problem.py").read_text("utf-8")


def test_on_a_terminal_it_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    class Asking(asking.Asker):
        def __init__(self, *, asking: bool) -> None:
            super().__init__(asking=True)

    monkeypatch.setattr(asking, "Asker", Asking)
    answers = ["asked", "lorenz", "rk5", "rk4", "fixed", "nothing", "80"]
    done = new(given="\n".join(answers) + "\n")
    assert done.exit_code == 0, done.output
    assert "did you mean `rk4`?" in done.output
    assert "rk4: order 4, proven; 4 evaluations of f a step" in done.output
    assert "by default" not in done.output
    assert "base rk4" in Path("asked/asked.hyper").read_text("utf-8")


def test_its_problems_are_built_in() -> None:
    assert set(choices.BUILT_IN) <= set(BUILT_IN)
    assert set(choices.STIFF) == set(STIFF)
    assert set(choices.SPLIT) == {name for name, family in STIFF.items() if family.parts}


BASES = {
    "explicit": ("rk4", "bosh3", "second_order(alpha = 1/2)"),
    "dirk": ("backward_euler", "trbdf2", "theta_method(theta = 3/4)"),
    "implicit": ("radau_iia5",),
    "additive": ("ars222", "ark324l2sa", "imex_ssp3_333(beta = 1)"),
    "rosenbrock": ("rodas4", "rosw6s4os"),
    "explicit multistep": ("ab2",),
    "implicit multistep": ("bdf3",),
    "predictor-corrector": ("abm2",),
}


def projects() -> Iterator[tuple[str, list[str]]]:
    """A project for each kind of method, with equal and adaptive steps and all it can learn, and for each problem."""
    for name in (name for names in BASES.values() for name in names):
        base = choices.library_base(name)
        for tolerance in (choices.FIXED, "1e-2") if base.estimate else (choices.FIXED,):
            known = choices.tolerance_of(tolerance, choices.EXAMPLE)
            for learn in choices.learnable(base, known, choices.EXAMPLE)[0]:
                given = ["--base", name, "--tolerance", tolerance, "--learn", learn]
                yield f"{base.name}_{'fixed' if known is None else 'adaptive'}_{learn}", given
    for problem in choices.BUILT_IN:
        yield f"of_{problem}", ["--problem", problem]


def test_every_kind_of_the_library_has_a_base() -> None:
    assert set(BASES) == {row.kind for row in rows()}
    assert all(choices.library_base(name).kind == kind for kind, names in BASES.items() for name in names)


def test_a_project_for_every_kind_and_problem_compiles() -> None:
    files = []
    for name, given in projects():
        done = new(name, *given)
        assert done.exit_code == 0, done.output
        files.append(SpecFile(Path(f"{name}/{name}.hyper"), name))
        for script in Path(name).glob("*.py"):
            compile(script.read_text("utf-8"), str(script), "exec")
    assert len(files) > 40
    outcomes = compiler.outcomes(files, packages=True)
    assert {outcome.file.shown: outcome.diagnostics for outcome in outcomes if outcome.diagnostics} == {}
    assert all(outcome.package for outcome in outcomes)


@pytest.mark.parametrize(
    "given",
    [
        ["--base", "backward_euler"],
        ["--base", "ars222"],
        ["--base", "ars222", "--tolerance", "1e-2", "--learn", "nothing"],
        ["--base", "second_order(alpha = 1/2)", "--tolerance", "1e-2"],
        ["--base", "rodas4", "--tolerance", "1e-2", "--learn", "nothing"],
        ["--problem", "robertson", "--base", "bdf5"],
    ],
    ids=" ".join,
)
def test_projects_of_other_kinds_run(
    given: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert new("other", *given).exit_code == 0
    table = ran("other", capsys, monkeypatch)
    assert len(table) > 2
    assert all(float(row[-1]) < 0.5 for row in table[1:])


RK4 = "exactly", 4, 4
TABLES = {
    "bars": ("0 |\n1/2 | 1/2\n1/2 | 0 1/2\n1 | 0 0 1\n--+--\n | 1/6 1/3 1/3 1/6\n", *RK4),
    "blanks": ("0\n1/2 1/2\n1/2 0 1/2\n1 0 0 1\n1/6 1/3 1/3 1/6\n", *RK4),
    "commas": ("0,0,0,0\n.5,0,0,0\n0,.5,0,0\n0,0,1,0\n1/6,1/3,1/3,1/6\n", *RK4),
    "tabs": ("0\t0\t0\t0\t0\n1/2\t1/2\t0\t0\t0\n1/2\t0\t1/2\t0\t0\n1\t0\t0\t1\t0\n0\t1/6\t1/3\t1/3\t1/6\n", *RK4),
    "without the first stage": ("1/2\n0 1/2\n0 0 1\n1/6 1/3 1/3 1/6\n", *RK4),
    "C++": ("a = {{}, {0.5}, {0, 0.5}, {0, 0, 1.}};\nb = {1./6., 1./3., 1./3., 1./6.};", *RK4),
    "Julia": ("A = [0 0; 1//1 0]\nb = [1//2, 1//2]\nc = [0, 1]\n", "exactly", 2, 2),
    "Python": ("A = np.array([[0, 0],\n              [2/3, 0]])\nb = np.array([1/4, 3/4])\n", "exactly", 2, 2),
    "numpy": ("A:\n[[0.  0. ]\n [1.  0. ]]\nb: [0.5 0.5]\n", "exactly", 2, 2),
    "LaTeX": (
        "\\begin{array}{c|cc}\n0 & & \\\\\n\\frac{2}{3} & \\frac23 & \\\\ \\hline\n & \\frac{1}{4} & \\tfrac{3}{4}\n"
        "\\end{array}\n",
        "exactly",
        2,
        2,
    ),
    "Markdown": ("| 0 | 0 | 0 |\n| 1 | 1 | 0 |\n|---|---|---|\n|  | 1/2 | 1/2 |\n", "exactly", 2, 2),
    "entries in C": (
        "B->q = 2;\nB->A[1][0] = SUN_RCONST(1.0)/SUN_RCONST(2.0);\nB->A[1][1] = SUNRsqrt(SUN_RCONST(4.0))/4;\n"
        "B->b[0] = B->A[1][0];\nB->b[1] = SUN_RCONST(0.5);\nB->d[0] = SUN_RCONST(1.0);\nB->c[1] = SUN_RCONST(1.0);\n",
        "exactly",
        2,
        2,
    ),
    "entries from 1": ("A(2,1) = 1\nb(1) = 1/2\nb(2) = 1/2\nc(2) = 1\n", "exactly", 2, 2),
    "roots": (
        "1/2 - sqrt(3)/6 | 1/4, 1/4 - sqrt(3)/6\n1/2 + sqrt(3)/6 | 1/4 + sqrt(3)/6, 1/4\n--+--\n | 1/2, 1/2\n",
        "exactly",
        4,
        2,
    ),
    "decimals": (
        "0\n0.3333333333333333 0.3333333333333333\n0.6666666666666666 0 0.6666666666666666\n0.25 0 0.75\n",
        "within 1e-16",
        3,
        3,
    ),
}


@pytest.mark.parametrize("notation", TABLES)
def test_tableaus_as_people_have_them(notation: str) -> None:
    text, how, order, stages = TABLES[notation]
    found = proven(read_table(text), "mine")
    assert found.base is not None, found.diagnostics
    assert how in found.said
    assert (found.base.order, len(read_table(text).c)) == (order, stages)


def test_rounded_fractions_and_rounded_embedded_rows_have_the_orders_that_they_are_rounded_from() -> None:
    fractions = "0 |\n1/2 | 1/2\n1 | -1 2\n--+--\n | 1666666667/10000000000 2/3 1666666667/10000000000\n | 0 1 0\n"
    embedded = "0 |\n2/3 | 2/3\n2/3 | 0 2/3\n--+--\n | 1/4 3/8 3/8\n | 0.2500000001 0.7499999998 0\n"
    for text, said in {
        fractions: "mine has order 3(2), proven within 1e-10; as exact numbers they have order 0",
        embedded: "mine has order 3(2), proven within 1e-9; as exact numbers its decimals have order 3(0)",
    }.items():
        assert proven(read_table(text), "mine").said == said


def test_an_entry_that_is_set_twice_is_told() -> None:
    with pytest.raises(TableError, match=r"`A\[1\]\[0\] = 2` is set a second time"):
        read_table("A[1][0] = 1;\nA[1][0] = 2;\nb[1] = 1;\n")


def test_a_tableau_becomes_the_base() -> None:
    stages = "# Bogacki and Shampine\n0 |\n1/2 | 1/2\n3/4 | 0 3/4\n1 | 2/9 1/3 4/9\n"
    Path("table.txt").write_text(stages + "--+--\n | 2/9 1/3 4/9 0\n | 7/24 1/4 1/3 1/8\n", "utf-8")
    done = new("--from", "table.txt", "--learn", "nothing")
    assert done.exit_code == 0, done.output
    assert (
        "read lines 2 to 5: 4 stages, c in the first column\nread line 7: weights\nread line 8: embedded" in done.stdout
    )
    assert "table_base has order 3(2), proven exactly" in done.stdout
    checked = compiler.check([SpecFile(Path("table/table.hyper"), "table.hyper")])
    assert not checked.diagnostics
    assert checked.specs[0].methods[0].facts.order == 3
    piped = new("--from", "-", "--name", "kutta", "--learn", "nothing", given=TABLES["blanks"][0])
    assert (piped.exit_code, Path("kutta/kutta.hyper").exists()) == (0, True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0\n1/2 1/2\n1/2 0\n1 0 0 1\n1/6 1/3 1/3 1/6\n", "line 3: this row of A has 1 entries, where stage 3 of 4"),
        ("0 |\n1 | x\n--+--\n | 1/2 1/2\n", "line 2: `x` is not a number"),
        ("0 |\n1 | __import__('os')\n--+--\n | 1/2 1/2\n", "line 2: `__import__('os')` is not a number"),
        ("0 |\n1 | 1\n--+--\n | 1/2\n", "line 4: this row of weights has 1 entries for 2 stages"),
        ("A = [[0, 0], [1, 0]\n", "line 1: a bracket is not closed"),
        ("A = [[0, 0], [1, 0]]\n", "no weights b"),
        ("", "line 1: a tableau has a row for each stage"),
    ],
)
def test_what_is_no_tableau_is_said_with_its_line(text: str, says: str) -> None:
    with pytest.raises(TableError) as caught:
        read_table(text)
    assert says in str(caught.value)


@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_line_ends_of_other_systems(ends: str) -> None:
    text = "0 |\n1 | 1\n--+---\n  | 1/2, 1/2\n"
    assert read_table(text.replace("\n", ends)) == read_table(text)
