"""What a table says of a word: its values, with their bounds, and what it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hyperdsl.theory.numbers.exact import ONE, Exact

LARGEST_INTEGER = 10**9


@dataclass(frozen=True)
class Integer:
    """An integer between two bounds, both of them allowed."""

    lowest: int
    highest: int = LARGEST_INTEGER

    def __str__(self) -> str:
        return f"an integer, {self.wants}"

    @property
    def wants(self) -> str:
        """The range in words."""
        if self.highest == LARGEST_INTEGER:
            return f"at least {self.lowest}"
        return f"between {self.lowest} and {self.highest}"


@dataclass(frozen=True)
class Number:
    """A number above zero (from zero on, where `zero` is allowed) and at most `highest`."""

    zero: bool = False
    highest: Exact | None = None

    def __str__(self) -> str:
        return f"a number, {self.wants}"

    @property
    def wants(self) -> str:
        """The range in words."""
        if self.highest is None:
            return "at least 0" if self.zero else "positive"
        return f"{'at least' if self.zero else 'above'} 0 and at most {self.highest}"

    def holds(self, number: Exact) -> bool:
        """Whether the number is in the range."""
        above = number.sign() >= (0 if self.zero else 1)
        return above and (self.highest is None or (number - self.highest).sign() <= 0)


POSITIVE = Number()
NOT_NEGATIVE = Number(zero=True)
SHARE = Number(highest=ONE)
NONE: Mapping[str, tuple[Word, ...]] = {}


@dataclass(frozen=True)
class Word:
    """A word that begins a statement, or the name of an argument.

    `takes` says the type and range of its values; an Integer or a Number is what its reader checks. `choices` are the
    words that may be among them, each with its arguments. `names` are the words of the declarations that the values may
    name (`method`, `corrector`, ...). `default` is None where the word has to be there, or another `instead` of it.
    `block` says that it has one of its own.
    """

    word: str
    means: str
    takes: str | Integer | Number
    default: str | None = None
    choices: Mapping[str, tuple[Word, ...]] = field(default_factory=lambda: NONE)
    names: tuple[str, ...] = ()
    block: bool = False
    instead: str = ""

    @property
    def otherwise(self) -> str:
        """What holds where the word is not there."""
        if self.default is not None:
            return self.default
        return f"required, or `{self.instead}` instead" if self.instead else "required"


def plain(*words: str) -> dict[str, tuple[Word, ...]]:
    """Choices without arguments."""
    return dict.fromkeys(words, ())


def one_of(words: tuple[str, ...]) -> str:
    """`zero or field`, `warn, base or ignore`."""
    return " or ".join((", ".join(words[:-1]), words[-1]))


def between(pair: tuple[Exact, Exact]) -> str:
    """`1/5 .. 10`"""
    return f"{pair[0]} .. {pair[1]}"
