"""Normalizing flows in the plane in 2 and 6 evaluations: samples, densities, and what the source claims of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from hyperdsl.evaluation import cnf, flows
from hyperdsl.evaluation.report import UNKNOWN, markdown, short
from hyperdsl.evaluation.shapes import CONSTANTS, SHAPES
from hyperdsl.evidence.cnf_measuring import LOOSE, SAMPLES, TIGHT, measured
from hyperdsl.evidence.cnf_pictures import draw
from hyperdsl.evidence.packages import spec_text
from hyperdsl.evidence.study import Conclusion, Finding, Found, Part, Settings, Study

KINDS = {"cnf": "maximum likelihood", "flow": "flow matching"}
"""How f was trained, by the first word of the problem's name."""
FACTOR, ENERGY, NATS, STRAYS = 6.0, 0.004, 0.02, 0.05
"""What is asked for; the last is by how much more samples may stray than dopri5's do."""
HEUN, HYPER, HYPER_6, LEARNED = (
    ("heun", "K = 1"),
    ("HyperHeun", "K = 1"),
    ("HyperHeun", "K = 3"),
    ("learned(2) + g", "K = 1"),
)
LEARNED_6 = ("learned(6) + g", "K = 1")
HYPER_8, LEARNED_8 = ("HyperHeun", "K = 4"), ("learned(8) + g", "K = 1")
DOPRI5, TIGHT_DOPRI5 = (("dopri5", f"{tolerance:.0e}") for tolerance in (LOOSE, TIGHT))

Rows = Mapping[tuple[str, str], Mapping[str, Any]]
"""Medians over the seeds by method and setting."""


def _parts(settings: Settings) -> Sequence[Part]:
    recipes = {**cnf.RECIPES, **flows.RECIPES}
    names = ["cnf_rings"] if settings.smallest else [f"{kind}_{shape}" for kind in KINDS for shape in SHAPES]
    return [
        Part(
            f"{name}/{seed}",
            partial(measured, name, seed, settings),
            (spec_text("cnf"), recipes[name], CONSTANTS, SAMPLES, settings.smallest),
        )
        for seed in settings.seeds
        for name in names
    ]


def _conclude(found: Mapping[str, Found], settings: Settings) -> Conclusion:
    names = list(dict.fromkeys(part.split("/")[0] for part in found))
    samples, densities = (_by_name(found, group) for group in ("samples", "densities"))
    findings, pictures = list[Finding](), dict[str, Callable[[Path], None]]()
    for kind, trained_by in KINDS.items():
        own = [name for name in names if name.startswith(f"{kind}_")]
        if own:
            findings += _findings(trained_by, {_shape(name): samples[name] for name in own})
            findings.append(_likelihood(trained_by, {_shape(name): densities[name] for name in own}))
            pictures[f"cnf_{kind}.png"] = partial(draw, {name: samples[name] for name in own}, settings)
    tables = [f"## {name}\n\n{_samples(samples[name])}\n{_densities(densities[name])}" for name in names]
    return Conclusion(findings, "\n".join(tables), pictures)


def _by_name(found: Mapping[str, Found], group: str) -> dict[str, Rows]:
    """What the parts of each flow have of this group."""
    having = [(key.split("/")[0], part[group]) for key, part in found.items()]
    return {name: _medians([rows for of, rows in having if of == name]) for name in dict(having)}


def _shape(name: str) -> str:
    return name.split("_", 1)[1]


def _medians(seeds: Sequence[Sequence[Mapping[str, Any]]]) -> Rows:
    return {(rows[0]["method"], rows[0]["setting"]): _median(rows) for rows in zip(*seeds, strict=True)}


