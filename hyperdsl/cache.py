"""What `check` found out about sound specs, kept so that an unchanged one is not proven again.

An entry is found by the bytes of the spec and of every file that it imports, by the name it was asked for under, and
by hyperdsl's own files: a changed library or proof never meets an old answer. HYPERDSL_CACHE names the folder; empty,
it turns the cache off.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hyperdsl import __version__
from hyperdsl.source import digest

PACKAGE = Path(__file__).parent
SOURCES = frozenset({".py", ".lark", ".hyper", ".jinja"})


@dataclass(frozen=True)
class Entry:
    """A file's object of `--json`, its lines of `check`'s table, and its diagnostics as JSON objects."""

    summary: dict[str, Any]
    rows: tuple[tuple[str, ...], ...]
    diagnostics: tuple[dict[str, Any], ...]


def find(data: bytes, shown: str) -> Entry | None:
    """The entry of a file with these bytes, if what it imports has not changed either."""
    folder = _folder()
    if folder is None:
        return None
    try:
        stored = json.loads((folder / _name(data, shown)).read_text("utf-8"))
        if any(digest(Path(path).read_bytes()) != sha256 for path, sha256 in stored["imports"].items()):
            return None
        return Entry(stored["summary"], tuple(map(tuple, stored["rows"])), tuple(stored["diagnostics"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def keep(data: bytes, shown: str, imports: Mapping[str, str], entry: Entry) -> None:
    """Store an entry; `imports` are paths and digests. A cache that cannot be written is done without."""
    folder = _folder()
    if folder is None:
        return
    content = {
        "imports": dict(imports),
        "summary": entry.summary,
        "rows": entry.rows,
        "diagnostics": entry.diagnostics,
    }
    with contextlib.suppress(OSError):
        if not folder.is_dir():
            folder.mkdir(parents=True)
            for other in folder.parent.iterdir():  # of other versions: nothing will ask for them
                if other != folder:
                    shutil.rmtree(other, ignore_errors=True)
        handle, temporary = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(content, stream)
        os.replace(temporary, folder / _name(data, shown))


def _name(data: bytes, shown: str) -> str:
    return hashlib.sha256(shown.encode("utf-8", "surrogateescape") + b"\0" + data).hexdigest() + ".json"


def _folder() -> Path | None:
    chosen = os.environ.get("HYPERDSL_CACHE")
    if chosen == "":
        return None
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    root = Path(chosen) if chosen else (Path(base) if base else Path.home() / ".cache") / "hyperdsl"
    return root / _fingerprint()


@cache
def _fingerprint() -> str:
    """Names this state of hyperdsl: its version and the sizes and times of its own files."""
    state = hashlib.sha256(__version__.encode())
    for folder, folders, names in os.walk(PACKAGE):
        folders.sort()
        for name in sorted(names):
            if os.path.splitext(name)[1] in SOURCES:
                status = os.stat(os.path.join(folder, name))
                state.update(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return state.hexdigest()[:32]
