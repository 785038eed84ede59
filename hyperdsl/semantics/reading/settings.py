"""Reading the settings of a block: unknown and repeated ones reported, values turned into what they should be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from hyperdsl.diagnostics import Fix, catalogue, did_you_mean
from hyperdsl.semantics.reading.numbers import ExactReader
from hyperdsl.semantics.reading.report import Report, Spanned
from hyperdsl.semantics.tables.word import Integer, Number, Word
from hyperdsl.source import Span
from hyperdsl.syntax import nodes as n
from hyperdsl.syntax.elsewhere import setting_meant
from hyperdsl.syntax.habits import SETTING_LINE
from hyperdsl.syntax.printer import value_text
from hyperdsl.theory.numbers.exact import Exact

Choice = TypeVar("Choice", bound=str)


class Settings:
    """The settings of one block by their word, as `table` has them. `kind` is how messages call what they belong to."""

    def __init__(
        self, report: Report, kind: str, block: n.Block | None, table: Sequence[Word], clauses: Iterable[str] = ()
    ) -> None:
        self.report = report
        self.kind = kind
        self.numbers = ExactReader(report)
        self.table = {word.word: word for word in table}
        known = tuple(self.table)
        self.by_word: dict[str, n.Setting] = {}
        for statement in block.statements if block else ():
            if not isinstance(statement, n.Setting):
                self._misplaced(statement)
            elif statement.word.text not in known:
                word = statement.word
                advice = setting_meant(word.text, known)
                lower = word.text.lower()
                fix = Fix.put(lower, word.span, f"write `{lower}`") if lower in known else None
                report(catalogue.UNKNOWN_SETTING, word, kind=kind, word=word.text, help=advice, fix=fix)
            elif statement.word.text in self.by_word:
                report(catalogue.REPEATED_SETTING, statement.word, word=statement.word.text)
            else:
                self.by_word[statement.word.text] = self._check_clauses(statement, frozenset(clauses), known)

    def get(self, word: str, *, block: bool = False) -> n.Setting | None:
        """The setting, reported where it has a block and should not."""
        setting = self.by_word.get(word)
        if setting and setting.block and not block:
            self.report(catalogue.MISPLACED, setting.block, what="a block", where=f"after `{word}`", help=None)
        return setting

    def require(self, word: str, owner: n.Name, example: str) -> n.Setting | None:
        """The setting, reported at its owner's name where it is missing."""
        if word not in self.by_word:
            kind = self.kind.split(" ", 1)[1]
            self.report(catalogue.MISSING_SETTING, owner, kind=kind, name=owner.text, word=word, example=example)
        return self.get(word)

    def integer(self, word: str, default: int) -> int:
        """An integer in the table's range."""
        setting = self.get(word)
        value = self.single(setting, "one integer") if setting else None
        number = self.numbers.double(value) if value is not None else None
        if value is None or number is None:
            return default
        if not number.is_rational or number.fraction().denominator != 1:
            self.report(catalogue.WRONG_VALUE, value, word=word, wants="an integer")
            return default
        form = self.table[word].takes
        assert isinstance(form, Integer)
        if not form.lowest <= number.fraction() <= form.highest:
            wants = f"at least {form.lowest}" if number.fraction() < form.lowest else f"at most {form.highest}"
            self.report(catalogue.OUT_OF_RANGE, value, what=f"`{word}`", wants=wants)
            return default
        return int(number.fraction())

    def number(self, word: str) -> Exact | None:
        """A number in the table's range, None where it is not set or at fault."""
        setting, form = self.get(word), self.table[word].takes
        assert isinstance(form, Number)
        value = self.single(setting, "one number") if setting else None
        number = self.numbers.double(value) if value is not None else None
        if value is None or number is None or form.holds(number):
            return number
        self.report(catalogue.OUT_OF_RANGE, value, what=f"`{word}`", wants=form.wants)
        return None

    def choice(self, word: str, choices: Sequence[Choice], default: Choice) -> Choice:
        """One of some words."""
        setting = self.get(word)
        if setting is None:
            return default
        value = self.single(setting, "one of " + ", ".join(choices))
        if value is None:
            return default
        return chosen(self.report, value, choices, word) or default

    def single(self, setting: n.Setting, wants: str) -> n.Expression | None:
        """The setting's only value, an expression."""
        values = setting.values
        if len(values) == 1 and isinstance(values[0], n.String) and values[0].text.isidentifier():
            text = values[0]
            fix = Fix.put(text.text, text.span, "remove the quotes")
            self.report(catalogue.QUOTED, text, what="a name", written=f"`{text.text}`", fix=fix)
            return None
        if len(values) != 1 or isinstance(values[0], n.Range | n.Comparison | n.String):
            self.report(catalogue.WRONG_VALUE, setting, word=setting.word.text, wants=wants)
            return None
        return values[0]

    def _misplaced(self, statement: n.Statement) -> None:
        what = {n.Tableau: "a tableau", n.Equation: "an equation", n.Domain: "a range", n.Update: "an equation"}
        self.report(catalogue.MISPLACED, statement, what=what.get(type(statement), "this"), where=f"in {self.kind}")

    def _check_clauses(self, setting: n.Setting, known: frozenset[str], words: Sequence[str]) -> n.Setting:
        """The setting without what is no clause of its: most often the next setting, on the same line."""
        allowed = known if setting.word.text == "order" else frozenset()
        unknown = next((i for i, clause in enumerate(setting.clauses) if clause.word.text not in allowed), None)
        if unknown is None:
            return setting
        at, values = setting.clauses[unknown].word, setting.values
        last = values[-1] if values[1:] else None
        if isinstance(last, n.Name) and last.text in words:
            at, values = last, values[:-1]
        if at.text in words:
            before = values[-1] if at is last or not unknown else setting.clauses[unknown - 1]
            gap = Span(before.span.end_line, before.span.end_column, at.span.line, at.span.column)
            fix = Fix.put("\n", gap, f"put `{at.text}` on a line of its own")
            self.report(
                catalogue.OWN_LINE, at, word=at.text, help="begin a new line before it, without a comma", fix=fix
            )
        else:
            advice = did_you_mean(at.text, allowed) or SETTING_LINE
            self.report(catalogue.UNEXPECTED, at, found=f"`{at.text}`", help=advice)
        return replace(setting, values=values, clauses=setting.clauses[:unknown])


