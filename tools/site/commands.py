"""The command line's reference, from the commands themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer.main

from hyperdsl.cli import application
from tools.site.pages import Page, plain, table


def pages() -> Iterator[Page]:
    """All commands, one page."""
    yield Page("reference/commands.md", "\n".join(_text()))


def _text() -> Iterator[str]:
    group = typer.main.get_command(application())
    assert hasattr(group, "commands")
    yield "# The command line\n"
    yield (
        "Exit codes: 0 fine, 1 the specs are at fault (or `--check` found a difference), 2 wrong usage or an "
        "I/O error, "
        "3 a bug in hyperdsl. Diagnostics go to standard error, results to standard output; `--json` prints "
        "one object.\n"
    )
    for name, command in group.commands.items():
        yield from _command(name, command)


def _command(name: str, command: Any) -> Iterator[str]:
    arguments = [_metavar(parameter) for parameter in command.params if parameter.param_type_name == "argument"]
    yield f"## hyperdsl {name}\n"
    yield f"`{' '.join(['hyperdsl', name, *arguments, '[OPTIONS]'])}`\n"
    yield _said(command.help or "") + "\n"
    yield table(("argument or option", "what it does", "default"), map(_row, command.params))


def _row(parameter: Any) -> tuple[str, str, str]:
    argument, flag = parameter.param_type_name == "argument", getattr(parameter, "is_flag", False)
    names = "" if argument else ", ".join([*parameter.opts, *parameter.secondary_opts])
    words = [names, "" if flag else _metavar(parameter)]
    shown = parameter.show_default and not flag and parameter.default is not None
    default = "required" if parameter.required else f"`{parameter.default}`" if shown else ""
    return f"`{' '.join(filter(None, words))}`", _said(parameter.help or ""), default


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _said(text: str) -> str:
    """Help without rich's marks, as Markdown."""
    return plain(re.sub(r"\[/?[a-z ]*\]", "", text)).replace(r"\`", "`")
