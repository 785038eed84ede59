"""The contract of a backend, and the registry of those there are."""

from __future__ import annotations

from typing import Protocol

from hyperdsl.codegen import torch
from hyperdsl.codegen.files import GeneratedFile
from hyperdsl.plan import Plan
from hyperdsl.semantics.model import Spec


class Backend(Protocol):
    """What a folder beside `codegen/torch` offers."""

    def generate(self, spec: Spec, plans: tuple[Plan, ...]) -> tuple[GeneratedFile, ...]:
        """The package for a spec with the plans of its solvers, one or more; not yet formatted.

        The same arguments give the same bytes.
        """
        ...


BACKENDS: dict[str, Backend] = {"torch": torch}
