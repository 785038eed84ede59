"""hyperdsl: declare a differential-equation solver, get a proof of its order and a PyTorch package."""

import importlib
from typing import Any

__version__ = "0.2.0"
__all__ = ["SpecError", "__version__", "compile_text"]

_LATER = {"SpecError": "hyperdsl.memory", "compile_text": "hyperdsl.memory"}
"""Names that load the compiler when they are asked for; `__init__.pyi` has their types."""


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    raise AttributeError(f"module 'hyperdsl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
