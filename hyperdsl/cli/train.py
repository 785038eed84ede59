"""hyperdsl train"""


def train() -> None:
    """Train"""
