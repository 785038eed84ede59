"""Which identifiers may name things, and how they are called in generated code."""

from __future__ import annotations

import builtins
import keyword
import sys

from hyperdsl.diagnostics import catalogue
from hyperdsl.semantics.reading.report import Report
from hyperdsl.syntax import nodes as n

GENERATED = frozenset(
    {
        "AdamsSteps",
        "AdditiveSteps",
        "AdjointSteps",
        "Advanced",
        "Adversarial",
        "Any",
        "BackwardSteps",
        "Bilinear",
        "Callable",
        "Control",
        "ConvBilinear",
        "ConvCorrector",
        "Corrector",
        "DoublingSteps",
        "DoubtedSteps",
        "EachOrder",
        "EachSteps",
        "EmbeddedSteps",
        "End",
        "Estimated",
        "External",
        "FallbackSteps",
        "Field",
        "FitWarning",
        "FixedSteps",
        "Followed",
        "GradedSteps",
        "History",
        "HistorySteps",
        "ImplicitSteps",
        "Known",
        "LEARNED",
        "Layers",
        "LearnedSteps",
        "More",
        "OnPath",
        "OutsideWarning",
        "Past",
        "Path",
        "Phase",
        "RelativeConvCorrector",
        "RelativeCorrector",
        "Residual",
        "RosenbrockSteps",
        "Rule",
        "Run",
        "SETTINGS",
        "Sample",
        "Scalar",
        "Sequence",
        "Settings",
        "Share",
        "Sine",
        "Solution",
        "SolveError",
        "Split",
        "State",
        "Statistics",
        "Status",
        "Step",
        "StiffSteps",
        "Straight",
        "Tensor",
        "Trajectory",
        "Unpack",
        "VectorField",
        "Weighed",
        "WeightsWarning",
        "annotations",
        "beside",
        "draws",
        "field",
        "filtered",
        "fit",
        "given",
        "guided",
        "increments",
        "itertools",
        "learned",
        "linearised",
        "math",
        "name",
        "nn",
        "parted",
        "partial",
        "polynomials",
        "pytest",
        "rational",
        "require_adams",
        "require_backward",
        "require_numbers",
        "rest",
        "seeds",
        "settings",
        "slope",
        "slow",
        "solved",
        "split",
        "st",
        "statistics",
        "stiff",
        "torch",
        "with_input",
        *dir(builtins),
    }
)
"""Names that generated modules use at their top level, and those of builtins."""


def class_name(name: str) -> str:
    """The class of a corrector or solver: `small` becomes `Small`, `wide_net` `WideNet`; capitals stay."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def identifier_fault(name: str) -> str | None:
    """Why `name` cannot be an identifier of generated code, or None."""
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        return "it is a Python keyword"
    if name.startswith("__"):
        return "it begins with two underscores"
    if not name.isidentifier() or not name.isascii():
        return "it is not an identifier"
    return None


MODULES = sys.stdlib_module_names | {
    "hyperdsl",
    "lark",
    "matplotlib",
    "numpy",
    "pytest",
    "safetensors",
    "scipy",
    "sklearn",
    "solver",
    "sympy",
    "torch",
    "torchdiffeq",
    "train",
}
"""Modules that a package of the same name would hide, or be taken for."""


DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(10))})
"""Names that Windows keeps for devices, in any case and before any ending (Microsoft, Naming Files, Paths)."""


def file_fault(name: str) -> str | None:
    """Why no file or folder can be called so on every system, or None."""
    return "Windows has a device of that name, and no file" if name.lower() in DEVICES else None


def package_fault(stem: str) -> str | None:
    """Why a package cannot be called so, or None."""
    fault = identifier_fault(stem) or file_fault(stem)
    if fault is None and stem.startswith("_"):
        return "it begins with an underscore"
    if fault is None and stem in MODULES:
        return "a module that packages import is called so"
    return fault


def check_name(report: Report, name: n.Name) -> bool:
    """Report a name that is no identifier of generated code."""
    fault = identifier_fault(name.text)
    if fault:
        report(catalogue.BAD_NAME, name, name=name.text, reason=fault)
    return fault is None


def check_class_name(report: Report, name: n.Name) -> bool:
    """Report a name whose class could not be written, or would hide one that generated modules use."""
    if not check_name(report, name):
        return False
    if name.text.startswith("_") or not class_name(name.text).isidentifier():
        report(catalogue.BAD_NAME, name, name=name.text, reason="no class can be called after it")
        return False
    if class_name(name.text) in GENERATED or name.text in GENERATED:
        advice = f"choose another name, such as `my_{name.text}`; `hyperdsl explain H304` says which are taken"
        report(catalogue.BAD_NAME, name, name=name.text, reason="generated code uses it itself", help=advice)
        return False
    return check_file_name(report, name)


def check_file_name(report: Report, name: n.Name) -> bool:
    """Report a name after which files are called, as weights after solvers, where a system could have none such."""
    fault = file_fault(class_name(name.text))
    if fault:
        report(catalogue.BAD_NAME, name, name=name.text, reason=fault)
    return fault is None
