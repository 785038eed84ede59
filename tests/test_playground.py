"""What the playground asks the compiler, and what its folder is made of."""

from __future__ import annotations

import json
import re
from pathlib import Path

from hyperdsl import playground
from tools.playground import PAGE, examples, put_page

HEUN = (
    "method heun_2 {\n"
    "    order 2\n"
    "    tableau {\n"
    "        0 |\n"
    "        1 | 1\n"
    "        --+---------\n"
    "          | 1/2, 1/2\n"
    "    }\n"
    "}\n"
)


def test_examples_are_sound_and_laid_out() -> None:
    for name, text in examples().items():
        told = json.loads(playground.check(text))
        assert told["rows"], name
        assert not [one for one in told["diagnostics"] if one["severity"] == "error"], name
        assert json.loads(playground.fmt(text)) == {"text": text}


def test_a_false_claim_is_told_with_its_place() -> None:
    told = json.loads(playground.check(HEUN.replace("order 2", "order 3")))
    (error,) = [one for one in told["diagnostics"] if one["severity"] == "error"]
    assert error["line"] == 2
    assert error["code"] in error["text"]


def test_what_cannot_be_parsed_has_no_layout() -> None:
    assert json.loads(playground.fmt(HEUN.replace("order 2", "order   2"))) == json.loads(playground.fmt(HEUN))
    assert json.loads(playground.fmt("method {")) == {"text": None}


def test_the_page_asks_for_nothing_from_elsewhere(tmp_path: Path) -> None:
    put_page(tmp_path)
    for path in PAGE.iterdir():
        text = (tmp_path / path.name).read_text("utf-8")
        assert not re.search(r"https?://|//[a-z]+\.", text), path.name
    assert json.loads((tmp_path / "examples.json").read_text("utf-8")) == examples()


def test_the_page_has_what_its_script_looks_for() -> None:
    page = (PAGE / "index.html").read_text("utf-8")
    wanted = set(re.findall(r'\bat\("(\w+)"\)', (PAGE / "page.js").read_text("utf-8")))
    assert {"text", "rows", "messages"} <= wanted
    assert wanted <= set(re.findall(r'\bid="([^"]+)"', page))
    calls = re.findall(r'\bask\("(\w+)"', (PAGE / "page.js").read_text("utf-8"))
    assert set(calls) == {"check", "fmt"}
    assert all(hasattr(playground, call) for call in calls)
