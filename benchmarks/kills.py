"""Training killed at random moments, each time gone on with: python -m benchmarks.kills

Runs `hyperdsl train` in processes of its own and ends them by SIGKILL, at moments uniform over the time that an
undisturbed run takes, until 30 were killed; whenever a run comes to its end, its weights are compared with the
undisturbed run's, bit by bit, and the training starts afresh. A run counts as gone on from a checkpoint where it found
one and did not say that it starts anew. Writes benchmarks/results/kills.md.
"""

from __future__ import annotations

import hashlib
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
SMALLEST = ("--set", "phased.iterations=40", "--set", "phased.then.iterations=2")


def command(package: str, output: Path, cache: Path, few: Sequence[str]) -> list[str]:
    line = [sys.executable, "-m", "hyperdsl", "train", f"generated/{package}", "--problem", "van_der_pol", "--quiet"]
    return [*line, *(few or TRAININGS[package]), "--output", str(output), "--cache", str(cache)]


def digest(path: Path) -> str:
    """Of the tensors and the metadata, which hold δ; safetensors writes metadata in any order."""
    with safe_open(path, "pt") as file:
        metadata = sorted((file.metadata() or {}).items())
    return hashlib.sha256(save(load_file(path)) + repr(metadata).encode()).hexdigest()


def trial(package: str, kills: int, draw: random.Random, folder: Path, few: Sequence[str]) -> list[str]:
    """The row of a package: kills, runs that came to their end, how many of those had other weights."""
    shutil.rmtree(folder, ignore_errors=True)
    whole, output = folder / "whole.safetensors", folder / "killed.safetensors"
    start = time.perf_counter()
    subprocess.run(command(package, whole, folder / "whole", few), check=True, capture_output=True)
    length = time.perf_counter() - start
    killed = ended = different = resumed = 0
    said = folder / "stderr.txt"
    while killed < kills or ended == 0:
        found = output.with_suffix(".checkpoint").is_file()
        with said.open("wb") as errors:
            process = subprocess.Popen(
                command(package, output, folder / "cache", few), stdout=subprocess.DEVNULL, stderr=errors
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
    print(f"{package}: {killed} kills, {ended} ends, {different} different", flush=True)
    return [package, f"{length:.1f}", str(killed), str(resumed), str(ended), str(different)]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study.parser(__doc__, seeds=None)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--packages", default=",".join(TRAININGS))
    given = study.given(parser, arguments)
    draw = random.Random(given.seed)
    packages = study.chosen(given.packages, TRAININGS, given.smallest)
    kills, few = (1, SMALLEST) if given.smallest else (given.kills, ())
    rows = [trial(package, kills, draw, given.runs / "kills", few) for package in packages]
    heads = ["package", "undisturbed s", "kills", "starts from a checkpoint", "ends", "ends with other weights"]
    text = f"{study.about(__doc__)}\n{markdown(heads, rows)}"
    study.write(given, "kills", text)
    print(text)


if __name__ == "__main__":
    main()
