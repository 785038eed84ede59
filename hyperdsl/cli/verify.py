"""hyperdsl verify"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hyperdsl.cli.inputs import SPEC_AT_FAULT, out, stop
from hyperdsl.cli.packages import need_torch

Packages = Annotated[
    list[Path],
    typer.Argument(metavar="PACKAGE...", help="Folders of generated packages, moved or not.", show_default=False),
]


def verify(packages: Packages) -> None:
    """Prove that generated packages are what their specs say: each step on formal values, each text, each hash.

    The first difference of a package is named with its file and line. Layout and comments do not count.
    """
    need_torch()
    from hyperdsl.verifying.found import NoPackageError
    from hyperdsl.verifying.verify import verify as verified

    try:
        results = verified(packages)
    except NoPackageError as error:
        stop(str(error))
    for package, expected, difference in results:
        if difference is None and expected is not None:
            names = ", ".join(plan.name for plan in expected.plans)
            out().print(f"{package.folder}: as the spec has it: {names}", markup=False)
        else:
            out().print(str(difference), markup=False)
    raise typer.Exit(SPEC_AT_FAULT if any(difference for _, _, difference in results) else 0)
