"""Pages of the repository that the site shows as they are: benchmarks, evidence and its files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from tools.site.pages import ROOT, Page, relinked

FOLDERS = {"docs": "", "benchmarks/results": "benchmarks", "evidence": "evidence"}
KINDS = (".md", ".png", ".svg", ".html", ".hyper", ".css", ".js", ".ipynb")


def places() -> Mapping[str, str]:
    """Where each file of the repository that is shown stands in the site."""
    found = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md", "SECURITY.md": "security.md"}
    for folder, target in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in KINDS:
                inside = path.relative_to(ROOT / folder).as_posix()
                name = "found.md" if folder == "evidence" and inside == "README.md" else inside
                found[f"{folder}/{inside}"] = f"{target}/{name}" if target else name
    return found | {"evidence/README.md": "evidence/found.md", "README.md": "index.md"}


def pages(folder: Path) -> Iterator[Page]:
    """All of them; other files are copied to `folder`."""
    where = places()
    for source, place in where.items():
        path = ROOT / source
        if source == "README.md":  # index.md is the site's own
            continue
        if path.suffix == ".md":
            yield Page(place, relinked(path.read_text("utf-8"), source, place, where))
        else:
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / place)
