"""`check --prover sympy`: what it says, and that a fault planted in the exact engine is exit code 3."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from hyperdsl.cli import main
from hyperdsl.second import agreement, budget
from hyperdsl.second import proofs as second_proofs
from hyperdsl.semantics.methods import proofs, tableaux
from hyperdsl.semantics.reading import numbers
from hyperdsl.theory.conditions import Condition
from hyperdsl.theory.multistep import formulas, predictor_corrector
from hyperdsl.theory.numbers.exact import ZERO, Exact
from hyperdsl.theory.runge_kutta import dense, trees

ROOT = Path(__file__).parents[2]

THIRD = """method third {
    order 3(2)
    tableau {
        0   |
        1/2 | 1/2
        3/4 | 0, 3/4
        ----+----------------
            | 2/9, 1/3, 4/9
            | 0, 1
    }
    dense 2 {
        | theta - 7/9*theta^2, 1/3*theta^2, 4/9*theta^2
    }
}
"""
DECIMALS = """method decimals {
    order 2
    tableau {
        0 |
        1 | 1
        --+-----------
          | 0.51, 0.49
    }
}
"""
POLE = """method pole(u) {
    where 0 <= u <= 1
    order 2
    tableau {
        0 |
        u | u
        --+-----------------------
          | 1 - 1/(2*u), 1/(2*u)
    }
}
"""
MULTISTEP = """multistep leap {
    order 2
    z[n+1] = z[n-1] + 2*h*f[n]
}
"""
UNSTABLE = """multistep unstable {
    order 3
    z[n+1] = -4*z[n] + 5*z[n-1] + h*(4*f[n] + 2*f[n-1])
}
"""
PAIR = """predictor_corrector pair {
    predict ab1
    correct am3
    mode PECE
}
"""
SOLVER = THIRD + "\nsolver Plain {\n    base third\n}\n\nsolver Half {\n    base second_order(alpha = 1/2)\n}\n"

NEARLY = (
    THIRD.replace("2/9, 1/3, 4/9", "1/4, 1/3, 5/12")
    .replace("theta - 7/9*theta^2, 1/3*theta^2, 4/9*theta^2", "theta - 3/4*theta^2, 1/3*theta^2, 5/12*theta^2")
    .replace("dense 2", "dense 1")
)
"""Of order 1: Σ b c is 23/48, not 1/2."""

Plant = Callable[[pytest.MonkeyPatch], None]


def checked(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch, *flags: str) -> int:
    """The exit code of `check FILE --prover sympy`."""
    path = folder / "spec.hyper"
    path.write_text(text, "utf-8")
    monkeypatch.setattr(sys, "argv", ["hyperdsl", "check", str(path), "--prover", "sympy", *flags])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.fixture(autouse=True)
def _nothing_proven_yet() -> Iterator[None]:
    """Proofs are kept in a process: with a fault planted, and after it, they must be made anew."""
    _forget()
    yield
    _forget()


def _forget() -> None:
    for kept in (proofs._reports, proofs.prove, agreement._proven):
        kept.cache_clear()


def lax(self: Condition[trees.Tree]) -> Exact:
    """By how much a condition fails, for an engine to which a tenth is nothing."""
    found = self.value - self.expected
    return ZERO if abs(found) <= Fraction(1, 10) else found


def too_dense(tree: trees.Tree) -> int:
    """γ, wrong for the trees of order 3."""
    found = tree.order
    for child in tree.children:
        found *= too_dense(child)
    return found + (tree.order == 3)


MOMENT = formulas.LinearMultistep.moment


def late_moment(self: formulas.LinearMultistep, q: int) -> Exact:
    """C_q, the first of them not looked at."""
    return MOMENT(self, q) if q > 3 else ZERO


FAULTS: dict[str, tuple[str, str, Plant]] = {
    "conditions nearly hold": (
        NEARLY,
        "third",
        lambda patch: patch.setattr(Condition, "difference", property(lax)),
    ),
    "a true claim is refused": (
        THIRD,
        "third",
        lambda patch: patch.setattr(trees.Tree, "density", property(too_dense)),
    ),
    "numbers are rounded as they are read": (
        DECIMALS,
        "decimals",
        lambda patch: patch.setattr(numbers, "constant", lambda number: Exact.of(round(Fraction(number.text), 1))),
    ),
    "row sums are not looked at": (
        THIRD.replace("3/4 | 0", "3/5 | 0").replace("3(2)", "1").replace("dense 2", "dense 1"),
        "third",
        lambda patch: patch.setattr(proofs, "row_sum_defects", lambda *_: ()),
    ),
    "dense output is not looked at": (
        THIRD.replace("dense 2", "dense 3"),
        "third",
        lambda patch: patch.setattr(dense.DenseCondition, "difference", ZERO),
    ),
    "poles are not looked at": (
        POLE,
        "pole",
        lambda patch: patch.setattr(tableaux, "check_denominators", lambda *_: None),
    ),
    "a moment is missing": (
        MULTISTEP.replace("order 2", "order 3"),
        "leap",
        lambda patch: patch.setattr(formulas.LinearMultistep, "moment", late_moment),
    ),
    "all is stable": (
        UNSTABLE,
        "unstable",
        lambda patch: patch.setattr(formulas, "satisfies_root_condition", lambda _: True),
    ),
    "the predictor is not looked at": (
        PAIR,
        "pair",
        lambda patch: patch.setattr(predictor_corrector.FormulaPair, "predicted_error", ZERO),
    ),
    "conditions nearly hold, for a solver": (
        NEARLY + "\nsolver Plain {\n    base third\n}\n",
        "Plain",
        lambda patch: patch.setattr(Condition, "difference", property(lax)),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_the_exact_engine_is_exit_code_3(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text, method, plant = FAULTS[name]
    assert checked(text, tmp_path, monkeypatch) in (0, 1)
    sound = capsys.readouterr()
    assert "provers differ" not in sound.err
    _forget()
    plant(monkeypatch)
    assert checked(text, tmp_path, monkeypatch) == 3
    said = capsys.readouterr()
    assert f"the two provers differ on `{method}`" in said.err
    assert "this is a bug in hyperdsl" in said.err
    assert "again by sympy" not in said.out


def test_what_is_proven_again_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked(SOLVER + MULTISTEP + PAIR, tmp_path, monkeypatch) == 0
    assert capsys.readouterr().out.count("again by sympy") == 5
    assert checked(SOLVER + MULTISTEP + PAIR, tmp_path, monkeypatch, "--json") == 0
    (file,) = json.loads(capsys.readouterr().out)["files"]
    groups = ("methods", "multisteps", "predictor_correctors", "solvers")
    entries = [entry for group in groups for entry in file[group]]
    assert len(entries) == 5
    assert all(entry["proved_again"] is True and entry["proved_again_why"] is None for entry in entries)


NEARLY_ALL = """method nearly_all(u) {
    where 0 < u <= 1
    order 2 within 1e-12
    tableau {
        0 |
        u | u
        --+-------------------------------
          | 1 - 1/(2*u) + 1e-13, 1/(2*u)
    }
}
"""


def test_a_tolerance_counts_for_what_no_parameter_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Σ b is off by 1e-13 for every u; were it off by 1e-13 times u, it would have to be zero."""
    assert checked(NEARLY_ALL, tmp_path, monkeypatch) == 0
    assert checked(NEARLY_ALL.replace("1e-13", "1e-11"), tmp_path, monkeypatch) == 1
    assert checked(NEARLY_ALL.replace("1e-13", "1e-13*u"), tmp_path, monkeypatch) == 1


