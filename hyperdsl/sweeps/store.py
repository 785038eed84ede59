"""A sweep's state on the disk: an Optuna study in a journal that several processes share and that outlives them all.

A trained network is one trial, which holds its measurements; what it reaches at each further number of steps stands
beside it as a trial of its own, so that the sampler learns from all of them. Locks are the operating system's, which
frees those of a process however it ends: a trial whose process is gone is tried again.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import optuna
from filelock import FileLock, Timeout
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from hyperdsl.evaluation.errors import SweepError
from hyperdsl.evaluation.problems import Problem
from hyperdsl.evaluation.weights import file_name
from hyperdsl.semantics.model.sweep import Sweep
from hyperdsl.sweeps.points import Cost, Network, Point
from hyperdsl.sweeps.space import Choice, propose, space

STUDY = "sweep"
DIRECTIONS: tuple[Literal["minimize"], Literal["minimize"]] = ("minimize", "minimize")
ATTEMPTS = 5
"""How many processes may be lost over one network before it is given up."""
GIVEN_UP = f"{ATTEMPTS} processes ended while they trained it"


def default_storage(package: str, problem: Problem, sweep: str) -> Path:
    """runs/sweeps/PACKAGE/PROBLEM/NAME.log, from the current folder, with the problem's whole name in it."""
    return Path("runs/sweeps") / package / file_name(problem.whole_name) / f"{sweep}.log"


class Store:
    """The study of `sweep` in the journal at `path`; `total` networks are to be tried. Close it at the end.

    `identity` says what the measurements depend on. SweepError where the journal holds another sweep, or is none.
    """

    def __init__(self, path: Path, sweep: Sweep, cost: Cost, total: int, identity: Mapping[str, object]) -> None:
        self.path = path
        self.sweep = sweep
        self.cost: Cost = cost
        self.total = total
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._claims = FileLock(self.folder / "claims.lock")
        self._worker = uuid.uuid4().hex
        self._alive = FileLock(self._sign(self._worker))
        try:
            with self._claims:
                self._alive.acquire()
                self.study = _study(path, self.folder)
                self._identify(dict(identity))
        except BaseException:
            self.close()
            raise

    @property
    def folder(self) -> Path:
        """Where the variants, their weights, and the locks are: beside the journal."""
        return self.path.with_name(f"{self.path.stem}.variants")

    def close(self) -> None:
        """Let go of this process's sign of life."""
        self._alive.release()
        self._sign(self._worker).unlink(missing_ok=True)

    def claim(self) -> tuple[Trial, Choice] | None:
        """The next network for this process to train; None where there is none, now or at all."""
        with self._claims:
            self._revive()
            trials = self._tried()
            waiting = [trial for trial in trials if trial.state is TrialState.WAITING]
            if not waiting:
                choice = None
                if len(trials) < self.total:
                    known = [_choice(trial) for trial in trials]
                    choice = propose(self.study, self.sweep, known, len(trials))
                if choice is None:
                    return None
                self.study.enqueue_trial(choice, user_attrs={"network": True})
            trial = self.study.ask(space(self.sweep))
            trial.set_user_attr("worker", self._worker)
            return trial, dict(trial.params)

    def finish(self, trial: Trial, network: Network) -> None:
        """Keep what a network has reached."""
        trial.set_user_attr("found", network.as_json())
        first, *others = [Point(network, steps, row) for steps, row in network.rows.items()]
        self.study.tell(trial, first.objectives(self.cost))
        for point in others:
            made = create_trial(
                values=point.objectives(self.cost), params=trial.params, distributions=space(self.sweep)
            )
            self.study.add_trial(made)

    def fail(self, trial: Trial, reason: str) -> None:
        """Note that a network cannot be trained; it counts as tried."""
        trial.set_user_attr("reason", reason)
        self.study.tell(trial, state=TrialState.FAIL)

    def networks(self) -> list[Network]:
        """Those that are trained and measured, in the order in which they were begun."""
        done = [trial for trial in self._tried() if trial.state is TrialState.COMPLETE]
        return [Network.from_json(trial.user_attrs["found"]) for trial in done]

    def failures(self) -> list[str]:
        """Why networks could not be trained."""
        failed = [trial for trial in self._tried() if trial.state is TrialState.FAIL]
        return [str(trial.user_attrs.get("reason", GIVEN_UP)) for trial in failed]

    def busy(self) -> bool:
        """Whether a network is being trained, or waits for it."""
        return any(not trial.state.is_finished() for trial in self._tried())

    def _tried(self) -> list[FrozenTrial]:
        """The trials that stand for networks, without those that were lost and begun anew."""
        trials = [trial for trial in self.study.get_trials(deepcopy=False) if "network" in trial.user_attrs]
        replaced = {trial.user_attrs.get("instead_of") for trial in trials}
        return [trial for trial in trials if trial.number not in replaced]

    def _revive(self) -> None:
        """Put the networks of lost processes back into the queue. Under the lock of claims, as all signs are set."""
        for sign in self.folder.glob("*.alive"):
            if sign != self._sign(self._worker):
                _remove_dead(sign)
        for trial in self._tried():
            worker = trial.user_attrs.get("worker")
            if trial.state is not TrialState.RUNNING or (worker and self._sign(worker).exists()):
                continue
            lost = int(trial.user_attrs.get("lost", 0)) + 1
            if lost < ATTEMPTS:
                about = {"network": True, "lost": lost, "instead_of": trial.number}
                self.study.enqueue_trial(_choice(trial), user_attrs=about)
            self.study.tell(trial.number, state=TrialState.FAIL)

    def _sign(self, worker: str) -> Path:
        return self.folder / f"{worker}.alive"

    def _identify(self, identity: dict[str, object]) -> None:
        stored = self.study.user_attrs
        if not stored:
            self.study.set_user_attr("identity", identity)
            return
        known = stored.get("identity")
        for what, value in identity.items():
            before = known.get(what) if isinstance(known, dict) else None
            if before != json.loads(json.dumps(value)):
                raise SweepError(
                    f"{self.path} holds a sweep with another {what} ({_short(before)}, now {_short(value)}): "
                    "name another file with --storage, or remove this one to begin anew"
                )