class Arguments:
    """The arguments of a call such as `adamw(lr = 1e-2)`: unknown and repeated ones reported."""

    def __init__(self, report: Report, node: n.Expression, table: Sequence[Word], positional: int = 0) -> None:
        self.report = report
        self.table = {word.word: word for word in table}
        known = tuple(self.table)
        self.word = node.name.text if isinstance(node, n.Call) else ""
        self.values: dict[str, n.Value] = {}
        arguments = node.arguments if isinstance(node, n.Call) else ()
        for i, argument in enumerate(arguments):
            name = argument.name.text if argument.name else (known[i] if i < positional else None)
            if name is None:
                wants = f"{positional} unnamed value(s)" if positional else "named arguments only"
                example = f"`{known[i]} = {value_text(argument.value)}`" if i < len(known) else ", ".join(known)
                advice = f"its arguments have names: {example}" if known else None
                report(catalogue.WRONG_VALUE, argument, word=self.word, wants=wants, help=advice)
            elif name not in known:
                advice = did_you_mean(name, known) or (f"it takes {', '.join(known)}" if known else None)
                report(catalogue.UNKNOWN_ARGUMENT, argument.name or argument, word=self.word, name=name, help=advice)
            elif name in self.values:
                report(catalogue.REPEATED_SETTING, argument, word=name)
            else:
                self.values[name] = argument.value

    def number(self, name: str) -> tuple[Exact, n.Expression] | None:
        """The value of an argument that is a number."""
        value = self.values.get(name)
        if value is None:
            return None
        if isinstance(value, n.Range | n.Comparison | n.String):
            self.report(catalogue.WRONG_VALUE, value, word=name, wants="a number")
            return None
        number = ExactReader(self.report).double(value)
        return None if number is None else (number, value)

    def exact(self, name: str, default: Exact) -> Exact:
        """A number in the table's range."""
        found, form = self.number(name), self.table[name].takes
        assert isinstance(form, Number)
        if found is None or form.holds(found[0]):
            return default if found is None else found[0]
        self.report(catalogue.OUT_OF_RANGE, found[1], what=f"`{name}`", wants=form.wants)
        return default

    def integer(self, name: str, default: int) -> int:
        """An integer in the table's range."""
        found, form = self.number(name), self.table[name].takes
        assert isinstance(form, Integer)
        if found is None:
            return default
        if not found[0].is_rational or found[0].fraction().denominator != 1:
            self.report(catalogue.WRONG_VALUE, found[1], word=name, wants="an integer")
            return default
        if not form.lowest <= found[0].fraction() <= form.highest:
            self.report(catalogue.OUT_OF_RANGE, found[1], what=f"`{name}`", wants=form.wants)
            return default
        return int(found[0].fraction())


def ends(
    report: Report, value: n.Value | None, owner: Spanned, word: str, *, single: str | None = None
) -> tuple[Exact, Exact] | None:
    """The ends of a range `lower .. upper`, which must not be equal or reversed.

    `single` says what is written in place of a range of no length.
    """
    if not isinstance(value, n.Range):
        report(catalogue.WRONG_VALUE, value or owner, word=word, wants="a range such as `0 .. 1`")
        return None
    numbers = ExactReader(report)
    lower, upper = numbers.double(value.lower), numbers.double(value.upper)
    if lower is None or upper is None:
        return None
    if (upper - lower).sign() <= 0:
        wants = "from a lower to a higher number"
        advice = single if upper == lower else None
        report(catalogue.OUT_OF_RANGE, value, what=f"the range of `{word}`", wants=wants, help=advice)
        return None
    return lower, upper


def from_to(report: Report, setting: n.Setting, word: str) -> tuple[Exact, Exact] | None:
    """The ends of a range that may descend, but must have some length."""
    value = setting.values[0] if len(setting.values) == 1 else None
    if not isinstance(value, n.Range):
        report(catalogue.WRONG_VALUE, setting, word=word, wants="a range such as `0 .. 1`")
        return None
    numbers = ExactReader(report)
    start, end = numbers.double(value.lower), numbers.double(value.upper)
    if start is not None and start == end:
        report(catalogue.OUT_OF_RANGE, value, what=f"`{word}`", wants="of some length")
        return None
    return None if start is None or end is None else (start, end)


def chosen(report: Report, value: n.Expression, choices: Sequence[Choice], what: str) -> Choice | None:
    """The choice that a plain word names."""
    if isinstance(value, n.Name):
        for choice in choices:
            if value.text == choice:
                return choice
        advice = did_you_mean(value.text, choices) or "it is one of " + ", ".join(choices)
        report(catalogue.UNKNOWN_CHOICE, value, value=value.text, what=f"`{what}`", help=advice)
    else:
        report(catalogue.WRONG_VALUE, value, word=what, wants="one of " + ", ".join(choices))
    return None


def head(value: n.Value) -> str | None:
    """`noise` of `noise` and of `noise(1/20)`."""
    match value:
        case n.Name(text) | n.Call(n.Name(text), _):
            return text
        case _:
            return None