def _median(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Of rows of one method; what is a word, such as "nan", is a number here."""
    made: dict[str, Any] = {}
    for name, value in rows[0].items():
        values = [row[name] for row in rows]
        if isinstance(value, Mapping):
            made[name] = _median(values)
        elif name not in ("method", "setting") and value is not None:
            made[name] = statistics.median(map(float, values))
    return made


def _findings(trained_by: str, samples: Mapping[str, Rows]) -> list[Finding]:
    factors = {
        method: _each(samples, lambda rows, of: rows[HEUN]["l2"] / rows[of]["l2"], method)
        for method in (HYPER, LEARNED)
    }
    return [
        Finding(
            f"{trained_by}: with 2 evaluations L2 to the exact end at least {FACTOR:g} times below Heun's",
            "; ".join(f"{method[0]} {_told(factor, '.1f', '×')}" for method, factor in factors.items()),
            _holds(*([value >= FACTOR for value in factor.values()] for factor in factors.values())),
        ),
        _over(trained_by, samples, "energy_distance", ENERGY, "energy distance to the density", "+.4f"),
        _over(trained_by, samples, "strays", STRAYS, "share of samples off the density", "+.3f"),
        _source(trained_by, samples),
        _cost(trained_by, samples),
    ]


def _over(trained_by: str, samples: Mapping[str, Rows], name: str, most: float, words: str, form: str) -> Finding:
    """Whether what is measured of two evaluations is at most so much above dopri5's."""
    above = {
        method: _each(samples, lambda rows, of: rows[of][name] - rows[DOPRI5][name], method)
        for method in (HYPER, LEARNED, HEUN)
    }
    return Finding(
        f"{trained_by}: {words} with 2 evaluations at most dopri5's + {most:g}",
        "; ".join(f"{method[0]} {_told(values, form)}" for method, values in above.items()),
        _holds(*([value <= most for value in above[method].values()] for method in (HYPER, LEARNED))),
    )


def _likelihood(trained_by: str, densities: Mapping[str, Rows]) -> Finding:
    off = {
        (method[0], way): _each(densities, _beside_dopri5, method, way)
        for way in ("estimate", "of_map")
        for method in (HYPER_8, LEARNED_8)
    }
    near = [[abs(value) <= NATS for value in values.values()] for (_, way), values in off.items() if way == "estimate"]
    words = {"estimate": "by the augmented state", "of_map": "by its own map"}
    return Finding(
        f"{trained_by}: log-likelihood within {NATS:g} nats of dopri5's in 8 evaluations, by one of the solvers",
        "; ".join(f"{method} {words[way]} {_told(values, '+.3f')}" for (method, way), values in off.items()),
        _holds(*sorted(near, key=all, reverse=True)),
    )


def _beside_dopri5(rows: Rows, method: tuple[str, str], way: str) -> float:
    return float(rows[method][way]["mean"] - rows[DOPRI5]["estimate"]["mean"])


def _source(trained_by: str, samples: Mapping[str, Rows]) -> Finding:
    """The source's counts, with what it calls sample quality as numbers."""
    counts = [_each(samples, lambda rows, of: rows[of]["evaluations"], method) for method in (DOPRI5, TIGHT_DOPRI5)]
    kept = [
        [
            all(
                rows[method][name] <= rows[DOPRI5][name] + most
                for name, most in (("energy_distance", ENERGY), ("strays", STRAYS))
            )
            for rows in samples.values()
        ]
        for method in (HYPER, HYPER_6, LEARNED_6)
    ]
    two, six, learned = (f"{sum(of)} of {len(of)} densities" for of in kept)
    loose, tight = (_told(count, ".0f") for count in counts)
    return Finding(
        f"{trained_by}: HyperHeun in 2 or 6 evaluations keeps the quality of samples that dopri5 takes 74 to 110 for",
        f"dopri5 takes {loose} at {LOOSE:.0e} and {tight} at {TIGHT:.0e}; HyperHeun keeps the quality on "
        f"{two} in 2 and on {six} in 6, learned(6) + g on {learned}",
        _holds([any(pair) for pair in zip(*kept[:2], strict=True)], kept[2]),
    )


def _cost(trained_by: str, samples: Mapping[str, Rows]) -> Finding:
    """HyperHeun's two evaluations beside what costs no more multiply-accumulates, g's included, without training."""

    def against(rows: Rows) -> float:
        untrained = [row for key, row in rows.items() if key[0] in ("heun", "midpoint", "rk4")]
        own = rows[HYPER]
        return float(min(row["l2"] for row in untrained if row["macs"] <= 1.05 * own["macs"]) / own["l2"])

    gain = _each(samples, against)
    faster = _each(samples, lambda rows: rows[DOPRI5]["milliseconds"] / rows[HYPER]["milliseconds"])
    share = _each(samples, lambda rows: 100 * rows[HYPER]["corrector_share"])
    return Finding(
        f"{trained_by}: HyperHeun in 2 evaluations has a smaller L2 than any untrained method of as many MACs",
        f"L2 of the best one over HyperHeun's {_told(gain, '.1f')}; g has {_told(share, '.0f')} % of the MACs; "
        f"time of dopri5 over HyperHeun's {_told(faster, '.1f')}",
        _holds([value > 1 for value in gain.values()]),
    )


def _each(by_shape: Mapping[str, Rows], value: Callable[..., float], *given: object) -> dict[str, float]:
    return {shape: value(rows, *given) for shape, rows in by_shape.items()}


def _told(values: Mapping[str, float], form: str, unit: str = "") -> str:
    return ", ".join(f"{shape.replace('_', ' ')} {value:{form}}{unit}" for shape, value in values.items())


def _holds(first: Iterable[bool], *others: Iterable[bool]) -> bool | None:
    """Whether the first holds throughout; in part where some of all does."""
    first = list(first)
    if all(first):
        return True
    return None if any(first) or any(map(any, others)) else False


def _samples(rows: Rows) -> str:
    heads = ["method", "setting", "NFE", "MACs", "ms", "L2", "energy distance", "strays, %", "training, s"]
    return markdown(
        heads, [[*_costs(key, row), *_distances(row), _number(row, "seconds", ".0f")] for key, row in rows.items()]
    )


def _distances(row: Mapping[str, Any]) -> list[str]:
    return [f"{row['l2']:.3g}", f"{row['energy_distance']:.4f}", f"{100 * row['strays']:.1f}"]


def _densities(rows: Rows) -> str:
    heads = ["method", "setting", "NFE", "MACs", "ms", "log-likelihood", "off", "of its map", "off", "training, s"]
    return markdown(
        heads,
        [[*_costs(key, row), *_likelihoods(row), _number(row, "seconds", ".0f")] for key, row in rows.items()],
    )


def _likelihoods(row: Mapping[str, Any]) -> list[str]:
    both = (row["estimate"], row.get("of_map"))
    return [UNKNOWN if way is None else f"{way[name]:.3f}" for way in both for name in ("mean", "off")]


def _costs(key: tuple[str, str], row: Mapping[str, Any]) -> list[str]:
    macs = short(round(row["macs"])) if "macs" in row else UNKNOWN
    return [*key, _number(row, "evaluations", ".0f"), macs, _number(row, "milliseconds", ".1f")]


def _number(row: Mapping[str, Any], name: str, form: str) -> str:
    return f"{row[name]:{form}}" if name in row else UNKNOWN


ABOUT = f"""
The source samples continuous normalizing flows with HyperHeun in 2, 2 and 6 evaluations of f where dopri5 takes 80, 74
and 110, on three densities, shown as pictures. Here four densities (`hyperdsl.evaluation.shapes`), and two ways to
train f, both without a look at solvers:

- **maximum likelihood** (`cnf_pinwheel` …, `hyperdsl.evaluation.cnf`): the state augmented with the log-density, its
  exact trace, RK4 from data to noise. f starts from flow matching, which makes an affordable training of it, and
  small kinetic and Jacobian terms stand beside the likelihood: both are choices about f.
- **flow matching** (`flow_pinwheel` …, `hyperdsl.evaluation.flows`).

f is that of seed 0; the seeds here are those of the solvers' training, and of the {SAMPLES} unseen samples and data
that all methods are measured on. Solvers are trained by the package of `cnf.hyper`. MACs are a sample's, with g's;
milliseconds are those of all {SAMPLES} on one thread, methods by turns. "strays" are samples farther from the data
than 99 % of other data are, 1 % where the density is met.

**Which likelihood.** Solved from (data, 0) at s = 1 back to s = 0, the augmented state gives an estimate of the flow's
log-density: nothing makes its integral one, and it can be too large. A solver's map from data to noise has a density of
its own, log N(T x) + log|det ∂T/∂x|, exact by automatic differentiation; where T is one to one its integral is one,
so that it is what such a solver's likelihood is, and no mean of it over data is above that of the true density. Both
are reported, with the mean distance of single data's log-densities from the exact ones ("off").
"""

STUDY = Study("Normalizing flows in 2 and 6 evaluations", ABOUT, 60, _parts, _conclude)
