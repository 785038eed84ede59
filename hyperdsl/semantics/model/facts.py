"""What was proven of a tableau."""

from __future__ import annotations

from dataclasses import dataclass

from hyperdsl.theory.runge_kutta.order import OrderReport


@dataclass(frozen=True)
class Facts:
    """What was proven of a tableau (DESIGN §3); None where it depends on a parameter or there is no such row.

    `embedded` holds one proven order per further weight row. `principal_error` is the 2-norm of the principal
    error coefficients; stability intervals are lengths connected to 0, `math.inf` where unbounded. The last four are
    None where they are not decided: for families, unless they hold for all parameters or for none, and where that
    would take too much.
    """

    report: OrderReport
    embedded: tuple[int, ...]
    stage_order: int
    fsal: bool
    conditions: int
    principal_error: float | None
    real_stability: float | None
    imaginary_stability: float | None
    symplectic: bool | None = None
    symmetric: bool | None = None
    l_stable: bool | None = None
    stiffly_accurate: bool | None = None

    @property
    def order(self) -> int:
        """The proven order for non-autonomous problems z' = f(s, z)."""
        return self.report.order
