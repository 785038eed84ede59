"""What a `training` declaration means, with every default."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Literal

from hyperdsl.diagnostics import catalogue, did_you_mean
from hyperdsl.semantics.model import spec as m
from hyperdsl.semantics.model.training import (
    AdversarialLoss,
    EndLoss,
    Loss,
    Optimizer,
    ResidualLoss,
    StateKind,
    StateShare,
    StepRange,
    TrajectoryLoss,
)
from hyperdsl.semantics.reading.numbers import ExactReader
from hyperdsl.semantics.reading.report import Report, exactly
from hyperdsl.semantics.reading.settings import Arguments, Settings, chosen, ends, head
from hyperdsl.semantics.solvers.parameters import member
from hyperdsl.semantics.tables.training import (
    ATTACKED,
    DEFAULT_ATTACK,
    DEFAULT_BATCH,
    DEFAULT_ITERATIONS,
    DEFAULT_NOISE,
    DEFAULT_OPTIMIZER,
    DEFAULT_RADIUS,
    DEFAULT_ROLLOUT,
    DEFAULT_SEED,
    DEFAULT_STEPS,
    DEFAULT_SUBSTEPS,
    DTYPES,
    LOSSES,
    OF_ADAMW,
    OF_NOISE,
    OF_STATES,
    OPTIMIZERS,
    PHASE,
    REFERENCE,
    ROLLED,
    SCHEDULES,
    STATES,
    TRAINING,
)
from hyperdsl.semantics.tables.word import LARGEST_INTEGER, Word
from hyperdsl.syntax import nodes as n
from hyperdsl.theory.numbers.exact import ONE, ZERO, Exact

ONE_STEP = StepRange("steps", ONE, ONE, given=False)

FindMethod = Callable[[n.Name], m.Method | None]


def default_training(reference: m.Method) -> m.Training:
    """The training of a hypersolver that names none."""
    return m.Training(
        name="default",
        place=None,
        loss=ResidualLoss(),
        states=_default_states(),
        steps=DEFAULT_STEPS,
        reference=m.Reference(reference, DEFAULT_SUBSTEPS, DTYPES[0]),
        optimizer=DEFAULT_OPTIMIZER,
        schedule=SCHEDULES[0],
        iterations=DEFAULT_ITERATIONS,
        batch=DEFAULT_BATCH,
        seed=DEFAULT_SEED,
    )


def to_the_end(training: m.Training) -> m.Training:
    """The training by the loss at the end of the span, in one step unless a grid has more."""
    return replace(training, loss=EndLoss(), steps=ONE_STEP)


def _default_states() -> tuple[StateShare, ...]:
    fifth = Exact.of(Fraction(1, 5))
    trajectory = StateShare("trajectory", Exact.of(Fraction(3, 5)))
    return trajectory, StateShare("noise", fifth, DEFAULT_NOISE), StateShare("box", fifth)


@exactly
def read_training(report: Report, declaration: n.Declaration, find: FindMethod, rk4: m.Method) -> m.Training | None:
    """The training; None where something is wrong, which has been reported."""
    before = len(report.found)
    if declaration.parameters:
        report(catalogue.BAD_PARAMETER, declaration.parameters[0], problem="a training has no parameters")
    base = replace(default_training(rk4), name=declaration.name.text, place=report.place(declaration.name))
    training = override_training(report, base, declaration.body, find)
    return None if len(report.found) > before else training


def override_training(report: Report, base: m.Training, block: n.Block, find: FindMethod) -> m.Training:
    """`base` with the settings of a block put in; also what `hyperdsl train --set` does."""
    first, further = _split(block)
    training = _phase(report, base, first, find, "a training", TRAINING)
    phases: list[m.Training] = []
    for then in further:
        phases += _further(report, phases[-1] if phases else training, then, find)
    return replace(training, then=tuple(phases)) if phases else training


def _split(block: n.Block) -> tuple[n.Block, list[n.Setting]]:
    """A block without its further phases, and those."""
    further = [part for part in block.statements if isinstance(part, n.Setting) and part.word.text == "then"]
    return replace(block, statements=tuple(part for part in block.statements if part not in further)), further


def _further(report: Report, before: m.Training, then: n.Setting, find: FindMethod) -> list[m.Training]:
    """The phase of a `then`, which inherits from the one before it, and those in its own block."""
    if then.values or then.block is None:
        report(catalogue.WRONG_VALUE, then, word="then", wants="a block: `then { loss trajectory(steps = 8) }`")
    if then.block is None:
        return []
    first, further = _split(then.block)
    phases = [_phase(report, replace(before, then=()), first, find, "a further phase", PHASE)]
    for inner in further:
        phases += _further(report, phases[-1], inner, find)
    return phases


def _phase(
    report: Report, base: m.Training, block: n.Block, find: FindMethod, kind: str, table: tuple[Word, ...]
) -> m.Training:
    """`base` with the settings of one phase put in."""
    settings = Settings(report, kind, block, table)
    loss, steps = _loss(report, settings, base.loss), _steps(report, settings, base.steps)
    return replace(
        base,
        loss=loss,
        states=_states(report, settings, base.states),
        steps=_steps_to_the_end(report, settings, steps) if isinstance(loss, EndLoss) else steps,
        reference=_reference(report, settings, base.reference, find),
        optimizer=_optimizer(report, settings, base.optimizer),
        schedule=settings.choice("schedule", SCHEDULES, base.schedule),
        iterations=settings.integer("iterations", base.iterations),
        batch=settings.integer("batch", base.batch),
        seed=settings.integer("seed", base.seed),
        trajectories=settings.integer("trajectories", base.trajectories),
    )


def _loss(report: Report, settings: Settings, default: Loss) -> Loss:
    setting = settings.get("loss")
    value = settings.single(setting, "one of " + ", ".join(LOSSES)) if setting else None
    if value is None:
        return default
    match head(value):
        case "residual" | "end" as word:
            Arguments(report, value, ())
            return EndLoss() if word == "end" else ResidualLoss()
        case "trajectory":
            arguments = Arguments(report, value, ROLLED)
            return TrajectoryLoss(arguments.integer("steps", DEFAULT_ROLLOUT))
        case "adversarial":
            arguments = Arguments(report, value, ATTACKED)
            return AdversarialLoss(
                arguments.exact("radius", DEFAULT_RADIUS),
                arguments.integer("steps", DEFAULT_ATTACK),
            )
        case _:
            chosen(report, value.name if isinstance(value, n.Call) else value, LOSSES, "loss")
            return default


def _states(report: Report, settings: Settings, default: tuple[StateShare, ...]) -> tuple[StateShare, ...]:
    """The mixture: given shares as they are, the rest equal."""
    setting = settings.get("states")
    if setting is None:
        return default
    parts: list[tuple[StateShare, bool]] = []
    for value in setting.values:
        part = _state_share(report, value)
        if part and part[0].kind in (known.kind for known, _ in parts):
            report(catalogue.SHARES, value, problem=f"name `{part[0].kind}` twice")
        elif part:
            parts.append(part)
    if not parts:
        return default
    left = ONE - sum((part.share for part, given in parts if given), ZERO)
    open_parts = sum(not given for _, given in parts)
    if left.sign() < 0 or (left.sign() > 0 and not open_parts) or (left.is_zero and open_parts):
        total = ONE - left
        report(catalogue.SHARES, setting, problem=f"sum to {total}, not to 1")
        return default
    return tuple(part if given else replace(part, share=left / open_parts) for part, given in parts)


def _state_share(report: Report, value: n.Value) -> tuple[StateShare, bool] | None:
    """One part of the mixture, and whether its share was given."""
    word = head(value)
    if word not in STATES or isinstance(value, n.Range | n.Comparison | n.String):
        advice = did_you_mean(word or "", STATES) or "states are drawn from " + ", ".join(STATES)
        report(catalogue.UNKNOWN_CHOICE, value, value=word or "this", what="source of `states`", help=advice)
        return None
    is_noise = word == "noise"
    arguments = Arguments(report, value, OF_NOISE if is_noise else OF_STATES, positional=1 if is_noise else 0)
    share = arguments.exact("share", ZERO)
    noise = arguments.exact("size", DEFAULT_NOISE) if is_noise else None
    kind: StateKind = "noise" if is_noise else "box" if word == "box" else "trajectory"
    return StateShare(kind, share, noise), "share" in arguments.values


def _steps(report: Report, settings: Settings, default: StepRange) -> StepRange:
    """`steps 2 .. 20` and `eps 1/20 .. 1/2`, or one number: `steps 4`, or numbers of steps: `steps 1, 2, 4`."""
    steps, eps = settings.get("steps"), settings.get("eps")
    if steps and eps:
        report(catalogue.REPEATED_SETTING, eps.word, word="eps", help="give the range as `steps` or as `eps`")
    setting = steps or eps
    if setting is None:
        return default
    if len(setting.values) > 1 and setting is steps:
        return _grids(report, setting) or default
    value = setting.values[0] if len(setting.values) == 1 else None
    if value is None or isinstance(value, n.Comparison | n.String):
        report(catalogue.WRONG_VALUE, value or setting, word=setting.word.text, wants="a range such as `2 .. 20`")
        return default
    if isinstance(value, n.Binary) and value.operator == "-" and isinstance(value.left, n.Number):
        help_ = "write `..` between its ends, as in `2 .. 20`"
        report(catalogue.WRONG_VALUE, value, word=setting.word.text, wants="a range such as `2 .. 20`", help=help_)
        return default
    return _step_range(report, setting, value, default)


def _grids(report: Report, setting: n.Setting) -> StepRange | None:
    """A list of numbers of steps, in whatever order; None where something is wrong."""
    numbers: list[int] = []
    for value in setting.values:
        if isinstance(value, n.Range | n.Comparison | n.String):
            wants = "a range, `2 .. 20`, or a list of numbers, `1, 2, 4`, not both"
            report(catalogue.WRONG_VALUE, value, word="steps", wants=wants)
            return None
        number = ExactReader(report).double(value)
        if number is None:
            return None
        if not _is_integer(number):
            report(catalogue.WRONG_VALUE, value, word="steps", wants="integers, or a range such as `2 .. 20`")
            return None
        if not 1 <= number.fraction() <= LARGEST_INTEGER:
            report(catalogue.OUT_OF_RANGE, value, what="`steps`", wants=f"from 1 to {LARGEST_INTEGER}")
            return None
        if number.fraction() in numbers:
            report(catalogue.WRONG_VALUE, value, word="steps", wants="each number of steps once")
            return None
        numbers.append(int(number.fraction()))
    numbers.sort()
    return StepRange("steps", Exact.of(numbers[0]), Exact.of(numbers[-1]), numbers=tuple(numbers))


def _steps_to_the_end(report: Report, settings: Settings, steps: StepRange) -> StepRange:
    """The grids of the loss at the end of the span, which a range has not: one step where nothing is said."""
    if steps.grids:
        return steps
    if steps.given:
        setting = settings.by_word.get("steps") or settings.by_word.get("eps") or settings.by_word["loss"]
        wants = "one number of steps, `4`, or a list of them, `1, 2, 4`, with `loss end`"
        report(catalogue.WRONG_VALUE, setting, word="steps", wants=wants)
    return ONE_STEP


def _step_range(report: Report, setting: n.Setting, value: n.Expression | n.Range, default: StepRange) -> StepRange:
    unit: Literal["steps", "eps"] = "steps" if setting.word.text == "steps" else "eps"
    if isinstance(value, n.Range):
        found = ends(report, value, setting, unit)
    else:
        number = ExactReader(report).double(value)
        found = None if number is None else (number, number)
    if found is None:
        return default
    if (found[0] - (ONE if unit == "steps" else ZERO)).sign() < (1 if unit == "eps" else 0):
        report(catalogue.OUT_OF_RANGE, value, what=f"`{unit}`", wants="at least 1" if unit == "steps" else "positive")
    elif unit == "steps" and found[0] == found[1] and not _is_integer(found[0]):
        report(catalogue.WRONG_VALUE, value, word=unit, wants="an integer, or a range such as `2 .. 20`")
    return StepRange(unit, *found)


def _is_integer(number: Exact) -> bool:
    return number.is_rational and number.fraction().denominator == 1


def _reference(report: Report, settings: Settings, default: m.Reference, find: FindMethod) -> m.Reference:
    setting = settings.get("reference", block=True)
    if setting is None:
        return default
    inner = Settings(report, "a reference", setting.block, REFERENCE)
    value = settings.single(setting, "the name of a method") if setting.values else None
    method: m.Method | None = default.method
    name = value.name if isinstance(value, n.Call) else value
    if isinstance(name, n.Name):
        family = find(name)
        arguments = value.arguments if isinstance(value, n.Call) else ()
        method = None if family is None else member(report, name, family, arguments)
    elif value is not None:
        report(catalogue.WRONG_VALUE, value, word="reference", wants="the name of a method")
    substeps = inner.integer("substeps", default.substeps)
    return m.Reference(method or default.method, substeps, inner.choice("dtype", DTYPES, default.dtype))


def _optimizer(report: Report, settings: Settings, default: Optimizer) -> Optimizer:
    setting = settings.get("optimizer")
    value = settings.single(setting, "`adamw(lr = 1e-2)`") if setting else None
    if value is None:
        return default
    if head(value) not in OPTIMIZERS:
        chosen(report, value.name if isinstance(value, n.Call) else value, OPTIMIZERS, "optimizer")
        return default
    arguments = Arguments(report, value, OF_ADAMW)
    return Optimizer(
        learning_rate=arguments.exact("lr", default.learning_rate),
        weight_decay=arguments.exact("weight_decay", default.weight_decay),
        clip=arguments.exact("clip", default.clip),
    )
