"""From a keystroke to its diagnostics: a session with `hyperdsl lsp` on a spec of three hundred lines.

python -m benchmarks.lsp

Digits are typed into coefficients and claims of methods that stand among others, with all that follows from them: the
change is sent, the text put together, parsed and proven, and the messages are published and read by the client. The
methods that are typed in are never the same text twice, so that nothing of their proofs is remembered.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from lsprotocol import types

from tests.lsp.client import Editor, session

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
LINES = 300
GOAL = 0.2

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
    library = (ROOT / "hyperdsl/library/embedded.hyper").read_text("utf-8")
    start = library.index("method dopri5")
    text = library[start : library.index("\n}\n", start) + 3].replace("dopri5", "pair")
    text += (ROOT / "specs/hyper_heun.hyper").read_text("utf-8") + "\ncontrol pi {\n    error embedded\n}\n"
    text += "\nsolver Pair {\n    base pair\n    control pi\n}\n"
    count = 0
    while text.count("\n") < LINES:
        count += 1
        text += METHOD.format(i=count)
    return text


def typed(text: str, after: str, word: str) -> types.Range:
    """The last character of a word that stands after another."""
    at = text.index(word, text.index(after)) + len(word)
    line, column = text.count("\n", 0, at), at - text.rfind("\n", 0, at) - 1
    return types.Range(types.Position(line, column - 1), types.Position(line, column))


PLACES = (
    ("a claimed order", "method_5", "order 4", ("3", "4")),
    ("a coefficient", "method_5", "| 0, 1/2", tuple("3579")),
    ("a weight of a pair with dense output", "method pair", "35/384", tuple("123567890")),
    ("a fault of syntax", "method_5", "1/3", ("(", "3")),
    ("a name of a solver's base", "solver Pair", "base pair", ("x", "r")),
)


async def measure(editor: Editor, folder: Path, count: int) -> dict[str, list[float]]:
    """Seconds from each keystroke to its diagnostics, by what is typed."""
    text = spec()
    started = time.perf_counter()
    uri = editor.open(folder / "measured.hyper", text)
    await editor.diagnostics(uri)
    found = {"the first check of the file": [time.perf_counter() - started]}
    for label, after, word, keys in PLACES:
        where = typed(text, after, word)
        times = found[label] = []
        for i in range(count):
            started = time.perf_counter()
            editor.change(uri, (where, keys[i % len(keys)]))
            await editor.diagnostics(uri)
            times.append(time.perf_counter() - started)
        editor.change(uri, (where, word[-1]))
        await editor.diagnostics(uri)
    return found


def table(found: dict[str, list[float]]) -> str:
    """The times as a table, in milliseconds."""
    rows = [
        f"| {label} | {len(times)} | {1e3 * statistics.median(times):.0f} | {1e3 * max(times):.0f} |"
        for label, times in found.items()
    ]
    head = ("| keystroke in | times | median, ms | longest, ms |", "| --- | --- | --- | --- |")
    return "\n".join((*head, *rows))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write benchmarks/results/lsp.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lsp", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=20, help="keystrokes at each place")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        found, _ = session(lambda editor: measure(editor, Path(folder), chosen.count), ["utf-16"], Path(folder))
    worst = max(
        seconds for label, times in found.items() if label in {place[0] for place in PLACES} for seconds in times
    )
    text = (
        "# From a keystroke to its diagnostics\n\n"
        f"`python -m benchmarks.lsp`: a session with `hyperdsl lsp` on a spec of {spec().count(chr(10))} lines, "
        f"{platform.machine()}, Python {platform.python_version()}. The goal is {1e3 * GOAL:.0f} ms; "
        f"the longest took {1e3 * worst:.0f} ms.\n\n{table(found)}\n"
    )
    (RESULTS / "lsp.md").write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
