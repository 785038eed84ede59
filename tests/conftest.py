"""No test meets what an earlier run has found out."""

from __future__ import annotations

import warnings

import pytest


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYPERDSL_CACHE", "")


@pytest.hookimpl(tryfirst=True)
def pytest_warning_recorded(warning_message: warnings.WarningMessage) -> None:
    """A package that a test made is not there for the process that collects warnings: its own ones become plain."""
    if issubclass(warning_message.category, UserWarning):
        warning_message.message = UserWarning(str(warning_message.message))
        warning_message.category = UserWarning
