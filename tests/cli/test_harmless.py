"""`check`, `compile`, `fmt` and `show` of a stranger's folder, watched by an audit hook: data are read, no code is run.

No network; no process but the formatter; no module but hyperdsl, what it is built on and the standard library; nothing
opened for writing but in the output folder, the cache, the formatter's temporary folder, and where `fmt` stands.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import hyperdsl

ROOT = Path(hyperdsl.__file__).parent.parent
TRAP = "import pathlib\npathlib.Path(__file__).with_suffix('.sprung').touch()\n"
SPECS = {
    "library/own.hyper": "method own {\n order 1\n tableau {\n 0 |\n --+--\n | 1\n }\n}\n",
    "imports.hyper": 'import "library/own.hyper"\n\nsolver Own {\n    base own\n}\n',
    "learns.hyper": (
        "corrector g {\n    inputs z, dz, eps\n    layers linear(8), silu\n}\ntraining fit {\n    loss residual\n}\n"
        "hypersolver Learns {\n    base heun\n    corrector g\n    training fit\n}\n"
        "problem decay {\n    x' = -x\n    x in 0 .. 1\n    span 0 .. 1\n}\n"
    ),
    "text.hyper": (
        "# {{ cycler.__init__.__globals__.os.system('touch sprung') }} ''' \"\"\" \\N{BULLET} $(touch sprung)\n"
        "solver Text {\n    base rk4\n}\n"
    ),
    "wrong.hyper": 'import "/etc/passwd"\nmethod __import__ {\n    order exec("import os")\n}\nsolver os.system {\n',
    "outside.hyper": 'import "../outside.hyper"\n',
    "sprung; touch sprung.hyper": "solver A {\n    base rk4\n}\n",
}
NAMES = (
    *("torch", "lark", "json", "typing", "rich", "typer", "jinja2", "sympy", "flint", "ruff", "numpy", "site"),
    *("sitecustomize", "usercustomize", "conftest", "setup", "own", "imports", "learns", "dataclasses"),
)
WATCHING = """
import atexit, json, os, sys

seen = []
WATCHED = ("socket.", "subprocess.", "os.exec", "os.system", "os.spawn", "os.posix_spawn", "os.fork", "os.startfile",
           "pty.", "ftplib.", "http.", "urllib.", "smtplib.", "webbrowser.", "pickle.")
def watch(event, arguments):
    if event == "open":
        seen.append((event, str(arguments[0]), str(arguments[1]), arguments[2]))
    elif event == "compile":
        seen.append((event, str(arguments[1])))
    elif event == "exec":
        seen.append((event, arguments[0].co_filename))
    elif event.startswith(WATCHED):
        seen.append((event, *map(str, arguments)))
sys.addaudithook(watch)

@atexit.register
def report():
    now = list(seen)
    modules = [str(module.__file__) for module in sys.modules.values() if getattr(module, "__file__", None)]
    with open(os.environ["REPORT"], "w") as file:
        json.dump({"seen": now, "modules": modules}, file)
