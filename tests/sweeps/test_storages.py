"""Sweeps of several machines: who stands for a network, who is lost, and that secrets stay secret."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.exceptions import StorageInternalError
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

from hyperdsl.cli import application
from hyperdsl.cli.sweep import _Order, _work
from hyperdsl.evaluation.errors import SweepError
from hyperdsl.sweeps.storages import Database, Journal, storage
from hyperdsl.sweeps.store import ATTEMPTS, GIVEN_UP, Store, standing
from tests.sweeps.servers import ESCAPED, PASSWORD, free_port, postgresql, proxy
from tests.sweeps.test_search import finish, sweep, swept

GRID = sweep(swept("width", "8", "64", "8", "16", "32", "64"))
"""Eight variants."""


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with postgresql() as url:
        yield url


@pytest.fixture(params=["postgresql", "grpc", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Each kind of storage that several machines, or processes, can share."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'sweep.db'}"
        return
    server = request.getfixturevalue("database")
    if request.param == "postgresql":
        yield server
        return
    with proxy(server) as found:
        yield found


def opened(url: str, folder: Path, study: str, total: int = 100, grace: float = 60, **identity: object) -> Store:
    kept = Database(url, study, folder / "variants", grace)
    return Store(kept, GRID, "macs", total, identity or {"spec": "a"})


def test_workers_without_a_common_lock_try_each_variant_once(url: str, tmp_path: Path) -> None:
    study = f"race {url[:4]}"
    found: list[tuple[str, ...]] = []

    def claim_all(number: int) -> None:
        store = opened(url, tmp_path / str(number), study)
        while True:
            claimed = store.claim()
            if claimed is None and not store.busy():
                return
            if claimed is None:
                time.sleep(0.1)
                continue
            found.append(tuple(map(str, claimed[1].values())))
            store.fail(claimed[0], "tried")

    threads = [threading.Thread(target=claim_all, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(found) == len(set(found)) == 8
    store = opened(url, tmp_path / "after", study)
    assert store.failures() == ["tried"] * 8
    assert not store.busy()


def test_a_silent_process_that_ends_after_all_changes_nothing(url: str, tmp_path: Path) -> None:
    study = f"late {url[:4]}"
    slow, other = (opened(url, tmp_path / name, study, total=1, grace=0.1) for name in ("slow", "other"))
    claimed = slow.claim()
    assert claimed is not None
    assert other.claim() is None
    time.sleep(0.2)
    values = finish(other)
    slow.fail(claimed[0], "too late")
    assert [network.values for network in slow.networks()] == [values]
    assert slow.failures() == []


def test_a_process_at_work_is_not_lost(database: str, tmp_path: Path) -> None:
    one, other = (opened(database, tmp_path / name, "work", total=1, grace=1) for name in ("one", "other"))
    claimed = one.claim()
    assert claimed is not None
    with one.at_work(claimed[0]):
        for _ in range(4):
            assert other.claim() is None
            time.sleep(0.4)


def test_a_network_whose_processes_never_return_is_given_up(database: str, tmp_path: Path) -> None:
    store = opened(database, tmp_path, "given up", total=1, grace=0.05)
    for _ in range(ATTEMPTS):
        assert store.claim() is not None
        assert store.claim() is None  # first looked at
        time.sleep(0.06)
    assert store.claim() is None
    assert (store.failures(), store.busy()) == ([GIVEN_UP], False)


def test_another_sweep_of_that_name_is_refused_and_others_stand_beside_it(database: str, tmp_path: Path) -> None:
    opened(database, tmp_path, "mine", spec="0" * 64)
    with pytest.raises(SweepError, match="another spec \\(000000000000, now 111111111111\\)") as refused:
        opened(database, tmp_path, "mine", spec="1" * 64)
    assert str(refused.value).startswith("postgresql://sweeper:***@127.0.0.1")
    opened(database, tmp_path, "another", spec="1" * 64)


def test_what_is_wrong_is_said_without_the_password(database: str, tmp_path: Path) -> None:
    nowhere = free_port()
    for url, said in (
        (f"postgresql://u:{ESCAPED}@127.0.0.1:{nowhere}/d", "Connection refused"),
        (f"{database}x", "does not exist"),
        (database.replace(ESCAPED, f"no{ESCAPED}"), "password authentication failed"),
        (f"oracle+nothing://u:{ESCAPED}@h/d", "nothing"),
        ("no-url://", "no answer|URL|plugin"),
    ):
        with pytest.raises(SweepError, match=said) as failed:
            opened(url, tmp_path, "s")
        assert PASSWORD not in str(failed.value)
        assert ESCAPED not in str(failed.value)


def test_a_missing_driver_and_a_silent_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SweepError, match=r"the driver of mysql://u:\*\*\*@h/d is not installed"):
        opened(f"mysql://u:{ESCAPED}@h/d", tmp_path, "s")
    monkeypatch.setattr("hyperdsl.sweeps.storages.CONNECT", 0.3)
    with pytest.raises(SweepError, match=r"grpc://127.0.0.1:\d+: no proxy has answered within"):
        opened(f"grpc://127.0.0.1:{free_port()}", tmp_path, "s")


def test_what_the_option_means(tmp_path: Path) -> None:
    default = tmp_path / "a.log"
    assert storage(None, default, "s").shown == default.as_posix()
    mine = storage("mine.log", default, "s")
    assert isinstance(mine, Journal)
    assert (mine.shown, mine.folder) == ("mine.log", Path("mine.variants"))
    shared = storage("postgresql://u:a%40b@h:1/d?sslmode=require&sslpassword=x", default, "s")
    assert shared.shown == "postgresql://u:***@h:1/d?sslmode=require"
    assert (shared.study, shared.folder) == ("s", tmp_path / "a.variants")


@pytest.mark.parametrize("given", ["", " ", "localhost:5432", "postgresql:/me@here/sweeps"])
def test_what_is_no_storage_is_not_taken_for_a_file(given: str, tmp_path: Path) -> None:
    with pytest.raises(SweepError, match="is no storage"):
        storage(given, tmp_path / "NAME.log", "mine")


SPEC = """corrector mlp {
    layers linear(4)
}

