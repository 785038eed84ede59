"""How training, and what builds on it, guides a model: as the runtime does."""

from hyperdsl.runtime.path import guided

__all__ = ["guided"]
