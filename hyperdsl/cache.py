"""What was found out about sound specs and generated from them, kept so that an unchanged one costs nothing again.

An entry is found by the bytes of the spec and of every file that it imports, by the name it was asked for under, and
by hyperdsl's own files: a changed library, proof or template never meets an old answer. Entries and texts are plain
data, believed with their checksum only. HYPERDSL_CACHE names the folder; empty, it turns the cache off. Whatever is
wrong with a cache, it is done without.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hyperdsl import __version__
from hyperdsl.files import MARKER, is_made, remove_made, replace_file
from hyperdsl.source import digest, read_file

PACKAGE = Path(__file__).parent
WHOLE = -1
"""The size up to which entries are read: any."""
SOURCES = frozenset({".py", ".lark", ".hyper", ".jinja"})
TOOLS = ("jinja2-", "lark-", "python_flint-", "ruff-", "sympy-")
MOST, BYTES = 20_000, 2**28
"""Files that a cache holds, and bytes in them; it begins anew beyond that."""


@dataclass(frozen=True)
class Entry:
    """A file's object of `--json`, its lines of `check`'s table, its diagnostics as JSON objects, and its package.

    The package's files are paths and texts: () for a spec without a solver, None where it has not been generated.
    `solver` is the place of the first solver: line and column, and those of its end.
    """

    summary: dict[str, Any]
    rows: tuple[tuple[str, ...], ...]
    diagnostics: tuple[dict[str, Any], ...]
    solver: tuple[int, int, int, int] | None = None
    package: tuple[tuple[str, str], ...] | None = None


def find(data: bytes, shown: str) -> Entry | None:
    """The entry of a file with these bytes, if what it imports has not changed either."""
    try:
        folder = _folder()
        if folder is None or not is_made(folder):
            return None
        sealed = read_file(folder / _name(data, shown), WHOLE)
        if digest(sealed[65:]) != sealed[:64].decode("ascii"):
            return None
        stored = json.loads(sealed[65:])
        if any(digest(read_file(Path(path))) != sha256 for path, sha256 in stored["imports"].items()):
            return None
        package, place = stored["package"], stored["solver"]
        return Entry(
            stored["summary"],
            tuple(map(tuple, stored["rows"])),
            tuple(stored["diagnostics"]),
            None if place is None else tuple(place),
            None if package is None else tuple((path, _text(folder, sha256)) for path, sha256 in package),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def keep(data: bytes, shown: str, imports: Mapping[str, str], entry: Entry) -> None:
    """Store an entry; `imports` are paths and digests. A cache that cannot be written is done without."""
    with contextlib.suppress(OSError):
        folder = _folder()
        if folder is None or not _prepared(folder):
            return
        content = {
            "imports": dict(imports),
            "summary": entry.summary,
            "rows": entry.rows,
            "diagnostics": entry.diagnostics,
            "solver": entry.solver,
            "package": None if entry.package is None else [(path, _kept(folder, text)) for path, text in entry.package],
        }
        payload = json.dumps(content).encode()
        _write(folder / _name(data, shown), digest(payload).encode("ascii") + b"\n" + payload)


def _text(folder: Path, sha256: str) -> str:
    """A text that packages share; ValueError where it is damaged."""
    data = read_file(folder / f"{sha256}.txt", WHOLE)
    if digest(data) != sha256:
        raise ValueError("damaged")
    return data.decode("utf-8")


def _kept(folder: Path, text: str) -> str:
    """Store a text; its digest."""
    data = text.encode("utf-8")
    path = folder / f"{digest(data)}.txt"
    if not path.is_file() or path.stat().st_size != len(data):
        _write(path, data)
    return path.stem


def _write(path: Path, data: bytes) -> None:
    replace_file(path, data, durable=False)  # what a power cut leaves of it has not its checksum


def _prepared(folder: Path) -> bool:
    """Make the folder of this state of hyperdsl, and remove those of others, for which nothing will ask.

    Whether the folder can be used: one that is there without being ours, or where a link leads, is not.
    """
    if is_made(folder) and _full(folder):
        remove_made(folder)
    if not is_made(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if folder.is_symlink() or any(folder.iterdir()):
            return False
        (folder / MARKER).write_text("Results of hyperdsl, which it makes anew when they are gone.\n", "utf-8")
        for other in folder.parent.iterdir():
            if other != folder and is_made(other):
                remove_made(other)
    return is_made(folder)


def _full(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        sizes = [entry.stat(follow_symlinks=False).st_size for entry in entries]
    return len(sizes) > MOST or sum(sizes) > BYTES


def _name(data: bytes, shown: str) -> str:
    return hashlib.sha256(shown.encode("utf-8", "surrogateescape") + b"\0" + data).hexdigest() + ".json"


def _folder() -> Path | None:
    chosen = os.environ.get("HYPERDSL_CACHE")
    if chosen == "":
        return None
    parent = Path(chosen) if chosen else _platform_folder()
    return None if parent is None else parent / f"v{__version__}-{_fingerprint()}"


def _platform_folder() -> Path | None:
    """Where programs keep what they can make anew; None for a user without a home."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(base):  # the XDG specification has others ignored
        return Path(base) / "hyperdsl"
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "hyperdsl"
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "hyperdsl"


def _tools() -> list[str]:
    """The versions of what proves, renders and formats, by the names of their folders beside each other."""
    found = []
    for place in sys.path:
        with contextlib.suppress(OSError):
            names = (entry.lower() for entry in os.listdir(place or "."))
            found += [name for name in names if name.startswith(TOOLS) and name.endswith(".dist-info")]
    return sorted(found)


@cache
def _fingerprint() -> str:
    """Names this state of hyperdsl: its version, the sizes and times of its own files, the versions of its tools."""
    state = hashlib.sha256(f"{__version__} {_tools()}".encode())
    for folder, folders, names in os.walk(PACKAGE):
        folders.sort()
        for name in sorted(names):
            if os.path.splitext(name)[1] in SOURCES:
                status = os.stat(os.path.join(folder, name))
                state.update(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return state.hexdigest()[:32]
