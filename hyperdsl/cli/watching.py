"""`--watch`: a command again each time one of its specs, or of the files that they import, has changed."""

from __future__ import annotations

import contextlib
import re
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from hyperdsl.cli.inputs import stop
from hyperdsl.cli.pipes import Pipe
from hyperdsl.cli.specs import found_files
from hyperdsl.cli.told import Form, for_programs
from hyperdsl.source import read_file

Watch = Annotated[bool, typer.Option("--watch", help="Run again whenever a spec or an import of it changes.")]
PAUSE = 0.25
"""Seconds between two looks at the files' times."""
MOST_IMPORTS = 1000
_IMPORT = re.compile(r'^[ \t]*import[ \t]+"([^"\n]+)"', re.MULTILINE)

Stamps = Mapping[Path, tuple[int, int]]
"""A file's time and size, by which one sees that it has changed."""


def watch(paths: Sequence[Path], run: Callable[[], object], form: Form, *, but: str = "") -> None:
    """`run` now, and after each change of the specs that `paths` mean, until Ctrl-C or until nobody reads the output.

    `but` is an option that was given and does not go with this, "" for none; nor does a `form` for programs.
    """
    but = but or (f"--output-format {form}" if for_programs(form) else "")
    if but:
        stop(f"`--watch` and `{but}` do not go together")
    if Path("-") in paths:
        stop("standard input cannot be watched")
    interrupts = _heard()
    try:
        before = stamps(paths)
        _once(run, "watching: Ctrl-C ends")
        while not (Pipe.left or interrupts):
            time.sleep(PAUSE)
            after = stamps(paths)
            if after != before:
                time.sleep(PAUSE / 5)  # an editor may be in the middle of writing
                before, names = stamps(paths), _changed(before, after)
                _once(run, f"{', '.join(names)} changed")
    except KeyboardInterrupt:
        print(file=sys.stderr)


def _heard() -> list[int]:
    """Grows with every Ctrl-C from now on: one that comes in a finalizer raises a KeyboardInterrupt that is lost."""
    heard: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        signal.default_int_handler(number, frame)

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # which it is in the main thread of a terminal
        signal.signal(signal.SIGINT, interrupt)
    return heard


def stamps(paths: Sequence[Path]) -> Stamps:
    """The stamps of the specs there are, and of what they import, directly or not."""
    try:
        pending = [file.path for file in found_files(paths)]
    except ValueError:  # one of them is gone, perhaps for the moment
        pending = [path for path in paths if path.is_file()]
    found: dict[Path, tuple[int, int]] = {}
    while pending and len(found) < MOST_IMPORTS:
        path = pending.pop()
        if path in found:
            continue
        try:
            status = path.stat()
            data = read_file(path)
        except OSError:
            continue
        found[path] = status.st_mtime_ns, status.st_size
        imported = _IMPORT.findall(data.decode("utf-8", "replace"))
        pending += [path.parent / name for name in imported]
    return found


def _changed(before: Stamps, after: Stamps) -> list[str]:
    """The names of files that came, went or changed."""
    return sorted(path.name for path in {*before, *after} if before.get(path) != after.get(path))


def _once(run: Callable[[], object], why: str) -> None:
    """One run, whatever comes of it, below a line with the time."""
    print(f"[{time.strftime('%H:%M:%S')}] {why}", file=sys.stderr)
    with contextlib.suppress(typer.Exit):  # what is wrong has been said
        run()
    sys.stdout.flush()
