"""Words that the rows of the library are searched by."""

from __future__ import annotations

import math
import operator
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

from hyperdsl.pages.listing import Row

COMPARED: dict[str, Callable[[Row], float | None]] = {
    "order": lambda row: row.order,
    "embedded": lambda row: max(row.embedded, default=None),
    "stages": lambda row: row.stages,
    "steps": lambda row: row.steps,
    "evals": lambda row: row.evaluations,
    "real": lambda row: row.real_stability,
    "imag": lambda row: row.imaginary_stability,
    "ssp": lambda row: row.ssp,
    "dense": lambda row: row.dense,
}
"""What can be compared with a number; nothing holds of what a row has not."""
SIGNS = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
    "=": operator.eq,
    "": operator.eq,
}
_SIGN, _NUMBER = r"\s*(>=|<=|==|=|>|<)\s*", r"\d+(?:\.\d+)?|inf"
_COMPARISON = re.compile(rf"([a-z]+)(>=|<=|==|=|>|<| )({_NUMBER})")


IMPLIED = {
    "explicit": ("runge-kutta",),
    "dirk": ("implicit", "runge-kutta"),
    "implicit": ("runge-kutta",),
    "additive": ("imex", "runge-kutta"),
    "rosenbrock": ("linearly-implicit",),
    "predictor-corrector": ("explicit",),
}
"""Words that are said of a kind, beside its own."""
_TAGS = frozenset(
    {
        *("explicit", "dirk", "implicit", "runge-kutta", "additive", "imex", "rosenbrock", "linearly-implicit"),
        *("multistep", "predictor-corrector", "stiff", "embedded", "family", "dense", "exact", "decimals"),
        *("fsal", "a-stable", "l-stable", "symplectic", "symmetric", "ssp", "zero-stable"),
    }
)
"""Words that rows are tagged with."""


class SearchError(ValueError):
    """A comparison of something that no row has, `name`."""

    def __init__(self, word: str, name: str) -> None:
        super().__init__(f"`{word}` compares nothing that methods have")
        self.name = name


def search(rows: Iterable[Row], words: Sequence[str]) -> tuple[Row, ...]:
    """The rows that have every word, or satisfy it: `order 5`, `order>=5`, `stages <= 4`.

    The word of a kind or property is one that a row has or has not; any other is found anywhere in its name and source.
    Case and accents do not count. `not-WORD` is one that must not be there.
    SearchError where what is compared is none of `COMPARED`.
    """
    wanted = [_condition(word) for word in _joined(words)]
    return tuple(row for row in rows if all(holds(row) for holds in wanted))


def known_words(rows: Iterable[Row]) -> tuple[str, ...]:
    """What may be meant by a word that nothing has: names, kinds, properties, and the words of sources."""
    found: dict[str, None] = dict.fromkeys(COMPARED)
    for row in rows:
        found |= dict.fromkeys([row.name, *row.properties, *tags(row)])
        found |= dict.fromkeys(re.findall(r"[^\W\d_]{4,}", row.source))
    return tuple(found)


def _joined(words: Sequence[str]) -> list[str]:
    """Comparisons as one word each, however they were divided: `order 5`, `order >= 5`, `order>= 5`."""
    text = "\n".join(plain(word) for word in " ".join(words).split())
    names = "|".join(COMPARED)
    text = re.sub(rf"\b([a-z]+){_SIGN}({_NUMBER})(?=\s|$)", r"\1\2\3", text)
    text = re.sub(rf"(?:(?<=\s)|^)({names})\s({_NUMBER})(?=\s|$)", r"\1 \2", text)
    return [word for word in text.split("\n") if word]


def _condition(word: str) -> Callable[[Row], bool]:
    found = _COMPARISON.fullmatch(word)
    if found is None:
        without = word.removeprefix("not-")
        tagged = without in _TAGS
        return lambda row: (without in (tags(row) if tagged else _text(row))) == (without == word)
    name, sign, number = found.groups()
    if name not in COMPARED:
        raise SearchError(word, name)
    read, compare, bound = COMPARED[name], SIGNS[sign.strip()], float(number)

    def holds(row: Row) -> bool:
        value = read(row)
        return value is not None and compare(value, bound)

    return holds


def tags(row: Row) -> frozenset[str]:
    """What is said of a row in single words. `stiff`: steps may be as long as they like along the negative axis."""
    held = {
        "stiff": row.real_stability == math.inf or "A-stable" in row.properties,
        "embedded": bool(row.embedded),
        "family": row.is_family,
        "dense": row.dense is not None,
        "exact": row.tolerance is None,
        "decimals": row.tolerance is not None,
    }
    kind = row.kind.split()
    return frozenset(
        [
            *kind,
            *IMPLIED.get(row.kind, ()),
            *map(plain, row.properties),
            *(word for word, holds in held.items() if holds),
        ]
    )


def _text(row: Row) -> str:
    """All that is written of a row, plain."""
    return plain(" | ".join([row.name, row.kind, *sorted(tags(row)), row.source, row.about]))


def plain(text: str) -> str:
    """Lower case, without accents, with one kind of dash: `Nørsett` as one may type it."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("ø", "o").replace("–", "-").replace("—", "-"))
    return "".join(c for c in decomposed if not unicodedata.combining(c))
