"""Whatever is given to a command, it ends, with an exit code that says who is at fault and no stack of calls."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from hyperdsl import cli, compiler
from hyperdsl.semantics.check import check_file
from hyperdsl.semantics.methods import proofs
from hyperdsl.semantics.reading.scope import Project
from hyperdsl.source import MAX_BYTES
from hyperdsl.theory.numbers import budget

HEUN = "method heun2 {\norder 2\ntableau {\n0 |\n1 | 1\n--+--\n| 1/2, 1/2\n}\n}\n"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["hyperdsl", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_folder(path: Path) -> None:
    path.mkdir()


def a_loop(path: Path) -> None:
    path.symlink_to(path.name)


def a_link_to_nothing(path: Path) -> None:
    path.symlink_to("absent")


def a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def a_socket(path: Path) -> None:
    socket.socket(socket.AF_UNIX).bind(path.name)


def a_long_file(path: Path) -> None:
    path.write_bytes(b"\n" * (MAX_BYTES + 1))


KINDS = (a_pipe, a_folder, a_loop, a_link_to_nothing, a_device, a_socket, a_long_file)


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("command", ["check", "compile", "fmt", "show"])
def test_what_is_no_file_is_refused_by_name(
    make: Callable[[Path], None],
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    make(Path("odd.hyper"))
    for path in ("odd.hyper", "."):
        assert run(monkeypatch, command, path) == 2
        told = capsys.readouterr().err
        assert "odd.hyper" in told
        assert len(told.splitlines()) == 1


@pytest.mark.parametrize("make", KINDS[:6])
def test_what_is_no_file_is_not_imported(
    make: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make(Path("odd.hyper"))
    Path("spec.hyper").write_text('import "odd.hyper"\n')
    _, found = check_file(Path("spec.hyper"), "spec.hyper", Project())
    assert [diagnostic.code for diagnostic in found] == ["H306"]


@pytest.mark.parametrize("path", ["é" * 150 + ".hyper", "a\u202eb.hyper", "../" * 50 + "odd.hyper"])
def test_odd_paths_are_not_imported(path: str, tmp_path: Path) -> None:
    spec = tmp_path / "spec.hyper"
    spec.write_text(f'import "{path}"\n', encoding="utf-8")
    _, found = check_file(spec, "spec.hyper", Project())
    assert {diagnostic.code for diagnostic in found} <= {"H306", "H112"}
    assert found


def test_a_bug_is_told_without_its_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "odd.hyper"
    spec.write_text(HEUN)

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(compiler, "outcomes", broken)
    assert run(monkeypatch, "check", str(spec)) == 3
    told = capsys.readouterr().err
    assert "this is a bug in hyperdsl" in told
    assert "odd.hyper" in told
    assert "Traceback" not in told
    monkeypatch.setenv(cli.TRACEBACK, "1")
    assert run(monkeypatch, "check", str(spec)) == 3
    assert "Traceback" in capsys.readouterr().err


def test_a_bug_is_told_without_passwords(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("of postgresql://me:s3cret@host/d")

    monkeypatch.setattr(cli, "application", lambda: broken)
    assert run(monkeypatch, "sweep", "--storage", "postgresql://me:s3cret@host/d") == 3
    told = capsys.readouterr().err
    assert "s3cret" not in told
    assert told.count("postgresql://me:***@host/d") >= 2


@pytest.mark.parametrize(("raised", "code"), [(KeyboardInterrupt, 130), (RecursionError, 3), (MemoryError, 3)])
def test_other_ends(raised: type[BaseException], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = tmp_path / "odd.hyper"
    spec.write_text(HEUN)

    def ended(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr(compiler, "outcomes", ended)
    assert run(monkeypatch, "check", str(spec)) == code


@pytest.mark.parametrize(("bound", "value"), [("SECONDS", -1.0), ("MOST_OPERATIONS", 10)])
def test_what_is_beyond_a_bound_is_said_of_each_proof_that_is_left(
    bound: str, value: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left out in silence."""
    proofs.prove.cache_clear()  # what has been proven costs nothing
    proofs._reports.cache_clear()
    monkeypatch.setattr(budget, bound, value)
    spec = tmp_path / "spec.hyper"
    spec.write_text(HEUN + HEUN.replace("heun2", "heun3") + "solver S {\nbase dopri5\n}\n")
    _, found = check_file(spec, "spec.hyper", Project())
    codes = {diagnostic.code for diagnostic in found if diagnostic.severity == "error"}
    assert codes  # at a number, or at a name
    assert codes <= {"H209", "H220"}
    lines = {diagnostic.place.span.line for diagnostic in found if diagnostic.place}
    assert all(any(first <= line <= last for line in lines) for first, last in ((1, 9), (10, 18)))
    monkeypatch.undo()
    _, found = check_file(spec, "spec.hyper", Project())
    assert not [diagnostic for diagnostic in found if diagnostic.severity == "error"]


def test_a_file_has_room_for_so_many_declarations(tmp_path: Path) -> None:
    spec = tmp_path / "spec.hyper"
    spec.write_text("".join(f"solver S{i} {{\nbase rk4\n}}\n" for i in range(201)))
    _, found = check_file(spec, "spec.hyper", Project())
    assert [diagnostic.code for diagnostic in found] == ["H004"]


def test_a_product_of_sums_is_collected(tmp_path: Path) -> None:
    spec = tmp_path / "spec.hyper"
    product = "*".join(["(1/2 + 1/2)"] * 60)
    spec.write_text(f"multistep m {{\norder 1\nz[n+1] = z[n] + h*f[n]*{product}\n}}\n")
    checked, found = check_file(spec, "spec.hyper", Project())
    assert not found
    assert checked.multisteps[0].formula.order == 1
