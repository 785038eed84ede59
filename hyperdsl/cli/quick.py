"""`check` and `compile` of what has not changed, without the command line's own machinery, which takes longer to load.

Whatever is not plain here, a word unknown, a file that is not remembered, is left to the commands themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hyperdsl.cli.specs import found_files
from hyperdsl.remembered import Outcome, remembered_all


def remembered(arguments: Sequence[str]) -> int | None:
    """The exit code of a `check` or `compile` that was all remembered; None where the command has to run."""
    command, *words = arguments or [""]
    flags = {"check": ("--json",), "compile": ("--check",)}.get(command)
    if flags is None:
        return None
    output = Path("generated")
    if command == "compile" and "-o" in words[:-1]:
        at = words.index("-o")
        output, words = Path(words[at + 1]), words[:at] + words[at + 2 :]
    given = [word for word in words if word in flags]
    paths = [Path(word) for word in words if word not in flags]
    if not paths or any(path.as_posix().startswith("-") for path in paths) or output.as_posix().startswith("-"):
        return None
    try:
        outcomes = remembered_all(found_files(paths), packages=command == "compile")
    except ValueError:
        return None
    if outcomes is None:
        return None
    return _told(outcomes, bool(given)) if command == "check" else _put(outcomes, output, bool(given))


def _told(outcomes: Sequence[Outcome], json: bool) -> int:
    from hyperdsl.cli.told import tell

    tell(outcomes, "json" if json else "full")
    return 0


def _put(outcomes: Sequence[Outcome], output: Path, check: bool) -> int | None:
    from hyperdsl.cli.told import put_and_tell

    names = [outcome.file.package.lower() for outcome in outcomes if outcome.solver]
    if len(set(names)) < len(names):
        return None
    return put_and_tell(outcomes, output, check=check)
