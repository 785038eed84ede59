"""Compiling and training killed at random moments, each time gone on with: python -m benchmarks.kills

Runs `hyperdsl compile` over an old package in processes of its own and ends them by SIGKILL, at moments uniform over
the time that an undisturbed run takes; the package then has to be the old one, the new one, or one whose import fails,
and the next run has to make the new one. Runs `hyperdsl train` likewise until 30 were killed; whenever a run comes to
its end, its weights are compared with the undisturbed run's, bit by bit, and the training starts afresh. A run counts
as gone on from a checkpoint where it found one and did not say that it starts anew.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file, save

from benchmarks import study
from hyperdsl.evaluation.report import markdown

TRAININGS = {
    "phased_hyper_heun": ("--set", "phased.iterations=2000", "--set", "phased.then.iterations=200"),
    "adversarial_hyper_euler": ("--set", "robust.iterations=300"),
    "learned_families": ("--solver", "LearnedMidpoint", "--set", "fit.iterations=200"),
}
SPEC = """corrector g {
    inputs z, dz, eps
    layers linear(64), silu
}
training fit {
    loss residual
}
hypersolver Torn {
    base heun
    corrector g
    training fit
}
"""
SMALLEST = ("--set", "phased.iterations=40", "--set", "phased.then.iterations=2")


def command(name: str, output: Path, cache: Path, few: Sequence[str]) -> list[str]:
    line = [sys.executable, "-m", "hyperdsl", "train", f"generated/{name}", "--problem", "van_der_pol", "--quiet"]
    return [*line, *(few or TRAININGS[name]), "--output", str(output), "--cache", str(cache)]


def digest(path: Path) -> str:
    """Of the tensors and the metadata, which hold δ; safetensors writes metadata in any order."""
    with safe_open(path, "pt") as file:
        metadata = sorted((file.metadata() or {}).items())
    return hashlib.sha256(save(load_file(path)) + repr(metadata).encode()).hexdigest()


def trial(name: str, kills: int, draw: random.Random, folder: Path, few: Sequence[str]) -> list[str]:
    """The row of a package's training: kills, runs that came to their end, how many of those had other weights."""
    shutil.rmtree(folder, ignore_errors=True)
    whole, output = folder / "whole.safetensors", folder / "killed.safetensors"
    start = time.perf_counter()
    subprocess.run(command(name, whole, folder / "whole", few), check=True, capture_output=True)
    length = time.perf_counter() - start
    killed = ended = different = resumed = 0
    said = folder / "stderr.txt"
    while killed < kills or ended == 0:
        found = output.with_suffix(".checkpoint").is_file()
        with said.open("wb") as errors:
            process = subprocess.Popen(
                command(name, output, folder / "cache", few), stdout=subprocess.DEVNULL, stderr=errors
            )
            try:
                code = process.wait(None if killed >= kills else draw.uniform(0, length))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                code = None
        resumed += found and "anew" not in said.read_text()
        if code is None:
            killed += 1
            continue
        if code != 0:
            raise SystemExit(f"training failed with {code}")
        ended += 1
        different += digest(output) != digest(whole)
        output.unlink()
        if killed < kills:
            shutil.rmtree(folder / "cache")
    print(f"{name}: {killed} kills, {ended} ends, {different} different", flush=True)
    return [name, f"{length:.1f}", str(killed), str(resumed), str(ended), str(different)]


def package(folder: Path) -> dict[str, bytes]:
    """The files of a package by their paths, but for those that Python and hyperdsl work with."""
    found = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    return {
        path.as_posix(): file.read_bytes()
        for path, file in found.items()
        if not any(part.startswith((".", "__pycache__")) for part in path.parts)
    }


def compiling(kills: int, draw: random.Random, folder: Path) -> dict[str, int]:
    """Kills of `compile`, and what they left: the old package, the new one, one that refuses to be imported, torn ones.

    `unrepaired` are those that the next run did not make new.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    line = [sys.executable, "-m", "hyperdsl", "compile", "torn.hyper", "-o", "made"]
    made, environment = folder / "made" / "torn", {**os.environ, "HYPERDSL_CACHE": ""}
    wholes = []
    for text in (SPEC, SPEC.replace("linear(64)", "linear(32)")):
        (folder / "torn.hyper").write_text(text)
        start = time.perf_counter()
        subprocess.run(line, cwd=folder, env=environment, check=True, capture_output=True)
        length = time.perf_counter() - start
        wholes.append(package(made))
    old, new = wholes
    found = dict.fromkeys(("kills", "old", "new", "refuses", "torn", "unrepaired"), 0)
    while found["kills"] < kills:
        shutil.rmtree(made)
        for name, data in old.items():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).write_bytes(data)
        process = subprocess.Popen(line, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
        time.sleep(draw.uniform(0, length))
        process.kill()
        found["kills"] += process.wait() != 0
        seen = package(made)
        state = "old" if seen == old else "new" if seen == new else ""
        tried = [sys.executable, "-c", "import torn.train"]
        found[state or ("refuses" if subprocess.run(tried, cwd=made.parent, check=False).returncode else "torn")] += 1
        subprocess.run(line, cwd=folder, env=environment, check=True, capture_output=True)
        found["unrepaired"] += package(made) != new
    print(found, flush=True)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study.parser(__doc__, seeds=None)
    parser.add_argument("--kills", type=int, default=30, help="of each training")
    parser.add_argument("--compilations", type=int, default=100, metavar="KILLS", help="of compile")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--packages", default=",".join(TRAININGS))
    given = study.given(parser, arguments)
    draw = random.Random(given.seed)
    packages = study.chosen(given.packages, TRAININGS, given.smallest)
    kills, compilations, few = (1, 1, SMALLEST) if given.smallest else (given.kills, given.compilations, ())
    compiled = compiling(compilations, draw, given.runs / "kills")
    rows = [trial(name, kills, draw, given.runs / "kills", few) for name in packages]
    heads = ["package", "undisturbed s", "kills", "starts from a checkpoint", "ends", "ends with other weights"]
    tables = (markdown([*compiled], [[*map(str, compiled.values())]]), markdown(heads, rows))
    content = {"compile": compiled, "train": [dict(zip(heads, row, strict=True)) for row in rows]}
    study.write(given, "kills", "\n\n".join((study.about(__doc__), *tables)), content)


if __name__ == "__main__":
    main()
