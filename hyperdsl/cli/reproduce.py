"""hyperdsl reproduce"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hyperdsl.cli.inputs import out, stop
from hyperdsl.cli.names import unknown
from hyperdsl.cli.packages import guarded, need_torch, shows_progress

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME...", help="Studies, or `all`; without one, they are listed.", show_default=False),
]
Seeds = Annotated[str, typer.Option(metavar="0,1,...", help="The seeds of everything that is drawn.")]
Output = Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where results go.")]
Runs = Annotated[Path, typer.Option(metavar="FOLDER", help="Where weights and measured parts are kept.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Measure everything anew; by default an ended study goes on.")]
Smallest = Annotated[bool, typer.Option("--smallest", help="Settings that only show that it runs.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")]


def reproduce(
    names: Names = None,
    seeds: Seeds = "0,1,2",
    output: Output = Path("evidence"),
    runs: Runs = Path("runs/evidence"),
    fresh: Fresh = False,
    smallest: Smallest = False,
    quiet: Quiet = False,
) -> None:
    """Measure again what the source of the method claims, and say whether it holds."""
    need_torch()
    from hyperdsl.evidence.running import VERDICT, run
    from hyperdsl.evidence.studies import STUDIES, study
    from hyperdsl.evidence.study import Settings

    if not names:
        for name, line in STUDIES.items():
            out().print(f"{name:12} {line} (about {study(name).minutes:.0f} minutes)", markup=False)
        return
    chosen = list(STUDIES) if names == ["all"] else names
    for name in chosen:
        if name not in STUDIES:
            unknown(f"there is no study `{name}`", name, [*STUDIES, "all"], f"there are {', '.join(STUDIES)}")
    settings = Settings(_seeds(seeds)[: 1 if smallest else None], smallest, runs, shows_progress(quiet))
    for name in chosen:
        words = [name, *(["--seeds", seeds] if seeds != "0,1,2" else []), *(["--smallest"] if smallest else [])]
        command = " ".join(["hyperdsl reproduce", *words])

        def measured(name: str = name, command: str = command) -> None:
            found = run(name, study(name), settings, output, command, fresh=fresh, say=_say)
            for one in found.findings:
                _say(f"{one.claim}: {one.found}: {VERDICT[one.holds].strip('*')}")

        guarded(measured)
        _say(f"wrote {output / name}.md and .json")


def _say(line: str) -> None:
    out().print(line, markup=False)


def _seeds(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        stop(f"`--seeds {text}` is not a list of seeds, such as 0,1,2")
    return tuple(map(int, parts))
