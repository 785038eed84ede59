"""Packages compiled from specs written in the tests."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch

from hyperdsl import compiler
from hyperdsl.diagnostics import has_errors
from hyperdsl.source import SpecFile
from tests.codegen.adaptive import spec

Build = Callable[[str], ModuleType]
Package = Callable[[str, str], Path]

EVERYTHING = """
corrector small {
    inputs z, dz, s, eps
    layers linear(16), prelu, linear(16), tanh
    bound 3/2
}
corrector reading {
    inputs z, eps, x, stages, dz, s
    layers linear(8), silu
}
corrector conv {
    inputs z, dz, eps, x, s
    layers conv2d(4, kernel = 3), prelu, conv2d(4, kernel = 1), softplus
    bound 5
}
corrector family {
    inputs z, stages, alpha
    layers linear(8), gelu
}
corrector product {
    inputs stages, eps, s, x, z, dz, alpha
    layers bilinear(8, activation = gelu), residual(4, activation = sin), linear(6), sin
    bound 2
}
corrector images {
    inputs z, dz, eps, s
    layers bilinear(4, activation = silu, kernel = 3), residual(3, activation = tanh, kernel = 1), softplus
}
corrector warm {
    inputs eps, dz, z
    layers bilinear(8, activation = tanh)
    start field
}
corrector warm_maps {
    inputs z, dz, x, s, stages
    layers bilinear(4, activation = softplus, kernel = 3)
    start field
}
method late {  # no stage is f(s, z)
    order 1 autonomous
    tableau {
        1/3 |
        2/3 | 1/3
        ----+---------
            | 1/2, 1/2
    }
}
hypersolver HyperEuler {
    base euler
    corrector small
}
hypersolver HyperHeun {
    base heun
    corrector small
}
hypersolver HyperBosh {
    base bosh3
    corrector small
}
hypersolver HyperReading {
    base rk4
    corrector reading
}
hypersolver OtherReading {
    base heun
    corrector reading
}
hypersolver HyperConv {
    base midpoint
    corrector conv
}
hypersolver HyperAlpha {
    base second_order(alpha = 3/10 .. 1)
    corrector family
}
hypersolver HyperProduct {
    base second_order(alpha = 3/10 .. 1)
    corrector product
}
hypersolver HyperImages {
    base euler
    corrector images
}
hypersolver HyperWarm {
    base euler
    corrector warm
}
hypersolver LateWarm {
    base late
    corrector warm
}
hypersolver WarmHeun {
    base heun
    corrector warm
}
hypersolver WarmImages {
    base euler
    corrector warm_maps
}
hypersolver HyperPece {
    base abm2
    corrector small
}
hypersolver Mine {
    base rk38
    corrector external
}
hypersolver Late {
    base late
    corrector small
}
hypersolver HyperLearned {
    base second_order(alpha = learned(2/3))
    corrector family
}
solver LearnedFour {
    base learned(midpoint, steps = 2)
}
solver Dopri5 {
    base dopri5
}
solver Third {
    base third_order(u = 1/2, v = 3/4)
}
solver Alpha {
    base second_order(alpha = 1/10 .. 1)
}
"""


def compiled(text: str, folder: Path, stem: str) -> Path:
    (folder / "pyproject.toml").touch()
    path = folder / f"{stem}.hyper"
    path.write_text(text, encoding="utf-8")
    checked = compiler.check([SpecFile(path, path.name)])
    assert not has_errors(checked.diagnostics), checked.diagnostics
    compiler.compile_checked(checked, folder / "generated")
    return folder / "generated" / stem


def loaded(folder: Path) -> ModuleType:
    """A package under a module name of its own."""
    name = f"{folder.name}_of_{abs(hash(folder))}"
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """package(text, stem): the folder of the package for a spec of that text."""
    return lambda text, stem: compiled(text, tmp_path_factory.mktemp(stem), stem)


@pytest.fixture(scope="session")
def build(package: Package) -> Build:
    """build(text): the package for a spec of that text, as a module."""
    return lambda text: loaded(package(text, "made"))


@pytest.fixture(scope="session")
def everything_folder(package: Package) -> Path:
    return package(EVERYTHING, "everything")


@pytest.fixture(scope="session")
def everything(everything_folder: Path) -> ModuleType:
    """The solvers of a package with every feature."""
    return loaded(everything_folder)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def adaptive(build: Build) -> ModuleType:
    """The solvers of tests.codegen.adaptive."""
    return build(spec(2000))
