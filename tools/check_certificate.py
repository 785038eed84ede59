"""Proves certificates' claims again, sharing no code with hyperdsl: `python tools/check_certificate.py FILE ...`

It needs the files certificate_*.py beside it, and the standard library.

Exit code 0: all claims hold; 1: one does not; 2: no certificate; 3: some are beyond this program. docs/certificate.md
has the format and the limits. Orders: Φ(t) = 1/γ(t) for all rooted trees of at most p nodes (Butcher 2016; Hairer,
Nørsett & Wanner I, §II.2, dense output II.6, stages II.7, multistep III.2-3; Lambert 1991, §4.2; Miller 1971; Zippel).
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections import defaultdict, namedtuple
from fractions import Fraction
from functools import partial, reduce
from itertools import chain, count, pairwise, takewhile
from math import factorial, isqrt
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a program, this folder is on it, not the one above
from tools.certificate_numbers import NONE, ONE, ZERO, Surd, dot, get, unique
from tools.certificate_runge_kutta import Table
from tools.certificate_trees import PARTS, Additive, Rosenbrock, shapes

LARGEST_FILE, MOST_BITS, MOST, SAMPLES, WORK = 10**6, 10**5, 64, 4, 4 * 10**8
"""Bytes of a file, bits of a number, stages (and steps, powers), values tried of a family, work for a file."""
BEYOND: tuple[str, ...] = (
    "principal_error",
    "real_stability",
    "imaginary_stability",
    "symplectic",
    "symmetric",
    "l_stable",
)
BEYOND += ("stiffly_accurate", "evaluations_per_step", "dense_order", "control", "trained")


class Checker(namedtuple("Checker", "random left values tables found")):
    """Reads the claims of a solver and sorts them; `left` is the work that may still be done for its file."""

    def bounded(self, x: Any, terms: int = 1) -> Any:
        """The number itself, of which there may be so many of such a size."""
        bits = sum(q.numerator.bit_length() + q.denominator.bit_length() for q in (x[:2] if type(x) is Surd else [x]))
        self.left[0] -= terms * (100 + (bits // 100) ** 2)
        if self.left[0] < 0 or bits > MOST_BITS:
            raise NotImplementedError("it takes too much work")
        return x

    def value(self, node: object) -> Any:
        """The value of an expression, text or a part of it, node by node."""
        match node:
            case str() if re.fullmatch(r"(?:[-+/^() ]|\*(?!\*)|[A-Za-z_]\w*+|\d++(?!\w))+", node, re.ASCII):
                return self.value(ast.parse(node.strip().replace("^", "**"), mode="eval").body)
            case ast.Constant(int(digits)) if type(digits) is int:
                return Fraction(digits)
            case ast.Name(name) if name in self.values:
                return self.values[name]
            case ast.UnaryOp(ast.USub(), operand):
                return self.value(operand) * -1
            case ast.Call(ast.Name("sqrt"), [ast.Constant(int(d))], []):
                return Fraction(isqrt(d)) if isqrt(d) ** 2 == d else Surd(ZERO, ONE, d)
            case ast.BinOp(left, ast.Pow(), ast.Constant(int(power))) if power <= MOST:
                return reduce(lambda x, y: self.bounded(x * y), [self.value(left)] * power, ONE)
            case ast.BinOp(left, ast.Add() | ast.Sub() | ast.Mult() | ast.Div() as word, right):
                x, y = self.value(left), self.value(right)
                y = y * -1 if isinstance(word, ast.Sub) else ONE / y if isinstance(word, ast.Div) else y
                return self.bounded(x + y if isinstance(word, ast.Add | ast.Sub) else x * y)
            case ast.Name() | ast.Call():
                raise NotImplementedError("a number beyond one square root")
        raise ValueError(f"{ast.unparse(node) if isinstance(node, ast.AST) else node!s:.40} is no number")

    def row(self, texts: Any, width: int = 0) -> list[Any]:
        if type(texts) is not list or len(texts) > (width or MOST):
            raise ValueError("a row of coefficients is no list, or too long")
        return [self.value(text) for text in texts] + [ZERO] * (width - len(texts))

    def check(self, claims: Any, facts: dict[str, Any]) -> None:
        """Sort claims by what is found, the least over the tables; of some no more than that may be said."""
        for key, find in facts.items():
            try:
                found = min(find(table) for table in self.tables) if callable(find) else find
                found, why = found if isinstance(found, tuple) else (found, "")
                said = get(claims, key, int if found is None else type(found), NONE)
                holds = said == found or (key.startswith(("claimed", "dense")) and 1 <= (said or 0) <= (found or 0))
                verdict, text = ("holds", "") if holds else ("does not hold", f" is said to be {said}, is {found}{why}")
            except NotImplementedError as reason:
                verdict, text = "not checked", f" ({reason})"
            self.found[verdict].append(key + text)

    def table(self, claims: Any, dense: Table | None = None) -> Table:
        parts, within = get(claims, "tableau", dict), get(claims, "tolerance", str, NONE)
        c, tolerance = self.row(get(parts, "c", list)), self.value(within) if within else ZERO
        if within and self.values:
            raise NotImplementedError("a family with a tolerance")
        a, weights = ([self.row(row, len(c)) for row in get(parts, key, list)] for key in ("a", "weights"))
        if len(a) != len(c) or not c or not 1 <= len(weights) <= MOST or not 0 <= tolerance <= Fraction(1, 10**8):
            raise ValueError("the tableau has no right shape, or the tolerance is beyond 1e-8")
        above = max((j - i for i, row in enumerate(a) for j, x in enumerate(row) if x), default=-1)
        kind, sums = "explicit" if above < 0 else "implicit" if above else "dirk", [sum(row, ZERO) for row in a]
        return Table(a, c, sums, weights, tolerance, kind, dense, defaultdict(dict), self.bounded)

    def runge_kutta(self, claims: Any) -> None:
        dense, claimed, timed = claims["dense"], get(claims, "claimed_order", int), not claims["autonomous"]
        self.sample(claims, lambda: self.table(claims, self.table(claims | dense) if dense else None))
        facts = {
            "kind": lambda t: t.kind,
            "stages": len(self.tables[0].c),
            "autonomous": lambda t: not timed or not all(map(t.near, (t.dense or t).c, (t.dense or t).sums)),
            "conditions": lambda t: sum(1 for _ in takewhile(lambda x: x.order <= claimed, t.trees({"τ": t.sums}))),
            "stage_order": Table.stage_order,
            "fsal": Table.fsal,
            "dense_order": partial(Table.dense_order, timed=timed, said=claims["dense_order"]) if dense else None,
            "evaluations_per_step": partial(Table.evaluations, claims=claims),
        }
        self.orders(claims, Table.order, timed=timed)
        self.check(claims, facts)

    def sample(self, claims: Any, read: Any) -> None:
        """Read the tables of a method, of a family those of some members."""
        said = {"free_parameters": [], "learned_parameters": {}} | claims  # of Rosenbrock methods 0.2 wrote none
        names = [*get(said, "free_parameters", list), *get(said, "learned_parameters", dict)]
        for _ in range(SAMPLES if names else 1):
            self.values.update({str(name): Fraction(self.random.getrandbits(64), 2**32) for name in names})
            self.tables.append(read())

    def orders(self, claims: Any, order: Any, *, timed: bool) -> None:
        """What is said of the rows of weights, of which `order` finds the order."""
        lists = {"embedded_orders": True, "claimed_embedded_orders": timed}
        rows = [(key, i, by) for key, by in lists.items() for i in range(len(get(claims, key, list)))]
        facts = {
            "proof": "tolerance" if claims["tolerance"] else "exact",
            "order": order,
            "order_autonomous": partial(order, timed=False),
            "claimed_order": partial(order, timed=timed),
            **{f"{key}[{i}]": partial(order, row=i + 1, timed=by) for key, i, by in rows},
        }
        self.check(claims | {f"{key}[{i}]": claims[key][i] for key, i, _ in rows}, facts)

    def additive(self, claims: Any) -> None:
        tableaux, timed = get(claims, "tableaux", dict), not get(claims, "autonomous", bool)

        def read() -> Additive:
            first, second = (self.table(claims | {"tableau": get(tableaux, part, dict)}) for part in PARTS)
            if first.kind != "explicit" or len(first.c) != len(second.c) or len(first.weights) != len(second.weights):
                raise ValueError("the first part is not explicit, or the parts have not the same shape")
            return Additive(dict(zip(PARTS, (first, second), strict=True)))

        self.sample(claims, read)
        self.orders(claims, Additive.order, timed=timed)
        said = {f"parts.{part}": get(get(claims, "parts", dict), part, int) for part in PARTS}
        facts = {
            "stages": len(self.tables[0].tables[0].c),
            "autonomous": lambda p: not timed or not all(all(map(t.near, t.c, t.sums)) for t in p.tables),
            "conditions": shapes(get(claims, "claimed_order", int), len(PARTS)),
            **{f"parts.{part}": partial(Additive.part, name=part) for part in PARTS},
            "stage_order": Additive.stage_order,
            "fsal": lambda p: all(map(Table.fsal, p.tables)),
        }
        if claims.get("stiffly_accurate") is not None:  # of a family it may depend on the parameters
            facts["stiffly_accurate"] = Additive.stiffly_accurate
        self.check(claims | said, facts)

    def rosenbrock(self, claims: Any) -> None:
        timed = not get(claims, "autonomous", bool)

        def read() -> Rosenbrock:
            table = self.table(claims)
            gamma = [self.row(row, len(table.c)) for row in get(claims["tableau"], "gamma", list)]
            sums = self.row(get(claims, "gamma_sums", list))
            if table.kind != "explicit" or not len(gamma) == len(sums) == len(table.c):
                raise ValueError("the tableau is not explicit, or there are not as many γ as stages")
            if any(x for i, row in enumerate(gamma) for x in row[i + 1 :]):
                raise ValueError("γ is not lower triangular")
            return Rosenbrock(table, gamma, sums)

        self.sample(claims, read)
        self.orders(claims, Rosenbrock.order, timed=timed)
        facts = {
            "stages": len(self.tables[0].table.c),
            "autonomous": lambda r: not timed or not r.consistent(),
            "conditions": shapes(get(claims, "claimed_order", int)),
            "w_order": partial(Rosenbrock.order, any_matrix=True),
            "stiffly_accurate": Rosenbrock.stiffly_accurate,
        }
        self.check(claims, facts)

    def stable(self, p: list[Any], *, strictly: bool = False) -> bool:
        """Whether all roots are in the unit disk, those on the circle simple; `strictly`: inside."""
        if len(p) < 2:
            return True
        rest = [self.bounded(x + p[0] * y * (ONE / p[-1]) * -1, 3) for x, y in zip(p, reversed(p), strict=True)][1:]
        if not any(rest):
            return not strictly and self.stable([x * k for k, x in enumerate(p)][1:], strictly=True)
        return abs(p[0]) < abs(p[-1]) and self.stable(rest, strictly=strictly)

    def formula(self, claims: Any, explicit: bool | None = None) -> int:
        """The order of a formula, or of a pair P(EC)^m; 0 where a formula is not (or is) explicit as it should be."""
        if "predictor" in claims:
            p, q = (self.formula(get(claims, key, dict), key[0] == "p") for key in ("predictor", "corrector_formula"))
            return min(q, p + int(claims["mode"].count("C")))
        alpha, beta = self.row(claims.get("alpha")), self.row(claims.get("beta"))
        if len(alpha) != len(beta) or len(alpha) < 2 or not alpha[-1] or not sum(beta, ZERO):
            raise ValueError("a formula has as many alpha as beta; the last alpha and the sum of beta are not 0")
        self.check({"alpha": alpha}, {"alpha": [*alpha[:-1], ONE]})
        powers = ([Fraction(j**q, factorial(q)) for j in range(len(alpha))] for q in count())
        pairs = pairwise(chain([[ZERO] * len(beta)], powers))  # C_q = Σ α_j·j^q/q! − β_j·j^(q−1)/(q−1)!
        moments = (self.bounded(dot(alpha, x) + dot(beta, y) * -1, 2 * len(x)) for y, x in pairs)
        order, moment = next((q - 1, moment) for q, moment in enumerate(moments) if moment)
        facts = {"order": order, "steps": len(beta) - 1, "explicit": not beta[-1], "zero_stable": self.stable(alpha)}
        said, constant = self.value(claims.get("error_constant")), moment * (ONE / sum(beta, ZERO))
        self.check(claims | {"error_constant": said}, facts | {"error_constant": constant})
        return order if explicit in (None, facts["explicit"]) else 0

    def solver(self, claims: Any) -> None:
        kind, learned = get(claims, "kind", str), get(claims, "corrector", str, NONE) is not None
        if kind in ("explicit", "dirk", "implicit"):
            self.runge_kutta(claims)
        elif kind == "additive":
            self.additive(claims)
        elif kind == "rosenbrock":
            self.rosenbrock(claims)
        elif kind == "multistep":
            size = 1 if get(claims, "explicit", bool) else 1 + bool(self.row(claims["beta"])[-2])
            self.check(claims, {"order": self.formula(claims), "evaluations_per_step": size})
        elif kind == "predictor_corrector" and re.fullmatch("P(EC){1,64}E?", get(claims, "mode", str)):
            size = claims["mode"].count("C") + (claims["mode"][-1] == "E" or "dz" in claims["corrector_inputs"])
            self.check(claims, {"order": self.formula(claims), "evaluations_per_step": size})
        elif kind == "variable":
            size = 1 + ("mode" in claims["orders"][-1])
            self.check(claims, {"order": max(map(self.formula, claims["orders"])), "evaluations_per_step": size})
        else:
            raise NotImplementedError(f"a method of the kind {kind!r}")
        self.check(claims, {"residual_power": get(claims, "order", int) + 1 if learned else None})
        if "start" in claims:
            self.tables.append(self.table(claims["start"]))
            self.check(claims["start"], {"order": Table.order})


def checked(path: str) -> int:
    """Print what becomes of a file's claims; its exit code."""
    try:
        if not Path(path).is_file() or Path(path).stat().st_size > LARGEST_FILE:
            raise ValueError(f"it is no file, or has more than {LARGEST_FILE} bytes")
        sys.set_int_max_str_digits(MOST_BITS)
        text, code, left = Path(path).read_bytes(), 0, [WORK]
        claimed = json.loads(text, object_pairs_hook=unique, parse_constant=partial(get, None))
        for claims in get(claimed, "solvers", list):
            checker = Checker(Random(text), left, {}, [], {"does not hold": [], "not checked": [], "holds": []})
            try:
                checker.solver(claims)
            except NotImplementedError as reason:
                checker.found["not checked"].append(f"the method ({reason})")
            known = {re.split(r"[ .\[]", key)[0] for keys in checker.found.values() for key in keys}
            checker.found["not looked at"] = [k for k in BEYOND if claims.get(k) is not None and k not in known]
            lines = (f"\n    {verdict}: {', '.join(keys)}" for verdict, keys in checker.found.items() if keys)
            print(f"{path}: {get(claims, 'name', str)!r}", *lines, sep="")
            code = 1 if checker.found["does not hold"] or code == 1 else 3 if checker.found["not checked"] else code
        return code
    except Exception as error:  # whatever a file holds: code 1 is for claims that were looked at
        print(f"{path}: this is no certificate: {type(error).__name__}: {error!s:.199}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(max(map(checked, sys.argv[1:]), key=[0, 3, 1, 2].index, default=2))
