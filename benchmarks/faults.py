"""Processes in which the k-th call that changes files fails, or is the last: for benchmarks and tests.

Counted are opening for writing, writing (half of the data are written, then it fails), fsync, rename and replace,
unlink, mkdir, rmdir, rmtree, chmod, utime and truncate, of whichever library.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, cast

MODES = ("dies", "fails", "full")
"""The call is the process's last; it fails with EIO; it and all later ones that need room fail with ENOSPC."""
DIED, UNTOUCHED = 99, 98
"""How processes end that died at the call, and in which the call never came."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CHANGING = frozenset(
    f"os.{name}" for name in ("rename", "remove", "mkdir", "rmdir", "chmod", "utime", "truncate", "link", "symlink")
) | {"shutil.rmtree"}
_ROOM = frozenset({"open", "write", "fsync", "os.mkdir", "os.rename"})


class Faults:
    """Counts the calls of this process that change files, and lets number `at` fail. It cannot be taken back."""

    def __init__(self, at: int, mode: str) -> None:
        self.at, self.mode, self.count = at, mode, 0

    def install(self) -> None:
        """From now on."""
        sys.addaudithook(self._audit)
        fsync, fdopen = os.fsync, os.fdopen
        opened = io.open

        def synced(handle: Any) -> None:
            self._called("fsync")
            fsync(handle)

        def watched(stream: Any, mode: str) -> Any:
            return _Stream(stream, self) if set(mode) & set("wax+") else stream

        system, files, built_in = (cast(Any, module) for module in (os, io, builtins))
        system.fsync = synced
        system.fdopen = lambda handle, mode="r", *rest, **named: watched(fdopen(handle, mode, *rest, **named), mode)
        files.open = lambda file, mode="r", *rest, **named: watched(opened(file, mode, *rest, **named), mode)
        built_in.open = files.open

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _CHANGING or (event == "open" and _writes(*arguments)):
            self._called(event)

    def _called(self, what: str, before: Callable[[], object] = lambda: None) -> None:
        number, self.count = self.count, self.count + 1
        if number == self.at or (number > self.at and self.mode == "full" and what in _ROOM):
            before()
            if self.mode == "dies":
                os._exit(DIED)
            code = errno.ENOSPC if self.mode == "full" else errno.EIO
            raise OSError(code, os.strerror(code))

    def writing(self, stream: Any, data: Any) -> None:
        """Counts a write, and does half of it where it is the one."""

        def half() -> None:
            stream.write(data[: len(data) // 2])
            stream.flush()

        self._called("write", half)


def _writes(path: object, mode: str | None, flags: int) -> bool:
    return path != os.devnull and (bool(set(mode) & set("wax+")) if mode else bool(flags & _WRITING))


class _Stream:
    """A file whose writes are counted."""

    def __init__(self, stream: Any, faults: Faults) -> None:
        self._stream, self._faults = stream, faults

    def write(self, data: Any) -> Any:
        self._faults.writing(self._stream, data)
        return self._stream.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._stream)

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()


def child(run: Callable[[], int], faults: Faults | None = None) -> int:
    """How a fork of this process ends that does `run` with these faults: as it says, 1 after an exception."""
    identity = os.fork()
    if identity == 0:
        _run(run, faults)
    _, status = os.waitpid(identity, 0)
    return os.waitstatus_to_exitcode(status)


def _run(run: Callable[[], int], faults: Faults | None) -> NoReturn:
    if faults:
        faults.install()
    try:
        code = run()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    os._exit(UNTOUCHED if code == 0 and faults and faults.count <= faults.at else code)
