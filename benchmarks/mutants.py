"""Generated solvers with one character changed, and who sees it: python -m benchmarks.mutants

Changes one character of a package's solver.py below its header, as often as told, in packages of every kind: half of
the changes put another digit for a digit, the others put another character of its class for a character, leave one out
or write one twice. A mutant counts where it still can be imported. It changes the code (what runs), a docstring (what
is stated), an annotation, or nothing but layout and comments, which nobody is to see. On a sample of those that change
the code, by what `verify` says, the package's own tests run, each in a process of its own. Writes
benchmarks/results/mutants.md and mutants.json, with all that was not seen.
"""

from __future__ import annotations

import ast
import multiprocessing
import os
import random
import shutil
import string
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks import study
from hyperdsl import compiler
from hyperdsl.diagnostics import has_errors
from hyperdsl.evaluation.errors import PackageError
from hyperdsl.evaluation.packages import load_package
from hyperdsl.evaluation.report import markdown
from hyperdsl.source import SpecFile
from hyperdsl.verifying.verify import verify

FURTHER = {
    "implicit": "solver Bdf {\n    base bdf3\n}\nsolver Adams {\n    base am2\n}\n",
    "pec": "predictor_corrector plain {\n    predict ab2\n    correct am1\n    mode PEC\n}\n"
    "solver Pec {\n    base plain\n}\n",
    "doubling": "control halves {\n    error doubling\n}\nsolver Doubling {\n    base rk4\n    control halves\n}\n",
    "family": "control c {\n    error doubling\n    per_sample yes\n}\n"
    "solver Family {\n    base third_order(u = 1/5 .. 2/5, v = 3/5 .. 4/5)\n    control c\n}\n",
    "doubted": "control c {\n    error learned\n}\ncorrector small {\n    inputs z, dz, eps\n"
    "    layers linear(8), residual(4, activation = sin), tanh\n    bound 7\n}\n"
    "hypersolver Doubted {\n    base euler\n    corrector small\n    control c\n}\n",
    "external": "hypersolver Mine {\n    base bosh3\n    corrector external\n}\n",
    "embedded": "control c {\n    error embedded\n    gains 2/5, 3/10\n}\n"
    "corrector small {\n    inputs z, dz, stages\n    layers linear(8), gelu\n}\n"
    "hypersolver Corrected {\n    base bosh3\n    corrector small\n    control c\n}\n",
}
"""Specs of kinds that specs/ has none of."""
CLASSES = (string.digits, string.ascii_lowercase, string.ascii_uppercase, "+-*/", "()[]{}", ".,:=", "\"'", " \n", "_#")
TREES = ("code", "docstring", "annotation", "layout")


@dataclass(frozen=True)
class Mutant:
    """A changed solver.py in a folder of its own: where, what stood there, what stands there, what that changes."""

    package: str
    folder: Path
    line: int
    before: str
    after: str
    changes: str

    @property
    def told(self) -> dict[str, object]:
        found = {"package": self.package, "line": self.line, "before": self.before, "after": self.after}
        return {**found, "changes": self.changes}


def edited(text: str, draw: random.Random) -> str:
    """The text with one character changed."""
    start = text.index('"""')  # the header above is compared as it is
    if draw.random() < 0.5:
        at = draw.choice([i for i, character in enumerate(text) if i > start and character.isdigit()])
        return text[:at] + draw.choice(string.digits.replace(text[at], "")) + text[at + 1 :]
    at = draw.randrange(start, len(text))
    others = next((kind for kind in CLASSES if text[at] in kind), "ε").replace(text[at], "") or text[at]
    return text[:at] + draw.choice(["", draw.choice(others), 2 * text[at]]) + text[at + 1 :]


def changed(before: str, after: str) -> str | None:
    """What a change changes; None where it is no Python any more."""
    try:
        trees = [ast.parse(text) for text in (before, after)]
    except (SyntaxError, ValueError):
        return None
    for kind, without in zip(TREES, (("doc", "annotation"), ("annotation",), ()), strict=False):
        if len({ast.dump(stripped(ast.parse(ast.unparse(tree)), without)) for tree in trees}) > 1:
            return kind
    return "layout"


def stripped(tree: ast.Module, without: Sequence[str]) -> ast.Module:
    """A tree without its docstrings or annotations."""
    for node in ast.walk(tree):
        if "doc" in without and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = None
        if "annotation" in without and isinstance(node, ast.arg):
            node.annotation = None
        if "annotation" in without and isinstance(node, ast.FunctionDef):
            node.returns = None
    return tree


