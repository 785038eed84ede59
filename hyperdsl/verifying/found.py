"""What verification finds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Difference:
    """A place of a package that is not what its spec says, and how."""

    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


class NoPackageError(Exception):
    """A folder that is no generated package, or cannot be read."""
