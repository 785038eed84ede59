"""What a solve costs: evaluations of f, multiply-accumulates and milliseconds, the corrector's included."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from hyperdsl.evaluation.problems import VectorField
from hyperdsl.evaluation.stopping import OutOfTimeError


@dataclass(frozen=True)
class Cost:
    """`evaluations` of f, and `macs` of the whole solve: f, g and the solver's own arithmetic.

    `field_macs` and `corrector_macs` are those spent inside f and inside the corrector's `corrector_calls`. It is not
    `whole` where the time of the solve was up before its end.
    """

    evaluations: int
    macs: int
    field_macs: int = 0
    corrector_calls: int = 0
    corrector_macs: int = 0
    whole: bool = True

    @property
    def corrector_over_field(self) -> float | None:
        """The cost of a call of g over that of an evaluation of f; None without g, or where f multiplies nothing."""
        if not self.corrector_calls or not self.field_macs:
            return None
        return (self.corrector_macs / self.corrector_calls) / (self.field_macs / self.evaluations)


class _Part:
    """The calls of a part of a solve, and what `total` grows by inside them."""

    def __init__(self, total: Callable[[], int]) -> None:
        self.total = total
        self.calls = self.macs = self.before = 0

    def enter(self, *_: object) -> None:
        self.before = self.total()

    def leave(self, *_: object) -> None:
        self.calls += 1
        self.macs += self.total() - self.before


_MULTIPLYING = frozenset(
    (
        "mul",
        "div",
        "pow",
        "reciprocal",
        "sqrt",
        "rsqrt",
        "square",
        "sin",
        "cos",
        "tan",
        "exp",
        "expm1",
        "log",
        "log1p",
        "tanh",
        "sigmoid",
        "softplus",
        "silu",
        "gelu",
        "elu",
        "_prelu_kernel",
        "leaky_relu",
        "addcmul",
        "addcdiv",
        "lerp",
    )
)


class _Elementwise(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves the base untyped
    """Counts elementwise multiplications, divisions and transcendental functions, one for each element of a result.

    Additions are not counted: a multiply-accumulate has one for free. Nor are contractions, whose products
    `FlopCounterMode` knows.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__.removesuffix("_") if func.namespace == "aten" else ""
        scaled_sum = name in {"add", "sub", "rsub"} and (kwargs or {}).get("alpha", 1) != 1
        if isinstance(result, Tensor) and (name in _MULTIPLYING or scaled_sum):
            self.count += result.numel()
        return result


def cost_of(solve: Callable[[VectorField], Tensor], f: VectorField, corrector: nn.Module | None = None) -> Cost:
    """The cost of one call of `solve(f)`, and the parts of it that f and the corrector, if given, have.

    Products inside convolutions and matrix multiplications are half of `FlopCounterMode`'s operations; elementwise
    products, quotients and transcendental functions count one each. Divide by the batch size for one sample's. Of a
    solve whose time is up (`OutOfTimeError`) it is the cost of what was done.
    """
    with torch.no_grad(), FlopCounterMode(display=False) as contractions, _Elementwise() as elementwise:

        def total() -> int:
            macs: int = contractions.get_total_flops() // 2 + elementwise.count
            return macs

        field, network = _Part(total), _Part(total)

        def counted(*arguments: Tensor) -> Tensor:
            field.enter()
            slope = f(*arguments)
            field.leave()
            return slope

        hooks, whole = list[Any](), True
        for part, module in ((network, corrector), (field, f if isinstance(f, nn.Module) else None)):
            if module is not None:
                hooks += [module.register_forward_pre_hook(part.enter), module.register_forward_hook(part.leave)]
        try:
            solve(f if isinstance(f, nn.Module) else counted)
        except OutOfTimeError:
            whole = False
        finally:
            for hook in hooks:
                hook.remove()
    return Cost(field.calls, total(), field.macs, network.calls, network.macs, whole)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for torch's operators while inside: times of small operators are steadier, and comparable."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def milliseconds(
    calls: Mapping[str, Callable[[], object]],
    repeats: int = 30,
    warm_up: int = 3,
    *,
    best: bool = False,
    seconds: float = 3.0,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """The median time of each call on one thread, or its shortest one, in milliseconds.

    The calls take turns, so that a slow moment of the machine touches all of them alike. One that has taken so many
    `seconds` in all has no further turn. clock: in seconds; `time.process_time` leaves out the turns of other
    processes.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    spent = dict.fromkeys(calls, 0.0)
    with one_thread(), torch.no_grad():
        for round_ in range(-warm_up, repeats):
            for name, call in calls.items():
                if spent[name] > seconds:
                    continue
                start = clock()
                call()
                taken = clock() - start
                spent[name] += taken
                if round_ >= 0 or spent[name] > seconds:
                    times[name].append(1e3 * taken)
    return {name: min(taken) if best else statistics.median(taken) for name, taken in times.items()}
