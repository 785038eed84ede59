"""Whole-process times of `hyperdsl check`: one spec, cold and unchanged, and a thousand specs with fifty methods.

    python -m benchmarks.checking

Cold means an empty cache; files and byte code are warm. Medians of 9 runs, of 3 for the thousand.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path

import hyperdsl
from benchmarks import study

SPECS, METHODS = 1000, 50
SOURCES = ("explicit", "explicit_5", "embedded", "embedded_more", "explicit_6", "implicit", "explicit_8")


def library_methods() -> list[tuple[str, str]]:
    """(name, text) of the library's first fifty methods without parameters, of orders 1 to 8."""
    found = []
    for name in SOURCES:
        text = (files("hyperdsl.library") / f"{name}.hyper").read_text("utf-8")
        found += [(m[1], m[0]) for m in re.finditer(r"^method (\w+) \{.*?^\}\n", text, re.MULTILINE | re.DOTALL)]
    return found[: METHODS - 3] + found[-3:]


def write_specs(folder: Path, count: int) -> None:
    """Specs that each declare one of the methods under a name of their own."""
    methods = library_methods()
    for i in range(count):
        name, text = methods[i % METHODS]
        (folder / f"spec{i}.hyper").write_text(text.replace(f"method {name} ", f"method m{i} ", 1))


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def check(path: Path, cache: Path | str) -> None:
    environment = {**os.environ, "HYPERDSL_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "hyperdsl", "check", str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def measured(count: int, runs: int) -> dict[str, float]:
    spec = Path(__file__).parent.parent / "specs" / "hyper_heun.hyper"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        check(spec, folder / "cache")
        result = {
            "one spec, cold": statistics.median(seconds(lambda: check(spec, "")) for _ in range(runs)),
            "one spec, unchanged": statistics.median(
                seconds(lambda: check(spec, folder / "cache")) for _ in range(runs)
            ),
        }
        specs = folder / "specs"
        specs.mkdir()
        write_specs(specs, count)
        result[f"{count} specs, {METHODS} methods, cold"] = statistics.median(
            seconds(lambda: check(specs, "")) for _ in range(min(runs, 3))
        )
        check(specs, folder / "many")
        result[f"{count} specs, {METHODS} methods, unchanged"] = statistics.median(
            seconds(lambda: check(specs, folder / "many")) for _ in range(min(runs, 3))
        )
    return result


LIMITS = {"one spec, cold": 1.5, "one spec, unchanged": 0.25, f"{SPECS} specs, {METHODS} methods, cold": 60.0}


def main(arguments: Sequence[str] | None = None) -> None:
    given = study.given(study.parser(__doc__, seeds=None), arguments)
    result = measured(4 if given.smallest else SPECS, 1 if given.smallest else 9)
    lines = ["| `hyperdsl check`, whole process | seconds | at most |", "| --- | --- | --- |"]
    lines += [f"| {name} | {value:.2f} | {LIMITS.get(name, '')} |" for name, value in result.items()]
    study.write(given, "checking", "\n".join(lines), {"hyperdsl": hyperdsl.__version__, **result})
    print("\n".join(lines))


if __name__ == "__main__":
    main()