"""
"""A sitecustomize.py: it is loaded before anything else."""
COMMANDS = [
    ("check", "."),
    ("compile", "imports.hyper", "learns.hyper", "text.hyper", "-o", "made"),
    ("compile", ".", "-o", "made"),
    ("fmt", "."),
    ("show", "imports.hyper", "Own"),
    ("show", "imports.hyper", "Own", "--json"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stranger's folder: specs, modules that would be traps, settings of tools, a `ruff`."""
    place = tmp_path_factory.mktemp("strange") / "folder"
    for name, text in SPECS.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name in NAMES:
        (place / f"{name}.py").write_text(TRAP)
    (place / "pyproject.toml").write_text("[tool.ruff]\nline-length = 1\nextend = 'nothing.toml'\n")
    (place / "ruff.toml").write_text("no settings")
    (place / "ruff").write_text(f"#!/bin/sh\ntouch {place}/ruff.sprung\n")
    (place / "ruff").chmod(0o755)
    (place / ".gitignore").write_text("*\n")
    (place / ".git").mkdir()
    (place / "outside.hyper").parent.parent.joinpath("outside.hyper").write_text("")
    return place


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_stranger_s_spec_is_read_and_never_run(folder: Path, command: tuple[str, ...]) -> None:
    report, temporary, watching = folder.parent / "report.json", folder / "temporary", folder.parent / "watching"
    for place in (temporary, watching):
        place.mkdir(exist_ok=True)
    (watching / "sitecustomize.py").write_text(WATCHING)
    before = {path for path in folder.rglob("*") if "made" not in path.parts}
    environment = {
        **os.environ,
        "HYPERDSL_CACHE": str(folder.parent / "cache"),
        "PATH": f"{folder}:.:{os.environ['PATH']}",
        "PYTHONPATH": f"{watching}:{ROOT}",
        "REPORT": str(report),
        "TMPDIR": str(temporary),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    environment.pop("PYTHONSAFEPATH", None)
    line = [sys.executable, "-m", "hyperdsl", *command]
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    found = json.loads(report.read_text())
    report.unlink()
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr
    assert not list(folder.rglob("*sprung"))
    assert {path for path in folder.rglob("*") if "made" not in path.parts} == before
    _no_foreign_code(folder, found)
    _written_where_it_may(folder, found["seen"], fmt=command[0] == "fmt")
    processes = [event[1] for event in found["seen"] if event[0] == "subprocess.Popen"]
    assert {Path(name).stem for name in processes} == ({"ruff"} if "learns.hyper" in command else set())
    assert not any(Path(name).is_relative_to(folder) for name in processes)


def _no_foreign_code(folder: Path, found: dict[str, list[list[str]]]) -> None:
    """Nothing of the folder was imported, compiled or executed, and nothing connected or unpickled."""
    assert len(found["modules"]) > 50
    assert not [path for path in map(str, found["modules"]) if Path(path).is_relative_to(folder)]
    for event, *about in found["seen"]:
        assert event in ("open", "compile", "exec", "subprocess.Popen", "os.posix_spawn"), (event, about)
        if event in ("compile", "exec"):
            source = folder / about[0]
            assert not (source.is_relative_to(folder) and source.is_file()), (event, about)


def _written_where_it_may(folder: Path, seen: list[list[str]], *, fmt: bool) -> None:
    for path, mode, flags in (event[1:] for event in seen if event[0] == "open"):
        writes = set(mode) & set("wax+") if mode != "None" else int(flags) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        place = folder / path
        allowed = (folder / "made", folder / "temporary", folder.parent / "cache")
        if writes and path not in (os.devnull, "-1") and not path.isdigit():
            assert any(place.is_relative_to(root) for root in allowed) or (
                fmt and place.is_relative_to(folder) and place.name.startswith(".hyperdsl-")
            ), path


def test_python_m_imports_nothing_of_the_current_folder(folder: Path) -> None:
    """Though Python puts it first on its path."""
    environment = {**os.environ, "HYPERDSL_CACHE": ""}
    environment.pop("PYTHONSAFEPATH", None)
    line = [sys.executable, "-m", "hyperdsl", "compile", "learns.hyper", "-o", "made/m"]
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not list(folder.rglob("*sprung"))


def test_the_formatter_heeds_no_settings_of_where_its_files_lie(folder: Path, tmp_path: Path) -> None:
    """A temporary folder inside a project whose `.gitignore` names everything."""
    made = []
    for place in (folder / "temporary", tmp_path):
        place.mkdir(exist_ok=True)
        line = [sys.executable, "-m", "hyperdsl", "compile", "learns.hyper", "-o", str(tmp_path / place.name)]
        environment = {**os.environ, "TMPDIR": str(place)}
        subprocess.run(line, cwd=folder, env=environment, capture_output=True, check=True)
        package = tmp_path / place.name / "learns"
        made.append({path.relative_to(package): path.read_bytes() for path in package.rglob("*.*") if path.is_file()})
    assert made[0] == made[1]


@pytest.mark.parametrize("method", ["rk4", "ab2"])
def test_plots_heed_no_settings_of_the_current_folder(tmp_path: Path, method: str) -> None:
    """Which may have matplotlib run TeX."""
    (tmp_path / "a.hyper").write_text("solver A {\n    base rk4\n}\n")
    shown = [sys.executable, "-m", "hyperdsl", "show", "a.hyper", method, "--plot"]
    subprocess.run([*shown, "plain.png"], cwd=tmp_path, capture_output=True, check=True)
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\naxes.facecolor: red\n")
    (tmp_path / "latex").write_text("#!/bin/sh\ntouch sprung\n")
    (tmp_path / "latex").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run([*shown, "strange.png"], cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert (tmp_path / "plain.png").read_bytes() == (tmp_path / "strange.png").read_bytes()
    assert not (tmp_path / "sprung").exists()
