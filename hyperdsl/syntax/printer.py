"""The one canonical layout: `print_file` turns a tree back into text, and `expression_text` a single expression."""

from __future__ import annotations

from collections.abc import Iterable

from hyperdsl.syntax import nodes as n

WIDTH = 100
INDENT = "    "

SUM, TERM, FACTOR, POWER, ATOM = range(5)
LEVELS = {"+": SUM, "-": SUM, "*": TERM, "/": TERM, "^": POWER}


def print_file(file: n.File) -> str:
    """The file's text: comments kept, at most one blank line between statements, one newline at the end."""
    printer = _Printer(file)
    printer.statements(file.items, 0, end=len(file.source.lines) + 1)
    return "\n".join(printer.lines) + "\n" if printer.lines else ""


def value_text(value: n.Value) -> str:
    """A setting's value or an argument as one line of text."""
    match value:
        case n.Range(lower, upper):
            return f"{expression_text(lower)} .. {expression_text(upper)}"
        case n.Comparison(operands, operators):
            rest = zip(operators, operands[1:], strict=True)
            return expression_text(operands[0]) + "".join(f" {sign} {expression_text(side)}" for sign, side in rest)
        case n.String(text):
            return f'"{text}"'
        case _:
            return expression_text(value)


def expression_text(expression: n.Expression, level: int = SUM) -> str:
    """An expression with the parentheses it needs where operators of `level` or looser would be misread."""
    match expression:
        case n.Name(text) | n.Number(text):
            return text
        case n.Negate(operand):
            text, own = f"-{expression_text(operand, FACTOR)}", FACTOR
        case n.Binary(operator, left, right):
            text, own = _binary(operator, left, right), LEVELS[operator]
        case n.Call(name, arguments):
            return f"{name.text}({', '.join(map(_argument, arguments))})"
        case n.Index(name, offset):
            return f"{name.text}[{_tight(offset)}]"
    return f"({text})" if own < level else text


def _binary(operator: n.Operator, left: n.Expression, right: n.Expression) -> str:
    own = LEVELS[operator]
    if operator == "^":  # right-associative; its right side may be negated
        return f"{expression_text(left, ATOM)}^{expression_text(right, FACTOR)}"
    sign = f" {operator} " if own == SUM else operator
    return f"{expression_text(left, own)}{sign}{expression_text(right, own + 1)}"


def _tight(offset: n.Expression) -> str:
    """`n+1`, as indices are written."""
    return expression_text(offset).replace(" ", "")


def _argument(argument: n.Argument) -> str:
    text = value_text(argument.value)
    return f"{argument.name.text} = {text}" if argument.name else text


def header_text(declaration: n.Declaration) -> str:
    """`method heun` or `method second_order(alpha)`."""
    parameters = ", ".join(map(_argument, declaration.parameters))
    return f"{declaration.word.text} {declaration.name.text}" + (f"({parameters})" if parameters else "")


