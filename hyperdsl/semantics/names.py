"""Which identifiers may name things, and how they are called in generated code."""

from __future__ import annotations

import keyword

from hyperdsl.diagnostics import catalogue
from hyperdsl.semantics.report import Report
from hyperdsl.syntax import nodes as n

GENERATED = frozenset(
    {
        "Adversarial",
        "Any",
        "At",
        "Attempt",
        "BLOCKS",
        "COARSE",
        "Callable",
        "Columns",
        "Control",
        "Counted",
        "EachProblem",
        "DRAWS",
        "Enum",
        "Fabric",
        "Field",
        "FitWarning",
        "GROUPS",
        "HELD_OUT",
        "ITERATIONS",
        "History",
        "Hypersolver",
        "Iterator",
        "Keeper",
        "Literal",
        "MEMORY",
        "Mapping",
        "NamedTuple",
        "Objective",
        "PERIOD",
        "OUTLYING",
        "POOL",
        "Path",
        "Phase",
        "Piece",
        "Problem",
        "RANGES",
        "REUSE",
        "Range",
        "Reference",
        "Residuals",
        "Rollouts",
        "Rows",
        "SECONDS",
        "SETTINGS",
        "SNAPSHOTS",
        "STARTS",
        "STRAY",
        "Sample",
        "Sampler",
        "Scalar",
        "Sequence",
        "Settings",
        "Share",
        "Shuffled",
        "Solution",
        "SolveError",
        "State",
        "Statistics",
        "Status",
        "Step",
        "Store",
        "TIMES",
        "TOLERATED",
        "TRUST",
        "Tensor",
        "Trajectories",
        "Trajectory",
        "TypeVar",
        "VectorField",
        "WRITTEN",
        "WorstCases",
        "annotations",
        "bisect",
        "checkpointed",
        "contextmanager",
        "copy",
        "dataclass",
        "draws",
        "field",
        "fit",
        "given",
        "hashlib",
        "itertools",
        "json",
        "load_file",
        "math",
        "nn",
        "os",
        "overload",
        "partial",
        "pytest",
        "replace",
        "safetensors",
        "save",
        "seeds",
        "settings",
        "slope",
        "st",
        "statistics",
        "tempfile",
        "time",
        "torch",
        "tqdm",
        "warnings",
        "written",
        "with_input",
    }
)
"""Names that generated modules use at their top level."""


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
        report(catalogue.BAD_NAME, name, name=name.text, reason="generated code uses it itself")
        return False
    return True
