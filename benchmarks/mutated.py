"""A pytest plugin that tries the changes which mutmut has made, each in a fork; `benchmarks.mutation` runs it.

It reads the names of the changes from the JSON file that MUTATED names, and writes what became of them beside it. First
every file of tests is run in a fork of its own, to learn which functions its tests call; a change is then tried by the
tests that call its function, the quickest first, and then by the others of their files, whose calls may have been saved
by a cache, until one fails or the seconds for a change are over. Tests are collected once. What modules compute while
they are imported, a change cannot alter: `benchmarks.mutation` tries survivors again from the start.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from itertools import accumulate, groupby
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol

CHOICE = "MUTATED"
"""The variable of the environment that names the file."""

KILLED, SURVIVED, UNTESTED = "killed", "survived", "no test runs it"

_SLOWER = 20.0
"""A test that takes this many times as long as before, and some seconds, is one that never ends."""
_SECONDS = 2.0
_AT_MOST = 600.0
"""Seconds by the clock, after which everything that the tests of one change have started is ended."""
_FOR_A_CHANGE = 8.0
"""Seconds that the tests of one change take together where it alters nothing; the slower ones are then left out."""


@dataclass(frozen=True)
class Tests:
    """The tests of a file, with the seconds of the processor that each took, and the functions that it called."""

    seconds: dict[str, float]
    called: dict[str, list[str]]

    def call(self, function: str) -> bool:
        return any(function in functions for functions in self.called.values())


class Loop:
    """Instead of running the tests, tries the changes."""

    def __init__(self, choice: Path) -> None:
        self.choice = choice

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        named = json.loads(self.choice.read_text("utf-8"))
        _beside(self.choice).write_text("{}", "utf-8")
        items = {item.nodeid: item for item in session.items}
        files = [list(group) for _, group in groupby(session.items, lambda item: item.path)]
        known = [_watched(tests, self.choice.with_suffix(".watched")) for tests in files]
        became = {}
        for name in named:
            became[name] = tried(name, known, items)
            _beside(self.choice).write_text(json.dumps(became), "utf-8")
        return True


def outcomes(choice: Path) -> dict[str, list[str]]:
    """What became of each change so far, and the files of tests that it survived."""
    found: dict[str, list[str]] = json.loads(_beside(choice).read_text("utf-8"))
    return found


def _beside(choice: Path) -> Path:
    return choice.with_suffix(".outcomes")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Loop(Path(os.environ[CHOICE])))


def tried(name: str, files: Sequence[Tests], items: dict[str, pytest.Item]) -> list[str]:
    """What became of a change; of a survivor, the files whose tests call what it changes, too."""
    function = name.rsplit("__mutmut_", 1)[0]
    seconds = {test: took for tests in files if tests.call(function) for test, took in tests.seconds.items()}
    if not seconds:
        return [UNTESTED]
    direct = {test for tests in files for test, functions in tests.called.items() if function in functions}
    ordered = sorted(seconds, key=lambda test: (test not in direct, seconds[test]))
    total = list(accumulate(seconds[test] for test in ordered))
    ordered = [test for test, until in zip(ordered, total, strict=True) if until < _FOR_A_CHANGE] or ordered[:1]

    def run() -> int:
        os.environ["MUTANT_UNDER_TEST"] = name
        for test, following in zip(ordered, [*ordered[1:], None], strict=True):
            signal.setitimer(signal.ITIMER_PROF, _SECONDS + _SLOWER * seconds[test])
            if _failed(items[test], items.get(following or "")):
                return 1
        return 0

    survived = _forked(run) == 0
    return [SURVIVED, *sorted({test.partition("::")[0] for test in seconds})] if survived else [KILLED]


def _failed(item: pytest.Item, following: pytest.Item | None) -> bool:
    return any(report.failed for report in runtestprotocol(item, log=False, nextitem=following))


def _watched(items: Sequence[pytest.Item], answer: Path) -> Tests:
    """The tests of a file, which are run unchanged in a fork; RuntimeError where one of them fails."""

    def watch() -> int:
        os.environ["MUTANT_UNDER_TEST"] = "stats"
        seconds, called = {}, {}
        noted: set[str] = set()
        trampoline = import_module("mutmut.mutation.trampoline")
        vars(trampoline)["record_trampoline_hit"] = lambda function, caller: noted.add(function)  # its own is slow
        for item, following in zip(items, [*items[1:], None], strict=True):
            start = _spent()
            if _failed(item, following):
                raise RuntimeError(f"{item.nodeid} fails")
            seconds[item.nodeid] = _spent() - start
            called[item.nodeid] = sorted(noted)
            noted.clear()
        answer.write_text(json.dumps([seconds, called]), "utf-8")
        return 0

    if _forked(watch):
        raise RuntimeError(f"tests of {items[0].path} fail without a change")
    return Tests(*json.loads(answer.read_text("utf-8")))


def _spent() -> float:
    """Seconds of the processor, of this process and of those that it has waited for."""
    return sum(os.times()[:4])


def _forked(run: Callable[[], int]) -> int:
    """The exit code of a function in a fork, which ends with all that it has started."""
    process = os.fork()
    if process == 0:
        os.setpgid(0, 0)
        signal.setitimer(signal.ITIMER_REAL, _AT_MOST)
        _end(run)
    _, status = os.waitpid(process, 0)
    with suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)
    return os.waitstatus_to_exitcode(status)


def _end(run: Callable[[], int]) -> None:
    try:
        code = run()
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
        code = 2
    os._exit(code)
