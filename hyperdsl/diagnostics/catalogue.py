"""Every message of hyperdsl: codes are stable, texts may be improved.

H0 files and limits, H1 syntax, H2 proofs, H3 names, H4 settings, H5 advice, H6 not supported yet.
"""

from __future__ import annotations

from hyperdsl.diagnostics.model import Entry

# H0: files and limits
UNREADABLE = Entry("H001", "error", "cannot read the file: {reason}")
NOT_UTF8 = Entry("H002", "error", "the file is not UTF-8 text", "save it as UTF-8")
BARE_CR = Entry("H003", "error", "a carriage return without a line feed", "end lines with LF or CRLF")
TOO_LARGE = Entry("H004", "error", "{what} is over the limit of {limit}")
FILE_NAME = Entry(
    "H005",
    "error",
    "the file name `{name}` cannot name a package: {reason}",
    "use letters, digits and underscores, not starting with a digit, before `.hyper`",
)
SAME_STEM = Entry("H006", "error", "two specs of this run would write the package `{package}`", "rename one of them")
VERSION = Entry("H007", "error", "language version {version} is not known to this hyperdsl", "the version is 1")

# H1: syntax
UNEXPECTED = Entry("H101", "error", "unexpected {found}")
BAD_CHARACTER = Entry("H102", "error", "unexpected character {found}")
BAD_NUMBER = Entry("H103", "error", "`{text}` is not a number", "write numbers as 12, 0.1, .5 or 1e-6")
POWER_STARS = Entry("H104", "error", "`**` is not an operator here", "write powers with `^`")
SETTING_EQUALS = Entry(
    "H105", "error", "a setting has no `{sign}`", "write `{word} ...`: the word, a space, then its values"
)
MISSING_RULE = Entry(
    "H106",
    "error",
    "the weights are not separated from the stages",
    "put a rule line such as `--+------` between the last stage and the first row of weights",
)
UNCLOSED = Entry("H107", "error", "this `{bracket}` is never closed")
UNOPENED = Entry("H108", "error", "this `{bracket}` closes nothing", "remove it")
BAD_ROW = Entry("H109", "error", "{problem}")
MISPLACED = Entry("H110", "error", "{what} does not belong {where}")
UNARY_PLUS = Entry("H111", "error", "a number has no leading `+`", "remove the `+`")
HIDDEN = Entry("H112", "error", "{found} makes this text look like another one", "remove it")
NO_NAME = Entry("H113", "error", "this `{word}` has no name", "write `{word} {example} {{`")
NO_BLOCK = Entry(
    "H114",
    "error",
    "`{word}` has no block in braces",
    "write `{word} {name} {{`, its statements, one a line, and `}}`",
)
BRACE_ALONE = Entry(
    "H115", "error", "the `{{` of a block stands on the line of its word", "move it to the end of the line before"
)
OWN_LINE = Entry("H116", "error", "`{word}` begins a statement, and each statement has a line of its own", "{advice}")
NOT_A_SPEC = Entry(
    "H117",
    "error",
    "this looks like {language}, not like a spec",
    "a spec has declarations such as `method heun {{ ... }}`, `#` comments and one statement a line",
)
QUOTED = Entry("H118", "error", "{what} stands without quotes", "write {written}")
SEPARATOR = Entry("H119", "error", "{problem}")
COMMENT_SIGN = Entry("H120", "error", "`{sign}` does not begin a comment", "comments begin with `#`")
BRACKETED = Entry("H121", "error", "there are no lists in brackets", "{advice}")

# H2: proofs
ORDER_TOO_HIGH = Entry("H201", "error", "`{name}` is claimed to have order {claimed}, but has order {proven}")
ROW_SUM = Entry(
    "H202",
    "error",
    "row {row} of `{name}` does not sum to its c",
    "make c the sum of its row; if the method is meant for z' = f(z) alone, add `autonomous` after its order",
)
EMBEDDED_TOO_HIGH = Entry(
    "H203", "error", "the embedded weights of `{name}` are claimed to have order {claimed}, but have order {proven}"
)
ORDER_TOO_LOW = Entry(
    "H204",
    "warning",
    "`{name}` has order {proven}, more than the claimed {claimed}",
    "claim order {proven}",
)
EMBEDDED_TOO_LOW = Entry(
    "H205",
    "warning",
    "the embedded weights of `{name}` have order {proven}, more than the claimed {claimed}",
    "claim order {proven}",
)
TIME_ORDER_LOWER = Entry(
    "H206",
    "warning",
    "`{name}` has order {autonomous} for z' = f(z) but {order} for z' = f(s, z); solvers use {order}",
)
EXCLUDED_VALUE = Entry(
    "H207",
    "error",
    "a coefficient of `{name}` may have a zero denominator in the range of its parameters",
    "exclude it, for example with `where {factor} != 0`, or narrow the range",
)
DIVISION_BY_ZERO = Entry("H208", "error", "division by zero")
NOT_EXACT = Entry("H209", "error", "this is not an exact number that hyperdsl can prove with: {reason}")
NO_WEIGHT_ROW = Entry(
    "H210",
    "error",
    "order {claim} claims {claimed} embedded row(s), but the tableau has {rows} row(s) of weights",
    "give one row of weights for each claimed order",
)
NUMBER_SIZE = Entry("H211", "error", "this number is too {size} for a double")
NOT_ZERO_STABLE = Entry(
    "H212", "warning", "`{name}` is not zero-stable: no choice of steps makes it converge", "do not solve with it"
)
DIVERGES = Entry("H213", "error", "`{name}` is not zero-stable, so nothing built on it converges")
START_TOO_LOW = Entry(
    "H214",
    "error",
    "the start `{start}` has order {order}, but `{name}` needs first states of order {needed}",
    "start with a method of order {needed} or more",
)
BAD_DENSE = Entry("H215", "error", "{problem}")
DENSE_TOO_HIGH = Entry(
    "H216", "error", "the dense output of `{name}` is claimed to have order {claimed}, but has order {proven}"
)
DENSE_TOO_LOW = Entry(
    "H217",
    "warning",
    "the dense output of `{name}` has order {proven}, more than the claimed {claimed}",
    "claim order {proven}",
)
DENSE_ENDS = Entry(
    "H218",
    "error",
    "b_{stage}(theta) at theta = {at} must be {wants}",
    "dense output starts at the state before a step and ends at the state after it",
)
UNPROVEN = Entry("H219", "error", "order {claimed} of {what} is neither proven nor refuted: it is out of reach")
OUT_OF_REACH = Entry(
    "H220",
    "error",
    "`{name}` is not proven: {reason}",
    "spread the file's declarations over several files, or make this one simpler",
)
NOT_SHOWN = Entry(
    "H222",
    "error",
    "`{name}` cannot be shown: {reason}",
    "name another method after the file, or make this one simpler",
)
NOT_PROVEN_AGAIN = Entry("H221", "warning", "`{name}` is not proven again by sympy: {reason}")

