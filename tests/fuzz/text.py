"""What must hold of any bytes in a spec's place: the properties of the text target of `benchmarks.fuzz`."""

from __future__ import annotations

import contextlib
import io
import re
import resource
import signal
import tempfile
import traceback
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from types import FrameType

from hyperdsl import compiler
from hyperdsl.cli import application
from hyperdsl.cli.codes import SPEC_AT_FAULT, WRONG_USAGE
from hyperdsl.cli.told import tell
from hyperdsl.diagnostics import Diagnostic, has_errors
from hyperdsl.source import Place, Source, SpecFile
from hyperdsl.syntax.parser import parse
from hyperdsl.syntax.printer import print_file
from hyperdsl.syntax.reader import decode

SECONDS = 10
"""Of this process's time, which others on the machine do not lengthen."""
KIBIBYTES = 2**20
CORPUS = Path(__file__).parent / "corpus" / "text"
ROOT = Path(__file__).parents[2]
SEEDS = ("specs", "tests/diagnostics", "tests/syntax", "tests/theory")


class OutOfTimeError(BaseException):
    """Not an Exception, so that nothing on the way takes it for one of its own."""


class Text:
    """Looks at one text after the other, each as a file of one name in a project of its own."""

    def __init__(self, folder: Path) -> None:
        (folder / "pyproject.toml").touch()
        self.path = folder / "fuzzed.hyper"

    def look_at(self, data: bytes) -> None:
        """AssertionError, or whatever hyperdsl raises, where a property does not hold."""
        self.path.write_bytes(data)
        with limited(SECONDS):
            _formatted(data)
            _checked(self.path)

    def code(self, data: bytes) -> int:
        """The exit code of `hyperdsl check`, in this process, with exceptions as they are."""
        self.path.write_bytes(data)
        with limited(SECONDS), quiet():
            found = application()(["check", str(self.path)], standalone_mode=False)
        return int(found or 0)


def _formatted(data: bytes) -> None:
    """The layout is of the same tree, and stays."""
    source, _ = decode(data, "fuzzed.hyper")
    if source is None:
        return
    tree, found = parse(source)
    for diagnostic in found:
        _well_placed(diagnostic)
    if tree is None or has_errors(found):
        assert has_errors(found), "neither a tree nor an error"
        return
    text = print_file(tree)
    again, found = parse(Source("fuzzed.hyper", text))
    assert not has_errors(found), f"the layout is not read again: {found[0]}"
    assert again == tree, "the layout is of another tree"
    assert again is not None
    assert print_file(again) == text, "the layout changes when it is laid out"


def _checked(path: Path) -> None:
    outcomes = compiler.outcomes([SpecFile(path, path.name)])
    for outcome in outcomes:
        for diagnostic in outcome.diagnostics:
            _well_placed(diagnostic)
    with quiet():
        tell(outcomes)
        tell(outcomes, "json")


def _well_placed(diagnostic: Diagnostic) -> None:
    """The message and the edits of its fix have their places in the text."""
    place = diagnostic.place
    if place:
        for span in (place.span, *(edit.span for edit in (diagnostic.fix.edits if diagnostic.fix else ()))):
            _inside(Place(place.source, span))


def _inside(place: Place) -> None:
    """A span is a stretch of its text, in the right order; it may end one past a line, where its newline is."""
    span, lines = place.span, place.source.lines
    start, end = (span.line, span.column), (span.end_line, span.end_column)
    assert (1, 1) <= start <= end, f"{span} is no stretch"
    for line, column in (start, end):
        assert line <= len(lines), f"{span} is below the text's {len(lines)} lines"
        assert 1 <= column <= len(lines[line - 1]) + 2, f"{span} is beside its line"


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """OutOfTimeError after so much time of the processor; AssertionError where more than a GiB was needed."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise OutOfTimeError(f"no end within {seconds} s")

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    old = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, old)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < KIBIBYTES, f"{grown // 1024} MiB more were needed"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def signature(error: BaseException) -> str:
    """What makes two findings the same: the error's kind, and the last places of hyperdsl or of these properties."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "hyperdsl" in frame.filename or frame.filename.endswith("fuzz/text.py")]
    places = [f"{Path(frame.filename).name}:{frame.name}" for frame in own[-2:]]
    if isinstance(error, OutOfTimeError):  # where it was just then is chance: the stage is what stays
        places = [f"{Path(frame.filename).name}:{frame.name}" for frame in own if "semantics" in frame.filename][-1:]
    said = re.sub(r"\d+|'.*'", "", str(error).split("\n", 1)[0])[:40] if isinstance(error, AssertionError) else ""
    return " ".join([type(error).__name__, *places, said]).strip()


def seeds() -> Iterator[bytes]:
    """Every spec there is, whole where it is short, and each of its declarations by itself."""
    folders = [*(ROOT / name for name in SEEDS), Path(str(files("hyperdsl.library")))]
    for path in sorted(path for folder in folders for path in folder.rglob("*.hyper")):
        data = path.read_bytes()
        if len(data) <= 4096:
            yield data
        yield from re.findall(rb"^\w[^\n]*\{\n.*?^\}\n", data, re.MULTILINE | re.DOTALL)


def words() -> Iterator[str]:
    """What specs are made of: names, numbers and signs, for edits that keep to the language."""
    found = {word for data in seeds() for word in re.findall(r"[A-Za-z_]+", data.decode("utf-8", "ignore"))}
    yield from sorted(word for word in found if len(word) > 2)
    yield from (
        "--+--",
        "..",
        "{\n",
        "}\n",
        "\n",
        " | ",
        "1/2",
        "1e-6",
        "sqrt(2)",
        "cos(pi*1/5)",
        "**",
        "^",
        "!=",
        "<=",
    )


def entries() -> list[Path]:
    """The texts that are kept."""
    return sorted(CORPUS.iterdir())


@contextlib.contextmanager
def looking() -> Iterator[Text]:
    with tempfile.TemporaryDirectory() as name:
        yield Text(Path(name))


EXIT_CODES = (0, SPEC_AT_FAULT, WRONG_USAGE)
