"""Running a study: each part once, what it found kept at once, so that a study that was ended goes on where it was."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from hyperdsl import __version__
from hyperdsl.evaluation.cost import one_thread
from hyperdsl.evaluation.report import markdown
from hyperdsl.evidence.studies import STUDIES
from hyperdsl.evidence.study import Conclusion, Finding, Found, Part, Settings, Study
from hyperdsl.training.files import write_whole

VERDICT = {True: "holds", False: "**does not hold**", None: "in part"}


def run(
    name: str,
    study: Study,
    settings: Settings,
    output: Path,
    command: str,
    *,
    fresh: bool = False,
    say: Callable[[str], None] = print,
) -> Conclusion:
    """Measure what was not measured before, and write `name`.json, `name`.md and the pictures into `output`.

    Its README.md, an index of what all studies found whose results lie there, is written anew.

    command: what makes the same again, which the files say. fresh: measure everything anew. say: is given a line for
    each part. Raises OSError where the folder cannot be written.
    """
    with one_thread():
        measured = {
            part.name: _measured(part, settings.runs / (part.study or name) / "parts", fresh, say)
            for part in study.parts(settings)
        }
        found = {part: entry["found"] for part, entry in measured.items()}
        conclusion = study.conclude(found, settings)
        output.mkdir(parents=True, exist_ok=True)
        for picture, draw in conclusion.pictures.items():
            draw(output / picture)
    about = {
        "command": command,
        "versions": {"hyperdsl": __version__, "torch": torch.__version__},
        "seeds": list(settings.seeds),
        "seconds": {part: entry["seconds"] for part, entry in measured.items()},
    }
    findings = [{"claim": one.claim, "found": one.found, "holds": one.holds} for one in conclusion.findings]
    _write_json(output / f"{name}.json", {**about, "findings": findings, "parts": found})
    seconds = sum(about["seconds"].values())  # type: ignore[attr-defined]  # a dictionary of numbers
    (output / f"{name}.md").write_text(_page(study, conclusion, settings, command, seconds), "utf-8")
    (output / "README.md").write_text(index(output), "utf-8")
    return conclusion


def _measured(part: Part, kept: Path, fresh: bool, say: Callable[[str], None]) -> dict[str, Any]:
    """What was kept of a part, or what it gives now."""
    path, recipe = kept / f"{part.name.replace('/', '_')}.json", str(part.recipe)
    if path.exists() and not fresh:
        entry: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if entry["recipe"] == recipe:
            say(f"{part.name}: measured before, in {entry['seconds']:.0f} s")
            return entry
    start = time.perf_counter()
    found: Found = part.measure()
    entry = {"recipe": recipe, "seconds": round(time.perf_counter() - start, 1), "found": found}
    kept.mkdir(parents=True, exist_ok=True)
    _write_json(path, entry)
    say(f"{part.name}: measured in {entry['seconds']:.0f} s")
    return json.loads(path.read_text("utf-8"))  # type: ignore[no-any-return]  # the same, kept or new


def _write_json(path: Path, content: object) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    write_whole(path, f"{text}\n".encode())


def index(folder: Path) -> str:
    """What the studies found whose results lie in a folder, as Markdown with a link to each."""
    read = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))}
    kept = {
        name: read[name]
        for name in (*STUDIES, *sorted(read.keys() - STUDIES.keys()))
        if "findings" in read.get(name, ())
    }
    rows, runs, counts = [], [], dict.fromkeys(VERDICT, 0)
    for name, found in kept.items():
        link = f"[{name}]({name}.md)"
        for one in found["findings"]:
            counts[one["holds"]] += 1
            rows.append([link, one["claim"], one["found"], VERDICT[one["holds"]]])
        seeds, minutes = ", ".join(map(str, found["seeds"])), sum(found["seconds"].values()) / 60
        runs.append([link, f"`{found['command']}`", seeds, f"{minutes:.0f}"])
    told = f"Of {len(rows)} claims {counts[True]} hold, {counts[None]} hold in part and {counts[False]} do not."
    return (
        f"# What the studies found\n\n{told}\n\n{markdown(['study', 'claim', 'found', 'verdict'], rows)}\n"
        f"## How\n\n{markdown(['study', 'by', 'seeds', 'minutes'], runs)}"
    )


def table(findings: list[Finding] | tuple[Finding, ...]) -> str:
    """The findings as a Markdown table."""
    rows = [[one.claim, one.found, VERDICT[one.holds]] for one in findings]
    return markdown(["claim", "found", "verdict"], rows)


def _page(study: Study, conclusion: Conclusion, settings: Settings, command: str, seconds: float) -> str:
    seeds = f"seed{'s' * (len(settings.seeds) > 1)} {', '.join(map(str, settings.seeds))}"
    pictures = "".join(f"![{Path(name).stem.replace('_', ' ')}]({name})\n\n" for name in conclusion.pictures)
    return (
        f"# {study.title}\n\nBy `{command}`, {seeds}, in {seconds / 60:.0f} minutes.\n\n{study.about.strip()}\n\n"
        f"{table(list(conclusion.findings))}\n{pictures}{conclusion.text.strip()}\n"
    )
