"""Imports run one way, and nothing on the compiler's way loads torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Set
from graphlib import TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import hyperdsl

PACKAGE = Path(hyperdsl.__file__).parent
ROOT = PACKAGE.parent

MAY_IMPORT = {
    "source": set(),
    "files": set(),
    "theory": set(),
    "diagnostics": {"source"},
    "syntax": {"source", "diagnostics"},
    "semantics": {"source", "diagnostics", "syntax", "theory", "library"},
    "library": set(),
    "plan": {"semantics", "theory"},
    "runtime": set(),
    "training": {"runtime"},
    "tables": set(),
    "codegen": {"plan", "semantics", "theory", "source", "files"},
    "symbolic": {"second", "semantics", "diagnostics"},
    "second": {"remembered", "semantics", "syntax", "diagnostics", "source"},  # of theory nothing: it proves alone
    "compiler": {"second", "codegen", "remembered", "plan", "semantics", "syntax", "diagnostics", "source", "theory"},
    "fixing": {"compiler", "diagnostics", "source"},
    "evaluation": {"training", "tables", "diagnostics", "plan", "semantics", "theory", "source"},
    "evidence": {
        "compiler",
        "reporting",
        "evaluation",
        "training",
        "runtime",
        "plan",
        "semantics",
        "theory",
        "diagnostics",
        "source",
    },
    "reporting": {
        "compiler",
        "verifying",
        "evaluation",
        "pages",
        "training",
        "runtime",
        "semantics",
        "theory",
        "source",
    },
    "sweeps": {"evaluation", "tables", "training", "semantics", "theory", "source"},
    "pages": {"semantics", "theory"},
    "exporting": {"evaluation", "codegen", "runtime"},
    "comparing": {"codegen", "plan", "semantics", "theory", "source"},
    "adapters": {"exporting", "training", "runtime"},  # `sampling` and `lightning` alone need more than solvers
    "verifying": {"compiler", "codegen", "plan", "semantics", "theory", "runtime", "diagnostics", "source"},
    "migrating": {"compiler", "verifying", "codegen", "syntax", "diagnostics", "source"},
    "lsp": {"pages", "semantics", "syntax", "diagnostics", "source", "theory"},
    "highlighting": {"semantics", "syntax"},
    "scaffold": {"compiler", "codegen", "diagnostics", "pages", "semantics", "source", "syntax", "theory"},
    "memory": {"compiler", "codegen", "diagnostics", "source"},
    "playground": {"memory", "compiler", "source", "diagnostics"},
    "notebook": {"memory", "compiler", "source", "pages", "diagnostics", "semantics", "theory"},
    "__main__": {"cli"},
    "cache": {"source", "files"},
    "remembered": {"cache", "codegen", "diagnostics", "source", "files"},
    "cli": {
        "lsp",
        "files",
        "fixing",
        "tables",
        "comparing",
        "migrating",
        "training",
        "compiler",
        "remembered",
        "syntax",
        "evaluation",
        "exporting",
        "evidence",
        "reporting",
        "scaffold",
        "sweeps",
        "pages",
        "verifying",
        "codegen",
        "plan",
        "semantics",
        "diagnostics",
        "source",
        "theory",
    },
}
"""What each part of the house may import, itself and `hyperdsl.__version__` apart."""


def imports_of(path: Path) -> Iterator[str]:
    """The parts of hyperdsl that a module imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        modules = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.module != "hyperdsl":
            modules = [node.module]
        elif isinstance(node, ast.ImportFrom) and node.module == "hyperdsl":
            modules = [f"hyperdsl.{alias.name}" for alias in node.names if alias.name != "__version__"]
        yield from (module.split(".")[1] for module in modules if module.startswith("hyperdsl."))