BAD_PARTS = Entry("H223", "error", "{problem}")
NOT_EXPLICIT = Entry(
    "H224",
    "error",
    "the explicit part of `{name}` is not explicit: stage {row} reads stage {other}",
    "each of its rows reads earlier stages only; entries missing at the end of a row are zero",
)
BAD_GAMMA = Entry("H227", "error", "{problem}")
GAMMA_SUM = Entry(
    "H228",
    "error",
    "the γ_{row} of `{name}` is not the sum of its row of γ",
    "make it that sum; if the method is meant for z' = f(z) alone, add `autonomous` after its order",
)
NO_FACTORISATION = Entry("H229", "error", "{problem}", "give every stage the same γ_ii, which is not zero")

# H3: names
UNKNOWN_DECLARATION = Entry("H301", "error", "`{word}` is not a declaration")
UNKNOWN_NAME = Entry("H302", "error", "there is no {kind} called `{name}`")
DUPLICATE = Entry("H303", "error", "`{name}` is declared twice", "rename or remove one")
BAD_NAME = Entry("H304", "error", "`{name}` cannot be a name here: {reason}", "choose another name")
CLASH = Entry(
    "H305", "error", "`{name}` and `{other}` would both be called `{generated}` in the package", "rename one of them"
)
IMPORT_PATH = Entry("H306", "error", "cannot import `{path}`: {reason}")
IMPORT_CYCLE = Entry("H307", "error", "this import comes back to its own file", "break the cycle: {cycle}")
IMPORT_AMBIGUOUS = Entry("H308", "error", "`{name}` comes from two imports", "rename one of them")
SHADOWS_LIBRARY = Entry("H309", "note", "`{name}` hides the library's {kind} of that name")
WRONG_KIND = Entry("H310", "error", "`{name}` is a {found}, not a {kind}")
IMPORT_BROKEN = Entry("H311", "error", "the imported file `{path}` has errors of its own")

# H4: settings
UNKNOWN_SETTING = Entry("H401", "error", "{kind} has no setting `{word}`")
MISSING_SETTING = Entry("H402", "error", "{kind} `{name}` needs `{word}`", "add a line such as `{example}`")
REPEATED_SETTING = Entry("H403", "error", "`{word}` is set twice", "keep one of the two")
WRONG_VALUE = Entry("H404", "error", "`{word}` takes {wants}")
OUT_OF_RANGE = Entry("H405", "error", "{what} must be {wants}")
UNKNOWN_CHOICE = Entry("H406", "error", "`{value}` is not a known {what}")
SHARES = Entry("H407", "error", "the shares of `states` {problem}")
BAD_PARAMETER = Entry("H408", "error", "{problem}")
BAD_INPUT = Entry("H409", "error", "{problem}")
BAD_EQUATION = Entry("H410", "error", "{problem}")
UNKNOWN_ARGUMENT = Entry("H411", "error", "`{word}` has no argument `{name}`")
BAD_CONTROL = Entry("H412", "error", "{problem}")
BAD_SWEEP = Entry("H413", "error", "{problem}")
BAD_GRID = Entry("H414", "error", "{problem}")
BAD_PATH = Entry("H415", "error", "`{name}` is no path: {problem}")
BAD_SOLVE = Entry("H416", "error", "{problem}")
BAD_VARYING = Entry("H417", "error", "{problem}")
BLIND_ESTIMATE = Entry(
    "H418",
    "warning",
    "`{name}` takes the embedded error, and that of `{base}` is zero wherever f is {where}, however long the steps",
    "write `error doubling`, or take another pair",
)

# H5: advice
UNUSED = Entry("H501", "warning", "nothing uses the {kind} `{name}`", "use it in a hypersolver or remove it")
PRECISION = Entry(
    "H502",
    "warning",
    "the training targets of `{solver}` are unreliable at its smallest steps",
    "raise the smallest ε, or use a reference with dtype float64 and more substeps",
)

# H6: not supported yet
NOT_YET = Entry("H601", "error", "{what} not supported yet")
