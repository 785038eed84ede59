"""No test meets what an earlier run has found out; what calls cost in time is taken once where it is not looked at."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYPERDSL_CACHE", "")


@pytest.fixture
def timed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comparisons time each call a single time, without a run before, for those who read none of the times."""
    from hyperdsl.evaluation import cost, work_precision  # noqa: PLC0415  # torch, which most tests do without

    whole = cost.milliseconds

    def once(calls: Mapping[str, Callable[[], object]], repeats: int, **options: Any) -> dict[str, float]:
        return whole(calls, min(repeats, 1), warm_up=0, **options)

    monkeypatch.setattr(work_precision, "milliseconds", once)


@pytest.hookimpl(tryfirst=True)
def pytest_warning_recorded(warning_message: warnings.WarningMessage) -> None:
    """A package that a test made is not there for the process that collects warnings: its own ones become plain."""
    if issubclass(warning_message.category, UserWarning):
        warning_message.message = UserWarning(str(warning_message.message))
        warning_message.category = UserWarning
