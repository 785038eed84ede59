"""A study: parts that are measured each on its own, and what follows from them together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

Found: TypeAlias = dict[str, Any]
"""What a part measured, of JSON's types; numbers that are not finite are strings."""


@dataclass(frozen=True)
class Settings:
    """How a study runs.

    seeds: of everything that is drawn. smallest: settings that only show that it runs. runs: the folder for weights
    and for what parts found, from which an ended study goes on. progress: show bars.
    """

    seeds: tuple[int, ...] = (0, 1, 2)
    smallest: bool = False
    runs: Path = Path("runs/evidence")
    progress: bool = True


@dataclass(frozen=True)
class Part:
    """What is measured in one go and kept: `name` tells it from the other parts, `recipe` is what it depends on.

    It is measured anew where its recipe, compared as text, is another than that of what was kept. A part that several
    studies use is kept with the one that it names.
    """

    name: str
    measure: Callable[[], Found]
    recipe: object = ""
    study: str = ""


@dataclass(frozen=True)
class Finding:
    """A claim and what was found; `holds` is None where it holds in part, which `found` has to say."""

    claim: str
    found: str
    holds: bool | None


def verdict(cases: Iterable[bool]) -> bool | None:
    """Of a claim about cases: it holds in all of them; in part, None, in at least half of them; else it does not."""
    held = list(cases)
    return True if all(held) else None if 2 * sum(held) >= len(held) else False


@dataclass(frozen=True)
class Conclusion:
    """What the parts say together: findings, Markdown with the tables behind them, and pictures by their file names.

    A picture is drawn by a function that is given the path to write.
    """

    findings: Sequence[Finding]
    text: str
    pictures: Mapping[str, Callable[[Path], None]] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """`about` says in Markdown what the source has, and what is measured here; `minutes` is about what a run takes.

    parts: what to measure under these settings. conclude: what follows from what the parts found, by their names.
    """

    title: str
    about: str
    minutes: float
    parts: Callable[[Settings], Sequence[Part]]
    conclude: Callable[[Mapping[str, Found], Settings], Conclusion]
