"""The playground as a folder that any web server can serve: python -m tools.playground FOLDER

Puts tools/playground_page, Python for the browser (the npm package `pyodide`) and the wheels that the compiler needs
there into FOLDER, so that nothing is asked for from elsewhere when the page runs. python-flint, the arithmetic of
proofs, is published for that Python by itself. Needs npm, and registries of npm and PyPI.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "tools" / "playground_page"
PYODIDE = "314.0.7"
PYTHON, PLATFORM = "3.14", "pyemscripten_2026_0_wasm32"
"""What that version of Pyodide runs."""
RUNTIME = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
WHEELS = ("python-flint", "lark", "mpmath", "rich")
"""What `check` and `fmt` import; rich's own dependencies are for Markdown and code, which they do not print."""
EXAMPLES = ("hyper_heun", "adaptive_dopri5", "stiff_rodas", "abm4", "learned_families", "imex_pairs")


def examples() -> dict[str, str]:
    """Specs to begin with, by name."""
    return {name: (ROOT / "specs" / f"{name}.hyper").read_text("utf-8") for name in EXAMPLES}


def put_page(folder: Path) -> None:
    """What of the playground is this repository's own, except the compiler."""
    shutil.copytree(PAGE, folder, dirs_exist_ok=True)
    (folder / "examples.json").write_text(json.dumps(examples()), "utf-8")


def put_runtime(folder: Path) -> None:
    """Python for the browser, by npm."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        subprocess.run(
            ["npm", "pack", f"pyodide@{PYODIDE}", "--pack-destination", name], check=True, capture_output=True
        )
        (archive,) = Path(name).glob("*.tgz")
        with tarfile.open(archive) as packed:
            for wanted in RUNTIME:
                file = packed.extractfile(f"package/{wanted}")
                assert file is not None  # every release has it
                (folder / wanted).write_bytes(file.read())


def put_wheels(folder: Path) -> None:
    """The compiler and what it imports, by pip, and the list of them beside their folder."""
    shutil.rmtree(folder, ignore_errors=True)
    pip = [sys.executable, "-m", "pip"]
    only = [
        "--constraint",
        str(ROOT / "constraints.txt"),
        "--only-binary",
        ":all:",
        "--platform",
        PLATFORM,
        "--python-version",
        PYTHON,
    ]
    subprocess.run([*pip, "download", "--quiet", "--no-deps", *only, "--dest", str(folder), *WHEELS], check=True)
    subprocess.run([*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)], check=True)
    names = sorted(path.name for path in folder.glob("*.whl"))
    (folder.parent / "wheels.json").write_text(json.dumps(names), "utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when the folder is made; subprocess.CalledProcessError where a registry does not have what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    folder = parser.parse_args(arguments).folder
    put_page(folder)
    put_runtime(folder / "pyodide")
    put_wheels(folder / "wheels")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder}: {size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