def line_of(before: str, after: str) -> tuple[int, str, str]:
    """The first line that differs, and both versions of it."""
    lines, others = before.split("\n"), after.split("\n")
    pairs = enumerate(zip(lines, others, strict=False), 1)
    number, (one, other) = next((pair for pair in pairs if pair[1][0] != pair[1][1]), (len(lines), ("", "")))
    return number, one.strip(), other.strip()


def mutants(packages: Sequence[Path], count: int, draw: random.Random, folder: Path) -> list[Mutant]:
    """That many mutants, spread evenly over the packages, each a copy of its package."""
    made: list[Mutant] = []
    seen: set[tuple[Path, str]] = set()
    while len(made) < count:
        package = packages[len(made) % len(packages)]
        text = (package / "solver.py").read_text("utf-8")
        other = edited(text, draw)
        changes = changed(text, other)
        if changes is None or other == text or (package, other) in seen:
            continue
        seen.add((package, other))
        copy = folder / str(len(made)) / package.name
        shutil.rmtree(copy.parent, ignore_errors=True)
        shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
        (copy / "solver.py").write_text(other, "utf-8")
        try:
            load_package(copy)
        except PackageError:
            continue
        made.append(Mutant(package.name, copy, *line_of(text, other), changes))
    return made


def compiled(folder: Path, names: Sequence[str]) -> list[Path]:
    """The packages of further kinds."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").touch()
    files = []
    for name in names:
        (folder / f"{name}.hyper").write_text(FURTHER[name], "utf-8")
        files.append(SpecFile(folder / f"{name}.hyper", f"{name}.hyper"))
    checked = compiler.check(files)
    if has_errors(checked.diagnostics):
        raise SystemExit(f"a spec of the study is at fault: {checked.diagnostics}")
    compiler.compile_checked(checked, folder / "generated")
    return [folder / "generated" / name for name in names]


def tested(mutant: Mutant, seconds: float) -> bool:
    """Whether the package's own tests see it; one that takes that long is seen."""
    process = multiprocessing.get_context("fork").Process(target=_test, args=(mutant.folder,))
    process.start()
    process.join(seconds)
    if process.is_alive():
        process.kill()
        process.join()
    return process.exitcode != 0


def _test(folder: Path) -> None:
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    sys.exit(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-c", os.devnull, str(folder)]))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study.parser(__doc__, seeds=None)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--tested", type=int, default=100, help="how many the package's own tests run on")
    parser.add_argument("--seconds", type=float, default=120, help="that the tests of a mutant may take")
    parser.add_argument("--seed", type=int, default=0)
    given = study.given(parser, arguments)
    sys.dont_write_bytecode = True
    draw, folder = random.Random(given.seed), given.runs / "mutants"
    count, sample = (4, 1) if given.smallest else (given.count, given.tested)
    own = sorted(path.parent for path in Path("generated").glob("*/solver.py"))
    further = [*FURTHER][: 1 if given.smallest else None]
    packages = [*own[: 1 if given.smallest else None], *compiled(folder / "further", further)]
    made = mutants(packages, count, draw, folder)
    results = verify([mutant.folder for mutant in made])
    seen = {mutant: difference is not None for mutant, (_, _, difference) in zip(made, results, strict=True)}
    code = [mutant for mutant in made if mutant.changes == "code" and seen[mutant]]
    chosen = draw.sample(code, min(sample, len(code)))
    by_tests = {mutant: tested(mutant, given.seconds) for mutant in chosen}
    rows = [
        [f"verify: {kind} changed", str(total), str(sum(seen[one] for one in made if one.changes == kind))]
        for kind, total in sorted(Counter(mutant.changes for mutant in made).items())
    ]
    rows.append(["the package's own tests: code changed", str(len(chosen)), str(sum(by_tests.values()))])
    table = markdown(["by whom", "mutants", "seen"], rows)
    text = f"{study.about(__doc__)}\n{len(packages)} packages.\n\n{table}"
    content = {
        "mutants": len(made),
        "seen_by_verify": dict(Counter(mutant.changes for mutant in made if seen[mutant])),
        "unseen_by_verify": [mutant.told for mutant in made if not seen[mutant]],
        "layout_that_is_seen": [mutant.told for mutant in made if seen[mutant] and mutant.changes == "layout"],
        "tested": len(chosen),
        "seen_by_tests": sum(by_tests.values()),
        "unseen_by_tests": [mutant.told for mutant, found in by_tests.items() if not found],
    }
    study.write(given, "mutants", text, content)
    print(table)


if __name__ == "__main__":
    main()
