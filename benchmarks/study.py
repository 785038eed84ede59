"""What every benchmark shares: its command line, its seeds, and how its results are kept."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

RESULTS = Path("benchmarks/results")
RUNS = Path("runs/benchmarks")


def parser(doc: str | None, seeds: str | None = "0,1,2") -> argparse.ArgumentParser:
    """The options of all benchmarks; `seeds` None for one that draws nothing."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    if seeds is not None:
        made.add_argument("--seeds", default=seeds, help=f"by default {seeds}")
    made.add_argument("--output", type=Path, default=RESULTS, metavar="FOLDER", help="where results go")
    made.add_argument("--smallest", action="store_true", help="settings that only show that it runs")
    return made


def given(made: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options as given, `seeds` as a tuple of numbers, one where `smallest`; one thread from now on.

    `runs` is the folder for weights: beside the results where `smallest`, so that nothing of a real run is touched.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    found = made.parse_args(words)
    if "seeds" in found:
        found.seeds = tuple(map(int, found.seeds.split(",")))[: 1 if found.smallest else None]
    found.runs = found.output / "runs" if found.smallest else RUNS
    found.words = shlex.join(words)
    torch.set_num_threads(1)  # small systems: more threads only get in each other's way
    return found


def write(found: argparse.Namespace, name: str, text: str, content: Any = None, module: str | None = None) -> None:
    """Keep a table as `name`.md, and what it is made of as `name`.json, with the command that made them."""
    command = f"python -m benchmarks.{module or name} {found.words}".rstrip()
    found.output.mkdir(parents=True, exist_ok=True)
    (found.output / f"{name}.md").write_text(f"By `{command}`.\n\n{text.rstrip()}\n", "utf-8")
    if content is not None:
        body = json.dumps({"command": command, **content}, indent=2, ensure_ascii=False)
        (found.output / f"{name}.json").write_text(body + "\n", "utf-8")


def about(doc: str | None) -> str:
    """A benchmark's docstring without its first line, which says how to call it."""
    assert doc is not None
    return doc.split("\n", 2)[2]


def chosen(text: str, known: Iterable[str], smallest: bool) -> list[str]:
    """Names of an option that takes some of those that are known; the first one where `smallest`."""
    names = text.split(",")
    for name in names:
        if name not in known:
            raise SystemExit(f"there is no {name}; there are {', '.join(known)}")
    return names[:1] if smallest else names
