"""A sweep's front, its proposals, and its storage; the command itself is tests/cli's matter."""

from __future__ import annotations

import itertools
import math
import random
from fractions import Fraction
from pathlib import Path

import pytest

from hyperdsl.evaluation.errors import SweepError
from hyperdsl.evaluation.work_precision import Row
from hyperdsl.semantics.model.sweep import Sweep, SweptBase, SweptNumber
from hyperdsl.source import Place, Source, Span
from hyperdsl.sweeps.points import Network, Point, front, hypervolume, knee, points
from hyperdsl.sweeps.report import lines
from hyperdsl.sweeps.space import values_of
from hyperdsl.sweeps.storages import Journal
from hyperdsl.sweeps.store import ATTEMPTS, GIVEN_UP, Store
from hyperdsl.theory.numbers.exact import Exact


def row(error: float, macs: int, method: str = "m") -> Row:
    return Row(method, "K = 1", macs, macs, float(macs), error, error, error)


def point(error: float, macs: int) -> Point:
    return Point(network({1: row(error, macs)}), 1, row(error, macs))


def network(rows: dict[int, Row], **values: str) -> Network:
    return Network(values or {"width": "8"}, 1, 0.5, 1.0, "folder", rows)


def exact(text: str) -> Exact:
    return Exact.of(Fraction(text))


def swept(word: str, lower: str, upper: str, *listed: str) -> SweptNumber:
    return SweptNumber(word, exact(lower), exact(upper), tuple(map(exact, listed)))  # type: ignore[arg-type]  # a word


def sweep(*numbers: SweptNumber, bases: tuple[str, ...] = ("euler", "heun")) -> Sweep:
    place = Place(Source("a.hyper", ""), Span(1, 1, 1, 1))
    alternatives = tuple(SweptBase(base, 1) for base in bases)
    return Sweep("trade", place, "Swept", alternatives, numbers, (1, 2), 100, 3)


SWEEP = sweep(swept("width", "8", "128"), swept("depth", "1", "3"), swept("lr", "1/1000", "1/100"))


def test_the_front_is_what_nothing_beats() -> None:
    draw = random.Random(0)
    found = [point(10 ** draw.uniform(-6, 1), draw.randint(1, 500)) for _ in range(300)]
    best = front(found, "macs")
    pairs = [(p.row.relative_error, p.row.macs) for p in found]
    undominated = {
        pair
        for pair in pairs
        if not any(other != pair and other[0] <= pair[0] and other[1] <= pair[1] for other in pairs)
    }
    assert {(p.row.relative_error, p.row.macs) for p in best} == undominated
    assert [p.row.macs for p in best] == sorted(p.row.macs for p in best)


def test_equal_and_diverged_points() -> None:
    same, again, lost, worse = point(1e-2, 10), point(1e-2, 10), point(math.nan, 1), point(1e-1, 20)
    assert front([worse, same, again, lost], "macs") == [same]
    assert front([lost, point(math.inf, 5)], "macs") == []
    assert front([same], "evaluations") == front([same], "milliseconds") == [same]


def test_hypervolume_and_knee() -> None:
    steep = [point(1.0, 1), point(1e-1, 2), point(1e-4, 10), point(1e-5, 10_000)]
    assert hypervolume([point(1e-2, 10)], "macs", (0, 3)) == pytest.approx(4)
    assert hypervolume([point(1e-2, 10), point(1e-3, 100)], "macs", (0, 3)) == pytest.approx(5)
    assert hypervolume([point(1e-2, 10_000)], "macs", (0, 3)) == 0
    assert knee(steep, "macs") == steep[2]
    assert knee(steep[:1], "macs") == steep[0]
    assert knee([], "macs") is None


def test_methods_are_told_apart_on_the_joint_front() -> None:
    best = [point(1e-2, 10), point(1e-3, 100)]
    heads, rows = lines(best, [Point(None, 1, row(5e-3, 9, "rk4")), Point(None, 1, row(1.0, 50, "euler"))], "macs")
    assert heads == ["method", "width", "p", "K", "NFE", "MACs", "ms", "error", "δ", "front"]
    assert [(line[0], line[-1]) for line in rows] == [("base + g", ""), ("base + g", "✓"), ("rk4", "✓"), ("euler", "")]


