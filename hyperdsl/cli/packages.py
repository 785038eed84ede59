"""Arguments of `train` and `evaluate`: packages, problems, solvers."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from hyperdsl.cli.inputs import finish, say, spec_files, stop

if TYPE_CHECKING:
    from hyperdsl.evaluation.problems import Problem
    from hyperdsl.semantics.model.problem import ProblemModel

PackagePath = Annotated[
    Path, typer.Argument(metavar="PACKAGE", help="The folder of a generated package.", show_default=False)
]
ProblemName = Annotated[
    str,
    typer.Option(
        "--problem",
        metavar="P",
        help="FILE.hyper:NAME(param = 1), module:attribute, or a built-in one: van_der_pol, lotka_volterra, pendulum, "
        "duffing, lorenz, brusselator, fitzhugh_nagumo, oregonator, double_pendulum, lorenz96, digits, flow; stiff: "
        "robertson(k1 = 1/25), van_der_pol_stiff(mu = 1e6), hires, oregonator_stiff, brusselator_1d.",
        show_default=False,
    ),
]
SolverName = Annotated[
    str | None, typer.Option("--solver", metavar="NAME", help="Which solver, where the package has several.")
]

Threads = Annotated[
    int, typer.Option(min=1, help="Processor threads: a small state is served faster by one than by many.")
]

Result = TypeVar("Result")


def guarded(run: Callable[[], Result]) -> Result:
    """`run`, ending with a sentence where a package, problem or weights file is not what it should be."""
    try:
        return run()
    except typer.Exit:  # a RuntimeError, of a run that has been ended with a sentence
        raise
    except OSError as error:
        stop(f"{error.filename or 'a file'}: {error.strerror or error}")
    except (ValueError, RuntimeError) as error:  # how packages, problems, weights and solvers say what is wrong
        stop(str(error))


def need_torch(*further: str) -> None:
    """Say how to get what training and evaluation run on, and `further` modules."""
    need("train", "torch", "torchdiffeq", "lightning_fabric", "safetensors", *further)


def need(extra: str, *modules: str) -> None:
    """Say which extra brings a module that is not installed."""
    for module in modules:
        if importlib.util.find_spec(module) is None:
            stop(f"this command needs {module}: pip install 'hyperdsl[{extra}]'")


def shows_progress(quiet: bool = False) -> bool:
    """Whether there are progress bars: on terminals alone, and not where they are turned off."""
    return not quiet and sys.stderr.isatty()


def find(name: str, *, quiet: bool = False) -> Problem:
    """The problem called `name`; a file's own is checked first. A built-in one whose f is to be trained shows a bar."""
    from hyperdsl.evaluation.lookup import find_problem

    return guarded(lambda: find_problem(name, _models, progress=shows_progress(quiet)))


@contextmanager
def warnings_said() -> Iterator[None]:
    """Inside, a warning is a sentence on standard error; what a command tells in its results is none."""
    from hyperdsl.training.settings import OutcomeWarning

    def say_one(message: Warning | str, *_: object, **__: object) -> None:
        print(f"hyperdsl: warning: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutcomeWarning)
        warnings.showwarning = say_one
        yield


def _models(path: Path) -> Sequence[ProblemModel]:
    from hyperdsl import compiler

    spec_files([path])  # ends the run where it cannot be read
    problems, diagnostics = compiler.problems(path)
    say(diagnostics)
    finish(diagnostics)
    return problems
