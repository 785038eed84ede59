"""An end to every proof: what takes too long is given up, and said to be."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SECONDS = 60.0
"""What one method may take."""


class Undecided(Exception):  # noqa: N818 — it says what is the matter
    """The second prover cannot decide this; the text says why."""


@contextmanager
def limited(seconds: float = SECONDS) -> Iterator[None]:
    """Raise Undecided in the block once its time is up.

    By the process's timer, since a single call of sympy may take for ever: in a main thread, and where there are such
    timers. Elsewhere only sizes are limited. It is the processor's time that counts, whatever else the machine does.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def over(_: int, __: FrameType | None) -> None:
        raise Undecided(f"it takes more than {seconds:g} seconds")

    before = signal.signal(signal.SIGPROF, over)
    signal.setitimer(signal.ITIMER_PROF, seconds, 1.0)  # again each second: sympy may have caught the first
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