def finish(store: Store) -> dict[str, str]:
    """Claims a network and says what it reaches: less error with width, at more cost."""
    claimed = store.claim()
    assert claimed is not None
    values = values_of(claimed[1])
    width = int(values["width"])
    found = {k: row(1 / (width * k), 50 * width * k) for k in (1, 2)}
    store.finish(claimed[0], network(found, **values))
    return values


def opened(path: Path, total: int = 100, described: Sweep = SWEEP, **identity: object) -> Store:
    return Store(Journal(path), described, "macs", total, identity or {"spec": "a"})


def test_proposals_are_new_in_range_and_the_same_again(tmp_path: Path) -> None:
    def run(folder: str, breaks: bool) -> list[dict[str, str]]:
        store = opened(tmp_path / folder / "s.log")
        found = []
        for _ in range(14):
            if breaks:
                store.close()
                store = opened(tmp_path / folder / "s.log")
            found.append(finish(store))
        networks = store.networks()
        store.close()
        assert [n.values for n in networks] == found
        assert len(points(networks)) == 28
        return found

    found = run("one", breaks=False)
    assert len({tuple(values.items()) for values in found}) == 14
    assert [values["base"] for values in found[:2]] == ["euler", "heun"]
    for values in found:
        width, depth, rate = int(values["width"]), int(values["depth"]), float(values["lr"])
        assert (8 <= width <= 128, 1 <= depth <= 3, 1e-3 <= rate <= 1e-2) == (True, True, True)
        assert (len(str(width).rstrip("0")) <= 2 or width == 128, float(f"{rate:.2g}") == rate) == (True, True)
    assert run("two", breaks=True) == found


def test_a_small_space_is_tried_as_a_whole(tmp_path: Path) -> None:
    store = opened(tmp_path / "s.log", 100, sweep(swept("width", "8", "32", "8", "16", "32")))
    found = [tuple(finish(store).values()) for _ in range(6)]
    assert set(found) == set(itertools.product(("euler", "heun"), ("8", "16", "32")))
    assert store.claim() is None
    store.close()


def test_the_total_holds_for_all_and_can_be_raised(tmp_path: Path) -> None:
    path = tmp_path / "s.log"
    first, second = opened(path, 2), opened(path, 2)
    one, two = first.claim(), second.claim()
    assert one is not None
    assert two is not None
    assert one[1] != two[1]
    assert first.claim() is second.claim() is None
    assert first.busy()
    second.fail(two[0], "for a reason")
    assert first.failures() == ["for a reason"]
    second.close()
    more = opened(path, 3)
    assert more.claim() is not None
    assert more.claim() is None
    more.close()
    first.close()


def test_networks_of_lost_processes_are_tried_again_and_then_given_up(tmp_path: Path) -> None:
    path, tried = tmp_path / "s.log", []
    for _ in range(ATTEMPTS):
        store = opened(path, 1)
        claimed = store.claim()
        assert claimed is not None
        tried.append(claimed[1])
        store.close()  # as a process's end does
    assert tried[1:] == tried[:-1]
    store = opened(path, 1)
    assert store.claim() is None
    assert (store.failures(), store.busy()) == ([GIVEN_UP], False)
    store.close()


def test_another_sweep_is_refused_by_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "s.log"
    opened(path, spec="0" * 64, problem="pendulum", imports=["a"]).close()
    opened(path, spec="0" * 64, problem="pendulum", imports=["a"]).close()
    with pytest.raises(SweepError, match="another spec \\(000000000000, now 111111111111\\)"):
        opened(path, spec="1" * 64, problem="pendulum", imports=["a"])
    with pytest.raises(SweepError, match="another problem"):
        opened(path, spec="0" * 64, problem="duffing", imports=["a"])
    assert not list(path.with_name("s.variants").glob("*.alive"))