def test_imports_run_one_way() -> None:
    modules = [path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"]
    assert len(modules) > 40
    for path in modules:
        part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        wrong = set(imports_of(path)) - MAY_IMPORT[part] - {part}
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"


def test_no_imports_go_round() -> None:
    """Imports inside functions count: they hide a circle, they do not open it."""
    modules = {_dotted(path): path for path in PACKAGE.rglob("*.py")}
    graph = {name: set(_imported(path, modules.keys())) - {name} for name, path in modules.items()}
    assert graph["hyperdsl.theory.runge_kutta.order"] >= {"hyperdsl.theory.numbers.exact"}
    TopologicalSorter(graph).prepare()  # a CycleError names the circle


def test_check_and_compile_load_no_torch(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from hyperdsl.cli import application\n"
        f"for arguments in (['check', 'specs'], ['compile', 'specs', '-o', {str(tmp_path)!r}]):\n"
        "    application()(arguments, standalone_mode=False)\n"
        "assert 'torch' not in sys.modules and 'sympy' not in sys.modules, 'too much was loaded'\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_runtime_needs_torch_alone() -> None:
    """Packages take it with them, to where neither hyperdsl nor anything else is installed."""
    done = subprocess.run([sys.executable, "-c", _REFUSING], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len([*(PACKAGE / "runtime").glob("*.py")])


_REFUSING = """
import importlib, pkgutil, sys
import torch

def known(name):
    top = name.partition(".")[0]
    return top in ("torch", *sys.stdlib_module_names) or name == "hyperdsl" or name.startswith("hyperdsl.runtime")

class Refusing:
    def find_spec(self, name, path=None, target=None):
        if not known(name):
            raise ImportError(f"{name} is neither torch's nor the standard library's")

for name in [name for name in sys.modules if not known(name) and name != "__main__"]:
    del sys.modules[name]  # torch may have loaded what the runtime must not ask for
sys.meta_path.insert(0, Refusing())
import hyperdsl.runtime
names = [module.name for module in pkgutil.iter_modules(hyperdsl.runtime.__path__, "hyperdsl.runtime.")]
for name in ("hyperdsl.runtime", *names):
    importlib.import_module(name)
print(1 + len(names))
"""


def test_training_needs_the_runtime_alone() -> None:
    """Relative imports count."""
    modules = {_dotted(path): path for path in PACKAGE.rglob("*.py")}
    training = {name: path for name, path in modules.items() if name.startswith("hyperdsl.training")}
    assert len(training) > 10
    for name, path in training.items():
        wrong = [
            other
            for other in _imported(path, modules.keys())
            if other != "hyperdsl" and not other.startswith(("hyperdsl.training", "hyperdsl.runtime"))
        ]
        assert not wrong, f"{name} imports {wrong}"


def test_adapters_import_no_library_but_their_own() -> None:
    """`torchdiffeq.py` and what it imports of the house serve where neither SciPy nor Lightning is installed."""
    own = {"scipy": {"scipy", "numpy"}, "lightning": {"lightning", "pytorch_lightning"}}
    folder = PACKAGE / "adapters"
    assert {path.stem for path in folder.glob("*.py")} > {*own}
    for path in folder.glob("*.py"):
        body = ast.parse(path.read_text("utf-8")).body
        modules = {
            name.split(".")[0]
            for node in body
            for inner in ast.walk(node)
            if not isinstance(node, ast.FunctionDef | ast.ClassDef)
            for name in _named(inner)
        }
        wrong = modules - {"hyperdsl", "torch", *sys.stdlib_module_names} - own.get(path.stem, set())
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"
    assert {*imports_of(folder / "solvers.py"), *imports_of(folder / "torchdiffeq.py")} == {"adapters"}


def _named(node: ast.AST) -> Iterator[str]:
    """The modules that an import names."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module


def test_files_are_short() -> None:
    long = [path for path in PACKAGE.rglob("*") if path.suffix in {".py", ".jinja"} and _lines(path) > 400]
    assert not long


def _lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def _dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _imported(path: Path, modules: Set[str]) -> Iterator[str]:
    """The modules that one imports, of those of the house; of a package what is named, where that is a module."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom):
            package = _dotted(path) if path.stem == "__init__" else _dotted(path).rpartition(".")[0]
            base = resolve_name("." * node.level + (node.module or ""), package)
            for alias in node.names:
                named = f"{base}.{alias.name}"
                yield from {named if named in modules else base} & modules
