"""Variants of a hypersolver as specs of their own: the declarations it needs, with other values put in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from hyperdsl.semantics.model.layers import Activate, Linear
from hyperdsl.semantics.reading.scope import Scope
from hyperdsl.semantics.reading.settings import head
from hyperdsl.semantics.solvers.layers import DEFAULT_LAYERS, SIZED
from hyperdsl.source import Source, Span
from hyperdsl.syntax import nodes as n
from hyperdsl.syntax.parser import parse
from hyperdsl.syntax.printer import print_file, value_text

SIZES = ("width", "channels")
"""The arguments of layers that are their size, where it is not the first one."""
TRAINED = ("iterations", "batch", "lr")
"""What varies in the training."""


@dataclass(frozen=True)
class Variants:
    """Writes variants of a sweep's solver. A part of it stands in the file of its scope, the rest in `scope`'s."""

    scope: Scope
    sweep: n.Declaration
    solver: n.Declaration
    corrector: tuple[Scope, n.Declaration]
    training: tuple[Scope, n.Declaration] | None

    @classmethod
    def of(cls, scope: Scope, sweep: n.Declaration) -> Variants:
        """Those of a sweep that has been found sound."""
        solver = scope.unit.declarations["solver", head(_settings(sweep.body)["solver"].values[0]) or ""]
        corrector, training = part_of(scope, solver, "corrector"), part_of(scope, solver, "training")
        assert corrector is not None  # `read_sweep` saw to it
        return cls(scope, sweep, solver, corrector, training)

    def text(self, values: Mapping[str, str]) -> str:
        """The variant with these values, numbers and bases as a spec writes them, in the canonical layout."""
        solver, training = self.solver, self.training
        if "base" in values:
            solver = with_base(solver, self._base(values["base"]))
        trained = {word: values[word] for word in TRAINED if word in values}
        if trained and training is None:
            name = n.Name(self.sweep.name.text, solver.span)
            body = n.Block((_setting("loss", n.Name("residual", solver.span)),), solver.span)
            training = self.scope, n.Declaration(n.Name("training", solver.span), name, (), body, solver.span)
            solver = replace(solver, body=_with_setting(solver.body, _setting("training", name)))
        found, _ = methods_of((self.scope, solver), training)
        parts = [(owner, owner.unit.declarations["method", name]) for name, owner in found.items() if owner.unit.path]
        parts.sort(key=lambda part: (part[0].unit.source.path, part[1].span))
        parts.append((self.corrector[0], _with_layers(self.corrector[1], values)))
        if training:
            parts.append((training[0], _with_training(training[1], trained)))
        parts.append((self.scope, solver))
        settings = ", ".join(f"{word} {value}" for word, value in values.items())
        texts = [f"# The sweep `{self.sweep.name.text}` of {self.scope.unit.source.name}: {settings}.\n"]
        texts += [print_file(n.File(owner.unit.source, (part,), ())) for owner, part in parts]
        tree, _ = parse(Source(self.scope.unit.source.path, "\n".join(texts)))
        assert tree is not None  # it was printed
        return print_file(tree)

    def _base(self, text: str) -> n.Expression:
        """The alternative that is written so."""
        setting = _settings(self.sweep.body)["base"]
        return next(value for value in setting.values if _expression(value) and value_text(value) == text)  # type: ignore[return-value]  # _expression has seen to it


def _expression(value: n.Value) -> bool:
    return not isinstance(value, n.Range | n.Comparison | n.String)


def methods_of(*parts: tuple[Scope, n.Declaration] | None) -> tuple[dict[str, Scope], str | None]:
    """The methods that the parts name, and those that they name, with the scopes that declare them.

    And the name that means two different methods, if one does: they cannot stand in one file.
    """
    found: dict[str, Scope] = {}
    waiting = [part for part in parts if part]
    while waiting:
        scope, declaration = waiting.pop()
        for name in names_in(declaration):
            owner = _declaring(scope, name)
            if owner is None or owner is found.get(name):
                continue
            if name in found:
                return found, name
            found[name] = owner
            waiting.append((owner, owner.unit.declarations["method", name]))
    return found, None


def names_in(declaration: n.Declaration) -> Iterator[str]:
    """Every name that a setting of the declaration has as a value, its blocks included."""
    blocks = [declaration.body]
    while blocks:
        for statement in blocks.pop().statements:
            if isinstance(statement, n.Setting):
                yield from filter(None, map(head, statement.values))
                if statement.block:
                    blocks.append(statement.block)


def _declaring(scope: Scope, name: str) -> Scope | None:
    """The scope whose method a name means, without a word where there is none."""
    key = "method", name
    for seen in (scope, *scope.imports()):
        if key in seen.unit.declarations:
            return seen
    return scope.project.library_scope(*key)


def part_of(scope: Scope, solver: n.Declaration, word: str) -> tuple[Scope, n.Declaration] | None:
    """The corrector or training that a setting of the solver names, and the scope that declares it."""
    setting = _settings(solver.body).get(word)
    return scope.find(word, setting.values[0]) if setting and isinstance(setting.values[0], n.Name) else None


def _settings(block: n.Block) -> dict[str, n.Setting]:
    return {part.word.text: part for part in block.statements if isinstance(part, n.Setting)}


def with_base(solver: n.Declaration, base: n.Expression) -> n.Declaration:
    """The solver on another base."""
    return replace(solver, body=_with_setting(solver.body, _setting("base", base)))


def _setting(word: str, *values: n.Value) -> n.Setting:
    span = values[0].span
    return n.Setting(n.Name(word, span), values, (), None, span)


def _with_setting(block: n.Block, setting: n.Setting) -> n.Block:
    """The block with the setting in the place of the one of its word, or at the end."""
    last = block.statements[-1].span if block.statements else block.span
    old = next((part for part in block.statements if _word(part) == setting.word.text), None)
    placed = replace(setting, span=old.span if old else last)
    if old is None:
        return replace(block, statements=(*block.statements, placed))
    return replace(block, statements=tuple(placed if part is old else part for part in block.statements))


def _word(statement: n.Statement) -> str | None:
    return statement.word.text if isinstance(statement, n.Setting) else None


def _with_training(training: n.Declaration, values: Mapping[str, str]) -> n.Declaration:
    body = training.body
    for word, value in values.items():
        number = n.Number(value, body.span)
        setting = _setting(word, number)
        if word == "lr":
            setting = _with_rate(_settings(body).get("optimizer"), number)
        body = _with_setting(body, setting)
    return replace(training, body=body)


def _with_rate(optimizer: n.Setting | None, rate: n.Number) -> n.Setting:
    """`optimizer adamw(lr = ...)`, its other arguments kept."""
    value = optimizer.values[0] if optimizer else None
    kept = value.arguments if isinstance(value, n.Call) else ()
    others = tuple(argument for argument in kept if argument.name and argument.name.text != "lr")
    argument = n.Argument(n.Name("lr", rate.span), rate, rate.span)
    return _setting("optimizer", n.Call(n.Name("adamw", rate.span), (argument, *others), rate.span))


def _with_layers(corrector: n.Declaration, values: Mapping[str, str]) -> n.Declaration:
    width, depth = values.get("width"), values.get("depth")
    if width is None and depth is None:
        return corrector
    layers = varied_layers(corrector, width, None if depth is None else int(depth))
    return replace(corrector, body=_with_setting(corrector.body, _setting("layers", *layers)))


def varied_layers(corrector: n.Declaration, width: str | None, depth: int | None) -> tuple[n.Value, ...]:
    """The hidden layers, every size set to `width`, and `depth` times the pattern that they repeat.

    A bilinear layer can only be the first, so that it is no part of the pattern; one that starts from the field keeps
    its size, which is the field's.
    """
    lead, layers = split_layers(corrector)
    if width is not None:
        size = n.Number(width, corrector.body.span)
        lead = lead if starts_from_field(corrector) else tuple(_sized(layer, size) for layer in lead)
        layers = tuple(_sized(layer, size) for layer in layers)
    return (*lead, *(layers if depth is None else _pattern(layers) * depth))


def split_layers(corrector: n.Declaration) -> tuple[tuple[n.Value, ...], tuple[n.Value, ...]]:
    """The first hidden layer where it is bilinear, and the others."""
    setting = _settings(corrector.body).get("layers")
    layers = setting.values if setting else tuple(_default_layers(corrector.body.span))
    count = int(bool(layers) and head(layers[0]) == "bilinear")
    return layers[:count], layers[count:]


def starts_from_field(corrector: n.Declaration) -> bool:
    """Whether its first weights are the vector field's own."""
    setting = _settings(corrector.body).get("start")
    return setting is not None and any(head(value) == "field" for value in setting.values)


def _pattern(layers: tuple[n.Value, ...]) -> tuple[n.Value, ...]:
    """The shortest sequence whose repetition gives the layers."""
    lengths = (length for length in range(1, len(layers)) if len(layers) % length == 0)
    return next((layers[:k] for k in lengths if layers[:k] * (len(layers) // k) == layers), layers)


def _default_layers(span: Span) -> Iterator[n.Value]:
    """The layers of a corrector that names none, as it might have written them."""
    for layer in DEFAULT_LAYERS:
        match layer:
            case Linear(width):
                size = n.Argument(None, n.Number(str(width), span), span)
                yield n.Call(n.Name("linear", span), (size,), span)
            case Activate(function):
                yield n.Name(function, span)


def has_size(layer: n.Value) -> bool:
    """Whether `width` would change the layer."""
    return isinstance(layer, n.Call) and head(layer) in SIZED


def _sized(layer: n.Value, size: n.Number) -> n.Value:
    """The layer with another size."""
    if not isinstance(layer, n.Call) or not has_size(layer):
        return layer
    first, *others = layer.arguments
    named = next((a for a in layer.arguments if a.name and a.name.text in SIZES), first)
    return replace(layer, arguments=tuple(replace(a, value=size) if a is named else a for a in (first, *others)))
