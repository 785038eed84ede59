"""Finding the problem that a user names: FILE.hyper:NAME(parameter = 1), module:attribute, or a built-in one."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from hyperdsl.evaluation.built_in import BUILT_IN, built_in, parameters_of
from hyperdsl.evaluation.errors import ProblemError, similar
from hyperdsl.evaluation.problems import Problem, from_model
from hyperdsl.semantics.model.problem import ProblemModel

Models = Callable[[Path], Sequence[ProblemModel]]
"""Gives the problems of a checked spec; the caller reports a spec that is at fault."""


_FILE = re.compile(r"(?P<path>.+\.hyper):(?P<name>\w+)\s*(?:\((?P<parameters>.*)\))?")
_BUILT_IN = re.compile(r"(?P<name>\w+)\s*(?:\((?P<parameters>.*)\))?")
_NUMBER = r"-?(?:\d{1,40}(?:\.\d{1,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,3})?(?:/\d{1,40})?"
_PARAMETER = re.compile(rf"\s*(?P<name>[A-Za-z_]\w*)\s*=\s*(?P<low>{_NUMBER})\s*(?:\.\.\s*(?P<high>{_NUMBER})\s*)?")


def find_problem(text: str, models: Models, progress: bool = True) -> Problem:
    """The problem called `text`, as on the command line. ProblemError says what is wrong and what there is.

    progress: show a bar where a built-in problem's f has to be trained first.
    """
    if in_file := _FILE.fullmatch(text):
        return _from_file(Path(in_file["path"]), in_file["name"], in_file["parameters"] or "", models)
    if ":" in text:
        module, _, attribute = text.partition(":")
        return _from_module(module, attribute)
    called = _BUILT_IN.fullmatch(text)
    if called and called["name"] in BUILT_IN:
        name, parameters = called["name"], called["parameters"] or ""
        problem = built_in(name, progress, _ranges(name, parameters, list(parameters_of(name))))
        return _called(problem, name, parameters) if parameters.strip() else problem
    raise ProblemError(
        f"there is no built-in problem {text}{similar(text, BUILT_IN)}; one of a spec is named with its file, "
        f"FILE.hyper:{text}, and one of a module is module:attribute; built in are {', '.join(BUILT_IN)}"
    )


def _from_file(path: Path, name: str, parameters: str, models: Models) -> Problem:
    problems = {model.name: model for model in models(path)}
    if name not in problems:
        known = f"it has {', '.join(problems)}" if problems else "it has none"
        raise ProblemError(f"{path} has no problem {name}{similar(name, problems)}; {known}")
    model = problems[name]
    ranges = _ranges(name, parameters, [parameter.name for parameter in model.parameters])
    return _called(from_model(model, ranges), f"{path.as_posix()}:{name}", parameters)


def _called(problem: Problem, name: str, parameters: str) -> Problem:
    """The problem, with what finds it again."""
    given = re.sub(r"\s", "", parameters)
    return replace(problem, source=f"{name}({given})" if given else name)


def _ranges(name: str, parameters: str, known: Sequence[str]) -> dict[str, tuple[float, float]]:
    """`a = 1, b = 1 .. 20` for the problem called `name`, which has the parameters `known`."""
    ranges = dict(_parameter(part) for part in parameters.split(",")) if parameters.strip() else {}
    for given in ranges:
        if given not in known:
            raise ProblemError(f"{name} has no parameter {given}{similar(given, known)}")
    return ranges


def _parameter(text: str) -> tuple[str, tuple[float, float]]:
    match = _PARAMETER.fullmatch(text)
    if match is None:
        raise ProblemError(f"'{text.strip()}' is no parameter: write name = 1 or name = 1 .. 20")
    try:
        low = _quotient(match["low"])
        high = low if match["high"] is None else _quotient(match["high"])
    except (ZeroDivisionError, OverflowError) as error:
        raise ProblemError(f"'{text.strip()}' is not a finite number") from error
    if low > high:
        raise ProblemError(f"the range '{text.strip()}' ends before it starts")
    return match["name"], (low, high)


def _quotient(text: str) -> float:
    numerator, _, denominator = text.partition("/")
    return float(Fraction(numerator) / Fraction(denominator or "1"))


def _from_module(name: str, attribute: str) -> Problem:
    if not all(part.isidentifier() for part in name.split(".")) or not attribute.isidentifier():
        raise ProblemError(f"{name}:{attribute} is not module:attribute")
    with _current_folder_first():
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
                raise ProblemError(f"there is no module {name} to import from the current folder") from error
            raise ProblemError(f"{name} imports {error.name}, which is not installed") from error
        except Exception as error:
            raise ProblemError(f"{name} cannot be imported: {type(error).__name__}: {error}") from error
    if not hasattr(module, attribute):
        public = [key for key in vars(module) if not key.startswith("_")]
        raise ProblemError(f"the module {name} has no {attribute}{similar(attribute, public)}")
    problem = getattr(module, attribute)
    if not isinstance(problem, Problem):
        raise ProblemError(f"{name}:{attribute} is a {type(problem).__name__}, not a hyperdsl.evaluation.Problem")
    return replace(problem, source=f"{name}:{attribute}")


@contextmanager
def _current_folder_first() -> Iterator[None]:
    """Modules of the current folder can be imported while inside, as with `python -m`."""
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(folder)
