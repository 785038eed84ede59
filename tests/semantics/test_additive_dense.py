"""Dense output of additive methods: what is proven of it by both provers, what is refused, and what solves give between
steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from hyperdsl.diagnostics import Diagnostic
from hyperdsl.second.agreement import REFUSED, verdicts
from hyperdsl.semantics.check import check_file
from hyperdsl.semantics.model.additive import Additive
from hyperdsl.semantics.reading.scope import Project
from hyperdsl.verifying.verify import verify
from tests.training.test_learned import compiled

PROJECT = Project()

MIDPOINT = """
method midpoint_pair {{
    order {order}
    tableau explicit {{
        0   |
        1/2 | 1/2
        ----+-----
            | {weights}
    }}
    tableau implicit {{
        0   |
        1/2 | 0, 1/2
        ----+-------
            | 0, 1
    }}
    dense {claimed} {{
        | {dense}
    }}
}}
"""
RIGHT = "theta - theta^2, theta^2"


def checked(
    tmp_path: Path, dense: str = RIGHT, claimed: int = 2, order: str = "2", weights: str = "0, 1"
) -> tuple[Any, tuple[Diagnostic, ...]]:
    path = tmp_path / "pairs.hyper"
    path.write_text(MIDPOINT.format(dense=dense, claimed=claimed, order=order, weights=weights), encoding="utf-8")
    spec, found = check_file(path, path.name, Project())
    return spec, found


@pytest.mark.parametrize(("name", "order"), [("ark324l2sa", 2), ("ark436l2sa", 3), ("ark548l2sa", 3)])
def test_published_polynomials_have_the_orders_that_kennedy_and_carpenter_give(name: str, order: int) -> None:
    scope = PROJECT.library_scope("method", name)
    method = scope.own(name) if scope else None
    assert isinstance(method, Additive)
    assert method.dense is not None
    assert method.dense.order == order


def test_order_is_proven_by_both_provers(tmp_path: Path) -> None:
    spec, found = checked(tmp_path)
    assert not found
    (method,) = spec.additives
    assert method.dense.order == 2
    assert [(one.group, one.reason, one.differences) for one in verdicts(spec, found)] == [("methods", None, ())]


@pytest.mark.parametrize(
    ("changed", "code", "text"),
    [
        ({"dense": "theta, 0"}, "H218", "that of the explicit part"),
        ({"dense": "2*theta - 2*theta^2, 2*theta^2 - theta"}, "H216", "Σ bE_i(θ) c_i = θ^2/2"),
        ({"dense": "theta - theta^2 + theta^3 - theta^2, 2*theta^2 - theta^3"}, "H216", "[τ]_E"),
        ({"dense": RIGHT, "claimed": 3}, "H216", "has order 2"),
        ({"dense": RIGHT, "claimed": 1}, "H217", "has order 2"),
        ({"dense": f"{RIGHT}, 0"}, "H215", "3 entries"),
        ({"dense": "theta - theta^2 + 1, theta^2 - 1"}, "H218", "theta = 0"),
        ({"order": "1", "weights": "1/2, 1/2"}, "H218", "that of the explicit part"),
        ({"order": "1", "weights": "1/2, 1/2", "dense": "theta/2, theta/2"}, "H218", "that of the implicit part"),
    ],
)
def test_weights_that_do_not_hold_are_refused(tmp_path: Path, changed: dict[str, Any], code: str, text: str) -> None:
    """By both provers, where they are refuted."""
    spec, found = checked(tmp_path, **changed)
    errors = [one for one in found if one.code == code]
    assert errors
    assert text in str(errors[0])
    if errors[0].severity == "error" and code != "H215":
        assert [(one.group, one.differences) for one in verdicts(spec, found)] == [(REFUSED, ())]


def test_each_choice_of_parts_is_a_condition(tmp_path: Path) -> None:
    """Both parts alone have dense output of order 2, and the nodes differ: a leaf may be of either part."""
    path = tmp_path / "nodes.hyper"
    path.write_text("""