def test_what_is_not_proven_again_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def late(*_: object) -> None:
        raise budget.Undecided("it takes more than 60 seconds")

    monkeypatch.setattr(second_proofs, "prove", late)
    assert checked(THIRD + MULTISTEP, tmp_path, monkeypatch, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    (file,) = found["files"]
    (method,), (multistep,) = file["methods"], file["multisteps"]
    assert (method["proved_again"], method["proved_again_why"]) == (None, "it takes more than 60 seconds")
    assert multistep["proved_again"] is True
    (warning,) = found["diagnostics"]
    assert (warning["code"], warning["severity"]) == ("H221", "warning")
    assert warning["message"] == "`third` is not proven again by sympy: it takes more than 60 seconds"


def test_without_it_nothing_of_it_is_said_or_loaded(tmp_path: Path) -> None:
    (tmp_path / "spec.hyper").write_text(SOLVER, "utf-8")
    script = (
        "import sys\n"
        "from hyperdsl.cli import application\n"
        f"application()(['check', {str(tmp_path)!r}, '--json'], standalone_mode=False)\n"
        "assert not [name for name in sys.modules if name == 'sympy' or name.startswith('hyperdsl.second')]\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "proved_again" not in done.stdout


def test_sympy_counts_alone() -> None:
    """Not with the integers of the library that the exact engine is built on."""
    script = (
        "from hyperdsl.cli import application\n"
        "application()(['check', 'specs/hyper_heun.hyper', '--prover', 'sympy'], standalone_mode=False)\n"
        "from sympy.external.gmpy import GROUND_TYPES\n"
        "assert GROUND_TYPES == 'python', GROUND_TYPES\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_another_prover_is_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["hyperdsl", "check", str(tmp_path), "--prover", "maple"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
