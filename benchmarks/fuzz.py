"""Fuzzing: python -m benchmarks.fuzz [--minutes 20] [--target text,specs] [--seed 0]

    pip install -e '.[bench]'

`text` edits bytes towards new branches of hyperdsl (Atheris), from every spec of the repository on: reading, checking
and laying out must end within 10 s and 1 GiB in diagnostics whose places lie in the text, and layouts must stay.
`specs` draws valid specs of all kinds (Hypothesis), which must be taken, compiled and imported; their steps are
compared with a loop in 50 digits of the numbers in the text. What fails is kept, the shortest of its kind, in
runs/benchmarks/fuzz; tests/fuzz/corpus is what every run of the tests repeats.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from benchmarks import study
from hyperdsl.evaluation.report import markdown
from tests.fuzz import runner, text
from tests.fuzz.drawn import specs
from tests.fuzz.parts import Part, dumped

TARGETS = ("text", "specs")
SLOW = 0.1
"""Seconds beyond which a spec is no place to begin edits from."""
ROUND = 20
CHECKS = tuple(HealthCheck)


def guided(folder: Path, seconds: float, start: int) -> list[str]:
    """The row of the text target: processes that edit, one after the other, as some inputs may end one."""
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    with text.looking() as look:
        for data in text.seeds():
            begun = time.process_time()
            if len(data) <= 4096:
                look.look_at(data)
                if time.process_time() - begun < SLOW:
                    (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    end, runs, edges, round_ = time.monotonic() + seconds, 0, 0, 0
    while (left := round(end - time.monotonic())) > 0:
        command = [sys.executable, "-m", "tests.fuzz.guided", str(folder), str(left), str(start + round_ + 1)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        (folder / f"log{round_}.txt").write_text(done.stderr, "utf-8")
        found = re.findall(r"#(\d+)\s.* cov: (\d+)", done.stderr)
        if not found:
            raise SystemExit(f"nothing was run:\n{done.stderr[-2000:]}")
        runs, edges, round_ = runs + int(found[-1][0]), max(edges, int(found[-1][1])), round_ + 1
    aborted = [path for path in folder.iterdir() if path.name.startswith(("crash-", "timeout-", "oom-"))]
    findings = len(list((folder / "found").glob("*.txt"))) + len(aborted)
    return ["text", f"{seconds / 60:g}", str(runs), f"{edges} branches reached", str(findings)]


def unguided(few: int) -> list[str]:
    """A few specs as they are, where there is no Atheris to edit them."""
    with text.looking() as look:
        for data, _ in zip(text.seeds(), range(few), strict=False):
            look.look_at(data)
    return ["text", "0", str(few), "not edited", "0"]


def valid(folder: Path, seconds: float, start: int) -> list[str]:
    """The row of the specs target."""
    found = folder / "found"
    found.mkdir(parents=True, exist_ok=True)
    kinds, looked, parts_looked, round_ = set(), 0, 0, 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for parts in drawn(start + round_, ROUND):
            looked, parts_looked = looked + 1, parts_looked + len(parts)
            kinds |= set(failures(parts, found))
            if time.monotonic() > end:
                break
        round_ += 1
    return ["specs", f"{seconds / 60:g}", str(looked), f"{parts_looked} parts", str(len(kinds))]


def drawn(start: int, count: int) -> list[list[Part]]:
    """Specs that this seed decides."""
    made: list[list[Part]] = []

    @seed(start)
    @settings(max_examples=count, database=None, phases=[Phase.generate], deadline=None, suppress_health_check=CHECKS)
    @given(specs())
    def keep(parts: list[Part]) -> None:
        made.append(parts)

    keep()
    return made


def failures(parts: Sequence[Part], folder: Path) -> Iterator[str]:
    """The kinds of what fails, each part by itself where that is enough."""
    error = _error(parts)
    if error is None:
        return
    alone = [([part], found) for part in parts if (found := _error([part])) is not None]
    for failing, found in alone or [(list(parts), error)]:
        kind = f"{type(found).__name__} {re.sub(r'[0-9.e+-]+', '#', str(found))[:100]}"
        path = folder / f"{hashlib.sha256(kind.encode()).hexdigest()[:12]}.json"
        content = dumped(failing)
        if not path.exists() or len(content) < path.stat().st_size:
            path.write_text(content, "utf-8")
            said = "".join(traceback.format_exception(found))[-4000:]
            path.with_suffix(".txt").write_text(f"{kind}\n\n{failing[0].text}\n{said}", "utf-8")
        yield kind


def _error(parts: Sequence[Part]) -> Exception | None:
    try:
        runner.look_at(parts)
    except Exception as error:
        return error
    return None


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study.parser(__doc__, seeds=None)
    parser.add_argument("--minutes", type=float, default=20, help="for each target")
    parser.add_argument("--target", default=",".join(TARGETS))
    parser.add_argument("--seed", type=int, default=0)
    given = study.given(parser, arguments)
    rows = []
    for target in study.chosen(given.target, TARGETS, smallest=False):
        folder, seconds = given.runs / "fuzz" / target, 60 * given.minutes
        if target == "specs":
            rows.append(valid(folder, 1 if given.smallest else seconds, given.seed))
        elif given.smallest:
            rows.append(unguided(5))
        elif find_spec("atheris") is None:
            raise SystemExit("the text target needs Atheris: pip install -e '.[bench]'")
        else:
            rows.append(guided(folder, seconds, given.seed))
        print(rows[-1], flush=True)
    heads = ["target", "minutes", "inputs", "of them", "kinds of failure"]
    study.write(given, "fuzz", f"{study.about(__doc__)}\n{markdown(heads, rows)}")


if __name__ == "__main__":
    main()
