"""hyperdsl lsp"""

from __future__ import annotations

from importlib.util import find_spec

from hyperdsl.cli.inputs import stop


def lsp() -> None:
    """Serve an editor on standard input and output: the Language Server Protocol."""
    if find_spec("pygls") is None:
        stop("`hyperdsl lsp` needs pygls: pip install 'hyperdsl[lsp]'")
    from hyperdsl.lsp.server import serve

    serve()
