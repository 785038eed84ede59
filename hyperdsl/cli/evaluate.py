"""hyperdsl evaluate"""


def evaluate() -> None:
    """Evaluate"""
