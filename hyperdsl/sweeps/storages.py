"""Where a sweep's state is kept: a journal file of this machine, a database, or Optuna's proxy of one.

Each says how its processes take turns and how they know that one of them is gone. Those of a journal hold locks of the
operating system, which frees them however a process ends. Those of a database, which may run on many machines, write a
growing number beside the network that they train; whoever has seen it stand still for too long takes the network over.
Numbers are compared with one's own clock alone, so that clocks need not agree, and they pass through every storage
that Optuna has (its own heartbeats do not pass through the proxy).
"""

from __future__ import annotations

import itertools
import os
import socket
import threading
import time
import uuid
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Protocol

import grpc
import sqlalchemy.exc
from filelock import FileLock, Timeout
from optuna.exceptions import ExperimentalWarning, StorageInternalError, UpdateFinishedTrialError
from optuna.storages import BaseStorage, GrpcStorageProxy, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial
from sqlalchemy.engine import URL, make_url

from hyperdsl.evaluation.errors import SweepError
from hyperdsl.training.outputs import require_folder, require_writable

CONNECT = 10
"""Seconds in which a server has to answer."""
TRIES = 5
"""How often tables are looked for: two processes that make them at once are in each other's way."""
PAUSE = 0.2
"""Seconds between two of these."""
BEATS = 6
"""Signs of life in the time after which a process counts as lost."""
GRACE = 60.0
"""Seconds, unless the user says more or less."""


class Storage(Protocol):
    """Where a sweep is kept. `shown` tells people, without a password; `study` is the sweep's name there.

    `folder` has the variants and their weights. Close it at the end.
    """

    shown: str
    study: str
    folder: Path

    def open(self) -> BaseStorage:
        """Optuna's storage. SweepError where it cannot be had."""

    def turn(self) -> AbstractContextManager[object]:
        """Inside, no other process of this machine claims a network."""

    def lost(self, trial: FrozenTrial) -> bool:
        """Whether the process that runs it is gone."""

    def begin(self, trial: Trial) -> None:
        """Say that this process has claimed the trial."""

    def at_work(self, trial: Trial) -> AbstractContextManager[object]:
        """Inside, other processes see that this one is there."""

    def close(self) -> None:
        """Let go of what says that this process is there."""


class Journal:
    """A journal at `path`, with its variants and locks beside it."""

    study = "sweep"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.shown = path.as_posix()
        self.folder = path.with_name(f"{path.stem}.variants")
        self.worker = uuid.uuid4().hex
        self._claims = FileLock(self.folder / "claims.lock")
        self._alive = FileLock(self._sign(self.worker))

    def open(self) -> BaseStorage:
        """ValueError where the file cannot be written, SweepError where it is no journal."""
        require_writable(self.path)
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._claims:
            for sign in self.folder.glob("*.alive"):
                _remove_dead(sign)
            self._alive.acquire()
        if self.path.exists() and self.path.stat().st_size:
            with self.path.open("rb") as journal:
                if not journal.read(1) == b"{":
                    raise SweepError(f"{self.path} is not the journal of a sweep")
        lock: Any = _JournalLock(self.path, self.folder)  # Optuna's base class of locks has no public name
        try:
            return JournalStorage(JournalFileBackend(str(self.path), lock_obj=lock))
        except (ValueError, KeyError) as error:
            raise SweepError(f"{self.path} is not the journal of a sweep: {error}") from error

    def turn(self) -> AbstractContextManager[object]:
        """One process at a time."""
        return self._claims

    def lost(self, trial: FrozenTrial) -> bool:
        """In one's turn, as all signs are set: no sign of the process is left, or it holds its sign no more."""
        worker = trial.user_attrs.get("worker")
        if worker is None:
            return True
        if worker != self.worker:
            _remove_dead(self._sign(worker))
        return not self._sign(worker).exists()

    def begin(self, trial: Trial) -> None:
        """Whose sign to look for."""
        trial.set_user_attr("worker", self.worker)

    def at_work(self, _: Trial) -> AbstractContextManager[object]:
        """A held lock says it all the time."""
        return nullcontext()

    def close(self) -> None:
        """Let go of this process's sign of life."""
        self._alive.release()
        self._sign(self.worker).unlink(missing_ok=True)

    def _sign(self, worker: str) -> Path:
        return self.folder / f"{worker}.alive"


