"""What `check` and `compile` print; loads nothing but what prints it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console

from hyperdsl.cli.codes import SPEC_AT_FAULT, WRONG_USAGE
from hyperdsl.codegen.files import StoppedError
from hyperdsl.diagnostics import Diagnostic, as_json, one_line, report
from hyperdsl.remembered import Outcome, put
from hyperdsl.tables import Column, Listing

COLUMNS = (Column("name"), Column("order"), Column("proven", leaves=1, wraps=12), Column("what it is", wraps=20))
UNLIMITED = 10_000


def out() -> Console:
    """Where results go; a line is as long as it is where no terminal is to show it."""
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = UNLIMITED
    return console


def say(diagnostics: Iterable[Diagnostic]) -> None:
    """Diagnostics go to standard error, in colour only on a terminal."""
    report(diagnostics, Console(stderr=True, highlight=False))


def print_json(content: dict[str, object], diagnostics: Iterable[Diagnostic]) -> None:
    """The one object of `--json`."""
    print(json.dumps({**content, "diagnostics": [as_json(diagnostic) for diagnostic in diagnostics]}, indent=2))


def tell_json(outcomes: Sequence[Outcome], **more: object) -> None:
    """What `check` found out, as one object."""
    found = [diagnostic for outcome in outcomes for diagnostic in outcome.diagnostics]
    print_json({"files": [outcome.summary for outcome in outcomes], **more}, found)


def tell(outcomes: Sequence[Outcome], *, concise: bool = False) -> None:
    """What `check` found out; messages take a line each where that is to be `concise`."""
    for outcome in outcomes:
        if concise:
            for diagnostic in outcome.diagnostics:
                print(one_line(diagnostic), file=sys.stderr)
        else:
            say(outcome.diagnostics)
        if outcome.rows:
            out().print(Listing(outcome.file.shown, COLUMNS, outcome.rows))


def put_and_tell(outcomes: Sequence[Outcome], output: Path, *, check: bool) -> int:
    """Write the packages of `compile`, or compare them where it is to `check`; the exit code."""
    try:
        changed = put(outcomes, output, writing=not check)
    except StoppedError as error:
        print(f"hyperdsl: {error}", file=sys.stderr)
        return WRONG_USAGE
    except OSError as error:
        print(f"hyperdsl: nothing was written: {error}", file=sys.stderr)
        return WRONG_USAGE
    _tell_changes(changed, writing=not check)
    return SPEC_AT_FAULT if check and changed else 0


def _tell_changes(changed: Sequence[Path], *, writing: bool) -> None:
    """What `compile` wrote, or would write."""
    for path in changed:
        out().print(f"{'wrote' if writing else 'would change'} {path}", markup=False)
    if not changed:
        out().print("everything is up to date")
