from __future__ import annotations

from hyperdsl.theory.order import prove_order

from .tableaux import ORDERS


def test_x():
    for name, (t, orders) in ORDERS.items():
        for row, o in enumerate(orders):
            r = prove_order(t, row)
            assert (name, r.order, r.order_autonomous) == (name, o, o)
            assert t.is_consistent
