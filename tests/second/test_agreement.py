"""The two provers find the same: of the specs, of the library, of a hundred methods that were tampered with."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest

from hyperdsl import compiler
from hyperdsl.second.agreement import REFUSED, Verdict, verdict, verdicts
from hyperdsl.second.declared import declarations
from hyperdsl.semantics.reading.scope import Project
from hyperdsl.source import Source, SpecFile

HIGHEST = 6


def judged(text: str, path: Path) -> list[Verdict]:
    """The verdicts on a spec of this text."""
    path.write_text(text, "utf-8")
    checked = compiler.check([SpecFile(path, path.name)])
    return list(verdicts(checked.specs[0], checked.found[0]))


@cache
def library() -> dict[str, str]:
    """The text of each method of the library."""
    found = {}
    for path in sorted(Path(str(files("hyperdsl.library"))).glob("*.hyper")):
        source = Source(path.name, path.read_text("utf-8"))
        for item in declarations(source):
            found[item.name.text] = "\n".join(source.lines[item.span.line - 1 : item.span.end_line])
    return found


def claimed(text: str) -> int:
    order = re.search(r"order (\d+)", text)
    return int(order[1]) if order else 0


SMALL = sorted(name for name, text in library().items() if 1 <= claimed(text) <= HIGHEST)


@pytest.mark.slow
def test_the_library_to_order_six() -> None:
    project, found = Project(), []
    for name in SMALL:
        scope = project.library_scope("method", name)
        base = scope.own(name) if scope else None
        assert base is not None
        found.append(verdict(base))
    assert len(found) > 150
    assert not [judgement for judgement in found if judgement.differences or judgement.reason]


def test_predictor_corrector_pairs(tmp_path: Path) -> None:
    pairs = [text for text in library().values() if text.startswith("predictor_corrector")]
    assert len(pairs) >= 8
    modes = ["PEC", "PECE", "PECEC", "PECECE"]
    texts = [re.sub(r"(\w+) {", rf"\1_{mode} {{\n    mode {mode}", text, count=1) for text in pairs for mode in modes]
    found = judged("\n\n".join(texts), tmp_path / "pairs.hyper")
    assert len(found) == len(pairs) * len(modes)
    assert not [verdict for verdict in found if verdict.differences or verdict.reason]


NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")


def tampered(text: str, name: str, draw: random.Random) -> str:
    """A method with one or two numbers of its tableau changed or swapped, its claim as it was, or next to nothing.

    `order 1 autonomous` leaves the orders to be found: the row sums need not hold then, and c is read on its own.
    """
    head, bar, body = text.partition("tableau")
    for _ in range(draw.randint(1, 2)):
        found = list(NUMBER.finditer(body))
        one, other = sorted(draw.sample(range(len(found)), 2))
        if draw.random() < 0.5:
            new = str(int(found[one][0]) + draw.choice((-1, 1, 2)))
            body = body[: found[one].start()] + new.replace("-", "") + body[found[one].end() :]
        else:
            (a, b), (c, d) = found[one].span(), found[other].span()
            body = body[:a] + body[c:d] + body[b:c] + body[a:b] + body[d:]
    if draw.random() < 0.7:
        head = re.sub(r"order .*", "order 1 autonomous", head)
    return re.sub(r"method \w+", f"method {name}", head) + bar + body


def mutants(names: Sequence[str], count: int, seed: int) -> str:
    draw = random.Random(seed)
    return "\n\n".join(tampered(library()[draw.choice(names)], f"m{i}", draw) for i in range(count))


TOUCHED = ("heun", "kutta3", "rk4", "ralston4", "bosh3", "merson4", "gauss4", "radau_iia3", "radau_iia5", "sdirk2_2")
FAMILIES = ("second_order", "third_order", "fourth_order_half", "theta_method", "sdirk_family", "fourth_order")


@pytest.mark.parametrize(("names", "count"), [(TOUCHED, 120), (FAMILIES, 60)], ids=["methods", "families"])
def test_methods_that_were_tampered_with(names: tuple[str, ...], count: int, tmp_path: Path) -> None:
    """What is refused for another reason than a claim, such as a pole, is not looked at."""
    found = judged(mutants(names, count, seed=7), tmp_path / "mutants.hyper")
    assert not [judgement for judgement in found if judgement.differences or judgement.reason]
    refused = sum(1 for judgement in found if judgement.group == REFUSED)
    assert len(found) > count * 0.85
    assert refused > count * 0.2
    assert len(found) - refused > count * 0.1
