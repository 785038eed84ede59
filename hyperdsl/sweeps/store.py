"""A sweep's state: an Optuna study that several processes share and that outlives them all.

A trained network is one trial, which holds its measurements; what it reaches at each further number of steps stands
beside it as a trial of its own, so that the sampler learns from all of them. A trial whose process is gone is tried
again. Processes on several machines claim without a common lock: trials are numbered by the storage, and which of them
stand is read off their list alone (`standing`), so that all processes agree.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Literal

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from hyperdsl.evaluation.errors import SweepError
from hyperdsl.evaluation.problems import Problem
from hyperdsl.evaluation.weights import file_name
from hyperdsl.semantics.model.sweep import Sweep
from hyperdsl.sweeps.points import Cost, Network, Point
from hyperdsl.sweeps.space import Choice, propose, space
from hyperdsl.sweeps.storages import Storage, reached

DIRECTIONS: tuple[Literal["minimize"], Literal["minimize"]] = ("minimize", "minimize")
ATTEMPTS = 5
"""How many processes may be lost over one network before it is given up."""
GIVEN_UP = f"{ATTEMPTS} processes ended while they trained it"


def default_storage(package: str, problem: Problem, sweep: str) -> Path:
    """runs/sweeps/PACKAGE/PROBLEM/NAME.log, from the current folder, with the problem's whole name in it."""
    return Path("runs/sweeps") / package / file_name(problem.whole_name) / f"{sweep}.log"


class Store:
    """The study of `sweep` in `storage`; `total` networks are to be tried. Close it at the end.

    `identity` says what the measurements depend on. SweepError where the storage holds another sweep, or is none.
    """

    def __init__(self, storage: Storage, sweep: Sweep, cost: Cost, total: int, identity: Mapping[str, object]) -> None:
        self.storage = storage
        self.sweep = sweep
        self.cost: Cost = cost
        self.total = total
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            self.study = _study(storage)
            with storage.turn(), reached(storage.shown):
                self._identify(dict(identity))
        except BaseException:
            self.close()
            raise

    @property
    def folder(self) -> Path:
        """Where the variants and their weights are."""
        return self.storage.folder

    def close(self) -> None:
        """Let go of this process's sign of life."""
        self.storage.close()

    def claim(self) -> tuple[Trial, Choice] | None:
        """The next network for this process to train; None where there is none, now or at all."""
        with self.storage.turn():
            self._revive()
            while True:
                tried = self._tried()
                if not any(trial.state is TrialState.WAITING for trial in tried) and not self._enqueue(tried):
                    return None
                with suppress(UpdateFinishedTrialError):  # silent for too long: it is another process's by now
                    trial = self.study.ask(space(self.sweep))
                    if any(trial.number == other.number for other in self._tried()):
                        self.storage.begin(trial)
                        return trial, dict(trial.params)
                    self._drop(trial)

    def at_work(self, trial: Trial) -> AbstractContextManager[object]:
        """Inside, other processes see that this one trains the network."""
        return self.storage.at_work(trial)

    def finish(self, trial: Trial, network: Network) -> None:
        """Keep what a network has reached, unless another process has been given it since."""
        first, *others = [Point(network, steps, row) for steps, row in network.rows.items()]
        with suppress(UpdateFinishedTrialError):
            trial.set_user_attr("found", network.as_json())
            self.study.tell(trial, first.objectives(self.cost))
            for point in others:
                made = create_trial(
                    values=point.objectives(self.cost), params=trial.params, distributions=space(self.sweep)
                )
                self.study.add_trial(made)

    def fail(self, trial: Trial, reason: str) -> None:
        """Note that a network cannot be trained; it counts as tried."""
        with suppress(UpdateFinishedTrialError):
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
        return standing(self.study.get_trials(deepcopy=False), self.total)

    def _enqueue(self, tried: list[FrozenTrial]) -> bool:
        """Put a new network into the queue; whether there is one."""
        choice = None
        if len(tried) < self.total:
            choice = propose(self.study, self.sweep, [_choice(trial) for trial in tried], len(tried))
        if choice is not None:
            self.study.enqueue_trial(choice, user_attrs={"network": True})
        return choice is not None

    def _drop(self, trial: Trial) -> None:
        """A trial that another process was before, or that the sampler made since the queue had just run empty."""
        trial.set_user_attr("void", True)
        self.study.tell(trial, state=TrialState.FAIL)

    def _revive(self) -> None:
        """Put the networks of lost processes back into the queue."""
        for trial in self._tried():
            if trial.state is not TrialState.RUNNING or not self.storage.lost(trial):
                continue
            lost = int(trial.user_attrs.get("lost", 0)) + 1
            if lost < ATTEMPTS:
                about = {"network": True, "lost": lost, "instead_of": trial.number}
                self.study.enqueue_trial(_choice(trial), user_attrs=about)
            with suppress(UpdateFinishedTrialError):
                self.study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)

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
                    f"{self.storage.shown} holds a sweep with another {what} ({_short(before)}, now {_short(value)}): "
                    "name another place with --storage, or remove it from this one to begin anew"
                )


def standing(trials: Iterable[FrozenTrial], total: int) -> list[FrozenTrial]:
    """The trials that stand for networks, one for each, in the order in which they were begun.

    Of two with the same choice the one with the lower number stands, and of those beyond `total` what has ended. A
    lost one is replaced by the first that stands in for it, unless it was not lost and has come to its end.
    """
    kept: dict[int, FrozenTrial] = {}
    for trial in sorted(trials, key=lambda trial: trial.number):
        about = trial.user_attrs
        if "network" not in about or "void" in about:
            continue
        before = about.get("instead_of")
        if before is not None:
            if before not in kept or kept[before].state is TrialState.COMPLETE:
                continue
            del kept[before]
        else:
            beyond = len(kept) >= total and not trial.state.is_finished()
            if beyond or _choice(trial) in map(_choice, kept.values()):
                continue
        kept[trial.number] = trial
    return list(kept.values())


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text[:12] if len(text) == 64 else text


def _choice(trial: FrozenTrial) -> Choice:
    """What a trial tries, from its queue: parameters appear one by one when it begins."""
    fixed: Choice = trial.system_attrs.get("fixed_params", {})
    return dict(fixed) or dict(trial.params)


def _study(storage: Storage) -> optuna.Study:
    """The storage's study, made where there is none yet."""
    opened = storage.open()
    with storage.turn(), reached(storage.shown):
        try:
            return optuna.load_study(study_name=storage.study, storage=opened)
        except KeyError:
            return optuna.create_study(
                study_name=storage.study, storage=opened, directions=DIRECTIONS, load_if_exists=True
            )