class Database:
    """The study called `study` in the database at `url`, `grpc://HOST:PORT` for Optuna's proxy of one.

    `grace` is after how many seconds of silence a process counts as lost. SweepError where `url` is none.
    """

    def __init__(self, url: str, study: str, folder: Path, grace: float = GRACE) -> None:
        try:
            self._url = make_url(url)
        except (sqlalchemy.exc.ArgumentError, ValueError):
            raise SweepError(
                "--storage is neither a file nor a URL such as postgresql://USER@HOST/DATABASE or grpc://HOST:PORT"
            ) from None
        self.shown = _shown(self._url)
        self.study = study
        self.folder = folder
        self.grace = grace
        self._seen: dict[int, tuple[object, float]] = {}

    def open(self) -> BaseStorage:
        """SweepError where there is no driver, or nothing answers within a few seconds; ValueError without a folder."""
        require_folder(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings(), reached(self.shown):
            warnings.simplefilter("ignore", ExperimentalWarning)
            if self._url.drivername == "grpc":
                return self._proxy()
            return self._tables()

    def turn(self) -> AbstractContextManager[object]:
        """Nothing is held across machines, the order of trials decides (`store.standing`); SQLite locks no rows."""
        file = self._url.database if self._url.get_backend_name() == "sqlite" else None
        return FileLock(f"{file}.lock") if file else nullcontext()

    def lost(self, trial: FrozenTrial) -> bool:
        """Its number has stood still for `grace` seconds of this process's clock."""
        beat, now = trial.user_attrs.get("beat"), time.monotonic()
        before, since = self._seen.get(trial.number, (None, now))
        if trial.number not in self._seen or before != beat:
            self._seen[trial.number] = (beat, now)
            return False
        return now - since > self.grace

    def begin(self, trial: Trial) -> None:
        """The first number, and who writes it, which only people read."""
        trial.set_user_attr("worker", f"{socket.gethostname()}:{os.getpid()}")
        trial.set_user_attr("beat", 0)

    @contextmanager
    def at_work(self, trial: Trial) -> Iterator[None]:
        """A thread writes the number."""
        done = threading.Event()
        thread = threading.Thread(target=self._beat, args=(trial, done), daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def close(self) -> None:
        """Silence says it."""

    def _beat(self, trial: Trial, done: threading.Event) -> None:
        for beat in itertools.count(1):
            try:
                trial.set_user_attr("beat", beat)
            except UpdateFinishedTrialError:  # silent for too long: another process has it now
                return
            except FAILURES:  # it may answer the next time
                pass
            if done.wait(self.grace / BEATS):
                return

    def _proxy(self) -> GrpcStorageProxy:
        proxy = GrpcStorageProxy(host=self._url.host or "localhost", port=self._url.port or 13000)
        try:
            proxy.wait_server_ready(timeout=CONNECT)
        except ConnectionError:
            raise SweepError(f"{self.shown}: no proxy has answered within {CONNECT} seconds") from None
        return proxy

    def _tables(self) -> RDBStorage:
        url, engine = _driven(self._url), {"pool_pre_ping": True, "connect_args": _patience(self._url)}
        for left in reversed(range(TRIES)):
            try:
                return RDBStorage(url.render_as_string(hide_password=False), engine_kwargs=engine)
            except ImportError:
                raise SweepError(
                    f"the driver of {self.shown} is not installed; that of PostgreSQL: pip install 'hyperdsl[cluster]'"
                ) from None
            except sqlalchemy.exc.DBAPIError as error:
                if not left or not _made_at_once(error):
                    raise
                time.sleep(PAUSE)
        raise AssertionError


FAILURES = (StorageInternalError, sqlalchemy.exc.SQLAlchemyError, grpc.RpcError, ConnectionError)
"""What a storage raises that is not there, or no longer."""


@contextmanager
def reached(shown: str) -> Iterator[None]:
    """Inside, a storage that does not answer is a SweepError."""
    try:
        yield
    except FAILURES as error:
        raise SweepError(f"{shown}: no answer from the storage: {_reason(error)}") from None


def storage(given: str | None, default: Path, study: str, grace: float = GRACE) -> Storage:
    """What `--storage` means: a URL, whose variants are beside `default`, a file, or the journal at `default`.

    SweepError for an empty text, and for what looks like a URL and is none.
    """
    if given is None:
        return Journal(default)
    if not given.strip() or (":" in given and "://" not in given):
        raise SweepError(f"`{given}` is no storage: name a file, or a URL such as postgresql://USER@HOST/NAME")
    if "://" not in given:
        return Journal(Path(given))
    return Database(given, study, Journal(default).folder, grace)


def _shown(url: URL) -> str:
    """The URL without what is secret in it."""
    secret = [key for key in url.query if "pass" in key.lower()]
    return url.difference_update_query(secret).render_as_string(hide_password=True)


def _driven(url: URL) -> URL:
    """PostgreSQL by the driver that the extra brings, where the URL names none."""
    plain = url.drivername in ("postgresql", "postgres")
    return url.set(drivername="postgresql+psycopg2") if plain else url


def _patience(url: URL) -> dict[str, object]:
    """For how long the driver waits."""
    match url.get_backend_name():
        case "postgresql" | "postgres" | "mysql":
            return {"connect_timeout": CONNECT}
        case "sqlite":
            return {"timeout": CONNECT}  # until another process has written
        case _:
            return {}


def _made_at_once(error: sqlalchemy.exc.DBAPIError) -> bool:
    """Whether another process has just made what was to be made; SQLite has no error of its own for it."""
    kinds = (sqlalchemy.exc.ProgrammingError, sqlalchemy.exc.IntegrityError)
    return isinstance(error, kinds) or "already exists" in str(error.orig)


def _reason(error: BaseException) -> str:
    """The innermost error's first line: outer ones repeat statements and their values."""
    if isinstance(error, grpc.RpcError):
        return str(getattr(error, "code", lambda: error)())
    while inner := getattr(error, "orig", None) or error.__cause__:
        error = inner
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _remove_dead(sign: Path) -> None:
    """Remove a process's sign of life unless the process still holds it."""
    with suppress(Timeout), FileLock(sign, timeout=0):
        sign.unlink(missing_ok=True)


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
