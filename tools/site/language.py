"""The language reference: each construct with its grammar, its settings and an example."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hyperdsl.semantics.settings_table import BLOCKS, DECLARED
from hyperdsl.semantics.tables.word import Word
from tools.site.pages import ROOT, Page, fenced, table

EXAMPLES = ROOT / "docs" / "examples"
GRAMMAR = ROOT / "hyperdsl" / "syntax" / "hyper.lark"


@dataclass(frozen=True)
class Construct:
    """A construct: its name in the reference, what it is, the rules of its grammar, its block, its examples."""

    title: str
    says: str
    rules: tuple[str, ...] = ()
    block: str | None = None
    examples: tuple[str, ...] = ()


CONSTRUCTS = (
    Construct(
        "Files",
        "One statement a line, `{ }` around blocks, `#` comments, commas between values. A newline is ignored inside "
        "( ) and [ ] and after a comma, an operator or `=`. Files are UTF-8 and end in `.hyper`; the name of a file "
        "with a solver names its package, so that it is an identifier, letters, digits and underscores, and does not "
        "begin with a digit: `first_try.hyper`, not `01_try.hyper` (H005). Declarations may stand in any order. Names are those of Python; what generated code uses "
        "itself, such as `Any`, `Split` or `Tensor`, is refused (H304, whose page says which). An optional first line "
        "says the language's version.",
        ("file", "declaration", "block", "setting"),
        None,
        ("version",),
    ),
    Construct(
        "Numbers and expressions",
        "All numbers are exact: `0.1` is one tenth, `1e-6` a millionth. `^` binds tighter than a minus sign and is "
        "right-associative. Tableaux take `sqrt` (nested, too), `cos(pi*q)` and integer powers, and no named constants: "
        "a number is written out where it stands, or is the parameter of a family. Equations and paths take sqrt, sin, cos, tan, exp, log, tanh, "
        "abs and pi. Ranges (`1 .. 2`) and settings are exact numbers, "
        "without pi.",
        ("expression", "term", "factor", "power", "atom", "range", "comparison"),
        None,
        ("implicit",),
    ),
    Construct(
        "import",
        "The declarations of another file, relative to this one, inside the project's folder (the nearest one above "
        "with `pyproject.toml` or `.git`). A file's own names come before imported ones, those before the library's. "
        "Imports are not passed on, and must not go round.",
        ("directive",),
        None,
        ("imported",),
    ),
    Construct(
        "method",
        "A Runge–Kutta method by its Butcher tableau: rows `c | a_1, a_2, …`, a rule line, rows of weights `| "
        "b`. Zeros "
        "at the end of a row may be left out. Whether it is explicit, diagonally implicit or implicit is seen from the "
        "tableau. The order is proven over every rooted tree, with time on its own: c ≠ A·1 needs `autonomous`. "
        "Methods of low storage are written as the tableaux that they are, as `williamson3` of the library. Partitioned "
        "methods, among them Verlet's, and splittings are not built ([which solver](../which_solver.md)).",
        ("tableau", "row", "weights", "rule"),
        "method",
        ("tableau", "implicit"),
    ),
    Construct(
        "method: embedded pairs",
        "A second row of weights is the embedded method, from which an adaptive solver has its error: `order "
        "3(2)`. The "
        "first row is what is propagated.",
        (),
        None,
        ("pair",),
    ),
    Construct(
        "method: decimals",
        "Published decimals are proven to a tolerance that the spec states, at most 1e-8: every condition holds within "
        "it, and the page of the method says so.",
        ("clause",),
        None,
        ("within",),
    ),
    Construct(
        "method: families",
        "A method with parameters is proven for every value in the range of `where`.",
        ("declared", "arguments"),
        None,
        ("family",),
    ),
    Construct(
        "method: dense output",
        "`dense q` gives the state between two steps: z(s + θε) = z + ε Σ b_i(θ) k_i, of order q for every θ. Further "
        "stages may stand above a rule line, and are evaluated only when dense output is asked for.",
        ("tableau",),
        None,
        ("dense",),
    ),
    Construct(
        "method: additive (implicit–explicit)",
        "Two tableaux, one for each part of f. Both parts may be methods that are named: `explicit NAME`. The order is "
        "that of the coupled method.",
        (),
        None,
        ("additive",),
    ),
    Construct(
        "method: Rosenbrock",
        "A tableau of α and rows of γ; row i has exactly i entries, the diagonal last. Or, as published transformed, "
        "`tableau transformed`, `tableau c`, `gamma 1/4` and `gamma_sums`.",
        ("table", "bare"),
        None,
        ("rosenbrock",),
    ),
    Construct(
        "multistep",
        "A linear multistep method as its equation: the left side is `z[n+1]`, the right one linear in `z[n-j]` and "
        "`h*f[n+1-j]`. Order, error constant and zero-stability are proven.",
        ("update", "index"),
        "multistep",
        ("multistep",),
    ),
    Construct(
        "predictor_corrector",
        "An explicit formula predicts, an implicit one corrects, as often as the mode spells out.",
        (),
        "predictor_corrector",
        ("predictor_corrector",),
    ),
    Construct(
        "corrector",
        "The network g of a hypersolver. The last layer is implied and starts at zero, so that an "
        "untrained hypersolver "
        "is its base. With a bound the base's order survives any weights. "
        "On a base for stiff problems write `inputs z, eps`: dz brings f's stiffness back into the step ([stiff "
        "problems](../stiff.md)).",
        (),
        "corrector",
        ("corrector",),
    ),
    Construct(
        "training",
        "How what is learned is trained; every setting has a default. A `then` block is a further phase. "
        "For stiff problems name an implicit reference, `reference radau_iia5 { substeps 4 }`.",
        (),
        "training",
        ("training",),
    ),
    Construct(
        "solver",
        "A class of the generated package. How it is called depends on the spec: with fixed steps `solver(f, z0, span, "
        "steps=10)`; `base learned(n)` so, too, with `steps=1` where one step is the whole solve; with a `control` or a "
        "`grid` `solver(f, z0, span)`; with a `path` `solver(model, noise, steps=8)`; a free parameter of the base is an "
        "argument beside them, `u=0.4`.",
        (),
        "solver",
        ("implicit_solver", "learned"),
    ),
    Construct(
        "hypersolver",
        "A solver with a corrector. `corrector external` leaves g to the user, who passes a module.",
        (),
        "hypersolver",
        ("hypersolver",),
    ),
    Construct(
        "Free and learned parameters",
        "`alpha = 1/2` fixes a parameter of a family, `alpha = 3/10 .. 1` or `alpha = free` leaves it to the call, "
        "`alpha = learned(1/2, 3/10 .. 1)` trains it. `learned(6)` trains every coefficient of six "
        "evaluations; they start as whole steps of `start`'s method, so that `start = rk4` needs 4, 8, 12 or 16.",
        (),
        None,
        ("free", "learned"),
    ),
    Construct("Grids", "The points of a fixed grid, given or trained.", (), None, ("grid",)),
    Construct(
        "control",
        "A step-size rule. The error of a step is the embedded pair's, the corrector's term, or that of two "
        "half steps. "
        "The next step is the last one times safety · e_n^(−(P+I+D)/k) · e_(n−1)^((P+2D)/k) · e_(n−2)^(−D/k), e "
        "the root "
        "mean square of error/(atol + rtol·max(|z_n|, |z_(n+1)|)).",
        (),
        "control",
        ("control",),
    ),
    Construct(
        "path",
        "A diffusion model x = α·data + σ·noise as a field on the straight path between noise and data.",
        (),
        "path",
        ("path",),
    ),
    Construct(
        "problem",
        "Equations in the time s, with the range of each state's start, from which it is drawn; `x in 1` is a fixed "
        "start. A range as a parameter's value is drawn for each sample, a number is fixed. "
        "`hyperdsl train`, `evaluate`, `sweep` and `report` read it: `--problem FILE.hyper:NAME`, with values "
        "`--problem 'FILE.hyper:spring(mass = 2)'`.",
        ("equation", "domain"),
        "problem",
        ("problem",),
    ),
    Construct("sweep", "Variants of a hypersolver of the same file.", (), "sweep", ("sweep",)),
)


def rule_of(name: str) -> str:
    """The rule of the grammar, as it stands in hyper.lark."""
    text = GRAMMAR.read_text("utf-8")
    found = re.search(rf"^\??{name}:.*\n(?: +\|.*\n)*", text, re.MULTILINE)
    if found is None:
        raise KeyError(name)
    return found[0].rstrip()


def pages() -> Iterator[Page]:
    """The language reference, one page."""
    yield Page("reference/language.md", "\n".join(_text()))


def _text() -> Iterator[str]:
    yield "# The language\n"
    yield (
        "Made from the grammar and from the tables of settings that the compiler reads. Every example compiles in the "
        "tests as it stands here. What a message means stands among the [diagnostics](diagnostics/index.md).\n"
    )
    yield table(("declaration", "declares"), ((f"[`{word}`](#{word})", says) for word, says in DECLARED.items()))
    for construct in CONSTRUCTS:
        yield from _construct(construct)


def _construct(construct: Construct) -> Iterator[str]:
    yield f"## {construct.title}\n"
    yield construct.says + "\n"
    for example in construct.examples:
        yield fenced((EXAMPLES / f"{example}.hyper").read_text("utf-8"), "hyper")
    if construct.block:
        yield from _settings(BLOCKS[construct.block])
    if construct.block == "training":
        yield "Settings of the block after `reference`:\n"
        yield from _settings(BLOCKS["reference"])
    if construct.rules:
        yield fenced("\n".join(map(rule_of, construct.rules)), "text")


def _settings(words: tuple[Word, ...]) -> Iterator[str]:
    rows = ((f"`{word.word}`", word.means, str(word.takes), word.otherwise) for word in words)
    yield table(("setting", "what it is", "type and range", "default"), rows)
    called = {
        (word.word, choice, argument.word): (
            f"`{word.word} {choice}`",
            f"`{argument.word}`",
            argument.means,
            str(argument.takes),
            argument.otherwise,
        )
        for word in words
        for choice, arguments in word.choices.items()
        for argument in arguments
    }
    if called:
        yield table(("value", "argument", "what it is", "type and range", "default"), called.values())