def _remove_dead(sign: Path) -> None:
    """Remove a process's sign of life unless the process still holds it."""
    with suppress(Timeout), FileLock(sign, timeout=0):
        sign.unlink(missing_ok=True)


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text[:12] if len(text) == 64 else text


def _choice(trial: FrozenTrial) -> Choice:
    """What a trial tries: its parameters, which one that waits or was lost early has as fixed ones alone."""
    fixed: Choice = trial.system_attrs.get("fixed_params", {})
    return dict(trial.params) or dict(fixed)


def _study(path: Path, folder: Path) -> optuna.Study:
    """The journal's study, made where there is none yet."""
    if path.exists() and path.stat().st_size:
        with path.open("rb") as journal:
            if not journal.read(1) == b"{":
                raise SweepError(f"{path} is not the journal of a sweep")
    lock: Any = _JournalLock(path, folder)  # Optuna's base class of locks has no public name
    try:
        storage = JournalStorage(JournalFileBackend(str(path), lock_obj=lock))
        if storage.get_all_studies():
            return optuna.load_study(study_name=STUDY, storage=storage)
        return optuna.create_study(study_name=STUDY, storage=storage, directions=DIRECTIONS)
    except (ValueError, KeyError) as error:
        raise SweepError(f"{path} is not the journal of a sweep: {error}") from error


class _JournalLock:
    """Held while a line is written. A line that a killed process left unfinished is dropped before the next one."""

    def __init__(self, journal: Path, folder: Path) -> None:
        self.journal = journal
        self.lock = FileLock(folder / "journal.lock")

    def acquire(self) -> bool:
        self.lock.acquire()
        with suppress(FileNotFoundError), self.journal.open("rb+") as file:
            size = file.seek(0, os.SEEK_END)
            whole = size
            while whole and _byte_before(file, whole) != b"\n":
                whole -= 1
            if whole < size:
                file.truncate(whole)
        return True

    def release(self) -> None:
        self.lock.release()


def _byte_before(file: Any, position: int) -> bytes:
    file.seek(position - 1)
    data: bytes = file.read(1)
    return data
