"""hyperdsl: declare a differential-equation solver, get a proof of its order and a PyTorch package."""

__version__ = "0.2.0"
__all__ = ["SpecError", "__version__", "compile_text"]

_LATER = {
    "SpecError": "hyperdsl.memory",
    "compile_text": "hyperdsl.memory",
    "load_ipython_extension": "hyperdsl.notebook",  # for `%load_ext hyperdsl`
}
"""Names that load the compiler when they are asked for, and their modules; `__init__.pyi` has their types."""


def __getattr__(name: str) -> object:
    if name in _LATER:
        from importlib import import_module  # noqa: PLC0415  # nothing is imported until `__main__` has mended the path

        found: object = getattr(import_module(_LATER[name]), name)
        return found
    raise AttributeError(f"module 'hyperdsl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
