"""The documentation site: python -m tools.site [--only reference] builds site/, without a network.

Pages are written into build/site/pages: those of docs/, and those made from the language, the library, the diagnostics,
the commands and the docstrings. Zensical makes the site of them; a warning of its, such as a broken link, is an error.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tools.site import commands, diagnostics, interface, language, library, measured
from tools.site.pages import ROOT, Page

BUILD = ROOT / "build" / "site"
CONFIG = ROOT / "tools" / "site" / "zensical.toml"

PARTS: dict[str, Callable[[Path], Iterable[Page]]] = {
    "measured": measured.pages,
    "language": lambda _: language.pages(),
    "diagnostics": lambda _: diagnostics.pages(),
    "commands": lambda _: commands.pages(),
    "interface": lambda _: interface.pages(),
    "library": lambda folder: library.pages(folder / "library"),
}


def write(folder: Path) -> None:
    """Every page of the site, into an empty folder."""
    for part in PARTS.values():
        for page in part(folder):
            path = folder / page.place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(page.text, "utf-8")


def build(site: Path, folder: Path = BUILD) -> int:
    """Write the pages and make the site; the exit code of what makes it."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "pages").mkdir(parents=True)
    write(folder / "pages")
    shutil.copyfile(CONFIG, folder / CONFIG.name)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "--config-file", CONFIG.name]
    code = subprocess.run(command, cwd=folder, check=False).returncode
    if code == 0:
        shutil.rmtree(site, ignore_errors=True)
        shutil.move(folder / "site", site)
    return code


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=ROOT / "site", help="where the site goes")
    return build(parser.parse_args(arguments).output)


if __name__ == "__main__":
    sys.exit(main())
