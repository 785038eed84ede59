"""A frozen model as labels and texts, so that two models can be compared field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from hyperdsl.codegen.expressions import SUM, Notation, spelled
from hyperdsl.comparing.words import WORDS
from hyperdsl.semantics.model.expressions import Binary, Constant, Expression, Function, Negation, Pi, Variable
from hyperdsl.semantics.model.spec import Training
from hyperdsl.theory.numbers.exact import Exact
from hyperdsl.theory.runge_kutta.families import Interval

ABSENT, THERE = "none", "there"
_EXPRESSIONS = (Binary, Constant, Function, Negation, Pi, Variable)
_NAMING = ("kind", "function")
"""Fields that say which of several things a model is."""


@dataclass(frozen=True)
class Change:
    """A field that is another: `what` it is a field of, what the field is called, and both texts."""

    what: str
    field: str
    before: str
    after: str


def changes(what: str, before: object, after: object) -> tuple[Change, ...]:
    """The fields of two models that differ in meaning, in the order in which they stand."""
    old, new = described(before), described(after)
    found: list[Change] = []
    whole: tuple[str, ...] = ()
    for label in dict.fromkeys([*old, *new]):
        one, other = old.get(label, ABSENT), new.get(label, ABSENT)
        if one == other or label.startswith(whole):
            continue
        found.append(Change(what, label, one, other))
        if THERE in (one, other):
            whole = (*whole, f"{label} ")  # a part that is on one side alone is told as one
    return tuple(found)


def described(model: object) -> Mapping[str, str]:
    """Every field of a model by its label, as text."""
    return dict(_walked(model, ""))


def _walked(value: object, label: str) -> Iterator[tuple[str, str]]:
    words = WORDS.get(type(value))
    if words is not None:
        for path, word in words.items():
            yield from _walked(_reached(value, path), f"{label} {word}".strip())
    elif isinstance(value, tuple) and value and all(_key(one) for one in value):
        for one in value:
            named = f"{label} {_key(one)}".strip()
            if not isinstance(one, tuple):
                yield named, THERE
            yield from _walked(one[1] if isinstance(one, tuple) else one, named)
    elif isinstance(value, tuple) and value and all(isinstance(one, Exact | tuple) for one in value):
        for count, one in enumerate(value, 1):
            yield from _walked(one, f"{label}{',' if label[-1:].isdigit() else '_'}{count}")
    elif isinstance(value, tuple) and value and all(type(one) in WORDS for one in value):
        for count, one in enumerate(value, 1):
            yield f"{label} {count}", THERE
            yield from _walked(one, f"{label} {count}")
    else:
        yield label, text(value)


def _reached(value: object, path: str) -> object:
    """The value of a field, or of a path of fields; None where one on the way is None."""
    for name in path.split("."):
        value = None if value is None else getattr(value, name)
    return value


def _key(value: object) -> str:
    """What names one of several: a field, or the first of a pair. Phases of a training have one name."""
    if isinstance(value, tuple):
        return value[0] if len(value) == 2 and isinstance(value[0], str) else ""
    if type(value) not in WORDS or isinstance(value, Training):
        return ""
    return str(getattr(value, "name", "") or getattr(value, "word", ""))


def text(value: Any) -> str:
    """A value as one would write it."""
    match value:
        case None:
            return ABSENT
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.6g}"
        case tuple():
            return ", ".join(map(text, value)) or ABSENT
        case Interval():
            left, right = "(["[not value.lower_open], ")]"[not value.upper_open]
            return f"{left}{text(value.lower)}, {text(value.upper)}{right}"
        case _ if isinstance(value, _EXPRESSIONS):
            return spelled(value, _PLAIN)
        case _ if is_dataclass(value):
            return _of_dataclass(value)
        case _:
            return str(value)


def _of_dataclass(value: Any) -> str:
    """`linear(64)`, `conv2d(channels 16, kernel 3)`, `trajectory(3/5)`; what is None is left out."""
    given = {one.name: text(found) for one in fields(value) if (found := getattr(value, one.name)) is not None}
    named = next((given.pop(word) for word in _NAMING if word in given), None)
    name = named or type(value).__name__.removesuffix("Loss").lower()
    told = [one if len(given) == 1 else f"{word} {one}" for word, one in given.items()]
    return name + (f"({', '.join(told)})" if told else "")


def _called(name: str, operand: Expression) -> tuple[str, int]:
    return f"{name}({spelled(operand, _PLAIN, SUM)})", 4


_PLAIN = Notation(
    str, lambda value: (str(value), 4 if str(value).isdigit() else SUM), "^", tight=True, call=_called, pi="pi"
)
"""As the language has it."""
