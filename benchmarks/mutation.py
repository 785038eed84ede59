"""Mutation testing of theory/, plan/ and codegen/: python -m benchmarks.mutation [--sample 1000] [--seed 0]

    pip install -e '.[bench]'

mutmut changes one thing at a time in a copy of the repository; the quick tests of the part that run the changed
function have to fail. A seeded sample of all changes is tried, as many of each part. Survivors that were looked at and
change nothing that can be seen stand in mutation_equivalent.json beside the results, with the reason; the score counts
killed over tried, once as it is and once without those.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks import mutated, study
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
QUICK = ("backend", "dense", "expressions", "files", "package", "replacing", "reserved_names", "steps", "views")
TESTS = {
    "theory": ("tests/theory",),
    "plan": ("tests/plan",),
    "codegen": tuple(f"tests/codegen/test_{name}.py" for name in QUICK),
}
QUICKEST = ("tests/theory/test_trees.py",)
PYTEST = ("pytest", "-x", "-m", "not slow", "-p", "no:cacheprovider")
EQUIVALENT = Path(__file__).parent / "results" / "mutation_equivalent.json"


def changed(folder: Path, part: str) -> list[str]:
    """Make a copy of the repository that holds every change, side by side; their names."""
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
        "only_mutate": [f"hyperdsl/{part}/*"],
        "pytest_add_cli_args": ["-p", "no:cacheprovider"],
        "pytest_add_cli_args_test_selection": QUICKEST,
        "also_copy": (*COPIED, "setup.cfg"),
    }
    lines = [f"{key}=\n" + "".join(f"    {value}\n" for value in values) for key, values in lists.items()]
    (folder / "setup.cfg").write_text("[mutmut]\n" + "".join(lines), "utf-8")
    _, said = run(folder, "mutmut", "run", "--max-children", "1", "nothing.of.this.name")  # makes them, and stops
    made = [json.loads(path.read_text("utf-8")) for path in (folder / "mutants").rglob("*.meta")]
    names = sorted(name for one in made for name in one["exit_code_by_key"])
    if not names:
        raise SystemExit(f"mutmut made no changes:\n{said[-2000:]}")
    return names


def run(folder: Path, *module: str, **variables: str) -> tuple[int, str]:
    """The exit code of a module that is run as a program in a copy, which is not to see another one; what it says."""
    alone = {**os.environ, "PYTHONPATH": "", "HYPERDSL_CACHE": "", "OMP_NUM_THREADS": "1", **variables}
    command = [sys.executable, "-m", *module]
    done = subprocess.run(command, cwd=folder, env=alone, capture_output=True, text=True, errors="replace", check=False)
    return done.returncode, done.stdout + done.stderr


def tried(folder: Path, names: Sequence[str], tests: Sequence[str]) -> dict[str, str]:
    """What became of the changes."""
    choice, copy = folder / "chosen.json", folder / "mutants"
    choice.write_text(json.dumps(names), "utf-8")
    _, said = run(copy, *PYTEST, "-p", "benchmarks.mutated", *tests, **{mutated.CHOICE: str(choice)})
    found = mutated.outcomes(choice)
    if len(found) < len(names):
        raise SystemExit(f"the tests ended early:\n{said[-2000:]}")
    return {name: confirmed(copy, name, *found[name]) for name in names}


def confirmed(copy: Path, name: str, outcome: str, *files: str) -> str:
    """The outcome; a survivor has to survive a process of its own too, where modules are imported with the change."""
    if outcome != mutated.SURVIVED:
        return outcome
    return mutated.KILLED if run(copy, *PYTEST, *files, MUTANT_UNDER_TEST=name)[0] else outcome


def change(folder: Path, name: str) -> str:
    """What a change does: the lines that it takes away and puts in."""
    lines = run(folder, "mutmut", "show", name)[1].splitlines()
    return "\n".join(line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---"))


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
        every = changed(folder, part)
        chosen = random.Random(given.seed).sample(every, min(2 if given.smallest else given.sample, len(every)))
        found = tried(folder, chosen, QUICKEST if given.smallest else TESTS[part])
        row, facts = studied(folder, found, len(every), equivalent)
        rows.append([part, *row])
        content[part] = facts
        print(rows[-1], flush=True)
    heads = ["part", "changes", "tried", "killed", "equivalent", "survivors", "no test", "score", "without equivalent"]
    text = f"{study.about(__doc__)}\n{markdown(heads, rows)}\n\n{survivors(content)}"
    study.write(given, "mutation", text, {"parts": content})


def studied(
    folder: Path, found: dict[str, str], every: int, equivalent: dict[str, str]
) -> tuple[list[str], dict[str, Any]]:
    counts = Counter(found.values())
    left = {name: change(folder, name) for name, outcome in found.items() if outcome != mutated.KILLED}
    reasons = {name: equivalent.get(key(name, text)) for name, text in left.items()}
    same = sum(reason is not None for reason in reasons.values())
    killed, untested = counts[mutated.KILLED], counts[mutated.UNTESTED]
    score, without = killed / len(found), killed / max(1, len(found) - same)
    facts = {
        "changes": every,
        "tried": len(found),
        "killed": killed,
        "no test runs it": untested,
        "score": score,
        "score without equivalent": without,
        "survivors": [
            {"name": name, "change": text, "verdict": found[name], "equivalent": reasons[name]}
            for name, text in left.items()
        ],
    }
    numbers = (every, len(found), killed, same, len(left) - same, untested)
    return [*map(str, numbers), f"{score:.1%}", f"{without:.1%}"], facts


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
