"""`--launcher`: a command as a job of a cluster, or of this machine, by submitit.

A job is the command itself, run where the cluster puts it. Told that its time is over or that it must make room, it is
put into the queue again; trainings and sweeps go on from what they keep on the disk.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from hyperdsl.cli.inputs import stop
from hyperdsl.cli.packages import guarded, need

if TYPE_CHECKING:
    from submitit.core.utils import DelayedSubmission

Launcher = Annotated[
    Literal["slurm", "local"] | None,
    typer.Option("--launcher", help="Hand the command to Slurm, or to a process of this machine, and return."),
]
Slurm = Annotated[
    list[str] | None,
    typer.Option(
        "--slurm",
        metavar="KEY=VALUE",
        help="What the job asks for: time (minutes, or HOURS:MINUTES:SECONDS), nodes, gpus and tasks (of a node, a "
        "process each), partition, and any other option of sbatch.",
    ),
]
FOLDER = "runs/jobs/%j"
MINUTES = 240
"""A job's time where the user says nothing."""
ROUNDS = 1000
"""How often a job may come to the end of its time and go on."""


@dataclass(frozen=True)
class Job:
    """A command with its arguments, which submitit pickles, calls, and puts into the queue again."""

    command: Callable[..., None]
    arguments: dict[str, Any]

    def __call__(self) -> None:
        """RuntimeError, which makes the job a failed one, where the command ends with another exit code than 0."""
        from submitit.core.job_environment import JobEnvironment
        from submitit.helpers import TorchDistributedEnvironment

        here = JobEnvironment()
        if here.num_tasks > 1:
            os.environ["GROUP_RANK"] = str(here.node)  # Fabric asks for it
            TorchDistributedEnvironment().export(set_cuda_visible_devices=False)
        try:
            self.command(**self.arguments)
        except typer.Exit as ended:
            if ended.exit_code:
                raise RuntimeError(f"hyperdsl {self.command.__name__} ended with exit code {ended.exit_code}") from None

    def checkpoint(self) -> DelayedSubmission:
        """The same again: what has been done so far is on the disk."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def launched(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options --launcher and --slurm; --jobs becomes as many jobs."""
    own = inspect.signature(command)
    further = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in (("launcher", Launcher), ("slurm", Slurm))
    ]

    @wraps(command)
    def run(*, launcher: str | None = None, slurm: list[str] | None = None, **arguments: Any) -> None:
        if launcher is not None:
            _submit(command, arguments, launcher, slurm or ())
        elif slurm:
            stop("--slurm says what a job asks for: give --launcher too")
        else:
            command(**arguments)

    hints = get_type_hints(command, include_extras=True)
    typed = [parameter.replace(annotation=hints[name]) for name, parameter in own.parameters.items()]
    run.__signature__ = inspect.Signature([*typed, *further], return_annotation=None)  # type: ignore[attr-defined]
    run.__annotations__ = hints | {"launcher": Launcher, "slurm": Slurm}
    return run


def _submit(command: Callable[..., None], arguments: dict[str, Any], launcher: str, wanted: Sequence[str]) -> None:
    need("cluster", "submitit")
    from submitit import AutoExecutor

    parameters = _parameters(wanted)
    count = arguments.get("jobs", 1)
    job = Job(command, arguments | {"quiet": True} | ({"jobs": 1} if "jobs" in arguments else {}))

    def queue() -> list[Any]:
        Path(FOLDER).parent.mkdir(parents=True, exist_ok=True, mode=0o700)  # the command line may hold a password
        executor = AutoExecutor(FOLDER, cluster=launcher, **{f"{launcher}_max_num_timeout": ROUNDS})
        executor.update_parameters(**parameters)
        with executor.batch():
            return [executor.submit(job) for _ in range(count)]

    try:
        jobs = guarded(queue)
    except (NameError, AssertionError) as error:  # how submitit says that it knows no such parameter
        stop(str(error).splitlines()[0])
    told = [
        {"job": job.job_id, "log": job.paths.stdout.as_posix(), "errors": job.paths.stderr.as_posix()} for job in jobs
    ]
    if arguments.get("json"):
        print(json.dumps({"launcher": launcher, "jobs": told}, indent=2))
        return
    for one in told:
        print(f"job {one['job']}: hyperdsl {command.__name__}; what it says goes to {one['log']} and {one['errors']}")
    print("killed or out of time, a job is put into the queue again; the same command, given again, goes on as well")


def _parameters(wanted: Sequence[str]) -> dict[str, Any]:
    """submitit's parameters: its own words for what every cluster has, `slurm_…` for all else."""
    found: dict[str, Any] = {"name": "hyperdsl", "timeout_min": MINUTES}
    further: dict[str, str] = {}
    for item in wanted:
        key, equals, value = item.partition("=")
        word = key.strip().lstrip("-").replace("-", "_")
        if not equals or not word:
            stop(f"`--slurm {item}` is not KEY=VALUE, such as partition=long")
        match word:
            case "time":
                found["timeout_min"] = _minutes(item, value)
            case "nodes":
                found["nodes"] = _count(item, value)
            case "tasks":
                found["tasks_per_node"] = _count(item, value)
            case "gpus":
                found["gpus_per_node"] = _count(item, value)
                found.setdefault("tasks_per_node", found["gpus_per_node"])
            case "partition" | "account" | "qos" | "constraint" | "mem":
                found[f"slurm_{word}"] = value
            case _:
                further[word] = value
    return found | ({"slurm_additional_parameters": further} if further else {})


def _count(item: str, value: str) -> int:
    if not value.isdecimal() or int(value) < 1:
        stop(f"`--slurm {item}`: a whole number of at least 1 was expected")
    return int(value)


def _minutes(item: str, value: str) -> int:
    """Minutes, or HOURS:MINUTES:SECONDS rounded up."""
    parts = value.split(":")
    if len(parts) not in (1, 3) or not all(part.isdecimal() for part in parts):
        stop(f"`--slurm {item}`: minutes, or HOURS:MINUTES:SECONDS, were expected")
    if len(parts) == 1:
        return _count(item, value)
    hours, minutes, seconds = map(int, parts)
    return max(60 * hours + minutes + (seconds + 59) // 60, 1)
