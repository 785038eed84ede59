"""What everyday use asks of all commands: names that are near, pipes that are closed, narrow terminals, watching."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hyperdsl.cli import application, packages
from hyperdsl.cli.watching import stamps
from hyperdsl.evaluation import lookup
from hyperdsl.tables import Column, Listing, listing

pytestmark = pytest.mark.usefixtures("timed_once")
ROOT = Path(__file__).parents[2]
HEUN = ROOT / "generated" / "hyper_heun"


def run(*arguments: object, columns: int = 200) -> Result:
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(application(), words, env={"COLUMNS": str(columns)})


def process(*arguments: object) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    command = [sys.executable, "-m", "hyperdsl", *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


# names


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("show", "rk"), "did you mean `rk4`?"),
        (("show", "dopri"), "`hyperdsl list` names them all"),
        (("show", "specs/hyper_heun.hyper", "HyperHuen"), "did you mean `HyperHeun`?"),
        (("show", "specs/hyper_huen.hyper"), "did you mean `hyper_heun.hyper`?"),
        (("list", "dormnd"), "did you mean `Dormand`?"),
        (("list", "ordr>=4"), "did you mean `order`?"),
        (("evaluate", HEUN, "--problem", "van_der_pol", "--methods", "rk5"), "did you mean `rk4`?"),
        (("evaluate", HEUN, "--problem", "van_der_pol", "--methods", "lsodaa"), "did you mean `lsoda`?"),
        (("evaluate", HEUN, "--problem", "van_der_pol", "--methods", "ab3"), "not an explicit method"),
        (("evaluate", HEUN, "--problem", "van_der_poll"), "did you mean `van_der_pol`?"),
        (("evaluate", HEUN, "--problem", "van_der_pol", "--solver", "HyperHuen"), "did you mean `HyperHeun`?"),
        (("evaluate", "generated/hyper_huen", "--problem", "van_der_pol"), "did you mean `hyper_heun`?"),
        (("verify", "generated/hyper_huen"), "did you mean `hyper_heun`?"),
        (("diff", "specs/hyper_heun.hyper", "generated/hyper_huen"), "did you mean `hyper_heun`?"),
        (("report", HEUN, "--problem", "pendulm"), "did you mean `pendulum`?"),
        (("train", HEUN, "--problem", "pendulum", "--set", "fit.itertions=5"), "did you mean `iterations`?"),
        (
            ("sweep", "specs/swept_lotka_volterra.hyper", "--problem", "duffing", "--methods", "eulr"),
            "did you mean `euler`?",
        ),
        (("reproduce", "paretto"), "did you mean `pareto`?"),
        (("export", HEUN, "--as", "torhc", "-o", "x.pt2"), "did you mean `torch`?"),
        (("chek", "specs"), "Did you mean 'check'?"),
    ],
)
def test_a_name_that_is_near_is_told(arguments: tuple[object, ...], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = run(*arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert told in " ".join(done.stderr.replace("│", " ").split())


# the library


def test_show_finds_methods_of_every_kind_in_the_library() -> None:
    for name, words in {
        "rk4": ("1/6  1/3  1/3  1/6", "Kutta 1901"),
        "ab3": ("23/12*f[n]", "Bashforth"),
        "abm3": ("23/12*f[n]",),
        "ars222": ("explicit", "Ascher"),
        "ros3p": ("γ_ij", "Lang"),
        "second_order": ("for 0 < alpha <= 1",),
    }.items():
        done = run("show", name)
        assert (done.exit_code, done.stderr) == (0, "")
        assert all(word in done.stdout for word in words)
    (method,) = json.loads(run("show", "rk4", "--json").stdout)["methods"]
    assert (method["name"], method["order"]) == ("rk4", 4)


def test_a_spec_of_that_name_wins_over_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "rk4"
    folder.mkdir()
    assert "Kutta 1901" in run("show", "rk4").stdout  # a folder without specs hides nothing
    (folder / "own.hyper").write_text("solver Mine {\n    base heun\n}\n")
    done = run("show", "rk4")
    assert "Mine" in done.stdout
    assert "`show SPEC rk4` has the library's method" in done.stderr
    assert "Kutta 1901" in run("show", "rk4/own.hyper", "rk4").stdout
    assert run("show", "./rk4.hyper").exit_code == 2


def test_list_searches_words_and_compares_numbers() -> None:
    def names(*words: str) -> set[str]:
        return {method["name"] for method in json.loads(run("list", *words, "--json").stdout)["methods"]}

    everything = names()
    assert everything >= {"rk4", "ab3", "abm3", "ars222", "ros3p", "second_order"}
    assert names("Norsett", "multistep") == names("NØRSETT", "multistep") >= {"ab3"}
    assert "kvaerno43" not in names("explicit")  # whose file speaks of explicit stages
    assert {"sdirk3", "gauss4"} <= names("implicit")
    assert names("order", "5", "embedded") >= {"dopri5"}
    assert names("order 5") == names("order=5") == names("order", "=", "5") == names("order>=5", "order", "<=5")
    assert names("stages<=2", "order>=4") == {"gauss4"}
    assert names("real", ">", "1000") == names("real", "inf")
    assert names("family") | names("not-family") == everything
    assert not names("family") & names("not-family")


def test_rows_that_are_listed_are_whole() -> None:
    lines = run("list").stdout.splitlines()
    (rk4,) = (line for line in lines if line.startswith("rk4 "))
    assert rk4.split()[:6] == ["rk4", "explicit", "4", "4", "4", "2.79"]
    (found,) = json.loads(run("list", "gauss4", "--json").stdout)["methods"]
    assert (found["real_stability"], found["stages"]) == ("inf", 2)
    assert found["properties"] == ["A-stable", "symplectic", "symmetric"]


# terminals


NAMES = ("papakostas_papageorgiou5_2", "ark324l2sa_explicit")


@pytest.mark.parametrize("columns", [100, 80, 60, 40, 20])
def test_names_are_whole_at_any_width(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for text in (
        run("list", columns=columns).stdout,
        run("check", "hyperdsl/library/embedded_more.hyper", "specs/imex_pairs.hyper", columns=columns).stdout,
    ):
        assert "…" not in text
        assert any(line.startswith(NAMES[0]) for line in text.splitlines())
        if columns >= 60:
            assert max(map(len, text.splitlines())) <= columns


def test_columns_leave_in_their_order_and_texts_wrap_before_names_do() -> None:
    table = Listing(
        "",
        (Column("name"), Column("a", right=True, leaves=1), Column("b", right=True, leaves=2), Column("text", wraps=8)),
        (("a_long_name", "1234", "5678", "words that wrap"),),
    )
    assert list(table.widths(80)) == [0, 1, 2, 3]
    assert table.widths(33) == {0: 11, 1: 4, 2: 4, 3: 8}
    assert list(table.widths(32)) == [0, 1, 3]
    assert table.widths(5) == {0: 11, 3: 8}
    assert [column.head for column in listing("", table.columns, [("x", "", "1", "")], ()).columns] == ["name", "b"]


def test_a_comparison_keeps_its_methods_names_on_narrow_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = run("evaluate", HEUN, "--problem", "van_der_pol", "--steps", "20", "--methods", NAMES[0], columns=60)
    lines = done.stdout.splitlines()
    assert any(line.startswith("HyperHeun (untrained)") for line in lines)
    assert any(line.startswith(NAMES[0]) for line in lines)
    assert "error" in lines[1]
    assert "MAPE" not in done.stdout


# pipes


@pytest.mark.parametrize(
    "arguments",
    [
        ("list",),
        ("list", "--json"),
        ("show", "rk4"),
        ("check", "specs/hyper_heun.hyper"),
        ("check", "hyperdsl/library/multistep.hyper", "--json"),
        ("--help",),
    ],
)
def test_a_reader_that_leaves_is_no_error(arguments: tuple[str, ...]) -> None:
    running = process(*arguments)
    assert running.stdout is not None
    running.stdout.close()  # before there is anything to read
    assert running.stderr is not None
    told = running.stderr.read()
    assert running.wait(60) == 0
    assert "Traceback" not in told
    assert "Broken pipe" not in told
    assert "Exception" not in told


def test_a_reader_that_leaves_hides_no_fault(tmp_path: Path) -> None:
    spec = tmp_path / "bad.hyper"
    spec.write_text("solver Mine {\n    base no_such_method\n}\n")
    running = process("check", spec, "--json")
    assert running.stdout is not None
    running.stdout.close()
    assert running.wait(60) == 1


def test_nothing_moves_where_no_terminal_is(tmp_path: Path) -> None:
    weights = tmp_path / "w.safetensors"
    settings = ("--set", "fit.iterations=4", "--set", "fit.trajectories=8", "--set", "fit.reference.substeps=2")
    done = run("train", HEUN, "--problem", "pendulum", "--output", weights, "--cache", tmp_path / "cache", *settings)
    assert done.exit_code == 0, done.output
    assert weights.exists()
    assert not {c for c in done.output if not c.isprintable() and c != "\n"}
    assert "it/s" not in done.stderr
    assert "%" not in done.stderr


@pytest.mark.parametrize(
    ("terminal", "quiet", "shown"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_problems_show_their_bars_on_terminals_alone(
    terminal: bool, quiet: bool, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(lookup, "find_problem", lambda name, models, progress: asked.append(progress))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    packages.find("digits", quiet=quiet)
    assert asked == [shown]
    assert packages.shows_progress(quiet) is shown


def test_every_bar_can_be_turned_off() -> None:
    for path in (ROOT / "hyperdsl").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "tqdm":
                assert "disable" in {word.arg for word in call.keywords}, path


# watching


def test_imports_are_watched_too(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "deep.hyper").write_text("# nothing\n")
    (tmp_path / "methods.hyper").write_text('import "deep.hyper"\n')
    spec = tmp_path / "a.hyper"
    spec.write_text('import "methods.hyper"\n  import "gone.hyper"\n')
    assert {path.name for path in stamps([spec])} == {"a.hyper", "methods.hyper", "deep.hyper"}
    before = stamps([tmp_path])
    (tmp_path / "deep.hyper").write_text("# something\n")
    assert stamps([tmp_path]) != before


def test_watching_checks_again_and_ends_quietly(tmp_path: Path) -> None:
    spec = tmp_path / "a.hyper"
    spec.write_text("solver Mine {\n    base heun\n}\n")
    running = process("check", spec, "--watch")
    try:
        assert running.stderr is not None
        first = running.stderr.readline()
        time.sleep(0.5)
        spec.write_text("solver Mine {\n    base hoyn\n}\n")
        second = running.stderr.readline()
        third = running.stderr.readline()
    finally:
        running.send_signal(signal.SIGINT)
    out, told = running.communicate(timeout=60)
    assert "watching: Ctrl-C ends" in first
    assert "a.hyper changed" in second
    assert "H301" in third or "error[" in third
    assert "Mine" in out
    assert running.returncode == 0
    assert "Traceback" not in told


LOST = """
import os, signal, sys
from pathlib import Path
from hyperdsl.cli.watching import watch

class Finalizer:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            pass  # where the interrupt arrives, and is lost

watch([Path(sys.argv[1])], Finalizer, "full")
print("ended")
"""


def test_an_interrupt_that_is_lost_in_a_finalizer_ends_watching(tmp_path: Path) -> None:
    spec = tmp_path / "a.hyper"
    spec.write_text("solver Mine {\n    base heun\n}\n")
    command = [sys.executable, "-c", LOST, str(spec)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "Exception ignored" in ran.stderr
    assert ran.stdout == "ended\n"


def test_watching_takes_no_option_that_prints_once(tmp_path: Path) -> None:
    spec = tmp_path / "a.hyper"
    spec.write_text("solver Mine {\n    base heun\n}\n")
    assert run("check", spec, "--watch", "--json").exit_code == 2
    assert run("compile", spec, "--watch", "--check").exit_code == 2