training fit {
    loss residual
    steps 4 .. 16
    reference rk4 {
        substeps 2
    }
    iterations 40
    batch 64
}

hypersolver Swept {
    base euler
    corrector mlp
    training fit
}

problem spring {
    x' = v
    v' = -x
    x in -1 .. 1
    v in -1 .. 1
    span 0 .. 1
}

sweep grid {
    solver Swept
    base euler, heun
    width 2, 4
    steps 2
    trials 4
}
"""


def work(folder: Path, url: str) -> None:
    """A process of a sweep in a folder of its own, as on a machine of its own."""
    os.chdir(folder)
    _work(_Order(Path("swept.hyper"), None, PROBLEM, None, url, 4.0, "macs", (), None, 1, True))


PROBLEM = "swept.hyper:spring"
WITH_TORCH = get_context("forkserver")
WITH_TORCH.set_forkserver_preload(["hyperdsl.sweeps.report", "hyperdsl.evaluation.lookup", "hyperdsl.compiler"])


@pytest.mark.slow
def test_of_four_machines_two_are_killed_and_the_front_is_that_of_one(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines = []
    for name in ("one", "two", "three", "four", "alone"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "swept.hyper").write_text(SPEC)
        if name != "alone":
            machines.append(WITH_TORCH.Process(target=work, args=(tmp_path / name, database), daemon=True))
            machines[-1].start()
    killed = kill_two(machines, database)
    for machine in machines:
        machine.join(timeout=120)
    assert sorted(machine.exitcode or 0 for machine in machines) == [-signal.SIGKILL] * 2 + [0, 0]
    found = []
    for name, options in (("one", ("--storage", database)), ("alone", ())):
        monkeypatch.chdir(tmp_path / name)
        line = ["sweep", "swept.hyper", "--problem", PROBLEM, "--json", "--methods", "", "--quiet", *options]
        done = CliRunner().invoke(application(), line)
        assert done.exit_code == 0, done.output
        assert not {word for word in (PASSWORD, ESCAPED) if word in done.output}
        found.append(json.loads(done.stdout))
    together, alone = found
    assert together["storage"].startswith("postgresql://sweeper:***@")
    assert [(one["networks"], one["failed"]) for one in found] == [(4, 0)] * 2
    assert front(together) == front(alone)
    trials = optuna.load_study(study_name=STUDY, storage=driven(database)).get_trials()
    revived = sum("instead_of" in trial.user_attrs for trial in trials)
    assert revived >= len(killed) == 2  # more where a busy machine was silent for too long
    done_once = [trial for trial in standing(trials, 4) if trial.state is TrialState.COMPLETE]
    assert len({tuple(trial.params.values()) for trial in done_once}) == len(done_once) == 4


STUDY = f"swept/{PROBLEM}/grid"


def kill_two(machines: list[Any], database: str) -> set[int]:
    """Kill two processes while each trains a network."""
    study, killed = None, set[int]()
    while len(killed) < 2:
        assert all(machine.pid in killed or machine.is_alive() for machine in machines)
        with suppress(KeyError, StorageInternalError, DBAPIError):
            study = study or optuna.load_study(study_name=STUDY, storage=driven(database))
            for trial in study.get_trials(states=[TrialState.RUNNING]):
                pid = int(trial.user_attrs.get("worker", ":0").partition(":")[2])
                if pid and pid not in killed and len(killed) < 2:
                    os.kill(pid, signal.SIGKILL)
                    killed.add(pid)
        time.sleep(0.02)
    return killed


def front(found: dict[str, Any]) -> list[tuple[object, ...]]:
    """What is proven and measured, without times."""
    told = ("base", "width", "steps", "macs", "evaluations", "relative_error", "delta")
    return sorted(tuple(point[name] for name in told) for point in found["front"])


def driven(url: str) -> str:
    """With the driver's name, which Optuna needs."""
    return url.replace("postgresql:", "postgresql+psycopg2:")


