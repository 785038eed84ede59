"""What README shows is what stands in the repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

import demo
from hyperdsl.cli import application
from tests.test_docs import commands, require_known

ROOT = Path(__file__).parents[1]


def blocks(page: str) -> list[tuple[str, str]]:
    """The kind and the text of each block."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


BLOCKS = blocks((ROOT / "README.md").read_text("utf-8"))
SPEC = (ROOT / "specs/hyper_heun.hyper").read_text("utf-8")


def test_the_spec_is_the_one_in_specs() -> None:
    assert ("", SPEC) in BLOCKS


def test_the_message_is_what_check_says(tmp_path: Path) -> None:
    (tmp_path / "hyper_heun.hyper").write_text(SPEC.replace("order 2", "order 3"), "utf-8")
    said = CliRunner().invoke(application(), ["check", str(tmp_path / "hyper_heun.hyper")], env={"COLUMNS": "200"})
    shown = next(text for _, text in BLOCKS if "error[H201]" in text)
    assert shown.strip() in said.stderr.replace(f"{tmp_path.as_posix()}/", "")


def test_the_step_is_the_generated_one() -> None:
    page = (ROOT / "docs/guide/package.md").read_text("utf-8")
    shown = next(text for kind, text in blocks(page) if kind == "py" and "class HyperHeun" in text)
    generated = (ROOT / "generated/hyper_heun/solver.py").read_text("utf-8")
    assert shown.strip() in generated


def test_the_example_in_python_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    (shown,) = (text for kind, text in BLOCKS if kind == "python")
    monkeypatch.syspath_prepend(str(ROOT))
    names: dict[str, Any] = {}
    exec(compile(shown, "README.md", "exec"), names)
    assert torch.allclose(names["zT"], torch.exp(torch.tensor(-1.0)), atol=1e-2)


def test_commands_are_commands() -> None:
    found = [words for kind, text in BLOCKS if not kind for words in commands(text)]
    assert len(found) >= 5
    for words in found:
        require_known(words)


def test_without_make_it_is_what_make_does() -> None:
    rules = (ROOT / "Makefile").read_text("utf-8").replace("$(BIN)", ".venv/bin")
    (shown,) = (text for _, text in BLOCKS if "# make test" in text)
    told = re.sub(r" \\\n +", " ", shown[shown.index(".venv/bin/ruff check") :]).split("#")[0]
    lint, test = (re.search(rf"^{name}:.*\n((?:\t.*\n)+)", rules, re.MULTILINE) for name in ("lint", "test"))
    assert lint
    assert test
    assert sorted(told.strip().split(" && ")) == sorted(line.strip() for line in (lint[1] + test[1]).splitlines())


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / "README.md").read_text("utf-8")):
        assert (ROOT / target).exists(), target


def test_the_main_job_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What `make demo` calls, from compiling to the plots, with fewer iterations."""
    monkeypatch.chdir(ROOT)
    demo.main(["--smallest", "--output", str(tmp_path)])
    said = capsys.readouterr().out
    for method in ("HyperEuler", "FourCorrected", "rk4", "dopri5"):
        assert method in said
    for name in ("digits.json", "digits_mape.png", "digits_l2.png"):
        assert (tmp_path / name).stat().st_size > 1000
