"""Mutation testing of theory/, plan/ and codegen/: python -m benchmarks.mutation [--sample 1000] [--seed 0]

    pip install -e '.[bench]'

mutmut changes one thing at a time in a copy of the repository; the quick tests of the part that run the changed
function have to fail. A seeded sample of all changes is tried, the same share of each part. Survivors that were looked
at and change nothing that can be seen stand in mutation_equivalent.json beside the results, with the reason; the score
counts killed over tried, once as it is and once without those.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks import study
from hyperdsl.evaluation.report import markdown

COPIED = (
    "hyperdsl",
    "tests",
    "specs",
    "generated",
    "benchmarks",
    "docs",
    "pyproject.toml",
    "README.md",
    "CONTRIBUTING.md",
)
TESTS = {
    "theory": ("tests/theory", "tests/plan"),
    "plan": ("tests/theory", "tests/plan"),
    "codegen": ("tests/codegen",),
}
KILLED, SURVIVED, UNTESTED = "killed", "survived", "no test runs it"
EQUIVALENT = Path(__file__).parent / "results" / "mutation_equivalent.json"


def configured(folder: Path, parts: Iterable[str], tests: Iterable[str]) -> None:
    """A copy of the repository for mutmut to change."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    root = Path(__file__).parent.parent
    for name in COPIED:
        ignored = shutil.ignore_patterns("__pycache__")
        if (root / name).is_dir():
            shutil.copytree(root / name, folder / name, ignore=ignored)
        else:
            shutil.copy(root / name, folder / name)
    lists = {
        "source_paths": ["hyperdsl/"],
        "only_mutate": [f"hyperdsl/{part}/*" for part in parts],
        "pytest_add_cli_args": ["-m", "not slow", "-p", "no:cacheprovider"],
        "pytest_add_cli_args_test_selection": tests,
        "also_copy": COPIED,
    }
    lines = [f"{key}=\n" + "".join(f"    {value}\n" for value in values) for key, values in lists.items()]
    (folder / "setup.cfg").write_text("[mutmut]\n" + "".join(lines) + "timeout_multiplier=30\n", "utf-8")


def mutmut(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "mutmut", *arguments]
    alone = {**os.environ, "PYTHONPATH": "", "HYPERDSL_CACHE": "", "OMP_NUM_THREADS": "1"}  # the copy, and no other
    done = subprocess.run(command, cwd=folder, env=alone, capture_output=True, text=True, errors="replace", check=False)
    return done.stdout + done.stderr


def outcomes(folder: Path) -> dict[str, int | None]:
    """The exit code of the tests by the name of the change; None where it was not tried."""
    found: dict[str, int | None] = {}
    for path in sorted((folder / "mutants" / "hyperdsl").rglob("*.meta")):
        found.update(json.loads(path.read_text("utf-8"))["exit_code_by_key"])
    return found


def verdict(code: int | None) -> str:
    """As mutmut reads the exit codes of pytest; a change that crashes or never ends is killed too."""
    return SURVIVED if code == 0 else UNTESTED if code in (None, 5, 33) else KILLED


def change(folder: Path, name: str) -> str:
    """What a change does: the lines that it takes away and puts in."""
    lines = mutmut(folder, "show", name).splitlines()
    return "\n".join(line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---"))


def tried(folder: Path, part: str, sample: int, seed: int) -> tuple[int, dict[str, int | None]]:
    """How many changes of a part there are, and what became of those that the seed chose."""
    first = mutmut(folder, "run", "--max-children", "1", "nothing.of.this.name")
    every = sorted(name for name in outcomes(folder) if name.startswith(f"hyperdsl.{part}."))
    if not every:
        raise SystemExit(f"mutmut made no changes:\n{first[-2000:]}")
    chosen = sorted(random.Random(seed).sample(every, min(sample, len(every))))
    said = mutmut(folder, "run", "--max-children", "1", *chosen)
    (folder / f"{part}.log").write_text(said, "utf-8")
    found = outcomes(folder)
    return len(every), {name: found[name] for name in chosen}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study.parser(__doc__, seeds=None)
    parser.add_argument("--sample", type=int, default=500, help="changes of each part")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--parts", default="theory,plan,codegen")
    given = study.given(parser, arguments)
    if given.smallest and find_spec("mutmut") is None:
        study.write(given, "mutation", markdown(["part"], [["mutmut is not installed"]]), {"parts": 0})
        return
    equivalent = json.loads(EQUIVALENT.read_text("utf-8"))
    rows, content = [], {}
    for part in study.chosen(given.parts, TESTS, given.smallest):
        folder = given.runs.resolve() / "mutation" / part
        configured(folder, [part], ["tests/theory/test_trees.py"] if given.smallest else TESTS[part])
        row, facts = studied(folder, part, 2 if given.smallest else given.sample, given.seed, equivalent)
        rows.append(row)
        content[part] = facts
        print(row, flush=True)
    heads = ["part", "changes", "tried", "killed", "equivalent", "survivors", "no test", "score", "without equivalent"]
    text = f"{study.about(__doc__)}\n{markdown(heads, rows)}\n\n{survivors(content)}"
    study.write(given, "mutation", text, {"parts": content})


def studied(
    folder: Path, part: str, sample: int, seed: int, equivalent: dict[str, str]
) -> tuple[list[str], dict[str, Any]]:
    every, found = tried(folder, part, sample, seed)
    counts = Counter(map(verdict, found.values()))
    left = {name: change(folder, name) for name, code in found.items() if verdict(code) != KILLED}
    reasons = {name: equivalent.get(key(name, text)) for name, text in left.items()}
    same = sum(reason is not None for reason in reasons.values())
    score, without = counts[KILLED] / len(found), counts[KILLED] / max(1, len(found) - same)
    row = [part, str(every), str(len(found)), str(counts[KILLED]), str(same), str(len(left) - same)]
    facts = {
        "changes": every,
        "tried": len(found),
        "killed": counts[KILLED],
        "no test runs it": counts[UNTESTED],
        "score": score,
        "score without equivalent": without,
        "survivors": [
            {"name": name, "change": text, "verdict": verdict(found[name]), "equivalent": reasons[name]}
            for name, text in left.items()
        ],
    }
    return [*row, str(counts[UNTESTED]), f"{score:.1%}", f"{without:.1%}"], facts


def key(name: str, text: str) -> str:
    """Names of changes are numbered, so that a reason is kept by the function and what is changed in it."""
    return f"{name.rsplit('__mutmut_', 1)[0]}: " + " ".join(text.split())


def survivors(content: dict[str, Any]) -> str:
    """A table of what was not killed."""
    rows = [
        [found["name"].replace("hyperdsl.", "", 1), _cell(found["change"]), found["equivalent"] or found["verdict"]]
        for facts in content.values()
        for found in facts["survivors"]
    ]
    return markdown(["change", "what it does", "looked at"], rows) if rows else "Nothing survived."


def _cell(text: str) -> str:
    return " ".join(f"`{line.replace('|', '∣')}`" for line in text.splitlines()[:4])


if __name__ == "__main__":
    main()
