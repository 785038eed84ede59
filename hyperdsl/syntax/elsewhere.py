"""Words of other programs, and what is written here in their place."""

from __future__ import annotations

from collections.abc import Collection

from hyperdsl.diagnostics import did_you_mean

KIND = "remove this line: which kind a method is, is seen from its tableau"
ELSEWHERE = {
    "lr": "write `optimizer adamw(lr = 1e-3)`",
    "learning_rate": "write `optimizer adamw(lr = 1e-3)`",
    "weight_decay": "write `optimizer adamw(weight_decay = 1e-6)`",
    "epochs": "write `iterations 3000`",
    "batch_size": "write `batch 256`",
    "hidden": "write `layers linear(64), tanh`",
    "activation": "write `layers linear(64), tanh`",
    "implicit": KIND,
    "explicit": KIND,
    "tol": "write `rtol 1e-6` and `atol 1e-8`",
    "tolerance": "write `rtol 1e-6` and `atol 1e-8`",
    "method": "write `base rk4`",
    "step_size": "steps are an argument of the call: `solver(f, z0, span, steps = 10)`",
    "stages": "stages are counted by the rows of `tableau { ... }`",
    "butcher": "write `tableau { ... }`",
    "weights": "weights are the rows `| b_1, b_2, ...` of `tableau { ... }`",
    **dict.fromkeys(
        "abc", "coefficients stand in `tableau { ... }`: `c | a_1, a_2, ...`, a rule line, `| b_1, b_2, ...`"
    ),
}
"""Words that mean a setting in other programs, and what is written here."""


def setting_meant(word: str, known: Collection[str]) -> str:
    """What to write in the place of a word that is none of the `known` settings of a block."""
    listing = "its settings are " + ", ".join(f"`{name}`" for name in known)
    return ELSEWHERE.get(word.lower()) or did_you_mean(word, known) or listing
