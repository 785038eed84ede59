"""What `check` and `compile` print; loads nothing but what prints it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from rich.console import Console

from hyperdsl.cli.codes import SPEC_AT_FAULT, WRONG_USAGE
from hyperdsl.codegen.files import StoppedError
from hyperdsl.diagnostics import Diagnostic, as_json, one_line, report
from hyperdsl.remembered import Outcome, put
from hyperdsl.tables import Column, Listing

COLUMNS = (Column("name"), Column("order"), Column("proven", leaves=1, wraps=12), Column("what it is", wraps=20))
UNLIMITED = 10_000
Form = Literal["full", "concise", "json", "sarif", "github"]
"""How diagnostics are told: to people in full or in a line each, or to a program that reads standard output."""


def out() -> Console:
    """Where results go; a line is as long as it is where no terminal is to show it."""
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = UNLIMITED
    return console


def for_programs(form: Form) -> bool:
    """Whether standard output is for a program, so that nothing but the form may stand there."""
    return form not in ("full", "concise")


def say(diagnostics: Sequence[Diagnostic], form: Form = "full", **content: object) -> None:
    """Diagnostics in a form; `content` is what the one object of JSON holds beside them.

    Those for people go to standard error, in colour only on a terminal.
    """
    match form:
        case "full":
            report(diagnostics, Console(stderr=True, highlight=False))
        case "concise":
            for diagnostic in diagnostics:
                print(one_line(diagnostic), file=sys.stderr)
        case "json":
            print_json(content, diagnostics)
        case "sarif":
            from hyperdsl.diagnostics.forms import sarif

            print(json.dumps(sarif(diagnostics), indent=2))
        case "github":
            from hyperdsl.diagnostics.forms import workflow_command

            for diagnostic in diagnostics:
                print(workflow_command(diagnostic))


def print_json(content: dict[str, object], diagnostics: Iterable[Diagnostic]) -> None:
    """The one object of `--json`."""
    print(json.dumps({**content, "diagnostics": [as_json(diagnostic) for diagnostic in diagnostics]}, indent=2))


def tell(outcomes: Sequence[Outcome], form: Form = "full", **content: object) -> None:
    """What `check` found out; `content` is further content of the object of JSON."""
    if for_programs(form):
        found = [diagnostic for outcome in outcomes for diagnostic in outcome.diagnostics]
        say(found, form, files=[outcome.summary for outcome in outcomes], **content)
        return
    for outcome in outcomes:
        say(outcome.diagnostics, form)
        if outcome.rows:
            out().print(Listing(outcome.file.shown, COLUMNS, outcome.rows))


def put_and_tell(outcomes: Sequence[Outcome], output: Path, form: Form = "full", *, check: bool) -> int:
    """Write the packages of `compile`, or compare them where it is to `check`; the exit code."""
    changed: Sequence[Path] = ()
    fault = ""
    try:
        changed = put(outcomes, output, writing=not check)
    except StoppedError as error:
        fault = f"hyperdsl: {error}"
    except OSError as error:
        fault = f"hyperdsl: nothing was written: {error}"
    found = [diagnostic for outcome in outcomes for diagnostic in outcome.diagnostics]
    say(found, form, changed=[path.as_posix() for path in changed])
    if fault:
        print(fault, file=sys.stderr)
        return WRONG_USAGE
    tell_changes([str(path) for path in changed], form, "would change" if check else "wrote")
    if not changed and not for_programs(form):
        out().print("everything is up to date")
    return SPEC_AT_FAULT if check and changed else 0


def tell_changes(names: Iterable[str], form: Form, what: str) -> None:
    """A line for each file that a command wrote, or would write, where no program is misled by it."""
    stream = sys.stderr if for_programs(form) else sys.stdout
    for name in names:
        print(f"{what} {name}", file=stream)
