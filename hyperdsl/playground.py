"""What the playground in the browser asks the compiler: a text in, one JSON text out; nothing is read or written."""

from __future__ import annotations

import json

from hyperdsl import compiler
from hyperdsl.diagnostics import as_json, report_text
from hyperdsl.memory import text_file
from hyperdsl.source import standing_for


def check(text: str, name: str = "spec") -> str:
    """What `hyperdsl check` has to say of a spec, as a JSON object.

    `rows` are the lines of its table (name, order, how it is proven, what it is), `diagnostics` are as `check --json`
    gives them, each with its `text` as the command line shows it.
    """
    file = text_file(name)
    (checked,) = compiler.outcomes([file], texts=standing_for(file, text))
    told = [{**as_json(one), "text": report_text([one])} for one in checked.diagnostics]
    return json.dumps({"rows": checked.rows, "diagnostics": told})


def fmt(text: str, name: str = "spec") -> str:
    """The canonical layout of a spec as a JSON object, its `text` null where it cannot be parsed."""
    file = text_file(name)
    return json.dumps({"text": compiler.layout(file.path, file.shown, standing_for(file, text)).text})
