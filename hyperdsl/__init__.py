"""hyperdsl: declare a differential-equation solver, get a proof of its order and a PyTorch package."""

__version__ = "0.2.0"
