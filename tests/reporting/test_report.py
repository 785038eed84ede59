"""A report of a problem with a hostile name: what stands in the page, how it is made, and that it is whole."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

from hyperdsl.cli import application
from hyperdsl.evaluation.packages import load_package
from hyperdsl.evaluation.problems import Problem
from hyperdsl.evaluation.training import build_solver
from hyperdsl.evaluation.weights import Origin, read_origin, save_weights
from hyperdsl.reporting import Report, report
from hyperdsl.reporting.building import page_of
from hyperdsl.reporting.effort import SMALLEST
from hyperdsl.reporting.measured import Measured

HOSTILE = "<script>alert(1)</script>$x_1$ & \"q\" 'a' {{ 7*7 }}"
VOID = {"meta", "br", "img", "input", "link"}


def swing(s: Tensor, z: Tensor) -> Tensor:
    x, y = z.unbind(-1)
    return torch.stack((y, -torch.sin(x)), -1)


def starts(batch: int, generator: torch.Generator) -> Tensor:
    return torch.rand(batch, 2, generator=generator, dtype=torch.float64) + 0.5


PROBLEM = Problem(swing, starts, (0.0, 1.0), (2,), name=HOSTILE, tolerance=1e-6)


class Outline(HTMLParser):
    """The elements of a page; an AssertionError where they are not nested as they should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[tuple[str, ...]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.inside.append(tuple(self.open))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.inside.append(tuple(self.open))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A report of a hypersolver whose weights are anything: what its page looks like does not hang on them."""
    folder = tmp_path_factory.mktemp("report")
    package = load_package("generated/hyper_heun")
    solver = build_solver(package, PROBLEM)
    with torch.no_grad():
        for weight in solver.parameters():
            weight.add_(0.01)
    weights = folder / "mine.safetensors"
    origin = Origin(package.spec_sha256, "HyperHeun", PROBLEM.whole_name, 3, {}, seconds=12.5)
    save_weights(weights, solver, origin)
    return report(package, PROBLEM, weights=weights, output=folder / "page.html", effort=SMALLEST)


def test_the_page_is_well_formed_and_asks_for_nothing(made: Report) -> None:
    page = made.html
    outline = Outline(page)
    assert page.startswith("<!DOCTYPE html>\n<html lang=")
    assert not {"script", "link", "iframe", "object", "img"} & {tag for tag, _ in outline.elements}
    for tag, attributes in outline.elements:
        for name in ("src", "href", "xlink:href"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:")), (tag, name, value)
    assert "http" not in re.sub(r"http://www\.w3\.org/(2000/svg|1999/xlink)|http-equiv", "", page)
    assert "@import" not in page


def test_names_are_text(made: Report) -> None:
    assert "<script" not in made.html
    assert "<h1>HyperHeun on &lt;script&gt;alert(1)&lt;/script&gt;$x_1$ &amp; &#34;q&#34; " in made.html
    assert "{{ 7*7 }}" in made.html


def test_nothing_tells_where_it_was_made(made: Report) -> None:
    folder = str(made.subject.package.folder.parent)
    assert folder not in made.html
    assert "mine.safetensors" in made.html  # in the command, without its folder
    assert "/mine.safetensors" not in made.html


def test_every_figure_has_a_title_and_its_numbers(made: Report) -> None:
    outline = Outline(made.html)
    figures = [tag for tag, inside in zip(outline.elements, outline.inside, strict=True) if tag[0] == "svg"]
    assert len(figures) >= 9
    assert outline.count("figure") == len(figures)
    within = [inside for (tag, _), inside in zip(outline.elements, outline.inside, strict=True) if tag == "table"]
    assert sum("figure" in inside and "details" in inside for inside in within) == len(figures)
    known = {attributes["id"] for _, attributes in outline.elements if "id" in attributes}
    for _, attributes in figures:
        assert attributes["role"] == "img"
        assert set((attributes["aria-labelledby"] or "").split()) <= known


def test_ids_are_used_once_and_links_lead_somewhere(made: Report) -> None:
    outline = Outline(made.html)
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(ids) == len({*ids})
    links = [v for _, at in outline.elements for n, v in at.items() if n in ("href", "xlink:href") and v]
    assert {link.removeprefix("#") for link in links if link.startswith("#")} <= {*ids}
    assert {*re.findall(r"url\(#([^)]*)\)", made.html)} <= {*ids}


def test_headings_are_in_order_and_tables_have_heads(made: Report) -> None:
    outline = Outline(made.html)
    levels = [int(tag[1]) for tag, _ in outline.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert outline.count("caption") == outline.count("table")
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in outline.elements if tag == "th")
    assert {outline.count(tag) for tag in ("main", "header", "nav", "footer")} == {1}


def test_colours_are_those_of_the_page(made: Report) -> None:
    """A colour that a figure brings along would not be another one in the dark."""
    body = re.sub(r"<style>.*?</style>", "", made.html, flags=re.DOTALL)
    own = {*re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", body)}
    assert own == set()


def test_no_number_is_undefined(made: Report) -> None:
    """Numbers that are not finite are words."""
    endless = replace(made.measured.rows[0], relative_error=math.nan, mape=math.nan, l2=math.inf)
    measured: Measured = replace(made.measured, rows=(endless, *made.measured.rows[1:]))
    page = page_of(made.subject, measured, made.verdict, "hyperdsl report").html()
    visible = " ".join(text for tag, text in Outline(page).texts if tag not in ("style", "code"))
    assert not re.search(r"\b(nan|inf|None)\b", visible)
    assert "not finite" in visible
    assert "NaN" not in page


def test_equal_measurements_give_equal_pages(made: Report) -> None:
    again = page_of(made.subject, made.measured, made.verdict, "the command").html()
    first, second = (re.sub(r"<code>hyperdsl .*?</code>|the command", "", page) for page in (made.html, again))
    assert first.replace("<code></code>", "") == second.replace("<code></code>", "")


def test_weights_tell_what_their_training_took(made: Report, tmp_path: Path) -> None:
    assert "took 12.5 seconds" in made.html
    assert made.subject.origin is not None
    assert made.subject.origin.seconds == 12.5
    other = build_solver(made.subject.package, PROBLEM)
    save_weights(tmp_path / "again.safetensors", other, replace(made.subject.origin, seconds=None))
    assert read_origin(tmp_path / "again.safetensors").seconds is None


def test_for_json_everything_is_plain(made: Report) -> None:
    found = json.loads(json.dumps(made.plain(), allow_nan=False))
    assert found["verdict"]["headline"] == made.verdict.headline
    assert len(found["rows"]) == len(made.measured.rows)
    assert {row["method"] for row in found["rows"]} >= {"HyperHeun", "heun alone", "euler", "rk4", "dopri5"}
    assert [one["deviations"] for one in found["single_steps"]["beside"]] == [0.0, 1.0, 2.0, 4.0]


def test_the_command_writes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An untrained solver, with no weights: it is to be trained, and its sections on g say why they are empty."""
    monkeypatch.setattr("hyperdsl.reporting.making.Effort", lambda: SMALLEST)
    file = tmp_path / "page.html"
    words = ["report", "generated/hyper_euler", "--problem", "tests.reporting.test_report:PROBLEM", "-o", str(file)]
    done = CliRunner().invoke(application(), [*words, "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["verdict"]["kind"] == "untrained"
    assert found["verdict"]["advice"][0].endswith("hyper_euler --problem tests.reporting.test_report:PROBLEM")
    assert "its learned part adds nothing yet" in file.read_text("utf-8")
    wrong = CliRunner().invoke(application(), [*words[:-1], str(tmp_path / "page.txt")])
    assert wrong.exit_code == 2
