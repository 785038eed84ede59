"""Each call that changes files, failed and made the last one: python -m benchmarks.failing

Runs `hyperdsl compile` and `hyperdsl train` in forks of this process. In the k-th of them the k-th call that changes
files (opening, writing, fsync, rename, unlink, mkdir, ...: `benchmarks/faults.py`) is the process's last, or fails with
EIO, or fails with ENOSPC as all later ones do that need room; k goes on until there is no such call. After each the
package has to be the old one, the new one, none, or one whose import fails and says so, and the weights the old ones or
the new ones; then the command is given again, undisturbed, and has to end in the same bytes and bits as without all
this. Exit codes other than 0 and 2 are told too: nothing that a disk does is a bug of hyperdsl's.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch  # noqa: F401  # loaded once, for all forks

from benchmarks import study
from benchmarks.faults import DIED, MODES, UNTOUCHED, Faults, child
from benchmarks.kills import SPEC, digest, package
from hyperdsl import cli, compiler
from hyperdsl.evaluation.lookup import find_problem
from hyperdsl.evaluation.packages import load_package
from hyperdsl.evaluation.report import markdown
from hyperdsl.source import SpecFile
from hyperdsl.training import checkpoint

SETTINGS = ("steps=2 .. 4", "iterations=3", "then.iterations=2", "then.batch=8")
TRAINING: tuple[str, ...] = ("--problem", "van_der_pol", "--quiet", *(word for text in SETTINGS for word in ("--set", f"phased.{text}")))
COMMANDS = ("over", "first", "train")
NEW = SPEC.replace("linear(64)", "linear(32)")


@dataclass
class Row:
    """What became of one command whose calls were made to fail one after another."""

    command: str
    mode: str
    calls: int = 0
    states: Counter[str] = field(default_factory=Counter)
    codes: Counter[int] = field(default_factory=Counter)
    unrepaired: int = 0

    def cells(self) -> list[str]:
        states = ", ".join(f"{count} {state}" for state, count in sorted(self.states.items()))
        codes = ", ".join(f"{count} with {code}" for code, count in sorted(self.codes.items()))
        return [self.command, self.mode, str(self.calls), states, codes, str(self.unrepaired)]


def loaded() -> None:
    """Everything that forks would load, each for itself."""
    os.environ["HYPERDSL_CACHE"] = ""
    cli.application()
    compiler.outcomes([SpecFile(Path("specs/phased_hyper_heun.hyper"), "phased_hyper_heun.hyper")], packages=True)
    load_package(Path("generated/phased_hyper_heun")).train()
    find_problem("van_der_pol", lambda _: ())


def hyperdsl(place: Path, cache: Path, *arguments: str) -> Callable[[], int]:
    """The command line as a function for a fork."""

    def run() -> int:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        os.chdir(place)
        os.environ["HYPERDSL_CACHE"] = str(cache)
        checkpoint.SECONDS = 0
        sys.argv = ["hyperdsl", *arguments]
        cli.main()
        return 0

    return run


def imports(made: Path) -> int:
    """Imports a package as its user would."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    sys.path.insert(0, str(made))
    __import__("torn.train")
    return 0


def compiling(folder: Path, mode: str, over: bool, limit: int) -> Row:
    """`compile` over an old package, with nothing remembered; or where there is none, all of it remembered."""
    shutil.rmtree(folder, ignore_errors=True)
    warm, cold = folder.absolute() / "warm", folder.absolute() / "cold"
    wholes: list[Mapping[str, bytes]] = []
    for name, text in (("old", SPEC), ("new", NEW)):
        (folder / name).mkdir(parents=True)
        (folder / name / "torn.hyper").write_text(text)
        done = child(hyperdsl(folder / name, warm, "compile", "torn.hyper", "-o", "made"))
        assert done == 0
        wholes.append(package(folder / name / "made" / "torn"))
    old, new = wholes[0] if over else {}, wholes[1]
    row = Row("compile over a package" if over else "compile, remembered", mode)
    place = folder / "place"
    while row.calls < limit:
        shutil.rmtree(place, ignore_errors=True)
        shutil.rmtree(cold, ignore_errors=True)
        shutil.copytree(folder / "old" if over else folder / "new", place)
        if not over:
            shutil.rmtree(place / "made")
        (place / "torn.hyper").write_text(NEW)
        command = ("compile", "torn.hyper", "-o", "made")
        code = child(hyperdsl(place, cold if over else warm, *command), Faults(row.calls, mode))
        if code == UNTOUCHED:
            break
        seen = package(place / "made" / "torn")
        state = "none" if not seen else "old" if seen == old else "new" if seen == new else ""
        row.states[state or ("torn" if child(lambda: imports(place / "made")) == 0 else "refuses")] += 1
        row.codes.update([code] if code != DIED else [])
        row.calls += 1
        again = child(hyperdsl(place, warm, *command))
        row.unrepaired += again != 0 or package(place / "made" / "torn") != new or bool([*place.rglob(".hyperdsl-*")])
    return row


def training(folder: Path, mode: str, limit: int) -> Row:
    """`train` over weights that are there."""
    shutil.rmtree(folder, ignore_errors=True)
    whole, output, cache = folder / "whole" / "w.safetensors", folder / "w.safetensors", folder / "cache"
    words = ("train", "generated/phased_hyper_heun", *TRAINING)
    here = Path.cwd()
    folder.mkdir(parents=True)
    done = child(hyperdsl(here, cache, *words, "--output", str(whole), "--cache", str(folder / "own")))
    assert done == 0
    right, row = digest(whole), Row("train over weights", mode)
    while row.calls < limit:
        shutil.rmtree(cache, ignore_errors=True)
        output.with_suffix(".checkpoint").unlink(missing_ok=True)
        output.write_bytes(b"old")
        command = (*words, "--output", str(output), "--cache", str(cache))
        code = child(hyperdsl(here, folder / "none", *command), Faults(row.calls, mode))
        if code == UNTOUCHED:
            break
        state = "old" if output.read_bytes() == b"old" else "new" if digest(output) == right else "torn"
        row.states[state] += 1
        row.codes.update([code] if code != DIED else [])
        row.calls += 1
        row.unrepaired += child(hyperdsl(here, folder / "none", *command)) != 0 or digest(output) != right
    return row


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study.parser(__doc__, seeds=None)
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument(
        "--commands", default=",".join(COMMANDS), help="over: compile over a package; first: remembered"
    )
    given = study.given(parser, arguments)
    loaded()
    folder, limit = (given.runs / "failing").absolute(), 2 if given.smallest else 10_000
    rows = []
    for mode in study.chosen(given.modes, MODES, given.smallest):
        for command in study.chosen(given.commands, COMMANDS, smallest=False):
            row = (
                training(folder, mode, limit)
                if command == "train"
                else compiling(folder, mode, command == "over", limit)
            )
            rows.append(row)
            print(*row.cells(), sep="; ", flush=True)
    heads = ["command", "the call", "calls", "left", "ended", "not put right by the next"]
    content = {
        "rows": [
            {
                "command": row.command,
                "mode": row.mode,
                "calls": row.calls,
                "states": row.states,
                "codes": {str(code): count for code, count in row.codes.items() if count},
                "unrepaired": row.unrepaired,
            }
            for row in rows
        ]
    }
    study.write(given, "failing", f"{study.about(__doc__)}\n{markdown(heads, [row.cells() for row in rows])}", content)


if __name__ == "__main__":
    main()