method nodes {
    order 2 autonomous
    tableau explicit {
        0 |
        1 | 1
        --+---------
          | 1/2, 1/2
    }
    tableau implicit {
        1/4 | 1/4
        3/4 | 1/2, 1/4
        ----+---------
            | 1/2, 1/2
    }
    dense 2 {
        | theta - theta^2/2, theta^2/2
    }
}
""")
    _, found = check_file(path, path.name, Project())
    assert [one.code for one in found] == ["H216"]
    assert "[τ_I]_E" in str(found[0])


def test_stages_of_its_own_and_a_second_table_are_refused(tmp_path: Path) -> None:
    text = MIDPOINT.format(dense=RIGHT, claimed=2, order="2", weights="0, 1")
    path = tmp_path / "pairs.hyper"
    extra = "    dense 2 {\n        1 | 1\n        --+--\n"
    path.write_text(text.replace("    dense 2 {\n", extra))
    (found,) = check_file(path, path.name, Project())[1]
    assert found.code == "H215"
    assert "no stages of its own" in found.message
    path.write_text(text[: text.rindex("}")] + f"    dense 2 {{\n        | {RIGHT}\n    }}\n}}\n")
    assert [one.code for one in check_file(path, path.name, Project())[1]] == ["H403"]


SOLVERS = """
control joint {
    error embedded
}
control each {
    error embedded
    per_sample yes
}
solver Joint {
    base ark324l2sa
    control joint
}
solver Each {
    base ark436l2sa
    control each
}
method family(alpha) {
    where 0 < alpha <= 1
    order 2(1)
    tableau explicit {
        0     |
        alpha | alpha
        ------+---------------------------
              | 1 - 1/(2*alpha), 1/(2*alpha)
              | 1
    }
    tableau implicit {
        0     |
        alpha | 0, alpha
        ------+---------------------------
              | 1 - 1/(2*alpha), 1/(2*alpha)
              | 1
    }
    dense 2 {
        | theta - theta^2/(2*alpha), theta^2/(2*alpha)
    }
}
solver Fixed {
    base family(alpha = 2/3)
    control joint
}
solver Open {
    base family(alpha = free)
    control joint
}
""".replace("0 < alpha <= 1", "1/4 <= alpha <= 1")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Any:
    _, found = compiled(tmp_path_factory.mktemp("between"), "between", SOLVERS)
    return found


STIFF = 1e-6


def explicit(s: Tensor, z: Tensor) -> Tensor:
    return torch.stack((-2 * z[..., 0], z[..., 0] - z[..., 1] - z[..., 1] ** 2), -1)


def implicit(s: Tensor, z: Tensor) -> Tensor:
    return torch.stack(((z[..., 1] ** 2 - z[..., 0]) / STIFF, 0 * z[..., 1]), -1)


def kaps(s: Tensor) -> Tensor:
    """The solution of Kaps' problem, whatever the stiffness."""
    return torch.stack((torch.exp(-2 * s), torch.exp(-s)), -1)


@pytest.mark.parametrize("name", ["Joint", "Each"])
def test_states_between_steps_are_right_where_the_implicit_part_is_stiff(package: Any, name: str) -> None:
    """The cubic through slopes at both ends is wrong by 26 there, and more: stiffness multiplies errors of states."""
    solver = package.choose(name)()
    s = torch.linspace(0, 1, 31, dtype=torch.float64)
    states = solver.odeint((explicit, implicit), kaps(s[0]).expand(2, 2), s, rtol=1e-4, atol=1e-4)
    assert float((states - kaps(s)[:, None]).abs().max()) < 5e-3
    assert solver.dense_order == (2 if name == "Joint" else 3)
    solution = solver.solve((explicit, implicit), kaps(s[0]).expand(2, 2), (0.0, 1.0), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(solution.dense(s[7]), states[7])


@pytest.mark.parametrize(("name", "given"), [("Joint", {}), ("Fixed", {}), ("Open", {"alpha": 0.75})])
def test_the_error_between_steps_has_the_order(package: Any, name: str, given: dict[str, float]) -> None:
    solver, errors = package.choose(name)(), []
    pair = (lambda s, z: torch.sin(z) + s * z**2 / 4, lambda s, z: -(z**3) / 3 - z * torch.cos(s))
    z = torch.tensor([1.0, 0.4], dtype=torch.float64)
    exact = package.choose("Joint")().solve(pair, z, (0.0, 0.2), rtol=1e-11, atol=1e-12, max_step=1e-3).dense
    for size in (0.1, 0.05):
        step = {"first_step": size, "rtol": 1.0, "atol": 1.0}
        solution = solver.solve(pair, z, (0.0, size), **step, **given)
        assert solution.statistics.accepted == 1
        errors.append(max(float((solution.dense(part * size) - exact(part * size)).norm()) for part in (0.3, 0.6)))
    assert 6 < errors[0] / errors[1] < 12


def test_verify_reads_the_weights(package: Any) -> None:
    assert [difference for _, _, difference in verify([package.folder])] == [None]
    path = package.folder / "solver.py"
    text = path.read_text()
    path.write_text(text.replace("-215264564351 / 13552729205753", "-215264564352 / 13552729205753"))
    try:
        assert path.read_text() != text
        ((_, _, found),) = verify([package.folder])
    finally:
        path.write_text(text)
    assert found is not None
    assert "dense output" in str(found)