class _Printer:
    """Writes statements in order, and before each the comments and the blank line that stood there."""

    def __init__(self, file: n.File) -> None:
        self.source = file.source.lines
        self.comments = list(file.comments)
        self.lines: list[str] = []
        self.last = 0  # the last source line that has been written out

    def statements(self, statements: Iterable[n.Item | n.Statement], depth: int, end: int) -> None:
        """A block's statements, then the comments that stand above source line `end`."""
        previous: n.Item | n.Statement | None = None
        for statement in statements:
            set_apart = depth == 0 and previous is not None and n.Declaration in (type(previous), type(statement))
            self._before(statement.span.line, depth, first=previous is None, apart=set_apart)
            self._statement(statement, depth)
            previous = statement
        self._before(end, depth, first=previous is None, ending=True)

    def _statement(self, statement: n.Item | n.Statement, depth: int) -> None:
        match statement:
            case n.Declaration(_, _, _, body):
                self._block(header_text(statement), body, depth)
            case n.Setting(_, _, _, None):
                self._line(_setting(statement), depth, statement.span.end_line)
            case n.Setting(_, _, _, block) if block is not None:
                self._block(_setting(statement), block, depth)
            case n.Equation(name, right):
                self._line(f"{name.text}' = {expression_text(right)}", depth, statement.span.end_line)
            case n.Domain(name, value):
                self._line(f"{name.text} in {value_text(value)}", depth, statement.span.end_line)
            case n.Update(left, right):
                text = f"{expression_text(left)} = {expression_text(right)}"
                self._line(text, depth, statement.span.end_line)
            case n.Tableau():
                self._table(statement, depth)

    def _block(self, header: str, block: n.Block, depth: int) -> None:
        self._line(f"{header} {{", depth, block.span.line)
        self.statements(block.statements, depth + 1, block.span.end_line)
        self._line("}", depth, block.span.end_line)

    def _table(self, table: n.Tableau, depth: int) -> None:
        nodes = [expression_text(line.c) for line in table.lines if isinstance(line, n.Row)]
        left = max(map(len, nodes), default=0)
        room = WIDTH - len(INDENT) * (depth + 1)
        rows = [_table_row(line, room - left - 3, room) for line in table.lines]
        right = max((len(text) for row in rows for text in row), default=1)
        words = [table.word.text, *_values(table.values, table.clauses)]
        self._line(f"{' '.join(words)} {{", depth, table.span.line)
        for line, row in zip(table.lines, rows, strict=True):
            self._before(line.span.line, depth + 1, blank=False)
            if isinstance(line, n.Rule):
                texts = ["-" * max(2, left + 1) + "+" + "-" * max(2, right + 2)]
            elif isinstance(line, n.Bare):
                texts = row
            else:
                c = expression_text(line.c) if isinstance(line, n.Row) else ""
                heads = [c, *[""] * (len(row) - 1)]
                lines = [f"{head:{left}} | {text}" for head, text in zip(heads, row, strict=True)]
                lines = [text.removeprefix("" if nodes else " ") for text in lines]
                texts = [lines[0], *(text.replace("|", " ", 1) for text in lines[1:])]
            for text in texts[:-1]:
                self._line(text, depth + 1, None)
            self._line(texts[-1], depth + 1, line.span.end_line)
        self._before(table.span.end_line, depth + 1, blank=False)
        self._line("}", depth, table.span.end_line)

    def _before(
        self,
        line: int,
        depth: int,
        *,
        first: bool = False,
        apart: bool = False,
        ending: bool = False,
        blank: bool = True,
    ) -> None:
        """Write what stood above source line `line`: its comments, and a blank line where there was one."""
        gap = apart
        while self.comments and (self.comments[0].line < line):
            comment = self.comments.pop(0)
            self._gap(comment.line, gap, wanted=blank and not first)
            self.lines.append(INDENT * depth + comment.text)
            self.last, gap, first = comment.line, False, False
        if not ending:
            self._gap(line, gap, wanted=blank and not first)

    def _gap(self, line: int, forced: bool, *, wanted: bool) -> None:
        between = self.source[self.last : line - 1] if self.last else ()
        if self.lines and (forced or (wanted and any(not text.strip() for text in between))):
            self.lines.append("")

    def _line(self, text: str, depth: int, source_line: int | None) -> None:
        """One line of output; a comment at the end of its source line comes along."""
        text = (INDENT * depth + text).rstrip()
        if source_line is not None:
            trailing = [c for c in self.comments if c.line == source_line and not c.alone]
            if trailing and self._ends_here(text, source_line):
                self.comments.remove(trailing[0])
                text += "  " + trailing[0].text
            self.last = max(self.last, source_line)
        self.lines.append(text)

    def _ends_here(self, text: str, source_line: int) -> bool:
        """Whether this is the last statement on its source line, to which the line's comment belongs."""
        code = self.source[source_line - 1]
        comment = next(c.text for c in self.comments if c.line == source_line)
        return code[: code.rfind(comment)].rstrip().endswith(text.strip()[-1])


def _values(values: tuple[n.Value, ...], clauses: tuple[n.Clause, ...]) -> list[str]:
    texts = [", ".join(map(value_text, values))] if values else []
    for clause in clauses:
        texts.append(clause.word.text + (f" {_quantity(clause.value)}" if clause.value is not None else ""))
    return texts


def _quantity(value: n.Expression) -> str:
    """A clause's value: a number or a fraction as it is, anything else in parentheses."""
    fraction = isinstance(value, n.Binary) and value.operator == "/"
    simple = isinstance(value, n.Number) or (
        fraction and isinstance(value.left, n.Number) and isinstance(value.right, n.Number)  # type: ignore[union-attr]
    )
    return expression_text(value) if simple else f"({expression_text(value)})"


def _setting(setting: n.Setting) -> str:
    return " ".join([setting.word.text, *_values(setting.values, setting.clauses)])


def _table_row(line: n.TableLine, room: int, whole: int) -> list[str]:
    """The texts of a line of a table; there is more room for a row that stands alone."""
    match line:
        case n.Rule():
            return []
        case n.Bare(entries):
            return _broken_row(entries, whole)
        case n.Row(_, entries) | n.Weights(entries):
            return _broken_row(entries, room)


def _broken_row(entries: tuple[n.Expression, ...], room: int) -> list[str]:
    """A row's entries on as many lines as they need; a line that goes on ends in a comma."""
    lines = [""]
    for i, entry in enumerate(entries):
        text = expression_text(entry) + ("," if i < len(entries) - 1 else "")
        if lines[-1] and len(lines[-1]) + 1 + len(text) > room:
            lines.append(text)
        else:
            lines[-1] = f"{lines[-1]} {text}".strip()
    return lines
