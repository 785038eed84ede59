"""A sentence is said once; results of two problems never share a file."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from hyperdsl.cli.inputs import stop
from hyperdsl.cli.packages import find, guarded
from hyperdsl.evaluation.weights import file_name


def test_what_has_been_said_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        guarded(lambda: stop("once"))
    assert capsys.readouterr().err == "hyperdsl: once\n"


def test_problems_have_folders_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outputs_apart.py").write_text(
        "import torch\nfrom hyperdsl.evaluation import Problem\n"
        "problem = Problem(lambda s, z: -z, lambda n, g: torch.randn(n, 2, generator=g), (0.0, 1.0), (2,))\n"
    )
    (tmp_path / "a.hyper").write_text(
        "problem osc(k = 1) {\n    x' = -k*x\n    x in -1 .. 1\n    span 0 .. 2\n}\n", "utf-8"
    )
    names = ["outputs_apart:problem", "a.hyper:osc", "a.hyper:osc(k = 2)", "./a.hyper:osc", "van_der_pol"]
    found = [find(name).whole_name for name in names]
    assert found == ["outputs_apart:problem", "a.hyper:osc", "a.hyper:osc(k=2)", "a.hyper:osc", "van_der_pol"]
    assert len({file_name(name) for name in found}) == 4
    assert file_name("van_der_pol") == "van_der_pol"
    assert find("a.hyper:osc(k=2)").whole_name == find("a.hyper:osc( k = 2 )").whole_name