def trial(number: int, width: int, state: TrialState = TrialState.WAITING, **attrs: object) -> FrozenTrial:
    made = create_trial(
        state=state,
        values=[1.0, 1.0] if state is TrialState.COMPLETE else None,
        user_attrs={"network": True, **attrs},
        system_attrs={"fixed_params": {"width": width}},
    )
    made.number = number
    return made


def test_which_trials_stand() -> None:
    def kept(*trials: FrozenTrial, total: int = 9) -> list[int]:
        shuffled = random.Random(0).sample(trials, len(trials))
        return [one.number for one in standing(shuffled, total)]

    running, complete, failed = TrialState.RUNNING, TrialState.COMPLETE, TrialState.FAIL
    assert kept(trial(0, 8), trial(1, 16), trial(2, 8)) == [0, 1]  # proposed twice at once
    assert kept(trial(0, 8), trial(1, 16), trial(2, 32, complete), total=1) == [0, 2]  # ended ones are never dropped
    assert kept(trial(0, 8, failed, void=True), trial(1, 8)) == [1]
    assert kept(trial(0, 8, failed), trial(1, 16), trial(2, 8, instead_of=0)) == [1, 2]
    assert kept(trial(0, 8, failed), trial(1, 8, instead_of=0), trial(2, 8, instead_of=0)) == [1]  # two revived it
    assert kept(trial(0, 8, complete), trial(1, 8, running, instead_of=0)) == [0]  # it was not lost
    chain = (trial(0, 8, failed), trial(1, 8, failed, instead_of=0), trial(2, 8, instead_of=1))
    assert kept(*chain, total=1) == [2]
    stray = create_trial(state=complete, values=[1.0, 1.0])
    stray.number = 3
    assert kept(stray) == []
