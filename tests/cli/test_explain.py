"""`hyperdsl explain`."""

from __future__ import annotations

import json
import re

from typer.testing import CliRunner

from hyperdsl.cli import application
from hyperdsl.diagnostics.explained import codes, page

RUNNER = CliRunner()


def test_a_page_has_the_message_and_both_specs() -> None:
    result = RUNNER.invoke(application(), ["explain", "h106"])
    assert result.exit_code == 0
    assert result.stdout.startswith("H106 (error): the weights are not separated from the stages\n")
    shown = "\n".join(line.removeprefix("    ") for line in result.stdout.splitlines())
    found = page("H106")
    for text in (found.bad, found.message, found.mended):
        assert text
        assert text.rstrip("\n") in shown


def test_all_codes_are_listed() -> None:
    result = RUNNER.invoke(application(), ["explain"])
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines() if line.startswith("H")] == list(codes())


def test_an_unknown_code() -> None:
    result = RUNNER.invoke(application(), ["explain", "H2O1"])
    assert result.exit_code == 2
    assert result.stderr.startswith("hyperdsl: there is no code `H2O1`; did you mean `H2")


def test_json() -> None:
    told = json.loads(RUNNER.invoke(application(), ["explain", "H308", "--json"]).stdout)
    assert (told["code"], told["severity"], sorted(told["beside"])) == (
        "H308",
        "error",
        ["first.hyper", "second.hyper"],
    )
    assert told["bad"].startswith('import "first.hyper"')
    listed = json.loads(RUNNER.invoke(application(), ["explain", "--json"]).stdout)
    assert [one["code"] for one in listed["codes"]] == list(codes())


def test_words_of_a_spec_stand_in_capitals() -> None:
    assert page("H201").summary == "`NAME` is claimed to have order CLAIMED, but has order PROVEN"
    assert not [code for code in codes() if re.search(r"(?<!`)\{\w", page(code).summary)]
