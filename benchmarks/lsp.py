"""From a keystroke to its diagnostics: a session with `hyperdsl lsp` on a spec of three hundred lines.

    python -m benchmarks.lsp

Keys are typed into one of the spec's methods or solvers, twenty at each place. What is timed begins when the change is
sent, and ends when the client has read what is published of it. Coefficients are never the same twice, so that their
proofs are new; claims and names alternate.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path

from lsprotocol import types

import hyperdsl
from benchmarks import study
from tools.lsp_client import Editor, session

SPECS = Path(__file__).parent.parent / "specs"
LINES = 300
LIMIT = 200
"""Milliseconds that a keystroke may take."""

METHOD = """
method method_{i} {{
    order 4
    tableau {{
        0   |
        1/2 | 1/2
        1/2 | 0, 1/2
        1   | 0, 0, 1
        ----+-------------------
            | 1/6, 1/3, 1/3, 1/6
    }}
}}

solver Solver{i} {{
    base method_{i}
}}
"""
"""Methods of a spec are short; the library's dopri5 stands among them, with its dense output."""


def spec() -> str:
    """A spec of so many lines: methods and solvers on them, an embedded pair with dense output first."""
    library = (files("hyperdsl.library") / "embedded.hyper").read_text("utf-8")
    start = library.index("method dopri5")
    text = "# A spec\n" + library[start : library.index("\n}\n", start) + 3].replace("dopri5", "pair")
    text += (SPECS / "hyper_heun.hyper").read_text("utf-8") + "\ncontrol pi {\n    error embedded\n}\n"
    text += "\nsolver Pair {\n    base pair\n    control pi\n}\n"
    count = 0
    while text.count("\n") < LINES:
        count += 1
        text += METHOD.format(i=count)
    return text


def place(text: str, after: str, word: str) -> types.Position:
    """Where a word ends that stands after another."""
    at = text.index(word, text.index(after)) + len(word)
    return types.Position(text.count("\n", 0, at), at - text.rfind("\n", 0, at) - 1)


Keys = Callable[[int], str]

PLACES: tuple[tuple[str, str, str, Keys], ...] = (
    ("a claimed order", "method_5", "order 4", lambda i: "34"[i % 2]),
    ("a coefficient", "method_5", "| 0, 1/2", lambda i: str(i + 3)),
    ("a coefficient of a pair with dense output", "method pair", "1/5", lambda i: str(i + 6)),
    ("a weight of a pair with dense output", "method pair", "35/384", lambda i: str(i + 5)),
    ("the claimed order of dense output", "method pair", "dense 4", lambda i: "34"[i % 2]),
    ("a fault of syntax", "method_5", "1/3", lambda i: "(3"[i % 2]),
    ("the name of a base", "solver Pair", "base pair", lambda i: "xr"[i % 2]),
    ("a new line above everything", "", "# ", lambda i: (" ", " \n# ")[i % 2]),
)


async def measure(editor: Editor, folder: Path, count: int) -> dict[str, list[float]]:
    """Milliseconds from each keystroke to its diagnostics, by what is typed."""
    text = spec()
    started = time.perf_counter()
    uri = editor.open(folder / "measured.hyper", text)
    await editor.diagnostics(uri)
    found = {"opening the file": [1e3 * (time.perf_counter() - started)]}
    for label, after, word, keys in PLACES:
        end, written = place(text, after, word), word[-1]
        times = found[label] = []
        for i in range(count):
            key = keys(i)
            started = time.perf_counter()
            editor.change(uri, (_before(end, written, word[-1]), key))
            await editor.diagnostics(uri)
            times.append(1e3 * (time.perf_counter() - started))
            written = key
        editor.change(uri, (_before(end, written, word[-1]), word[-1]))
        await editor.diagnostics(uri)
    return found


def _before(end: types.Position, written: str, first: str) -> types.Range:
    """Where `written` stands now, in place of the one character before `end`."""
    start = types.Position(end.line, end.character - len(first))
    lines = written.count("\n")
    last = (
        types.Position(end.line + lines, len(written.rpartition("\n")[2]))
        if lines
        else types.Position(end.line, start.character + len(written))
    )
    return types.Range(start, last)


def main(arguments: Sequence[str] | None = None) -> None:
    given = study.given(study.parser(__doc__, seeds=None), arguments)
    count = 2 if given.smallest else 20
    with tempfile.TemporaryDirectory() as folder:
        found, _ = session(lambda editor: measure(editor, Path(folder), count), ["utf-16"], Path(folder))
    lines = [
        f"| a spec of {spec().count(chr(10))} lines | median, ms | longest, ms | at most |",
        "| --- | --- | --- | --- |",
    ]
    for label, times in found.items():
        limit = "" if label == "opening the file" else LIMIT
        lines.append(f"| {label} | {statistics.median(times):.0f} | {max(times):.0f} | {limit} |")
    study.write(given, "lsp", "\n".join(lines), {"hyperdsl": hyperdsl.__version__, **found})
    print("\n".join(lines))


if __name__ == "__main__":
    main()
